"""The desk: on each market event it decides for exactly the facilities concerned, keeps the decision, tells of it.

Events that come in a burst are one decision a facility, for the newest state. Time passing is an event too: a price
that grows stale changes a decision as much as one that comes. A facility whose case fails never stops another.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import structlog

from vibelux.dispatch.decision import Decision, View, decide
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.keeper import PlanKeeper
from vibelux.dispatch.planned import Planned
from vibelux.dispatch.state import PlantState
from vibelux.ingest.events import MarketDataUpdated
from vibelux.market.clock import Clock
from vibelux.market.errors import ConfigError, StoreUnavailable, VibeluxError
from vibelux.market.frames import plain
from vibelux.market.intervals import iso_z
from vibelux.market.records import KINDS
from vibelux.outlook.conditions import Conditions, Limits, MarketRows, conditions
from vibelux.outlook.demand import Demands
from vibelux.outlook.price import Outlook
from vibelux.outlook.quotes import Rung
from vibelux.realtime.carbon_intensity import Intensities
from vibelux.realtime.gather import market_rows
from vibelux.realtime.metrics import DeskMetrics
from vibelux.realtime.reported import Contradictions, Reported, newest_report
from vibelux.realtime.subscriptions import Subscription, Subscriptions
from vibelux.realtime.what_if import Assumed
from vibelux.store import decisions as kept
from vibelux.store.database import Database
from vibelux.store.facilities import all_facilities

log = structlog.get_logger(__name__)

_TICK_SECONDS = 1.0
"""Of the wall: how often the desk looks whether time alone has changed something."""
_RELOAD_SECONDS = 5.0
_PROOF_SECONDS = 0.5
_FEW = 8
_ANYWHERE = Path("/")
"""Facilities that an operator's own file or command put there name their demand files by whole paths."""
_ROWS = {"electricity": "real_time", "gas": "gas", "carbon": "carbon"}
_KIND = {"electricity": "electricity-price", "gas": "gas-price", "carbon": "carbon-price"}


Ahead = Callable[[Facility, datetime], Awaitable[tuple[Outlook, Demands] | None]]
"""What prices and demands a facility has to expect from a moment on; None where nothing is known of them."""


@dataclass(slots=True)
class _Held:
    """What the desk holds of one facility between two decisions."""

    facility: Facility
    state: PlantState = field(default_factory=PlantState)
    rows: MarketRows = field(default_factory=MarketRows)
    answer: dict[str, Any] | None = None
    told: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    """The last price record that was told of, by commodity."""
    signature: tuple[Any, ...] | None = None
    valid_until: datetime | None = None
    planned: Planned | None = None
    keeper: PlanKeeper = field(default_factory=PlanKeeper)
    reported: Reported = field(default_factory=Reported)
    contradicted: Contradictions = frozenset()
    """What the decision in force knew that engines did otherwise."""
    deciding: asyncio.Lock = field(default_factory=asyncio.Lock)


