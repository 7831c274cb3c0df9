"""A desk and a store in memory, a plausible decision, and an app around them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import polars as pl
from fastapi.routing import APIWebSocketRoute
from starlette.routing import BaseRoute

from serve.operations_fake import FakeOperations
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import StoreUnavailable
from vibelux.market.records import KINDS
from vibelux.serve.app import create_app
from vibelux.serve.ports import Row, ServeState, Store
from vibelux.store.audit import Deed
from vibelux.store.keys import Principal

NOW = datetime(2026, 7, 14, 20, 0, 30, tzinfo=UTC)
START = NOW.replace(minute=0, second=0) - timedelta(hours=3)
FACILITY = {"id": "salinas-1", "name": "Salinas glasshouse 1", "iso_region": "CAISO", "timezone": "America/Los_Angeles",
            "pricing_node": "TH_NP15_GEN-APND"}  # fmt: skip
OTHER = {"id": "delta-2", "name": "Delta 2", "iso_region": "CAISO", "timezone": "America/Los_Angeles",
         "pricing_node": "TH_SP15_GEN-APND"}  # fmt: skip


def _principal(key_id: str, scopes: set[str], *facilities: str) -> Principal:
    return Principal(id=key_id, name=key_id, scopes=frozenset(scopes), facilities=frozenset(facilities))


KEYS = {
    "vlx_all": _principal("k-all", {"read"}),
    "vlx_salinas": _principal("k-salinas", {"admin"}, "salinas-1"),
    "vlx_delta": _principal("k-delta", {"read"}, "delta-2"),
    "vlx_nothing": _principal("k-nothing", set(), "salinas-1"),
}


def price(at: datetime, usd_per_kwh: float, node: str = "TH_NP15_GEN-APND") -> Row:
    """An electricity price as the reader gives it."""
    return {
        "iso_region": "CAISO",
        "region": "California",
        "pricing_node": node,
        "market": "real-time-5min",
        "price_type": "LMP",
        "node_type": None,
        "price_per_kwh": usd_per_kwh,
        "energy_component": usd_per_kwh,
        "congestion_component": 0.0,
        "loss_component": 0.0,
        "ghg_component": 0.0,
        "currency": "USD",
        "market_interval_start": at,
        "market_interval_end": at + timedelta(minutes=5),
        "data_source": "CAISO OASIS PRC_INTVL_LMP",
        "confidence_level": 100.0,
        "origin": "synthetic",
    }


def answer(usd_per_kwh: float = 0.0612, action: str = "run", *, at: datetime = NOW) -> Row:
    """The answer of `/api/chp/decision`."""
    running = action == "run"
    return {
        "decision": {
            "action": action,
            "validFrom": "2026-07-14T20:00:00Z",
            "validUntil": "2026-07-14T20:05:00Z",
            "units": [
                {
                    "id": "engine-1",
                    "on": running,
                    "powerKw": 1000.0 if running else 0.0,
                    "heatKw": 1117.0 if running else 0.0,
                    "fuelKwHhv": 2597.0 if running else 0.0,
                }
            ],
            "gridImportKw": 0.0 if running else 350.0,
            "gridExportKw": 650.0 if running else 0.0,
            "boilerKw": 0.0 if running else 900.0,
            "lightingKw": 0.0,
            "storageKwh": None,
            "netBenefitUsdPerHour": 31.24 if running else 0.0,
            "breakEvenGridPrice": 0.0437,
            "confidence": 90,
            "reasons": [
                f"The grid price of {usd_per_kwh * 1000:.2f} USD/MWh is above the break-even of 43.70 USD/MWh."
                if running
                else f"The grid price of {usd_per_kwh * 1000:.2f} USD/MWh is below the break-even of 43.70 USD/MWh.",
                "All of the engine's heat (1,117 kW) is used.",
                "It would stop below 43.70 USD/MWh." if running else "It would run above 43.70 USD/MWh.",
            ],
            "basis": {},
            "solve": {"status": "optimal", "gap": 0.0, "milliseconds": 0.2},
        },
        "marketConditions": {
            "gridPrice": usd_per_kwh,
            "gasPrice": 3.18,
            "co2Price": 29.27,
            "timestamp": "2026-07-14T20:00:00Z",
            "region": "California",
            "dataQuality": {"electricity": "good", "gas": "good", "carbon": "estimated"},
            "origin": {"electricity": "synthetic", "gas": "synthetic", "carbon": "rebuilt"},
        },
        "facilityPrices": {"importPrice": usd_per_kwh + 0.062, "exportPrice": usd_per_kwh, "gasPrice": 4.13},
        "operations": None,
        "dataFreshness": {"electricity": 38.0, "gas": 40_000.0, "carbon": 200_000.0},
        "timestamp": at.isoformat().replace("+00:00", "Z"),
    }


class FakeDesk:
    """Publishes what a test tells it to; the store's outbox is filled by the same call."""

    def __init__(self) -> None:
        self.answers: dict[str, Row] = {"salinas-1": answer(), "delta-2": answer(0.0301, "stop")}
        self.outbox: dict[str, list[Row]] = {"salinas-1": [], "delta-2": []}
        self.kept_from = 0
        self.subscriptions: dict[str, set[asyncio.Queue[Row | None]]] = {}

    def publish(self, facility_id: str, kind: str, body: Row, *, deliver: bool = True) -> int:
        """Commits a message and delivers it to whoever has subscribed."""
        seq = len(self.outbox[facility_id]) + 1
        message = {"seq": seq, "type": kind, "body": body, "created_at": NOW + timedelta(seconds=seq)}
        self.outbox[facility_id].append(message)
        if deliver:
            for queue in self.subscriptions.get(facility_id, ()):
                queue.put_nowait(message)
        return seq

    def stop(self) -> None:
        for queues in self.subscriptions.values():
            for queue in queues:
                queue.put_nowait(None)

    async def subscribe(self, facility_id: str) -> "FakeSubscription":
        queue: asyncio.Queue[Row | None] = asyncio.Queue()
        queues = self.subscriptions.setdefault(facility_id, set())
        queues.add(queue)
        return FakeSubscription(queue, queues)

    async def latest(self, facility_id: str) -> Row | None:
        return self.answers.get(facility_id)

    async def in_force(self, facility_id: str) -> Row | None:
        return await self.latest(facility_id)

    async def schedule(self, facility_id: str) -> Row | None:
        return None

    async def what_if(self, facility_id: str, body: Mapping[str, Any]) -> Row | None:
        found = await self.latest(facility_id)
        return None if found is None else found | {"assumed": dict(body)}


