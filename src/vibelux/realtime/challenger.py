"""Challengers: each facility's other settings decide in shadow on the same live data, from a plant state of their own.

Whenever the desk has decided, the challenger does so too, on what the desk knew. It reads the desk's situation and
writes a table of its own: no message, no alert, no set-point, and nothing that the desk plans with.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from vibelux.dispatch.case import Case
from vibelux.dispatch.decision import Decision, decide
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.planner import replan
from vibelux.dispatch.solve import Solution
from vibelux.dispatch.state import PlantState
from vibelux.market.errors import StoreUnavailable
from vibelux.realtime.held import answer_of
from vibelux.realtime.situation import Situation
from vibelux.store.challengers import keep_challenger, latest_challenger
from vibelux.store.database import Database

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 5.0
"""Of the wall."""


class Deciding(Protocol):
    """What is needed of the desk."""

    @property
    def facilities(self) -> Sequence[Facility]:
        """All that it decides for."""
        ...

    async def situation(self, facility_id: str) -> Situation | None:
        """What a decision would rest on now; None before the first."""
        ...


class Challengers:
    """See the module.

    Args:
        db: the store.
        desk: whose situations are decided on.
    """

    def __init__(self, db: Database, desk: Deciding) -> None:
        self._db = db
        self._desk = desk
        self._seen: dict[str, int] = {}

    async def run(self) -> None:
        """Decides until cancelled; the store being away is waited out."""
        while True:
            for facility in self._desk.facilities:
                if facility.challenger is None:
                    continue
                try:
                    await self.look(facility)
                except StoreUnavailable as error:
                    log.warning("the store is away; challengers wait", error=str(error))
                except Exception:  # a fault of one challenger must not end the work for all
                    log.exception("a challenger did not decide", facility=facility.id)
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self, facility: Facility) -> None:
        """Decides once for each decision of the desk.

        Raises:
            StoreUnavailable: the database is away.
        """
        situation = await self._desk.situation(facility.id)
        if situation is None or self._seen.get(facility.id) == situation.seq:
            return
        other = facility.challenged()
        before = await latest_challenger(self._db, facility.id)
        state = situation.state if before is None else PlantState.from_decision(before)
        decision = await asyncio.to_thread(_decided, other, situation, state)
        answer = answer_of(situation.conditions, decision, situation.now)
        told = answer.pop("decision")
        await keep_challenger(self._db, facility.id, situation.now, told, answer)
        self._seen[facility.id] = situation.seq


def _decided(other: Facility, situation: Situation, state: PlantState) -> Decision:
    view = situation.view
    if view is not None:
        view = replace(view, in_force=None, planned=_quickly)
    return decide(other, situation.conditions, state, situation.now, view)


def _quickly(case: Case, first: Mapping[str, bool] | None = None) -> Solution:
    """The quick plan: the desk's own planner keeps what it has found, and that is not to be touched."""
    base = replan(case, seconds=0.0)
    return base.solution if first is None else replan(case, base, first=first, seconds=0.0).solution
