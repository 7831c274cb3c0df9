"""The line before one service: each request waits its turn in the budget, prices before the rest."""

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

from vibelux.ingest.budget import Budget
from vibelux.market.clock import Clock


class Priority(IntEnum):
    """Who goes first when several wait."""

    PRICE = 0
    ORDINARY = 1
    BACKGROUND = 2


@dataclass(order=True, slots=True)
class _Ticket:
    priority: Priority
    number: int
    granted: "asyncio.Future[None]" = field(compare=False)
    sent: asyncio.Event = field(compare=False, default_factory=asyncio.Event)


class Line:
    """Turns are bought from the budget one by one, and each goes to whoever is first in line at that moment.

    The distance to the next turn is counted from when the request really left (a slow handshake would
    otherwise bring two requests closer together than the upstream allows).
    """

    def __init__(self, service: str, seconds_between: float, clock: Clock, budget: Budget) -> None:
        self._service = service
        self._seconds_between = seconds_between
        self._clock = clock
        self._budget = budget
        self._waiting: list[_Ticket] = []
        self._numbers = itertools.count()
        self._free_at = clock.now()
        self._server: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def turn(self, priority: Priority) -> AsyncIterator[Callable[[], None]]:
        """Waits for a turn; the caller calls what it is given when the request has left, or ends the block."""
        ticket = _Ticket(priority, next(self._numbers), asyncio.get_running_loop().create_future())
        heapq.heappush(self._waiting, ticket)
        if self._server is None or self._server.done():
            self._server = asyncio.create_task(self._serve(), name=f"line of {self._service}")
        try:
            await ticket.granted
            yield ticket.sent.set
        finally:
            ticket.granted.cancel()
            ticket.sent.set()

    def hold(self, until: datetime) -> None:
        """Nobody gets a turn before `until`."""
        self._free_at = max(self._free_at, until)

    async def close(self) -> None:
        """Sends everybody home."""
        if self._server is not None:
            self._server.cancel()
            await asyncio.gather(self._server, return_exceptions=True)
        for ticket in self._waiting:
            ticket.granted.cancel()

    async def _serve(self) -> None:
        try:
            while self._waiting:
                await self._next_slot()
                ticket = self._first_in_line()
                if ticket is not None:
                    ticket.granted.set_result(None)
                    await ticket.sent.wait()
                    self.hold(self._clock.now() + timedelta(seconds=self._seconds_between))
        except Exception as error:  # whoever waits must hear of it, or would wait for ever
            for ticket in self._waiting:
                if not ticket.granted.done():
                    ticket.granted.set_exception(error)
            self._waiting.clear()

    async def _next_slot(self) -> None:
        now = self._clock.now()
        slot = now + timedelta(seconds=await self._budget.reserve(self._service, self._seconds_between, now))
        while (left := (max(slot, self._free_at) - self._clock.now()).total_seconds()) > 0:
            await self._clock.sleep(left)

    def _first_in_line(self) -> _Ticket | None:
        while self._waiting:
            ticket = heapq.heappop(self._waiting)
            if not ticket.granted.done():
                return ticket
        return None
