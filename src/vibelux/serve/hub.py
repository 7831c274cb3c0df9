"""One subscription a facility, many sockets: each message is encoded once and laid into every mailbox."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from vibelux.serve.answers import outbox_frame
from vibelux.serve.errors import report
from vibelux.serve.line import ready_frame
from vibelux.serve.ports import Desk, Row, Subscription

AtOnce = Callable[[int, bytes], bool]
"""Sends a message's number and ready frame past the mailbox; False where that cannot be."""

_AT_A_STRETCH = 256
"""Sockets that are written to before others get their turn."""


class Mailbox:
    """The messages that wait for one socket: so many, and when there are more, none but the word that some are lost."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[tuple[int, str]] = deque()
        self._something = asyncio.Event()
        self._is_awaited = False
        self.at_once: AtOnce | None = None
        """Tried first where nothing waits and the reader of this mailbox does."""
        self.overflowed = False
        self.closed = False

    def put(self, seq: int, text: str, frame: bytes) -> None:
        """Adds a message; never waits. Too many and all that waited is dropped: the newest state says more."""
        is_next = self._is_awaited and not self._waiting and not self.overflowed
        if is_next and self.at_once is not None and self.at_once(seq, frame):
            return
        if len(self._waiting) >= self._most:
            self.overflowed = True
        if self.overflowed:
            self._waiting.clear()
        else:
            self._waiting.append((seq, text))
        self._something.set()

    def close(self) -> None:
        """No more will come: the desk has stopped."""
        self.closed = True
        self._something.set()

    async def wait(self, seconds: float) -> None:
        """Returns when something is there, at the latest after so many seconds."""
        self._is_awaited = True
        try:
            async with asyncio.timeout(seconds):
                await self._something.wait()
        except TimeoutError:
            return
        finally:
            self._is_awaited = False

    def take(self) -> list[tuple[int, str]]:
        """What waits, in order."""
        taken = list(self._waiting)
        self._waiting.clear()
        if not self.closed:
            self._something.clear()
        return taken

    def begin_anew(self) -> None:
        """Takes messages again after an overflow; to be called before the newest state is read."""
        self.overflowed = False


@dataclass(slots=True)
class _Channel:
    subscription: Subscription
    mailboxes: set[Mailbox] = field(default_factory=set)
    pump: asyncio.Task[None] | None = None


class Hub:
    """Joins sockets to facilities. A facility without sockets costs nothing."""

    def __init__(self, desk: Desk, most: int) -> None:
        self._desk = desk
        self._most = most
        self._channels: dict[str, _Channel] = {}
        self._joining = asyncio.Lock()

    async def join(self, facility_id: str) -> Mailbox:
        """A mailbox that from now on gets every message of the facility."""
        mailbox = Mailbox(self._most)
        async with self._joining:
            channel = self._channels.get(facility_id)
            if channel is None:
                channel = _Channel(await self._desk.subscribe(facility_id))
                self._channels[facility_id] = channel
                channel.pump = asyncio.create_task(self._pump(facility_id, channel))
            channel.mailboxes.add(mailbox)
        return mailbox

    async def leave(self, facility_id: str, mailbox: Mailbox) -> None:
        """Gives a mailbox back; the last one to leave ends the subscription."""
        async with self._joining:
            channel = self._channels.get(facility_id)
            if channel is None or mailbox not in channel.mailboxes:
                return
            channel.mailboxes.discard(mailbox)
            if not channel.mailboxes:
                del self._channels[facility_id]
                if channel.pump is not None:
                    channel.pump.cancel()
                await channel.subscription.aclose()

    async def _pump(self, facility_id: str, channel: _Channel) -> None:
        try:
            async for message in channel.subscription:
                await self._spread(channel, message)
        except Exception as error:
            report("a facility's messages broke off", error, facility=facility_id)
        if self._channels.get(facility_id) is channel:
            del self._channels[facility_id]
        await channel.subscription.aclose()  # it may have ended by falling behind, and would be filled on and on
        for mailbox in channel.mailboxes:
            mailbox.close()

    @staticmethod
    async def _spread(channel: _Channel, message: Row) -> None:
        text = outbox_frame(message)
        frame = ready_frame(text)
        for number, mailbox in enumerate(tuple(channel.mailboxes), 1):
            mailbox.put(message["seq"], text, frame)
            if number % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)
