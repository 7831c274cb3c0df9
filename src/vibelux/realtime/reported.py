"""What a facility reports, as its next decision takes it: what wins over the last decision, what is said of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from vibelux.dispatch.decision import Decision
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.state import PlantState
from vibelux.market.intervals import local_date, local_day, parse_utc
from vibelux.market.quality import age_seconds
from vibelux.store.database import Database
from vibelux.store.operations import latest_operations

Contradictions = frozenset[tuple[str, bool]]
"""Engines that do another thing than was decided, and whether they run."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A facility's newest report at a moment."""

    operations: Mapping[str, Any] | None = None
    """The contract's `operations`; None when there is none."""
    counts: bool = False
    """Whether it is newer than the last decision and young enough to plan on."""
    note: str = ""
    """What the next decision has to say of it."""

    def at(self, now: datetime) -> dict[str, Any] | None:
        """The report with its age at a moment."""
        if self.operations is None:
            return None
        return {**self.operations, "ageSeconds": age_seconds(now, parse_utc(self.operations["timestamp"]))}

    def state(self, last: PlantState, zone_name: str) -> PlantState:
        """The plant as the last decision left it, with what was reported since."""
        if self.operations is None or not self.counts:
            return last
        return last.advanced(parse_utc(self.operations["timestamp"]), zone_name).with_operations(self.operations)

    def told_in(self, decision: Decision) -> Decision:
        """The decision with what has to be said of the report that it rests on, or does not."""
        if self.operations is not None and self.counts:
            return replace(decision, basis=decision.basis | {"operations": self.operations["timestamp"]})
        if not self.note or not decision.units:
            return decision
        return replace(decision, reasons=(*decision.reasons, self.note))

    def contradicts(self, answer: Mapping[str, Any] | None) -> Contradictions:
        """The engines that do another thing than the decision of an answer says."""
        if self.operations is None or answer is None:
            return frozenset()
        decided = {unit["id"]: unit["on"] for unit in answer["decision"]["units"]}
        told = ((unit["id"], unit["on"]) for unit in self.operations["units"])
        return frozenset((name, on) for name, on in told if decided.get(name, on) != on)


async def newest_report(
    db: Database, facility: Facility, last: PlantState, now: datetime, stale_seconds: float
) -> Reported:
    """The facility's newest report.

    Args:
        db: the store.
        facility: whose.
        last: what its last decision left.
        now: the moment, UTC.
        stale_seconds: a report that is older is not planned on, and that is said.

    Raises:
        StoreUnavailable: the database is away.
    """
    today = local_day(local_date(now, facility.zone_name), facility.zone_name)
    operations = await latest_operations(db, facility.id, now, day_start=today.start)
    supposed = (
        "the plan supposes that the last decision was followed"
        if last.units
        else "nothing was decided before, so its engines are supposed to stand"
    )
    if operations is None:
        return Reported(note=f"No operations are reported; {supposed}.")
    age = operations["ageSeconds"]
    if age > stale_seconds:
        return Reported(operations, note=f"The newest operations are {age / 60:.0f} min old; {supposed}.")
    return Reported(operations, counts=last.at is None or parse_utc(operations["timestamp"]) > last.at)
