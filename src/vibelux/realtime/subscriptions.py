"""Outbox messages as they are committed, for whoever in this process listens to a facility."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any

Message = dict[str, Any]
"""`seq`, `type`, `body`, `created_at`, as `store.decisions` gives them."""

_MOST_WAITING = 10_000
"""A listener this far behind is ended: the messages are in the outbox, and it may ask for them there."""


class Subscription:
    """One listener's messages, in order; iteration ends when the listener leaves, falls behind or the desk stops."""

    def __init__(self, leave: "Subscriptions", facility_id: str) -> None:
        self._all = leave
        self._facility_id = facility_id
        self._waiting: asyncio.Queue[Message | None] = asyncio.Queue()

    def put(self, message: Message | None) -> None:
        """Adds a message; None ends the iteration."""
        if self._waiting.qsize() >= _MOST_WAITING:
            message = None
        self._waiting.put_nowait(message)

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Messages as they come."""
        while (message := await self._waiting.get()) is not None:
            yield message

    async def aclose(self) -> None:
        """Leaves."""
        self._all.leave(self._facility_id, self)


class Subscriptions:
    """All listeners, by facility."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Subscription]] = defaultdict(set)

    @property
    def facilities(self) -> set[str]:
        """Those that somebody listens to."""
        return set(self._listeners)

    def join(self, facility_id: str) -> Subscription:
        """A listener that from now on gets every message of the facility."""
        subscription = Subscription(self, facility_id)
        self._listeners[facility_id].add(subscription)
        return subscription

    def leave(self, facility_id: str, subscription: Subscription) -> None:
        """Forgets a listener; one that has left already does no harm."""
        listeners = self._listeners.get(facility_id, set())
        listeners.discard(subscription)
        if not listeners:
            self._listeners.pop(facility_id, None)
        subscription.put(None)

    def publish(self, facility_id: str, messages: Sequence[Message]) -> None:
        """Gives committed messages to the facility's listeners; never waits."""
        for subscription in tuple(self._listeners.get(facility_id, ())):
            for message in messages:
                subscription.put(message)

    def close(self) -> None:
        """Ends all iterations."""
        for facility_id, listeners in tuple(self._listeners.items()):
            for subscription in tuple(listeners):
                self.leave(facility_id, subscription)