class FakeSubscription:
    def __init__(self, queue: asyncio.Queue[Row | None], queues: set[asyncio.Queue[Row | None]]) -> None:
        self._queue = queue
        self._queues = queues

    async def __aiter__(self) -> AsyncIterator[Row]:
        while (message := await self._queue.get()) is not None:
            yield message

    async def aclose(self) -> None:
        self._queues.discard(self._queue)


class FakeStore:
    def __init__(self, desk: FakeDesk) -> None:
        self._desk = desk
        self.keys = dict(KEYS)
        self.away = False
        self.deeds: list[Deed] = []
        self.asked_keys = 0
        self.prices = [price(START + timedelta(minutes=5 * i), 0.03 + 0.01 * (i % 5)) for i in range(37)]
        self.prices[-1] = price(self.prices[-1]["market_interval_start"], 0.0612)
        self.plans: dict[datetime, Row] = {}
        self.history: list[Row] = [answer(0.05, at=NOW - timedelta(minutes=5 * i)) for i in range(6, 0, -1)]

    async def ping(self) -> None:
        if self.away:
            raise StoreUnavailable("connection refused by 10.1.2.3")

    async def principal_with_key(self, key: str, now: datetime) -> Principal | None:
        await self.ping()
        self.asked_keys += 1
        return self.keys.get(key)

    async def principal_with_id(self, key_id: str, now: datetime) -> Principal | None:
        return next((one for one in self.keys.values() if one.id == key_id), None)

    def in_name_of(self, caller: Principal) -> "FakeStore":
        return self

    async def facilities(self) -> list[Row]:
        return [FACILITY, OTHER]

    async def facility(self, facility_id: str) -> Row | None:
        return next((one for one in await self.facilities() if one["id"] == facility_id), None)

    async def has_facility(self, facility_id: str) -> bool:
        return await self.facility(facility_id) is not None

    async def note_deed(self, deed: Deed) -> None:
        self.deeds.append(deed)

    async def latest_price(self, iso_region: str, node: str | None, market: str, at: datetime) -> Row | None:
        fitting = [
            row
            for row in self.prices
            if row["iso_region"] == iso_region
            and node in {None, row["pricing_node"]}
            and market == row["market"]
            and row["market_interval_start"] <= at
        ]
        return fitting[-1] if fitting else None

    async def records(
        self,
        kind: str,
        *,
        start: datetime,
        end: datetime,
        filters: Mapping[str, Any],
        as_of: datetime | None,
        limit: int,
        after: str | None,
    ) -> tuple[pl.DataFrame, str | None]:
        schema = KINDS[kind].schema()
        rows = self.prices if kind == "electricity-price" else []
        fitting = [
            {name: row[name] for name in schema}
            for row in rows
            if start <= row["market_interval_start"] < end and all(row[name] == text for name, text in filters.items())
        ]
        first = int(after or 0)
        cursor = str(first + limit) if len(fitting) > first + limit else None
        return pl.DataFrame(fitting[first : first + limit], schema=schema), cursor

    async def feed_status(self) -> list[Row]:
        return [{"feed": "caiso/real-time-pricing", "position": NOW - timedelta(seconds=30), "error": None}]

    async def last_seq(self, facility_id: str) -> int:
        return len(self._desk.outbox[facility_id])

    async def messages_since(self, facility_id: str, seq: int, limit: int) -> list[Row] | None:
        if not self._desk.kept_from <= seq <= len(self._desk.outbox[facility_id]):
            return None
        return self._desk.outbox[facility_id][seq : seq + limit]

    async def schedule_at(self, facility_id: str, at: datetime) -> Row | None:
        return self.plans.get(at)

    async def answer_at(self, facility_id: str, at: datetime | None) -> Row | None:
        fitting = [row for row in self.history if at is None or datetime.fromisoformat(row["timestamp"]) <= at]
        return fitting[-1] if fitting else None

    async def answers(
        self, facility_id: str, start: datetime, end: datetime, limit: int, after: str | None = None
    ) -> tuple[list[Row], str | None]:
        fitting = [row for row in self.history if start <= datetime.fromisoformat(row["timestamp"]) < end]
        first = int(after or 0)
        return fitting[first : first + limit], str(first + limit) if len(fitting) > first + limit else None


