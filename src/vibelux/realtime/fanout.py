"""Committed messages to whoever listens in this process, also those that another process has committed.

What this process commits goes to its listeners at once. Of everything else there is a hint by Redis, or a look at the
database each second: the messages themselves are always read from the outbox, where they stand in their order, once.
A hint that is lost costs a second; a listener never sees a hole, a number twice or a message out of turn.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import structlog

from vibelux.market.errors import StoreUnavailable
from vibelux.realtime.subscriptions import Message, Subscription, Subscriptions
from vibelux.store import decisions as kept
from vibelux.store.database import Database
from vibelux.store.shared import Shared

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0
_CHANNEL = "outbox"
_PAGE = 500


class FanOut:
    """All listeners of this process. `run` has to run where other processes commit too.

    Args:
        db: the store.
        shared: where processes leave each other hints; None: there is no such place.
    """

    def __init__(self, db: Database, shared: Shared | None = None) -> None:
        self._db = db
        self._shared = shared
        self._listening = Subscriptions()
        self._told: dict[str, int] = {}
        """By facility that has listeners, the number up to which they have been told everything."""
        self._behind: set[str] = set()
        self._wake = asyncio.Event()
        if shared is not None:
            shared.hear(_CHANNEL, self._hear)
            shared.on_return(self._look_at_all)

    async def subscribe(self, facility_id: str) -> Subscription:
        """From the moment this returns, every message committed for the facility is delivered.

        Raises:
            StoreUnavailable: the database is away.
        """
        if facility_id not in self._told:
            newest = await kept.last_seq(self._db, facility_id)
            self._told.setdefault(facility_id, newest)
        return self._listening.join(facility_id)

    def publish(self, facility_id: str, messages: Sequence[Message]) -> None:
        """Passes on what this process has committed, with its numbers; never waits."""
        if not messages:
            return
        if self._shared is not None:
            self._shared.hint(_CHANNEL, facility_id)
        told = self._told.get(facility_id)
        if told is None:
            return
        if messages[0]["seq"] == told + 1:
            self._deliver(facility_id, messages)
        elif messages[-1]["seq"] > told:
            self._fetch(facility_id)  # another's commit came between: the outbox has both in their order

    async def send(self, facility_id: str, messages: Sequence[Message], at: datetime) -> None:
        """Commits messages that belong to no decision, and passes them on.

        Raises:
            StoreUnavailable: the database is away; nothing is kept.
        """
        numbers = await kept.add_messages(self._db, facility_id, messages, at)
        self.publish(facility_id, numbered(messages, numbers, at))

    async def run(self) -> None:
        """Fetches what others have committed, until cancelled. The database being away is waited out."""
        now = asyncio.get_running_loop().time
        looked = now()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            try:
                if now() - looked >= _LOOK_SECONDS:
                    await self._look()
                    looked = now()
                await self._catch_up()
            except StoreUnavailable as error:
                log.info("the store is away; listeners wait", error=str(error))
                await asyncio.sleep(_LOOK_SECONDS)

    def close(self) -> None:
        """Ends all subscriptions."""
        self._listening.close()
        self._told.clear()

    def _deliver(self, facility_id: str, messages: Sequence[Message]) -> None:
        told = self._told[facility_id]
        new = [message for message in messages if message["seq"] > told]
        if new:
            self._told[facility_id] = new[-1]["seq"]
            self._listening.publish(facility_id, new)

    def _fetch(self, facility_id: str) -> None:
        self._behind.add(facility_id)
        self._wake.set()

    def _hear(self, facility_id: str) -> None:
        if facility_id in self._told:
            self._fetch(facility_id)

    def _look_at_all(self) -> None:
        self._behind |= set(self._told)
        self._wake.set()

    async def _look(self) -> None:
        """Compares what has been told with what there is; facilities that nobody listens to any more are let go."""
        for facility_id in set(self._told) - self._listening.facilities:
            del self._told[facility_id]
        if self._told:
            newest = await kept.last_seqs(self._db, list(self._told))
            self._behind |= {name for name, seq in newest.items() if seq > self._told.get(name, seq)}

    async def _catch_up(self) -> None:
        while self._behind:
            facility_id = self._behind.pop()
            told = self._told.get(facility_id)
            if told is None:
                continue
            try:
                messages = await kept.messages_since(self._db, facility_id, told, _PAGE)
                if messages is None:  # so old that they are gone: a socket sees the hole and takes the newest state
                    newest = await kept.last_seq(self._db, facility_id)
                    self._told[facility_id] = max(newest, self._told.get(facility_id, 0))
                    continue
            except StoreUnavailable:
                self._behind.add(facility_id)
                raise
            if facility_id in self._told:
                self._deliver(facility_id, messages)
            if len(messages) == _PAGE:
                self._behind.add(facility_id)


def numbered(messages: Sequence[Message], numbers: Sequence[int], at: datetime) -> list[Message]:
    """Messages as the outbox has them."""
    return [
        {"seq": seq, "type": message["type"], "body": message["body"], "created_at": at}
        for seq, message in zip(numbers, messages, strict=True)
    ]
