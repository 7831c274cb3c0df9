"""The one seam through which time enters: live, virtual or frozen. Nothing else reads a clock."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What every room is given instead of the machine's clock."""

    def now(self) -> datetime:
        """The moment, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits so many seconds of this clock."""
        ...

    def real_seconds(self, seconds: float) -> float:
        """How many seconds of the wall these seconds of the clock take."""
        ...


class LiveClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The moment, UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Waits so many seconds."""
        await asyncio.sleep(max(0.0, seconds))

    def real_seconds(self, seconds: float) -> float:
        """The same number."""
        return seconds


class VirtualClock:
    """A clock that starts at `start` (UTC) and runs `speed` times as fast as the machine's.

    A held one stands at its start until it is released: what is driven by it can get ready first.
    """

    def __init__(self, start: datetime, speed: float = 1.0, *, held: bool = False) -> None:
        if speed <= 0:
            raise ValueError("a virtual clock runs forwards: speed must be positive")
        self._start = start.astimezone(UTC)
        self._origin = None if held else time.monotonic()
        self.speed = speed

    def release(self) -> None:
        """Lets a held clock run; a running one is not disturbed."""
        if self._origin is None:
            self._origin = time.monotonic()

    def now(self) -> datetime:
        """The virtual moment, UTC."""
        if self._origin is None:
            return self._start
        return self._start + timedelta(seconds=(time.monotonic() - self._origin) * self.speed)

    async def sleep(self, seconds: float) -> None:
        """Waits so many virtual seconds."""
        await asyncio.sleep(max(0.0, seconds) / self.speed)

    def real_seconds(self, seconds: float) -> float:
        """Virtual seconds in seconds of the wall."""
        return seconds / self.speed


class FrozenClock:
    """A clock for tests: stands still until moved; sleeping moves it."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment.astimezone(UTC)

    def now(self) -> datetime:
        """The moment that was set, UTC."""
        return self.moment

    def move(self, seconds: float) -> None:
        """Moves the clock forward."""
        self.moment += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        """Moves the clock forward at once and lets other tasks run."""
        self.move(max(0.0, seconds))
        await asyncio.sleep(0)

    def real_seconds(self, seconds: float) -> float:
        """Nothing really waits."""
        return 0.0 * seconds
