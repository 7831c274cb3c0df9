"""Market conditions of a facility from a store: on an ordinary day, and while its real-time price is away.

A year of made-up five-minute and day-ahead prices of three nodes, gas and carbon prices, in an embedded PostgreSQL.
One JSON line: milliseconds of the wall, medians of 200, each with the query and the reply.
"""

import asyncio
import json
import logging
import statistics
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import structlog

from outlook_live import AHEAD, DAYS, FIVE, HOUR, NEWEST, NOW, OWN, TOMORROW, put, timed
from vibelux.dispatch.facility import Facility, load_facilities
from vibelux.market.records import CARBON_PRICE, GAS_PRICE, Kind, Parsed
from vibelux.outlook.conditions import Conditions, Limits, conditions
from vibelux.outlook.quotes import Rung
from vibelux.realtime.gather import market_rows
from vibelux.store.database import Database
from vibelux.store.embedded import Embedded
from vibelux.store.journal import Receipt
from vibelux.store.writer import write_payload

ROUNDS = 200
MOMENTS = {
    "real_time_price_ms": (NOW, Rung.LIVE),
    "only_day_ahead_ms": (NOW + 2 * HOUR, Rung.SAME_HOUR),
    "only_recent_days_ms": (NOW + timedelta(days=1), Rung.RECENT_DAYS),
}
"""When to ask, and what the price then rests on."""


async def put_daily(db: Database, kind: Kind, **said: str | float) -> None:
    """A price each day of a year."""
    days = [NOW.date() - timedelta(days=day) for day in range(1, DAYS)]
    frame = pl.DataFrame({"trading_date": days}).with_columns(**{name: pl.lit(value) for name, value in said.items()})
    missing = {name: pl.lit(None) for name in kind.names if name not in frame.columns}
    receipt = Receipt(
        feed="bench/daily", provider="bench", data_type="daily", region="", url="", status=200, origin="synthetic",
        received_at=NOW - HOUR, sha256="00" * 32, bytes=0,
    )  # fmt: skip
    rows = frame.with_columns(**missing).select(kind.names).cast(kind.schema())
    await write_payload(db, receipt, Parsed({kind.name: rows}))


async def measure(db: Database, facility: Facility) -> dict[str, float]:
    limits, found = Limits(), {}

    async def ask(now: datetime) -> Conditions:
        rows = await market_rows(db, facility, now, limits.real_time(facility.iso_region))
        return conditions(facility, now, rows, limits)

    for name, (now, rung) in MOMENTS.items():
        asked = [await timed(ask(now)) for _ in range(ROUNDS)]
        assert {current.electricity.rung for _, current in asked} == {rung}
        found[name] = round(statistics.median(seconds for seconds, _ in asked) * 1000, 2)
    return found


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    (facility,) = load_facilities(Path(__file__).parents[1] / "examples" / "caiso.toml")
    with tempfile.TemporaryDirectory(prefix="vibelux-bench-") as folder:
        server = await Embedded.open(Path(folder))
        db = await Database.open(server.url)
        try:
            await put(db, NEWEST, DAYS * 288, FIVE, OWN, NOW - FIVE)
            await put(db, TOMORROW, DAYS * 24, HOUR, AHEAD, NOW - HOUR)
            gas, carbon = facility.prices.gas_market, str(facility.carbon_market)
            await put_daily(db, GAS_PRICE, hub_name=gas, region="California", price_per_mmbtu=3.8, currency="USD",
                            contract_type="spot", data_source="bench")  # fmt: skip
            await put_daily(db, CARBON_PRICE, market_name=carbon, region="California", price_per_metric_ton=29.3,
                            currency="USD", market_type="compliance", data_source="bench")  # fmt: skip
            print(json.dumps(await measure(db, facility)), flush=True)
        finally:
            await db.close()
            await server.close()


if __name__ == "__main__":
    asyncio.run(main())
