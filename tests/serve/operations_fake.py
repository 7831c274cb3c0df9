"""Telemetry in memory, which judges as the real one does."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from vibelux.market.clock import Clock
from vibelux.market.operations import Report, refuse_wrong
from vibelux.store.operations import Taken


class FakeOperations:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.taken: dict[str, dict[datetime, Report]] = {}

    def in_name_of(self, caller: object) -> Self:
        return self

    async def take(
        self, facility_id: str, ratings: Mapping[str, float], reports: Sequence[Report], source: str
    ) -> tuple[Taken, list[str]]:
        refuse_wrong(reports, ratings, self._clock.now())
        held = self.taken.setdefault(facility_id, {})
        new = {report.timestamp for report in reports} - set(held)
        held |= {report.timestamp: report for report in reports}
        return Taken(new=len(new), duplicates=len(reports) - len(new), newest=max(held)), []

    async def latest(self, facility_id: str, now: datetime, day_start: datetime) -> dict[str, Any] | None:
        held = self.taken.get(facility_id)
        if not held:
            return None
        newest = held[max(held)]
        return newest.as_json() | {"ageSeconds": (now - newest.timestamp).total_seconds()}

    async def ran(self, facility_id: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
        return []
