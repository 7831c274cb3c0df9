"""Token buckets: so much at once, then so much a second, for each of many names."""

import time
from collections.abc import Callable

_MOST_NAMES = 10_000


class Buckets:
    """One bucket a name; who was quiet longest is forgotten first when there are too many.

    Args:
        burst: how many at once.
        per_second: how fast a bucket fills again.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(self, *, burst: float, per_second: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._per_second = per_second
        self._monotonic = monotonic
        self._spent: dict[str, tuple[float, float]] = {}

    def wait_seconds(self, name: str) -> int:
        """0 while the bucket holds one more, else after how many whole seconds it will."""
        over = self._level(name) - self._burst + 1.0
        return 0 if over <= 0 else int(over / self._per_second) + 1

    def spend(self, name: str) -> None:
        """Takes one out."""
        if name not in self._spent and len(self._spent) >= _MOST_NAMES:
            del self._spent[next(iter(self._spent))]
        level = self._level(name) + 1.0
        self._spent.pop(name, None)  # so that who was quiet longest stands first
        self._spent[name] = (level, self._monotonic())

    def _level(self, name: str) -> float:
        """How much is out."""
        level, at = self._spent.get(name, (0.0, 0.0))
        return max(0.0, level - (self._monotonic() - at) * self._per_second)