class Desk:
    """The running desk.

    Args:
        db: the store.
        clock: the service's.
        limits: ages over which prices are stale.
        missing_keys: for a grid (`PJM`), the setting without which its prices stay away.
        metrics: counters.
        ahead: what looks ahead for a facility; without it one step alone is decided.
        stale_operations_seconds: a report of a facility that is older is not planned on.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        limits: Limits,
        missing_keys: dict[str, str],
        metrics: DeskMetrics,
        ahead: Ahead | None = None,
        stale_operations_seconds: float = 900.0,
    ) -> None:
        self._db = db
        self._clock = clock
        self._limits = limits
        self._missing_keys = missing_keys
        self._metrics = metrics
        self._ahead = ahead
        self._stale_operations = stale_operations_seconds
        self._reporting: set[str] = set()
        self._held: dict[str, _Held] = {}
        self._due: set[str] = set()
        self._wake = asyncio.Event()
        self._subscriptions = Subscriptions()
        self._intensities = Intensities(db)
        self._rows: dict[str, dict[str, Any]] = {}
        self._complained: dict[str, str] = defaultdict(str)

    @property
    def _proof_seconds(self) -> float:
        """A few facilities leave time to look for proof at each decision, many do not."""
        return _PROOF_SECONDS if len(self._held) <= _FEW else 0.0

    @property
    def facilities(self) -> tuple[Facility, ...]:
        """All that the desk decides for."""
        return tuple(held.facility for held in self._held.values())

    def facility(self, facility_id: str) -> Facility | None:
        """One of them; None for one that there is not."""
        held = self._held.get(facility_id)
        return None if held is None else held.facility

    async def start(self) -> None:
        """Takes up the facilities and what was last decided for them.

        Raises:
            StoreUnavailable: the database is away.
        """
        await self._reload()

    async def run(self) -> None:
        """Decides until cancelled. The database being away is waited out: what is due stays due."""
        reloaded = looked = time.monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            if time.monotonic() - looked >= _TICK_SECONDS:
                self._due |= {name for name, held in self._held.items() if self._changed_by_time(held)}
                looked = time.monotonic()
            try:
                if time.monotonic() - reloaded > _RELOAD_SECONDS:
                    await self._reload()
                    reloaded = time.monotonic()
                await self._look_at_reports()
                await self._decide_due()
            except StoreUnavailable as error:
                log.warning("the store is away; decisions wait", error=str(error), due=len(self._due))
                await asyncio.sleep(_TICK_SECONDS)

    def on_market_data(self, event: MarketDataUpdated) -> None:
        """Marks the facilities that the event concerns; the loop takes them up at once."""
        concerned = {name for name, held in self._held.items() if _concerns(held.facility, event)}
        if concerned:
            self._due |= concerned
            self._wake.set()

    def on_operations(self, facility_id: str) -> None:
        """A facility has reported; where that contradicts its decision, it is decided for at once."""
        self._reporting.add(facility_id)
        self._wake.set()

    async def subscribe(self, facility_id: str) -> Subscription:
        """From the moment this returns, every message committed for the facility is delivered."""
        return self._subscriptions.join(facility_id)

    async def latest(self, facility_id: str) -> dict[str, Any] | None:
        """The answer of `/api/chp/decision` now, with ages and quality by the clock; None before the first decision."""
        held = self._held.get(facility_id)
        if held is None or held.answer is None:
            return None
        if self._changed_by_time(held):
            await self._decide_now(held)
        now = self._clock.now()
        current = self._conditions(held, now)
        return held.answer | {
            "marketConditions": current.market_conditions(),
            "operations": held.reported.at(now),
            "dataFreshness": current.data_freshness(),
            "timestamp": iso_z(now),
        }

    async def schedule(self, facility_id: str) -> dict[str, Any] | None:
        """The plan that the newest decision is the first step of, a row a step; None where there is none."""
        held = self._held.get(facility_id)
        if held is None or held.planned is None:
            return None
        figures = held.planned.figures()
        return {
            "facilityId": facility_id,
            "decidedAt": iso_z(held.planned.outlook.at),
            "rows": held.planned.rows(),
            "next": None,
            **{name: figures[name] for name in ("plan", "nextChange", "bindingLimits")},
        }

    async def what_if(self, facility_id: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answer under other assumptions, beside the one in force; nothing is stored, told or remembered.

        Raises:
            UsageError, ConfigError: the assumptions make no plant.
            StoreUnavailable: the database is away.
        """
        held = self._held.get(facility_id)
        if held is None:
            return None
        assumed = Assumed.of(body)
        now, facility = self._clock.now(), assumed.facility(held.facility)
        rows = assumed.rows(facility, held.rows, now)
        current = conditions(facility, now, rows, self._limits, self._missing(facility))
        view = assumed.view(await self._view(facility, held.planned, now))
        state = held.reported.state(held.state, facility.zone_name)
        decision = await asyncio.to_thread(decide, facility, current, state, now, view)
        plan = None if decision.planned is None else decision.planned.rows()
        return _answer(current, decision, now) | {
            "assumed": msgspec.to_builtins(assumed),
            "schedule": plan,
            "inForce": None if held.answer is None else held.answer["decision"],
        }

    async def _view(self, facility: Facility, planned: Planned | None, now: datetime) -> View | None:
        if self._ahead is None:
            return None
        seen = await self._ahead(facility, now)
        if seen is None:
            return None
        outlook, demands = seen
        return View(outlook, demands, None if planned is None else planned.engines_at(now))

    def close(self) -> None:
        """Ends all subscriptions."""
        self._subscriptions.close()

    async def _reload(self) -> None:
        """Facilities come and go while the desk runs; one that cannot be read keeps its last good form."""
        rows = {row["id"]: row for row in await all_facilities(self._db)}
        if rows == self._rows:
            return
        for name, row in rows.items():
            if self._rows.get(name) != row:
                await self._take_up(name, row)
        for gone in set(self._held) - set(rows):
            del self._held[gone]
            self._due.discard(gone)
        self._rows = rows

    async def _take_up(self, name: str, row: dict[str, Any]) -> None:
        try:
            facility = Facility.from_dict(row["body"], folder=None if row["source"] == "rest" else _ANYWHERE)
        except ConfigError as error:
            log.warning("a facility cannot be read; its last good form stays", facility=name, error=str(error))
            return
        held = self._held.get(name)
        if held is None:
            held = self._held[name] = _Held(facility)
            last = await kept.latest_decision(self._db, name)
            if last is not None:
                held.state = PlantState.from_decision(last["decision"])
        held.facility = facility
        self._due.add(name)
        self._wake.set()

    def _conditions(self, held: _Held, now: datetime) -> Conditions:
        return conditions(held.facility, now, held.rows, self._limits, self._missing(held.facility))

    def _missing(self, facility: Facility) -> dict[str, str]:
        setting = self._missing_keys.get(facility.iso_region)
        return {"electricity": setting} if setting else {}

    def _changed_by_time(self, held: _Held) -> bool:
        """Whether the prices have aged into something else, or the decision has run out."""
        if held.signature is None:
            return False
        now = self._clock.now()
        ran_out = held.valid_until is not None and now >= held.valid_until
        return ran_out or _signature(self._conditions(held, now)) != held.signature

    async def _decide_now(self, held: _Held) -> None:
        """Decides for who asks, so that nobody is shown a decision that its prices no longer carry."""
        try:
            await self._decide(held)
        except StoreUnavailable:
            self._due.add(held.facility.id)  # the answer shows the age of what it rests on

    async def _look_at_reports(self) -> None:
        """A contradiction makes its facility due once; it stays known until engine and decision agree again."""
        names, self._reporting = self._reporting, set()
        try:
            for held in [self._held[name] for name in names if name in self._held]:
                held.reported = await self._newest_report(held, self._clock.now())
                otherwise = held.reported.contradicts(held.answer)
                if held.reported.counts and otherwise - held.contradicted:
                    self._due.add(held.facility.id)
                else:
                    held.contradicted &= otherwise
        except StoreUnavailable:
            self._reporting |= names
            raise

    async def _newest_report(self, held: _Held, now: datetime) -> Reported:
        return await newest_report(self._db, held.facility, held.state, now, self._stale_operations)

    async def _decide_due(self) -> None:
        while self._due:
            name = self._due.pop()
            held = self._held.get(name)
            if held is None:
                continue
            try:
                await self._decide(held)
            except StoreUnavailable:
                self._due.add(name)
                raise
            except Exception as error:  # one facility's fault must not stop the others
                self._complain(name, error)
        self._metrics.degraded.set(sum(_degraded(held) for held in self._held.values()))

    def _complain(self, name: str, error: Exception) -> None:
        self._metrics.failed.labels(type(error).__name__).inc()
        if self._complained[name] != str(error):  # once for each new fault, not at each price
            self._complained[name] = str(error)
            log.error("no decision", facility=name, exc_info=not isinstance(error, VibeluxError), error=str(error))

    async def _decide(self, held: _Held) -> None:
        async with held.deciding:
            await self._decide_alone(held)

    async def _decide_alone(self, held: _Held) -> None:
        began = time.perf_counter()
        now = self._clock.now()
        facility = held.facility
        limit = self._limits.real_time(facility.iso_region)
        rows = await market_rows(self._db, facility, now, limit)
        held.rows = replace(rows, intensity=await self._intensities.at(facility, now))
        current = self._conditions(held, now)
        view = await self._view(facility, held.planned, now)
        if view is not None:
            view = replace(view, planned=held.keeper.at(now, proof_seconds=self._proof_seconds))
        held.reported = await self._newest_report(held, now)
        state = held.reported.state(held.state, facility.zone_name)
        decision = held.reported.told_in(await asyncio.to_thread(decide, facility, current, state, now, view))
        answer = _answer(current, decision, now) | {"operations": held.reported.at(now)}
        news, told = _price_news(held)
        surprised = held.reported.counts and held.reported.contradicts(held.answer) - held.contradicted
        as_before = decision.valid_until == held.valid_until and _signature(current) == held.signature
        if not news and as_before and not surprised:
            return  # an event of a market that this decision does not rest on
        messages = [*news, {"type": "chp-decision-update", "body": {"decision": answer["decision"]}}]
        context = {name: answer[name] for name in ("marketConditions", "operations", "dataFreshness")}
        numbers = await kept.save_decision(self._db, facility.id, now, answer["decision"], context, messages)
        if decision.units:  # when nothing can be said the plant goes on as it was
            held.state = PlantState.from_decision(answer["decision"])
        # With the number of its newest message, so that a listener can tell which messages it already contains.
        held.answer, held.told = answer | {"seq": numbers[-1]}, told
        held.signature, held.valid_until = _signature(current), decision.valid_until
        held.planned, held.contradicted = decision.planned, held.reported.contradicts(answer)
        self._complained.pop(facility.id, None)
        self._subscriptions.publish(
            facility.id,
            [
                {"seq": seq, "type": message["type"], "body": message["body"], "created_at": now}
                for seq, message in zip(numbers, messages, strict=True)
            ],
        )
        self._metrics.decisions.labels(decision.action.value).inc()
        self._metrics.seconds.observe(time.perf_counter() - began)


