"""What the processes of one installation share beside their database: a Redis for hints and for copies of answers.

Everything in it may be lost at any moment. The database is the truth: a hint only says that there is something new in
it, a copy only saves a read. So nothing here ever raises or waits long; while Redis is away, readers find nothing and
hints go nowhere, and whoever listens is told when it is back, to look for itself what was missed.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from redis.asyncio.client import PubSub

log = structlog.get_logger(__name__)

_ANSWER_SECONDS = 0.5
_LOOK_SECONDS = 0.5
_PING_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0
_MOST_HINTS = 10_000

Hear = Callable[[str], None]


class Shared:
    """A Redis that may be away. `run` has to run: it connects, listens, and sends.

    Args:
        url: `redis://`, `rediss://` or `unix://`.
        namespace: of the installation; others may use the same Redis.
        shows: is told whether Redis is there.
    """

    def __init__(self, url: str, namespace: str, *, shows: Callable[[bool], None] = lambda _: None) -> None:
        from redis.asyncio import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._redis = Redis.from_url(
            url,
            socket_timeout=_ANSWER_SECONDS,
            socket_connect_timeout=_ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._namespace = namespace
        self._shows = shows
        self._hears: dict[str, list[Hear]] = defaultdict(list)
        self._returns: list[Callable[[], None]] = []
        self._hints: asyncio.Queue[tuple[str, str]] = asyncio.Queue(_MOST_HINTS)
        self._told_away = False
        self.is_there = False

    def hear(self, channel: str, callback: Hear) -> None:
        """Calls `callback(text)` at each hint of another process, or of this one; to be said before `run`."""
        self._hears[channel].append(callback)

    def on_return(self, callback: Callable[[], None]) -> None:
        """Calls back each time that Redis has come (back): hints may have been missed."""
        self._returns.append(callback)

    def hint(self, channel: str, text: str) -> None:
        """Tells all processes; never waits."""
        if self.is_there:
            with suppress(asyncio.QueueFull):
                self._hints.put_nowait((channel, text))

    async def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """What lies under these keys; None where nothing does, or Redis is away."""
        if self.is_there:
            async with self._trying():
                found = await self._redis.mget([self._named(key) for key in keys])
                return [value if isinstance(value, bytes) else None for value in found]
        return [None] * len(keys)

    async def lay(self, key: str, value: bytes, seconds: float) -> None:
        """Puts a copy there for so many seconds."""
        if self.is_there and seconds > 0:
            async with self._trying():
                await self._redis.set(self._named(key), value, px=max(1, round(seconds * 1000)))

    async def raise_version(self, key: str) -> None:
        """Raises a counter: copies that were made under its old value count no more."""
        if self.is_there:
            async with self._trying():
                await self._redis.incr(self._named(key))

    async def run(self) -> None:
        """Keeps the connection until cancelled."""
        pause = _FIRST_PAUSE_SECONDS
        try:
            while True:
                async with self._trying(), self._redis.pubsub() as listening:
                    await listening.subscribe(*(self._named(channel) for channel in (*self._hears, "")))
                    self._is_back()
                    pause = _FIRST_PAUSE_SECONDS
                    await self._serve(listening)
                await self._redis.connection_pool.disconnect()  # those that are left lead to a server that is gone
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        finally:
            self.is_there = False
            await self._redis.aclose()

    async def _serve(self, listening: "PubSub") -> None:
        """Sends hints and hears others', until the connection breaks."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send())
            tasks.create_task(self._listen(listening))

    async def _send(self) -> None:
        while True:
            channel, text = await self._hints.get()
            await self._redis.publish(self._named(channel), text)

    async def _listen(self, listening: "PubSub") -> None:
        loop = asyncio.get_running_loop()
        pinged = loop.time()
        while True:
            message = await listening.get_message(ignore_subscribe_messages=True, timeout=_LOOK_SECONDS)
            if not self.is_there:
                raise ConnectionError("a command failed; begin anew")
            if message is not None:
                channel = message["channel"].decode().removeprefix(self._named(""))
                for callback in self._hears[channel]:
                    callback(message["data"].decode())
            if loop.time() - pinged >= _PING_SECONDS:  # a half-open connection would be silent for ever
                pinged = loop.time()
                await self._redis.ping()

    def _is_back(self) -> None:
        self.is_there, self._told_away = True, False
        self._shows(True)
        log.info("redis is there")
        for callback in self._returns:
            callback()

    def _named(self, name: str) -> str:
        return f"vibelux:{self._namespace}:{name}"

    @asynccontextmanager
    async def _trying(self) -> AsyncIterator[None]:
        """What fails here was not worth failing for; it is said once until Redis is back."""
        from redis.exceptions import RedisError

        try:
            yield
        except* (RedisError, OSError, TimeoutError) as errors:
            self.is_there = False
            self._shows(False)
            if not self._told_away:
                self._told_away = True
                error = errors.exceptions[0]
                log.warning("redis is away; the service goes on without it", error=f"{type(error).__name__}: {error}")
