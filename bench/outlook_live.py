"""The outlook from a store: what is read and learnt at the start, and what each new price costs after that.

A year of made-up five-minute and day-ahead prices at three nodes of California, in an embedded PostgreSQL.
"""

import asyncio
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl
import structlog

from vibelux.market.clock import FrozenClock
from vibelux.market.records import ELECTRICITY_PRICE, Parsed
from vibelux.realtime.expect import Expectations
from vibelux.realtime.known import Subject
from vibelux.store.database import Database
from vibelux.store.embedded import Embedded
from vibelux.store.journal import Receipt
from vibelux.store.writer import write_payload

DAYS, NEW_PRICES, CHUNK = 365, 40, 4000
NODES = ("TH_NP15_GEN-APND", "TH_SP15_GEN-APND", "TH_ZP26_GEN-APND")
OWN, AHEAD = "real-time-5min", "day-ahead-hourly"
FIVE, HOUR = timedelta(minutes=5), timedelta(hours=1)
NOW = datetime(2026, 7, 14, 19, 2, tzinfo=UTC)
NEWEST = datetime(2026, 7, 14, 19, tzinfo=UTC)
TOMORROW = datetime(2026, 7, 15, 7, tzinfo=UTC)

Result = TypeVar("Result")


async def put(db: Database, end: datetime, count: int, step: timedelta, market: str, known_at: datetime) -> None:
    """So many prices of each node up to `end`: a daily wave with noise."""
    frame = pl.DataFrame({"market_interval_start": [end - at * step for at in range(count, 0, -1)]})
    hours = frame["market_interval_start"].dt.epoch("s").to_numpy() / 3600.0
    noise = np.random.default_rng(count).normal(0, 0.005, count)
    frame = frame.with_columns(price_per_kwh=pl.Series(0.04 + 0.02 * np.sin(hours / 24 * 2 * np.pi) + noise))
    frame = frame.join(pl.DataFrame({"pricing_node": NODES}), how="cross").with_columns(
        market_interval_end=pl.col("market_interval_start") + step,
        confidence_level=pl.lit(100.0),
        iso_region=pl.lit("CAISO"),
        region=pl.lit("California"),
        market=pl.lit(market),
        price_type=pl.lit("LMP"),
        currency=pl.lit("USD"),
        data_source=pl.lit("bench"),
    )
    missing = {name: pl.lit(None) for name in ELECTRICITY_PRICE.names if name not in frame.columns}
    frame = frame.with_columns(**missing).select(ELECTRICITY_PRICE.names).cast(ELECTRICITY_PRICE.schema())
    receipt = Receipt(
        feed="caiso/real-time-pricing", provider="caiso", data_type="real-time-pricing", region="California", url="",
        status=200, origin="synthetic", received_at=known_at, sha256="00" * 32, bytes=0,
    )  # fmt: skip
    for at in range(0, frame.height, CHUNK):
        await write_payload(db, receipt, Parsed({ELECTRICITY_PRICE.name: frame[at : at + CHUNK]}))


async def timed(work: Awaitable[Result]) -> tuple[float, Result]:
    began = time.perf_counter()
    result = await work
    return time.perf_counter() - began, result


async def measure(db: Database) -> dict[str, float]:
    clock, subject = FrozenClock(NOW), Subject("CAISO", NODES[0], OWN)
    live = Expectations(db, clock)
    first, _ = await timed(live.outlook_of(subject, NOW))
    learnt, _ = await timed(live.learn_due())
    times = []
    for at in range(1, NEW_PRICES + 1):
        now = NOW + at * FIVE
        await put(db, NEWEST + at * FIVE, 1, FIVE, OWN, now)
        seconds, _ = await timed(live.outlook_of(subject, now))
        times.append(seconds)
    return {
        "first_outlook_s": round(first, 3),
        "learn_365_days_beside_the_loop_s": round(learnt, 3),
        "outlook_at_a_new_price_ms": round(statistics.median(times) * 1000, 2),
        "outlook_at_a_new_price_best_ms": round(min(times) * 1000, 2),
    }


async def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="vibelux-bench-") as folder:
        server = await Embedded.open(Path(folder))
        db = await Database.open(server.url)
        try:
            await put(db, NEWEST, DAYS * 288, FIVE, OWN, NOW - FIVE)
            await put(db, TOMORROW, DAYS * 24, HOUR, AHEAD, NOW - HOUR)
            print(json.dumps(await measure(db)), flush=True)
        finally:
            await db.close()
            await server.close()


if __name__ == "__main__":
    asyncio.run(main())
