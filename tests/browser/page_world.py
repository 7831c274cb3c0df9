"""A service with something on each page: two facilities, prices of two grids, alerts, an event, feeds that are late."""

import math
from datetime import timedelta
from typing import Any, ClassVar

from serve.fakes import answer
from serve.stored import StoredWorld, stored_world, with_demand_response
from store.samples import NOON, carbon, gas, parsed, price, receipt
from vibelux.feeds import all_feeds, feed_named
from vibelux.ingest.quality import DataQuality
from vibelux.realtime.dr_book import entered
from vibelux.realtime.repairs import Repairs
from vibelux.serve.examples import DR_EVENT, FACILITY
from vibelux.store.alerts import Told, tell
from vibelux.store.database import Database
from vibelux.store.dr_events import put_event
from vibelux.store.facilities import put_facility
from vibelux.store.writer import write_payload
from vibelux.wanted import declared

ON = ("caiso/real-time-pricing", "caiso/day-ahead-pricing", "nyiso/real-time-pricing")
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
NEW_YORK = {"iso_region": "NYISO", "region": "New York", "price_type": "zonal", "data_source": "NYISO"}


class FakeDrill:
    """An upstream that can be broken: only its own list tells."""

    feeds = ON
    faults: ClassVar = {"html": "A page for people comes.", "empty": "The payload has no bytes."}

    def __init__(self) -> None:
        self.broken: list[dict[str, Any]] = []

    def break_feed(self, feed: str, kind: str) -> None:
        self.broken = [{"feed": feed, "fault": kind, "since": NOON}]

    def mend(self, feed: str) -> bool:
        was, self.broken = self.broken, []
        return bool(was)


async def filled_world(db: Database) -> StoredWorld:
    """Its clock stands an hour after noon; the key is the administrator of everything."""
    world = await stored_world(db, ["admin"], [])
    with_demand_response(world)
    await put_facility(db, "salinas-1", FACILITY, "cli")
    late = answer(0.0301, "stop")
    late["dataFreshness"]["electricity"] = 1020.0
    late["marketConditions"]["dataQuality"]["electricity"] = "stale"
    world.desk.answers["delta-2"] = late
    world.state.feed_declarations = [declared(feed, feed.name in ON) for feed in all_feeds()]
    world.state.data_quality = DataQuality(db, world.clock, set(ON))
    world.state.repairs = Repairs(db, world.clock, [feed_named(name) for name in ON], {}).rows
    world.state.drill = FakeDrill()
    await _markets(db)
    now = NOON + timedelta(minutes=30)
    for kind, lasts in (("stale-data", True), ("price-change", False)):
        told = Told(facility_id="delta-2", kind=kind, subject="x", text=f"The price says {HOSTILE}", about={}, at=now,
                    lasts=lasts, message={})  # fmt: skip
        await tell(db, [told], [])
    await put_event(db, entered(DR_EVENT), now=NOON, caller_id="test", caller="test")
    return world


async def _markets(db: Database) -> None:
    starts = [NOON - timedelta(hours=5) + timedelta(minutes=5 * i) for i in range(72)]
    wave = [0.05 + 0.04 * math.sin(i / 7) for i in range(len(starts))]
    for node in ("TH_NP15_GEN-APND", "TH_SP15_GEN-APND"):
        await write_payload(db, receipt(), parsed(*(price(v, at, node) for at, v in zip(starts, wave, strict=True))))
    yesterday = NOON - timedelta(days=1)  # so that today is a day on which the feed was asked from the beginning
    before = parsed(price(0.04, yesterday, "N.Y.C.", **NEW_YORK))
    await write_payload(db, receipt(yesterday, "nyiso/real-time-pricing", region="New York"), before)
    zones = [price(v, at, "N.Y.C.", **NEW_YORK) for at, v in zip(starts[:60], wave, strict=False)]
    await write_payload(db, receipt(NOON, "nyiso/real-time-pricing", region="New York"), parsed(*zones))
    ahead = price(0.061, NOON + timedelta(hours=1), market="day-ahead-hourly")
    ahead["market_interval_end"] = NOON + timedelta(hours=2)
    await write_payload(db, receipt(NOON, "caiso/day-ahead-pricing"), parsed(ahead))
    await write_payload(db, receipt(), parsed(gas(3.81), gas(3.18, hub_name="Henry Hub"), kind="gas-price"))
    await write_payload(db, receipt(), parsed(carbon(29.27), kind="carbon-price"))
    measured = [_measured(at, 18.0 + i / 4) for i, at in enumerate(starts[48:])]
    await write_payload(db, receipt(), parsed(*measured, kind="series"))


def _measured(at: Any, value: float) -> dict[str, Any]:
    return {
        "provider": "nws",
        "category": None,
        "variable": "temperature",
        "location": "KSNS",
        "unit": "°C",
        "value": value,
        "valid_start": at,
        "valid_end": at,
        "issued_at": None,
        "data_source": "NWS observations",
    }
