"""Counts wrong keys by address, so that guessing gets slow before it gets expensive."""

import time
from collections.abc import Callable

_BURST = 100.0
_PER_SECOND = 2.0
_MOST_ADDRESSES = 10_000


class Attempts:
    """A bucket of wrong attempts an address: so many at once, then so many a second."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._spent: dict[str, tuple[float, float]] = {}

    def wait_seconds(self, address: str) -> int:
        """0 while the address may try a key, else after how many whole seconds it may again."""
        over = self._level(address) - _BURST + 1.0
        return 0 if over <= 0 else int(over / _PER_SECOND) + 1

    def failed(self, address: str) -> None:
        """Notes a wrong key."""
        if address not in self._spent and len(self._spent) >= _MOST_ADDRESSES:
            del self._spent[next(iter(self._spent))]
        self._spent[address] = (self._level(address) + 1.0, self._monotonic())

    def _level(self, address: str) -> float:
        level, at = self._spent.get(address, (0.0, 0.0))
        return max(0.0, level - (self._monotonic() - at) * _PER_SECOND)
