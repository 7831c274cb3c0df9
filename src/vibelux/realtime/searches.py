"""Better plans, looked for between the prices: a process of low priority searches on where a quick plan may be far off.

What is found is not acted on by itself. The next decision of the facility starts from it as well as from its last plan,
and takes the better of the two, with the rule of stability as at every decision.
"""

import asyncio
import math
from collections.abc import Callable, Iterable
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from vibelux.dispatch.case import Case
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.planned import Planned
from vibelux.dispatch.planner import Plan
from vibelux.dispatch.solve import Solution
from vibelux.market.clock import Clock
from vibelux.realtime.metrics import DeskMetrics

log = structlog.get_logger(__name__)

FAR = 0.01
"""A plan whose gap is wider is searched on from."""
_AGAIN = timedelta(hours=1)
"""A facility's next search comes so much later: what the last one found is carried on from plan to plan."""
_LOOK_SECONDS = 5.0
_STEP_SECONDS = 300.0


class Decided(Protocol):
    """A facility, and what is in force for it."""

    facility: Facility

    @property
    def planned(self) -> Planned | None:
        """The plan in force."""
        ...


class Searcher(Protocol):
    """Where plans are made and kept."""

    async def search(self, case: Case, seconds: float) -> Plan:
        """The best plan of a case that is found in so many seconds."""
        ...

    def offer(self, facility_id: str, plan: Plan, at: datetime) -> None:
        """Has the next decision of a facility start from this plan, too."""
        ...


class Searches:
    """Searches on, one facility after another, that of the most doubtful money first.

    Args:
        clock: the service's. Where it runs too fast for a search to end in time, none is begun.
        searcher: the deciders.
        metrics: counts searches.
        seconds: of the wall, for each.
    """

    def __init__(self, clock: Clock, searcher: Searcher, metrics: DeskMetrics, seconds: float) -> None:
        self._clock = clock
        self._searcher = searcher
        self._metrics = metrics
        self._seconds = seconds
        self._searched: dict[str, datetime] = {}

    async def run(self, decided: Callable[[], Iterable[Decided]]) -> None:
        """Searches until cancelled.

        Args:
            decided: tells what is in force now.
        """
        while True:
            in_time = 0 < self._seconds < self._clock.real_seconds(_STEP_SECONDS)
            found = self.next(decided()) if in_time else None
            if found is None:
                await asyncio.sleep(_LOOK_SECONDS)
            else:
                await self.search(*found)

    def next(self, decided: Iterable[Decided]) -> tuple[str, Solution] | None:
        """The facility to search for, and its plan; None where all are good enough or were searched for of late."""
        now = self._clock.now()
        self._searched = {name: at for name, at in self._searched.items() if now - at < _AGAIN}
        doubtful = [
            (one.facility.id, one.planned.seen.plan)
            for one in decided
            if one.planned is not None and one.facility.id not in self._searched and _may_be_far(one.planned)
        ]
        return max(doubtful, key=lambda found: found[1].objective_usd - found[1].bound_usd, default=None)

    async def search(self, facility_id: str, plan: Solution) -> None:
        """Searches for one facility, and offers what is better than its plan."""
        now = self._searched[facility_id] = self._clock.now()
        try:
            found = await self._searcher.search(plan.case, self._seconds)
        except BrokenProcessPool as error:
            log.warning("a search has broken off", facility=facility_id, error=str(error))
            return
        except Exception:  # what goes wrong in one search must not end the desk's work
            log.exception("a search has failed", facility=facility_id)
            return
        gained = 0.0 if found.solution.schedule is None else plan.objective_usd - found.solution.objective_usd
        better = gained > 0.0
        if better:
            self._searcher.offer(facility_id, found, now)
        self._metrics.searches.labels("better" if better else "none better").inc()
        log.debug("searched on", facility=facility_id, gained_usd=round(gained, 2), gap=found.solution.gap)


def _may_be_far(planned: Planned) -> bool:
    """Whether the plan may be far from the best; where nothing is proven of it, a whole plan is about to follow."""
    return FAR < planned.seen.plan.gap < math.inf
