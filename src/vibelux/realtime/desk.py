"""The desk: on each market event it decides for exactly the facilities concerned, keeps the decision, tells of it.

Events that come in a burst are one decision a facility, for the newest state. Time passing is an event too: a price
that grows stale changes a decision as much as one that comes. A facility whose case fails never stops another.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import structlog

from vibelux.dispatch.decision import Decision, View, decide
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.planned import Planned
from vibelux.dispatch.state import PlantState
from vibelux.ingest.events import CHP_DECISION_UPDATE, DecisionMade, Events, MarketDataUpdated
from vibelux.market.clock import Clock
from vibelux.market.dr_events import Event
from vibelux.market.errors import ConfigError, StoreUnavailable, VibeluxError
from vibelux.market.intervals import iso_z
from vibelux.outlook.conditions import Conditions, Limits, conditions
from vibelux.outlook.demand import Demands
from vibelux.outlook.price import Outlook
from vibelux.realtime.carbon_intensity import Intensities
from vibelux.realtime.deciders import Deciders, Question
from vibelux.realtime.due import Due
from vibelux.realtime.fanout import FanOut, numbered
from vibelux.realtime.gather import SharedRows
from vibelux.realtime.held import PRICE_KINDS, Held, Outcome, answer_of, schedule_of, signature
from vibelux.realtime.latency import Latency
from vibelux.realtime.metrics import DeskMetrics
from vibelux.realtime.recall import Memory, facility_of
from vibelux.realtime.reported import Reported, newest_report
from vibelux.realtime.situation import Situation
from vibelux.realtime.subscriptions import Subscription
from vibelux.realtime.what_if import Assumed
from vibelux.store import decisions as kept
from vibelux.store.database import Database, wait_patiently
from vibelux.store.facilities import all_facilities
from vibelux.store.seat import Seat

log = structlog.get_logger(__name__)

_TICK_SECONDS = 1.0
"""Of the wall: how often the desk looks whether time alone has changed something."""
_RELOAD_SECONDS = 5.0
_STEP_SECONDS = 300.0


Ahead = Callable[[Facility, datetime], Awaitable[tuple[Outlook, Demands] | None]]
"""What prices and demands a facility has to expect from a moment on; None where nothing is known of them."""


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
        fanout: who passes on what is told; None: within this desk alone.
        events: where decisions are told of in this process.
        seat: what this process must hold to decide; None: there is no other.
        accepted: the demand-response events that a facility takes part in at a moment.
        deciders: where decisions are thought out; None: in threads of this process.
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
        fanout: FanOut | None = None,
        events: Events | None = None,
        seat: Seat | None = None,
        accepted: Callable[[Facility, datetime], tuple[Event, ...]] = lambda *_: (),
        deciders: Deciders | None = None,
    ) -> None:
        self._db = db
        self._clock = clock
        self._limits = limits
        self._missing_keys = missing_keys
        self._metrics = metrics
        self._ahead = ahead
        self._stale_operations = stale_operations_seconds
        self._reporting: set[str] = set()
        self._held: dict[str, Held] = {}
        self._due = Due()
        self._wake = asyncio.Event()
        self._fanout = fanout or FanOut(db)
        self._events = events or Events()
        self._seat = seat
        self._accepted = accepted
        self._deciders = deciders or Deciders()
        self._market = SharedRows(db)
        self._intensities = Intensities(db)
        self._memory = Memory(db, clock, limits, stale_operations_seconds)
        self._rows: dict[str, dict[str, Any]] = {}
        self._complained: dict[str, str] = defaultdict(str)

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
        wait_patiently()
        reloaded = looked = time.monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            if time.monotonic() - looked >= _TICK_SECONDS:
                self._due.update(name for name, held in self._held.items() if self._has_aged(held))
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

    def on_market_data(self, event: MarketDataUpdated, prices: Mapping[str, float] | None = None) -> None:
        """Marks the facilities that the event concerns; the loop takes them up at once.

        Args:
            event: what has come.
            prices: the newest of each node in it: a facility whose break-even one has crossed goes first.
        """
        self._market.forget()
        for name, held in self._held.items():
            if held.concerned(event):
                held.arrived = Latency.of(event)
                is_power = event.kind == "electricity-price"
                price = (prices or {}).get(held.facility.pricing_node) if is_power else None
                self._due.add(name, urgent=held.crossed(price))
                self._wake.set()

    def on_operations(self, facility_id: str) -> None:
        """A facility has reported; where that contradicts its decision, it is decided for at once."""
        self._reporting.add(facility_id)
        self._wake.set()

    def reconsider(self, facility_id: str) -> None:
        """Decides for a facility soon, though no price has come."""
        if facility_id in self._held:
            self._due.add(facility_id)
            self._wake.set()

    async def subscribe(self, facility_id: str) -> Subscription:
        """From the moment this returns, every message committed for the facility is delivered."""
        return await self._fanout.subscribe(facility_id)

    async def latest(self, facility_id: str) -> dict[str, Any] | None:
        """The answer of `/api/chp/decision` now, with ages and quality by the clock; None before the first decision."""
        held = await self._known(facility_id)
        if held is None or held.answer is None:
            return None
        current = self._conditions(held, self._clock.now())
        if held.outlived_by(current):
            await self._decide_now(held)
            current = self._conditions(held, self._clock.now())
        return self._told(held, held.answer, current)

    async def in_force(self, facility_id: str) -> dict[str, Any] | None:
        """As `latest`, but without deciding anew where time has made that due: for lists of many facilities."""
        held = await self._known(facility_id)
        if held is None or held.answer is None:
            return None
        return self._told(held, held.answer, self._conditions(held, self._clock.now()))

    @staticmethod
    def _told(held: Held, answer: Mapping[str, Any], current: Conditions) -> dict[str, Any]:
        """An answer with ages and quality of the moment."""
        return {
            **answer,
            "marketConditions": current.market_conditions(),
            "operations": held.reported.at(current.at),
            "dataFreshness": current.data_freshness(),
            "timestamp": iso_z(current.at),
        }

    async def schedule(self, facility_id: str) -> dict[str, Any] | None:
        """The plan that the newest decision is the first step of, a row a step; None where there is none."""
        held = self._decided_for(facility_id)
        if held is None:
            return await kept.latest_schedule(self._db, facility_id)
        return schedule_of(facility_id, held.planned)

    async def situation(self, facility_id: str) -> Situation | None:
        """What a decision would rest on now; None before the first.

        Raises:
            StoreUnavailable: the database is away.
        """
        held = await self._known(facility_id)
        if held is None or held.answer is None:
            return None
        now, facility = self._clock.now(), held.facility
        view = await self._view(facility, held.planned, now)
        state = held.reported.state(held.state, facility.zone_name)
        return Situation(facility, self._conditions(held, now), state, view, now, held.answer.get("seq", 0))

    async def what_if(self, facility_id: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answer under other assumptions, beside the one in force; nothing is stored, told or remembered.

        Raises:
            UsageError, ConfigError: the assumptions make no plant.
            StoreUnavailable: the database is away.
        """
        held = await self._known(facility_id)
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
        return answer_of(current, decision, now) | {
            "assumed": msgspec.to_builtins(assumed),
            "schedule": plan,
            "inForce": None if held.answer is None else held.answer["decision"],
        }

    async def _known(self, facility_id: str) -> Held | None:
        """A facility as it is held here, or, before it is decided for here, as the store has it."""
        if (held := self._decided_for(facility_id)) is not None:
            return held
        recalled = await self._memory.recall(facility_id)
        return self._decided_for(facility_id) or recalled  # the first decision may have come in the meantime

    def _decided_for(self, facility_id: str) -> Held | None:
        held = self._held.get(facility_id)
        return None if held is None or held.answer is None else held

    async def _view(self, facility: Facility, planned: Planned | None, now: datetime) -> View | None:
        if self._ahead is None:
            return None
        seen = await self._ahead(facility, now)
        if seen is None:
            return None
        outlook, demands = seen
        in_force = None if planned is None else planned.engines_at(now)
        return View(outlook, demands, in_force, events=self._accepted(facility, now))

    def decided(self) -> tuple[Held, ...]:
        """All that have been decided for."""
        return tuple(held for held in self._held.values() if held.answer is not None)

    def now_known(self) -> Iterator[tuple[Held, Conditions]]:
        """All that have been decided for, with their prices by the clock now."""
        now = self._clock.now()
        for held in self.decided():
            yield held, self._conditions(held, now)

    def close(self) -> None:
        """Ends all subscriptions."""
        self._fanout.close()

    def stand_down(self) -> None:
        """Forgets everything: another decides from now on, and what is held here grows old. `start` takes up anew."""
        self._held.clear()
        self._rows = {}
        self._due = Due()

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
            self._deciders.forget(gone)
        self._rows, self._deciders.facilities = rows, len(self._held)

    async def _take_up(self, name: str, row: dict[str, Any]) -> None:
        try:
            facility = facility_of(row)
        except ConfigError as error:
            log.warning("a facility cannot be read; its last good form stays", facility=name, error=str(error))
            return
        held = self._held.get(name)
        if held is None:
            held = self._held[name] = Held(facility)
            last = await kept.latest_decision(self._db, name)
            if last is not None:
                held.state = PlantState.from_decision(last["decision"])
            held.told = dict(await kept.told_prices(self._db, name, PRICE_KINDS))
        held.facility = facility
        self._due.add(name)
        self._wake.set()

    def _conditions(self, held: Held, now: datetime) -> Conditions:
        return conditions(held.facility, now, held.rows, self._limits, self._missing(held.facility))

    def _missing(self, facility: Facility) -> dict[str, str]:
        setting = self._missing_keys.get(facility.iso_region)
        return {"electricity": setting} if setting else {}

    def _has_aged(self, held: Held) -> bool:
        """Whether the prices have aged into something else, or the decision has run out."""
        return held.signature is not None and held.outlived_by(self._conditions(held, self._clock.now()))

    async def _decide_now(self, held: Held) -> None:
        """Decides for who asks, so that nobody is shown a decision that its prices no longer carry.

        Of many who ask at the same time the first decides for all; the others wait for that one decision.
        """
        try:
            async with held.deciding:
                if self._has_aged(held):
                    await self._decide_alone(held)
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

    async def _newest_report(self, held: Held, now: datetime) -> Reported:
        return await newest_report(self._db, held.facility, held.state, now, self._stale_operations)

    async def _decide_due(self) -> None:
        """Decides for all that is due, the urgent first, as many at once as there are places for.

        Raises:
            StoreUnavailable: the database is away; what could not be decided stays due.
        """
        ended = await asyncio.gather(
            *(self._decide_next() for _ in range(self._deciders.at_once)), return_exceptions=True
        )
        self._metrics.degraded.set(sum(held.degraded for held in self._held.values()))
        for error in ended:
            if error is not None:
                raise error

    async def _decide_next(self) -> None:
        """One place: takes what is next, until nothing is."""
        while self._due:
            name, urgent = self._due.next()
            held = self._held.get(name)
            if held is None:
                continue
            try:
                await self._decide(held, swiftly=urgent)
            except StoreUnavailable:
                self._due.add(name, urgent=urgent)
                raise
            except Exception as error:  # one facility's fault must not stop the others
                self._complain(name, error)

    def _complain(self, name: str, error: Exception) -> None:
        self._metrics.failed.labels(type(error).__name__).inc()
        if self._complained[name] != str(error):  # once for each new fault, not at each price
            self._complained[name] = str(error)
            log.error("no decision", facility=name, exc_info=not isinstance(error, VibeluxError), error=str(error))

    async def _decide(self, held: Held, *, swiftly: bool) -> None:
        async with held.deciding:
            await self._decide_alone(held, swiftly=swiftly)

    async def _decide_alone(self, held: Held, *, swiftly: bool = False) -> None:
        """Decides, keeps the decision and tells of it; swiftly: by the plans that are known, the whole one next."""
        began = time.perf_counter()
        now = self._clock.now()
        facility = held.facility
        arrived, held.arrived = held.arrived, None
        await self._hear(held)
        rows = await self._market.of(facility, now, self._limits.real_time(facility.iso_region))
        held.rows = replace(rows, intensity=await self._intensities.at(facility, now))
        current = self._conditions(held, now)
        held.reported = await self._newest_report(held, now)
        state = held.reported.state(held.state, facility.zone_name)
        dr_events = self._accepted(facility, now)
        swift = held.again(current, state, now) if swiftly and dr_events == held.dr_events else None
        if swift is None:
            decision = await self._decided(facility, current, state, now, held.planned)
        else:
            decision = swift
            self._due.add(facility.id)
        decision = held.reported.told_in(decision)
        latency = None if arrived is None else replace(arrived, decided_at=self._clock.now())
        answer = answer_of(current, decision, now) | {"operations": held.reported.at(now)}
        answer["decision"]["latency"] = None if latency is None else latency.as_json(self._clock)
        news, told = held.news()
        surprised = held.reported.counts and held.reported.contradicts(held.answer) - held.contradicted
        as_before = decision.valid_until == held.valid_until and signature(current) == held.signature
        if not news and as_before and not surprised and dr_events == held.dr_events and not held.provisional:
            return  # an event of a market that this decision does not rest on
        outcome = held.unheard = Outcome(
            at=now,
            answer=answer,
            told=told,
            signature=signature(current),
            valid_until=decision.valid_until,
            decision=decision,
            contradicted=held.reported.contradicts(answer),
            dr_events=dr_events,
            latency=latency,
            messages=[*news, {"type": "chp-decision-update", "body": {"decision": answer["decision"]}}],
        )
        numbers = await kept.save_decision(
            self._db,
            facility.id,
            now,
            answer["decision"],
            outcome.context,
            outcome.messages,
            schedule=outcome.schedule(facility.id),
            decision_id=outcome.id,
            seat=None if self._seat is None else self._seat.held,
        )
        await self._is_kept(held, outcome, numbers)
        self._metrics.seconds.observe(time.perf_counter() - began)

    async def _decided(
        self, facility: Facility, current: Conditions, state: PlantState, now: datetime, planned: Planned | None
    ) -> Decision:
        view = await self._view(facility, planned, now)
        proof_seconds = self._deciders.proof_seconds(self._clock.real_seconds(_STEP_SECONDS))
        return await self._deciders.decide(Question(facility, current, state, now, view, proof_seconds))

    async def _hear(self, held: Held) -> None:
        """Finds out what became of a decision whose commit ended without a word."""
        outcome = held.unheard
        if outcome is not None:
            numbers = await kept.numbers_of(self._db, outcome.id, len(outcome.messages))
            held.unheard = None
            if numbers is not None:
                await self._is_kept(held, outcome, numbers)

    async def _is_kept(self, held: Held, outcome: Outcome, numbers: Sequence[int]) -> None:
        """The decision is in force: it is remembered, and whoever listens is told."""
        held.unheard = None
        if outcome.answer["decision"]["units"]:  # when nothing can be said the plant goes on as it was
            held.state = PlantState.from_decision(outcome.answer["decision"])
        # With the number of its newest message, so that a listener can tell which messages it already contains.
        held.answer, held.told = outcome.answer | {"seq": numbers[-1]}, outcome.told
        held.signature, held.valid_until = outcome.signature, outcome.valid_until
        held.decision, held.contradicted, held.dr_events = outcome.decision, outcome.contradicted, outcome.dr_events
        facility_id = held.facility.id
        self._complained.pop(facility_id, None)
        self._fanout.publish(facility_id, numbered(outcome.messages, numbers, outcome.at))
        self._metrics.passed(outcome.latency, self._clock)
        self._metrics.decisions.labels(outcome.answer["decision"]["action"]).inc()
        await self._events.emit(CHP_DECISION_UPDATE, DecisionMade(facility_id, held.answer, held.degraded))
