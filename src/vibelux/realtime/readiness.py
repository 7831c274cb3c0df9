"""Whether the service does its work, for `/readyz`: each check gives None, or in a few words what is wrong.

One feed or facility of many that fails is no reason to take the whole service out: alerts and repair cards tell of it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from vibelux.feeds import Feed, Rolling
from vibelux.market.clock import Clock
from vibelux.market.errors import StoreUnavailable
from vibelux.market.quality import age_seconds
from vibelux.store.database import Database
from vibelux.store.facilities import all_facilities
from vibelux.store.reader import feed_status
from vibelux.store.readiness import decided_until, schema_is_ours
from vibelux.store.seat import seat_is_taken

_PATIENCE = timedelta(minutes=15)
_AWAY = "the database does not answer"

Check = Callable[[], Awaitable[str | None]]


class Readiness:
    """Looks each time it is asked.

    Args:
        db: the store.
        clock: the service's.
        running: the feeds that are asked.
        seat: the name of the seat of who decides.
    """

    def __init__(self, db: Database, clock: Clock, running: Sequence[Feed], seat: str) -> None:
        self._db = db
        self._clock = clock
        self._running = running
        self._seat = seat

    @property
    def checks(self) -> Mapping[str, Check]:
        """By name."""
        found = {"schema": self._schema, "seat": self._taken, "feeds": self._feeds, "decisions": self._decisions}
        return {name: _answered(check) for name, check in found.items()}

    async def _schema(self) -> str | None:
        return None if await schema_is_ours(self._db) else "another version has changed the schema: restart with it"

    async def _taken(self) -> str | None:
        return None if await seat_is_taken(self._db, self._seat) else "no process decides"

    async def _feeds(self) -> str | None:
        """Wrong where no grid of a facility has a real-time price within its limit."""
        grids = {row["body"]["iso_region"].casefold() for row in await all_facilities(self._db)}
        positions = {row["feed"]: row["position"] for row in await feed_status(self._db)}
        told = []
        for feed in self._running:
            live = feed.is_price and not feed.look_ahead and isinstance(feed.publication, Rolling)
            if feed.provider in grids and live:
                position = positions.get(feed.name)
                age = None if position is None else age_seconds(self._clock.now(), position)
                if age is not None and age <= feed.stale_after_seconds:
                    return None
                told.append(f"{feed.name} has brought nothing" if age is None else f"{feed.name} is {age:.0f} s old")
        if not grids:
            return None
        return "; ".join(told) or f"no price feed of {', '.join(sorted(grids)).upper()} runs"

    async def _decisions(self) -> str | None:
        """Wrong where no facility has a decision that is still good."""
        until = await decided_until(self._db)
        now = self._clock.now()
        if not until or any(end is not None and now <= end + _PATIENCE for end in until.values()):
            return None
        ended = [end for end in until.values() if end is not None]
        if not ended:
            return "none is made"
        return f"the newest decision ran out {(now - max(ended)).total_seconds():.0f} s ago"


def _answered(check: Check) -> Check:
    async def asked() -> str | None:
        try:
            return await check()
        except StoreUnavailable:
            return _AWAY

    return asked
