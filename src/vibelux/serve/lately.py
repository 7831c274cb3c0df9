"""What the database said a moment ago: so a busy client's key and facility are not looked up for each request."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from vibelux.store.database import is_patient

SECONDS = 2.0
"""How long what another process changes may go unseen."""

_MOST = 10_000


_Name = TypeVar("_Name", bound=Hashable)
_Found = TypeVar("_Found")


class Lately(Generic[_Name, _Found]):
    """Things that were found, for a moment; that something is not there is never remembered.

    Of many who ask for the same thing at once the first looks for all.

    Args:
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._looks: dict[tuple[_Name, bool], tuple[float, asyncio.Task[_Found | None]]] = {}

    async def find(self, name: _Name, look: Callable[[], Coroutine[Any, Any, _Found | None]]) -> _Found | None:
        """What was found under a name or is being looked for, else what `look` finds."""
        now, place = self._monotonic(), (name, is_patient())  # who has time does not share the haste of others
        began, looking = self._looks.get(place, (now - SECONDS, None))
        if looking is None or now - began >= SECONDS:
            looking = self._begin(place, now, look)
        return looking.result() if looking.done() else await asyncio.shield(looking)

    def _begin(
        self, place: tuple[_Name, bool], now: float, look: Callable[[], Coroutine[Any, Any, _Found | None]]
    ) -> "asyncio.Task[_Found | None]":
        if len(self._looks) >= _MOST:
            self.forget()
        looking, looks = asyncio.create_task(look()), self._looks
        looks[place] = now, looking

        def judge(ended: "asyncio.Task[_Found | None]") -> None:
            vain = ended.cancelled() or ended.exception() is not None or ended.result() is None
            if vain and looks.get(place) == (now, ended):
                del looks[place]

        looking.add_done_callback(judge)
        return looking

    def forget(self) -> None:
        """Lets all be looked up again, also what is being looked up now."""
        self._looks = {}
