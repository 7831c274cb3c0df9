"""A desk in memory that has all that the main page shows: prices, an outlook, a plan, a ledger and a feed."""

from datetime import UTC, datetime, timedelta
from typing import Any

from serve.fakes import FACILITY, NOW, OTHER, FakeDesk, World, answer
from vibelux.serve import examples
from vibelux.serve.ports import Row

PLANT = {
    "chp": [{"id": "engine-1", "rated_kw": 1000.0}],
    "boiler": [{"id": "boiler-1", "rated_kw": 3000.0}],
    "heat_storage": {"capacity_kwh": 5000.0, "min_kwh": 500.0},
}
PLAN_HOURS = 12
STARTS_AT = NOW.replace(minute=0, second=0) + timedelta(hours=4)
"""When the plan's engine, standing until then, runs again."""


class PlannedDesk(FakeDesk):
    """A desk whose newest decision rests on a plan."""

    async def schedule(self, facility_id: str) -> Row | None:
        first = NOW.replace(minute=0, second=0)
        return {
            "facilityId": facility_id,
            "next": None,
            "rows": [_step(first + timedelta(hours=i)) for i in range(PLAN_HOURS)],
        }


class FakeOutlooks:
    """Expects the same price for ever; remembers which moments it was asked for."""

    def __init__(self) -> None:
        self.asked: list[datetime] = []

    async def rows(self, iso_region: str, pricing_node: str, market: str, now: datetime) -> list[Row]:
        self.asked.append(now)
        start = now.replace(minute=0, second=0, microsecond=0)
        return [
            {"start": start + timedelta(hours=i), "end": start + timedelta(hours=i + 1), "kind": "forecast",
             "price": 0.055, "p10": 0.04, "p50": 0.055, "p90": 0.08, "source": "forecast"}
            for i in range(48)
        ]  # fmt: skip


class FakeLedger:
    """Tells the examples of the contract."""

    def in_name_of(self, caller: object) -> "FakeLedger":
        return self

    async def facility(self, facility_id: str) -> str:
        return facility_id

    async def totals(self, facility: str) -> Row:
        return examples.SAVINGS_TOTALS

    async def savings(self, facility: str, asked: object) -> Row:
        return examples.SAVINGS

    async def steps(self, facility: str, first: datetime, last: datetime) -> Row:
        price = {"id": "1", "start": first, "pricePerKwh": 0.0612, "knownAt": first, "payloadSha256": "ab12cd34" * 8}
        return {
            "rows": [
                {
                    "start": first,
                    "end": last,
                    "costUsd": 2.5,
                    "knownPrice": 0.06,
                    "settledPrice": 0.0612,
                    "prices": [price],
                }
            ]
        }


def desk_world(**options: Any) -> World:
    """A world whose last hour holds a decision every five minutes, the first of them to stand."""
    world = _PlannedWorld(**{"outlooks": FakeOutlooks(), "ledger": FakeLedger()} | options)
    world.store.facilities = _facilities
    world.store.history = [_decided(minutes) for minutes in range(60, 0, -5)]
    return world


async def _facilities() -> list[Row]:
    return [FACILITY | PLANT, OTHER]


class _PlannedWorld(World):
    def make_desk(self) -> PlannedDesk:
        return PlannedDesk()


def _decided(minutes_ago: int) -> Row:
    stands = minutes_ago > 30
    told = answer(0.03 if stands else 0.05, "stop" if stands else "run", at=NOW - timedelta(minutes=minutes_ago))
    start = told["timestamp"]
    used = {
        "source": "real-time-5min",
        "rung": "live",
        "start": "2026-07-14T19:00:00Z",
        "value": 0.0333,
        "knownAt": start,
    }
    told["decision"]["basis"] = {"electricity": used}
    told["operations"] = {
        "timestamp": start,
        "units": [{"id": "engine-1", "on": not stands, "powerKw": 0.0 if stands else 870.0}],
    }
    told["decision"]["latency"] = {"seconds": {"publishedToFetched": 2.5, "storedToDecided": 0.312}}
    told["decision"]["bindingLimits"] = [{"limit": "chp engine-1 min_load", "unit": "USD/kWh", "shadowPrice": 0.0145}]
    return told


def _step(start: datetime) -> Row:
    on = start >= STARTS_AT
    unit = {
        "id": "engine-1",
        "on": on,
        "powerKw": 800.0 if on else 0.0,
        "heatKw": 900.0 if on else 0.0,
        "fuelKwHhv": 2000.0,
    }
    return {
        "start": start.astimezone(UTC), "end": start + timedelta(hours=1), "importPrice": 0.12, "exportPrice": 0.05,
        "units": [unit], "gridImportKw": 0.0 if on else 200.0, "gridExportKw": 600.0 if on else 0.0,
        "boilerKw": 0.0 if on else 500.0, "lightingKw": 0.0, "heatDumpKw": 0.0, "powerDemandKw": 200.0,
        "heatDemandKw": 500.0, "storageKwh": 2500.0, **dict.fromkeys(("batteryKwh", "co2LiquidKg", "co2ExhaustKg")),
    }  # fmt: skip
