"""Demand response beside a real desk and a real store: planned for when accepted, offered, measured when over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
from prometheus_client import CollectorRegistry

from dispatch import ahead
from dispatch.plants import engine
from vibelux.dispatch.facility import Facility
from vibelux.ingest.events import MarketDataUpdated
from vibelux.market.clock import FrozenClock
from vibelux.market.intervals import iso_z
from vibelux.market.operations import Report
from vibelux.market.records import ELECTRICITY_PRICE, GAS_PRICE, Parsed
from vibelux.outlook.conditions import Limits
from vibelux.realtime.desk import Desk
from vibelux.realtime.dr_book import ACCEPTED, DrBook, entered
from vibelux.realtime.dr_desk import DrDesk
from vibelux.realtime.fanout import FanOut
from vibelux.realtime.metrics import DeskMetrics
from vibelux.store.database import Database
from vibelux.store.dr_events import performances
from vibelux.store.facilities import put_facility
from vibelux.store.journal import Receipt
from vibelux.store.keys import Principal
from vibelux.store.operations import write_operations
from vibelux.store.writer import Written, write_payload

NOW = datetime(2026, 7, 14, 20, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = Principal(id="k", name="the grower", scopes=frozenset({"operate"}), facilities=frozenset())
SITE = {
    "id": "site-1",
    "iso_region": "ERCOT",
    "pricing_node": "HB_NORTH",
    "prices": {"gas_hub": "Henry Hub", "import_adder_usd_per_kwh": 0.05, "carbon": "none"},
    "grid": {"import_max_kw": 4000},
    "chp": [engine(start_cost_usd=5)],
    "boiler": [{"id": "boiler-1", "rated_kw": 3000, "efficiency": 0.8}],
    "demand": {"power_kw": 900, "heat_kw": 300},
    "dr": {"level_prices_usd_per_kwh": [0, 0.1, 0.5, 3.0]},
}


class World:
    """A site that rests at the prices of now, and would run for a reward."""

    def __init__(self, db: Database, clock: FrozenClock, desk: Desk, calls: DrDesk) -> None:
        self.db, self.clock, self.desk, self.calls = db, clock, desk, calls
        self.book = DrBook(db, clock)

    async def enter(self, value: float, *, start: datetime = NOW - timedelta(minutes=2), kind: str = "price") -> None:
        interval = {"starts_at": iso_z(start), "ends_at": iso_z(start + 2 * HOUR), "value": value}
        span = {"starts_at": interval["starts_at"], "ends_at": interval["ends_at"], "targets": ["Texas"]}
        body = {"program": "ERS", "event_id": "e-1", "signals": [{"type": kind, "intervals": [interval]}]} | span
        await self.book.put(entered(body), KEY, [SITE])
        await self.calls.refresh()

    async def accept(self) -> None:
        assert await self.book.answer("e-1", None, SITE, ACCEPTED, None, KEY)
        await self.calls.refresh()

    async def decision(self, action: str) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while True:
                answer = await self.desk.latest("site-1")
                if answer is not None and answer["decision"]["action"] == action:
                    return answer["decision"]
                await asyncio.sleep(0.02)


async def _prices(db: Database, desk: Desk) -> None:
    given = (
        (ELECTRICITY_PRICE, {"iso_region": "ERCOT", "region": "Texas", "pricing_node": "HB_NORTH",
                             "market": "real-time-15min", "price_type": "SPP", "price_per_kwh": 0.0,
                             "market_interval_start": NOW - timedelta(minutes=17),
                             "market_interval_end": NOW - timedelta(minutes=2), "confidence_level": 100.0}),
        (GAS_PRICE, {"hub_name": "Henry Hub", "region": "US", "price_per_mmbtu": 8.8,
                     "trading_date": date(2026, 7, 14), "contract_type": "spot"}),
    )  # fmt: skip
    for kind, values in given:
        row = dict.fromkeys(kind.names) | {"currency": "USD", "data_source": "test"} | values
        receipt = Receipt(feed="x/y", provider="x", data_type="y", region="Texas", url="x", status=200,
                          origin="synthetic", received_at=NOW, sha256="00" * 32, bytes=1, file="x")  # fmt: skip
        await write_payload(db, receipt, Parsed({kind.name: pl.DataFrame([row], schema=kind.schema())}))
        names = frozenset({str(row.get("pricing_node") or row.get("hub_name"))})
        desk.on_market_data(
            MarketDataUpdated(provider="ercot", data_type="y", region="Texas", feed="x/y", kind=kind.name, names=names,
                              newest_end=None, received_at=NOW, written=Written(), origin="synthetic")
        )  # fmt: skip


@asynccontextmanager
async def running(db: Database) -> AsyncIterator[World]:
    clock, fanout = FrozenClock(NOW), FanOut(db)
    calls = DrDesk(db, clock, fanout.publish)

    async def look_ahead(facility: Facility, now: datetime) -> tuple[Any, Any]:
        return ahead.outlook(facility, {}, 0.0, now), ahead.demands(facility, now)

    await put_facility(db, "site-1", SITE, "file")
    desk = Desk(
        db, clock, limits=Limits(), missing_keys={}, metrics=DeskMetrics(CollectorRegistry()),
        ahead=look_ahead, fanout=fanout, accepted=calls.accepted,
    )  # fmt: skip
    calls.serve(desk)
    await desk.start()
    await _prices(db, desk)
    task = asyncio.create_task(desk.run())
    try:
        yield World(db, clock, desk, calls)
    finally:
        desk.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_event_is_planned_for_once_it_is_accepted_and_no_longer_once_it_is_called_off(
    database: Database,
) -> None:
    async with running(database) as world:
        await world.decision("stop")
        heard = await world.desk.subscribe("site-1")
        await world.enter(2.0)
        first = await anext(aiter(heard))
        assert (first["type"], first["body"]["data"]["event_id"]) == ("dr-event", "e-1")
        await world.decision("stop")
        await world.accept()
        decision = await world.decision("run")
        assert any("Event ERS e-1 pays up to 2000.00 USD/MWh" in told for told in decision["reasons"])
        await world.book.cancel("e-1", None, KEY, [SITE])
        await world.calls.refresh()
        await world.decision("stop")


async def test_what_it_could_give_is_reckoned_and_kept_until_something_changes(database: Database) -> None:
    async with running(database) as world:
        await world.decision("stop")
        await world.enter(2.0)
        told = await world.calls.opportunities("site-1")
        assert told is not None
        (row,) = told["rows"]
        assert row["answer"] is None
        assert row["offer"]["netUsd"] > 0
        assert row["offer"]["madeKwh"]["engine-1"] > 0
        assert row["offer"]["rewardUsd"] > row["offer"]["costUsd"] > 0
        assert all(one["counts"] for one in row["resources"])
        await world.accept()
        await world.decision("run")
        again = await world.calls.opportunities("site-1")
        assert again is not None
        assert again["rows"][0]["answer"] == "accepted"
        assert await world.calls.opportunities("nobody") is None


async def test_a_level_counts_as_the_facility_says(database: Database) -> None:
    async with running(database) as world:
        await world.decision("stop")
        await world.enter(3, kind="level")
        await world.accept()
        await world.decision("run")


async def test_an_accepted_event_is_measured_once_late_reports_are_in(database: Database) -> None:
    async with running(database) as world:
        start = NOW + 28 * timedelta(minutes=1)
        await world.enter(1.0, start=start)
        await world.accept()
        reports = [
            Report(timestamp=moment, grid_import_kw=400.0 if start <= moment else 900.0)
            for moment in (start - timedelta(days=40) + n * timedelta(minutes=5) for n in range(40 * 288 + 24))
        ]
        for at in range(0, len(reports), 4000):
            await write_operations(
                database, "site-1", reports[at : at + 4000], received_at=start + 2 * HOUR, source="test"
            )
        world.clock.moment = start + 2 * HOUR
        await world.calls.measure()
        assert await performances(database, [("ERS", "e-1")]) == {}
        world.clock.moment = start + 2 * HOUR + timedelta(minutes=15)
        await world.calls.measure()
        (found,) = (await performances(database, [("ERS", "e-1")])).values()
        assert (found["body"]["reductionKwh"], found["body"]["payUsd"]) == (1000, 1000)
        assert found["body"]["source"] == "telemetry"
        (row,) = await world.book.events(NOW, NOW + 9 * HOUR, KEY, [SITE])
        assert row["facilities"][0]["performance"]["payUsd"] == 1000


async def test_without_a_meter_the_decisions_are_the_estimate_and_it_is_said(database: Database) -> None:
    async with running(database) as world:
        await world.decision("stop")
        await world.enter(1.0)
        await world.accept()
        world.clock.moment = NOW + 3 * HOUR
        await world.calls.measure()
        (found,) = (await performances(database, [("ERS", "e-1")])).values()
        assert (found["body"]["status"], found["body"]["source"]) == ("unknown", "decisions")
