"""What the desk holds of one facility between two decisions, and what follows from that alone."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from vibelux.dispatch.again import RULE, again
from vibelux.dispatch.decision import Decision
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.planned import Planned
from vibelux.dispatch.state import PlantState
from vibelux.ingest.events import MarketDataUpdated
from vibelux.market.dr_events import Event
from vibelux.market.frames import plain
from vibelux.market.intervals import iso_z
from vibelux.market.records import KINDS
from vibelux.outlook.conditions import Conditions, MarketRows
from vibelux.outlook.quotes import Rung
from vibelux.realtime.latency import Latency
from vibelux.realtime.reported import Contradictions, Reported

_ROWS = {"electricity-price": "real_time", "gas-price": "gas", "carbon-price": "carbon"}

PRICE_KINDS = tuple(_ROWS)
"""The kinds of records whose news a facility is told."""

Record = Mapping[str, Any]
Message = dict[str, Any]
"""`type` and `body`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A decision and all that it leaves behind once it is kept."""

    at: datetime
    answer: dict[str, Any]
    told: dict[str, Record]
    signature: tuple[Any, ...]
    valid_until: datetime | None
    decision: Decision
    contradicted: Contradictions
    dr_events: tuple[Event, ...] = ()
    """Of demand response, those that it takes part in."""
    latency: Latency | None = None
    messages: Sequence[Message]
    id: UUID = field(default_factory=uuid4)

    @property
    def context(self) -> dict[str, Any]:
        """What is kept beside the decision: the other members of its answer."""
        return {name: self.answer[name] for name in ("marketConditions", "operations", "dataFreshness")}

    def schedule(self, facility_id: str) -> dict[str, Any] | None:
        """The plan that the decision is the first step of, as the contract has it."""
        return schedule_of(facility_id, self.decision.planned)


@dataclass(slots=True)
class Held:
    """One facility."""

    facility: Facility
    state: PlantState = field(default_factory=PlantState)
    rows: MarketRows = field(default_factory=MarketRows)
    answer: dict[str, Any] | None = None
    told: dict[str, Record] = field(default_factory=dict)
    """The last price record that was told of, by kind, as the outbox has it."""
    signature: tuple[Any, ...] | None = None
    valid_until: datetime | None = None
    decision: Decision | None = None
    """The one in force; None for one that was made before this process began."""
    reported: Reported = field(default_factory=Reported)
    contradicted: Contradictions = frozenset()
    """What the decision in force knew that engines did otherwise."""
    dr_events: tuple[Event, ...] = ()
    """Of demand response, those that the decision in force takes part in."""
    arrived: Latency | None = None
    """On which way the newest price has come that is not decided on yet."""
    unheard: Outcome | None = None
    """A decision whose commit ended without a word: it may be kept or not."""
    deciding: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def planned(self) -> Planned | None:
        """The plan that the decision in force is the first step of; None where there is none."""
        return None if self.decision is None else self.decision.planned

    def again(self, current: Conditions, state: PlantState, now: datetime) -> Decision | None:
        """What the two plans that are known say of a new price; None where only a new plan can tell."""
        return None if self.decision is None else again(self.decision, current, state, now)

    @property
    def provisional(self) -> bool:
        """Whether the decision in force is such a swift one, which the whole plan has still to follow."""
        return self.decision is not None and self.decision.rule == RULE

    @property
    def degraded(self) -> bool:
        """Whether the decision in force rests on less than a live price."""
        return self.signature is not None and self.signature[0][1] is not Rung.LIVE

    def concerned(self, event: MarketDataUpdated) -> bool:
        """Whether the facility's decision rests on what has come."""
        facility = self.facility
        if event.kind == "electricity-price":
            own = facility.iso_region.casefold() == event.provider and facility.pricing_node in event.names
            return own and not self._is_past(event)
        if event.kind == "gas-price":
            return facility.prices.gas_market in event.names
        return event.kind == "carbon-price" and facility.carbon_market in event.names

    def _is_past(self, event: MarketDataUpdated) -> bool:
        """Whether all that has come lies before the price in force: history, which decides nothing now."""
        in_force = self.rows.real_time
        return (
            in_force is not None and event.newest_end is not None and event.newest_end < in_force["market_interval_end"]
        )

    def crossed(self, price: float | None) -> bool:
        """Whether a new price lies on the other side of the break-even than the one that was decided on."""
        if price is None or self.answer is None:
            return False
        decided, at = self.answer["decision"]["breakEvenGridPrice"], self.answer["marketConditions"]["gridPrice"]
        return decided is not None and at is not None and (price < decided) != (at < decided)

    def outlived_by(self, current: Conditions) -> bool:
        """Whether the prices have become something else than what was decided on, or the decision has run out."""
        if self.signature is None:
            return False
        ran_out = self.valid_until is not None and current.at >= self.valid_until
        return ran_out or signature(current) != self.signature

    def news(self) -> tuple[list[Message], dict[str, Record]]:
        """A message for each price that is another than the one last told, and what has then been told."""
        messages, told = [], dict(self.told)
        for kind_name, attribute in _ROWS.items():
            row = getattr(self.rows, attribute)
            if row is None:
                continue
            kind = KINDS[kind_name]
            record = {"kind": kind_name} | {name: plain(row.get(name)) for name in (*kind.names, "origin", "known_at")}
            before = told.get(kind_name)
            if before is None or any(before.get(name) != record[name] for name in (*kind.key, *kind.values)):
                told[kind_name] = record
                messages.append({"type": "market-price-update", "body": {"data": record}})
        return messages, told


def signature(current: Conditions) -> tuple[Any, ...]:
    """What of the conditions changes a decision by time passing alone: quality, rung and interval of each price."""
    quotes = (current.electricity, current.gas, current.carbon)
    return tuple((quote.quality, quote.rung, quote.value) for quote in quotes)


def answer_of(current: Conditions, decision: Decision, now: datetime) -> dict[str, Any]:
    """The answer of `/api/chp/decision`, but for the plant's operations."""
    return {
        "decision": decision.as_json(),
        "marketConditions": current.market_conditions(),
        "dataFreshness": current.data_freshness(),
        "timestamp": iso_z(now),
    }


def schedule_of(facility_id: str, planned: Planned | None) -> dict[str, Any] | None:
    """The plan, a row a step; None where there is none."""
    if planned is None:
        return None
    figures = planned.figures()
    return {
        "facilityId": facility_id,
        "decidedAt": iso_z(planned.outlook.at),
        "rows": planned.rows(),
        "next": None,
        **{name: figures[name] for name in ("plan", "nextChange", "bindingLimits")},
    }