_ROUTES: list[BaseRoute] = []
"""Of the first app: at its first request FastAPI works their parameters out, which takes longer than most tests."""


class World:
    """Desk, store, clocks and app of a test; of all that, routes alone know nothing and are shared."""

    def __init__(self, **options: Any) -> None:
        self.desk = self.make_desk()
        self.store: Any = self.make_store()
        self.clock = FrozenClock(NOW)
        self.wall = FrozenClock(NOW)
        options.setdefault("operations", FakeOperations(self.clock))
        self.state = ServeState(
            clock=self.clock, wall=self.wall, store=self.store, desk=self.desk, version="0.1.0", **options
        )
        self.app = create_app(self.state)
        _ROUTES[:] = _ROUTES or self.app.routes
        self.app.router.routes[:] = [
            own if isinstance(own, APIWebSocketRoute) else shared
            for own, shared in zip(self.app.routes, _ROUTES, strict=True)
        ]

    def make_desk(self) -> FakeDesk:
        return FakeDesk()

    def make_store(self) -> Store:
        return FakeStore(self.desk)

    def client(
        self, key: str | None = None, *, peer: str = "127.0.0.1", host: str = "127.0.0.1:8080", **headers: str
    ) -> httpx2.AsyncClient:
        """A client as the app sees one from `peer`, which names us `host`."""
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        transport = httpx2.ASGITransport(app=self.app, client=(peer, 50_000), raise_app_exceptions=False)
        return httpx2.AsyncClient(transport=transport, base_url=f"http://{host}", headers=headers)
