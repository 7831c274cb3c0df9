"""The circuit breaker of one upstream service: after failures in a row it is left alone, then asked once to see."""

from datetime import datetime, timedelta

from vibelux.market.errors import CircuitOpen
from vibelux.market.intervals import iso_z

FAILURES_TO_OPEN = 5
SHORTEST = timedelta(seconds=30)
LONGEST = timedelta(minutes=5)
LONGEST_FOR_PRICES = timedelta(seconds=15)
"""A price is asked for again within half a minute, waiting in line included."""
LONGEST_HOLD = timedelta(hours=1)
"""An upstream that asks for a year of patience is asked again after an hour."""
PROBE_PATIENCE = timedelta(seconds=5)


class Breaker:
    """Closed, open, or letting one request through to see. It holds no clock: callers say what time it is."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._failures = 0
        self._failed_at: datetime | None = None
        self._held_until: datetime | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether the service failed so often that requests are held back."""
        return self._failures >= FAILURES_TO_OPEN

    def closed_until(self, now: datetime, *, price: bool) -> datetime | None:
        """When the next request will be let through; None if it would be now."""
        if self._held_until is not None and now < self._held_until:
            return self._held_until
        if not self.is_open or self._failed_at is None:
            return None
        rest = min(SHORTEST * 2 ** (self._failures - FAILURES_TO_OPEN), LONGEST)
        retry_at = self._failed_at + (min(rest, LONGEST_FOR_PRICES) if price else rest)
        if self._probing:
            retry_at = max(retry_at, now + PROBE_PATIENCE)
        return retry_at if now < retry_at else None

    def admit(self, now: datetime, *, price: bool) -> None:
        """Lets a request through; each must be answered by `succeeded`, `failed` or `abandoned`.

        Raises:
            CircuitOpen: not now; it says when.
        """
        retry_at = self.closed_until(now, price=price)
        if retry_at is not None:
            raise CircuitOpen(f"{self._service} is left alone until {iso_z(retry_at)}", retry_at=retry_at)
        self._probing = self.is_open

    def succeeded(self) -> None:
        """The service answered."""
        self._failures = 0
        self._failed_at = None
        self._held_until = None
        self._probing = False

    def failed(self, now: datetime) -> None:
        """The service did not answer, or only that it cannot."""
        self._failures = min(self._failures + 1, FAILURES_TO_OPEN + 10)
        self._failed_at = now
        self._probing = False

    def abandoned(self) -> None:
        """The request was given up before anything could be learnt."""
        self._probing = False

    def hold(self, now: datetime, seconds: float) -> None:
        """The service itself asked for so much patience."""
        self._held_until = now + min(timedelta(seconds=max(0.0, min(seconds, 1e6))), LONGEST_HOLD)