def _concerns(facility: Facility, event: MarketDataUpdated) -> bool:
    if event.kind == "electricity-price":
        return facility.iso_region.casefold() == event.provider and facility.pricing_node in event.names
    if event.kind == "gas-price":
        return facility.prices.gas_market in event.names
    return event.kind == "carbon-price" and facility.carbon_market in event.names


def _signature(current: Conditions) -> tuple[Any, ...]:
    """What of the conditions changes a decision by time passing alone: quality, rung and interval of each price."""
    quotes = (current.electricity, current.gas, current.carbon)
    return tuple((quote.quality, quote.rung, quote.value) for quote in quotes)


def _degraded(held: _Held) -> bool:
    return held.signature is not None and held.signature[0][1] is not Rung.LIVE


def _answer(current: Conditions, decision: Decision, now: datetime) -> dict[str, Any]:
    return {
        "decision": decision.as_json(),
        "marketConditions": current.market_conditions(),
        "dataFreshness": current.data_freshness(),
        "timestamp": iso_z(now),
    }


def _price_news(held: _Held) -> tuple[list[dict[str, Any]], dict[str, tuple[Any, ...]]]:
    """A message for each price that is another than the one last told, and what has then been told."""
    news, told = [], dict(held.told)
    for commodity, attribute in _ROWS.items():
        row = getattr(held.rows, attribute)
        if row is None:
            continue
        kind = KINDS[_KIND[commodity]]
        identity = tuple(row.get(name) for name in (*kind.key, *kind.values))
        if told.get(commodity) == identity:
            continue
        told[commodity] = identity
        record = {"kind": kind.name} | {name: plain(row.get(name)) for name in (*kind.names, "origin", "known_at")}
        news.append({"type": "market-price-update", "body": {"data": record}})
    return news, told
