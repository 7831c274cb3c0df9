"""Whether this process decides or only serves, and the work of one that decides.

Any number of processes may run on one database. One holds the seat: it asks upstreams, decides, alerts. The others
serve what is stored and wait; when the one that sits ends, however it ends, one of them goes on within a second.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping

import structlog
from prometheus_client import CollectorRegistry, Gauge

from vibelux.market.errors import StoreUnavailable
from vibelux.store.seat import Seat

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0

Work = Callable[[], Mapping[str, Coroutine[None, None, None]]]
"""What runs while we sit, by name; made anew each time."""


class Duty:
    """See the module.

    Args:
        seat: the one there is.
        begin: takes up what the last one left, before the work.
        work: what runs while we sit, each until cancelled.
        end: forgets what will grow old.
        registry: of the metric.
    """

    def __init__(
        self,
        seat: Seat,
        *,
        begin: Callable[[], Awaitable[None]],
        work: Work,
        end: Callable[[], None],
        registry: CollectorRegistry,
    ) -> None:
        self._seat = seat
        self._begin = begin
        self._work = work
        self._end = end
        self._sits = Gauge("vibelux_on_duty", "1 in the process that decides, 0 in one that serves.", registry=registry)
        self.is_ours = False

    async def look(self) -> None:
        """Takes the seat and begins, if it is free.

        Raises:
            StoreUnavailable: the database is away.
        """
        if not self.is_ours and await self._seat.take():
            await self._begin()
            self._is_ours(True)

    async def run(self) -> None:
        """Works whenever the seat is ours, until cancelled."""
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("the store is away; whether to decide here is not known", error=str(error))
            if self.is_ours:
                await self._until_lost()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _until_lost(self) -> None:
        """Works. A part that ends by itself has failed, and its error is ours."""
        named = {"watch the seat": self._watch(), **self._work()}
        tasks = [asyncio.create_task(work, name=name) for name, work in named.items()]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            log.warning("another process decides from now on; this one serves")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._is_ours(False)
            self._end()

    async def _watch(self) -> None:
        """Ends when another has the seat.

        While the database is away nobody can take it: the work goes on, and waits with writing.
        """
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                if not await self._seat.take():
                    return
            except StoreUnavailable as error:
                log.info("the store is away; the seat is not sure", error=str(error))

    def _is_ours(self, sits: bool) -> None:
        self.is_ours = sits
        self._sits.set(sits)
