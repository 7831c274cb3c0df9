"""Where decisions are thought out: in a thread of this process for a few facilities, in worker processes for many.

A facility always goes to the same worker, which keeps its last plan to start the next one from. One process more
searches for better plans (`searches`).
"""

import asyncio
import os
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from vibelux.dispatch.case import Case
from vibelux.dispatch.decision import Decision, View, decide
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.keeper import PlanKeeper
from vibelux.dispatch.planner import Plan, replan
from vibelux.dispatch.state import PlantState
from vibelux.dispatch.sticky import StickyProcesses, place_of
from vibelux.outlook.conditions import Conditions

log = structlog.get_logger(__name__)

FEW = 8
"""So many facilities are decided for here, with time to look for proof at each decision."""
_PROOF_SECONDS = 0.5
_LOWEST_PRIORITY = 19


@dataclass(frozen=True, slots=True)
class Question:
    """All that a decision is made of."""

    facility: Facility
    conditions: Conditions
    state: PlantState
    now: datetime
    view: View | None
    """Without a solver: the worker has it."""
    proof_seconds: float = 0.0
    """How long a proven optimum may be searched for."""


class Deciders:
    """Decides in the right place.

    Args:
        processes: how many there may be besides this one.
    """

    def __init__(self, processes: int = 0) -> None:
        self._count = processes
        self._processes: StickyProcesses | None = None
        self._searching: StickyProcesses | None = None
        self._keepers: dict[str, PlanKeeper] = {}
        self.facilities = 0
        """How many there are to decide for."""

    @property
    def at_once(self) -> int:
        """How many decisions are worth making at the same time."""
        return 2 * self._count if self._many else 1

    def proof_seconds(self, step_seconds: float) -> float:
        """How long to look for proof at each decision: not at all for many facilities.

        Args:
            step_seconds: how long a market step takes by the wall; all facilities together use up a fifth of it.
        """
        if self.facilities > FEW:
            return 0.0
        return min(_PROOF_SECONDS, step_seconds / 5 / max(self.facilities, 1))

    async def decide(self, question: Question) -> Decision:
        """The decision. What goes wrong in it is raised here."""
        if not self._many:
            return await asyncio.to_thread(_answer, self._keepers, question)
        if self._processes is None:
            self._processes, self._keepers = StickyProcesses(self._count), {}
        name = question.facility.id
        try:
            return await asyncio.wrap_future(
                self._processes.submit(place_of(name, self._count), _decide_here, question)
            )
        except BrokenProcessPool as error:
            log.warning("a worker process is gone; this one decides", facility=name, error=str(error))
            return await asyncio.to_thread(_answer, {}, question)

    async def search(self, case: Case, seconds: float) -> Plan:
        """The best plan of a case that is found in so many seconds, by a process that leaves decisions the first turn.

        Raises:
            BrokenProcessPool: it has died; the next search starts it anew.
        """
        if self._searching is None:
            self._searching = StickyProcesses(1)
        return await asyncio.wrap_future(self._searching.submit(0, _search_here, case, seconds))

    def offer(self, facility_id: str, plan: Plan, at: datetime) -> None:
        """Has the next decision of a facility start from this plan too, which was made for a moment."""
        if not self._many:
            _offer(self._keepers, facility_id, plan, at)
        elif self._processes is not None:
            self._processes.submit(place_of(facility_id, self._count), _offer_here, facility_id, plan, at)

    def forget(self, facility_id: str) -> None:
        """Lets go of the plan of a facility that is gone."""
        self._keepers.pop(facility_id, None)
        if self._processes is not None:
            self._processes.submit(place_of(facility_id, self._count), _forget_here, facility_id)

    @property
    def _many(self) -> bool:
        return self._count > 0 and self.facilities > FEW

    def close(self) -> None:
        """Ends the processes; what they are at is not waited for."""
        for processes in (self._processes, self._searching):
            if processes is not None:
                processes.close(wait_for_work=False)
        self._processes = self._searching = None


def _answer(keepers: dict[str, PlanKeeper], question: Question, *, haste: bool = False) -> Decision:
    view = question.view
    if view is not None:
        keeper = keepers.setdefault(question.facility.id, PlanKeeper())
        planned = keeper.at(question.now, proof_seconds=question.proof_seconds, haste=haste)
        view = replace(view, planned=planned)
    return decide(question.facility, question.conditions, question.state, question.now, view)


_here: dict[str, PlanKeeper] = {}
"""Of a worker process."""


def _decide_here(question: Question) -> Decision:
    decision = _answer(_here, question, haste=True)
    planned = decision.planned
    return decision if planned is None else replace(decision, planned=replace(planned, seen=planned.seen.light()))


def _offer(keepers: dict[str, PlanKeeper], facility_id: str, plan: Plan, at: datetime) -> None:
    if facility_id in keepers:  # one that is gone, or of a worker that is new, has no use for it
        keepers[facility_id].offer(plan, at)


def _offer_here(facility_id: str, plan: Plan, at: datetime) -> None:
    _offer(_here, facility_id, plan, at)


def _search_here(case: Case, seconds: float) -> Plan:
    os.setpriority(os.PRIO_PROCESS, 0, _LOWEST_PRIORITY)
    return replan(case, seconds=seconds)


def _forget_here(facility_id: str) -> None:
    _here.pop(facility_id, None)
