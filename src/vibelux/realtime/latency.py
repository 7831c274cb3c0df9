"""Where the time went between a price's publication and its decision: kept with each decision that a price has caused.

Stamps are of the service's clock. Durations are real seconds, also in a replay; only the wait for the fetch is
the clock's own, since an upstream publishes by that.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from vibelux.ingest.events import MarketDataUpdated
from vibelux.market.clock import Clock
from vibelux.market.intervals import iso_z


@dataclass(frozen=True, slots=True)
class Latency:
    """The moments that the newest price passed on its way."""

    published_at: datetime | None
    """When it was due by its feed's declaration; None where that is not known."""
    fetched_at: datetime
    stored_at: datetime | None
    decided_at: datetime | None = None

    @classmethod
    def of(cls, event: MarketDataUpdated) -> Self:
        """As far as an event tells."""
        return cls(event.published_at, event.received_at, event.stored_at)

    def stages(self, clock: Clock, pushed_at: datetime | None = None) -> dict[str, float]:
        """Seconds from each moment to the next, of those that are known."""
        spans = {
            "fetchedToStored": (self.fetched_at, self.stored_at),
            "storedToDecided": (self.stored_at, self.decided_at),
            "decidedToPushed": (self.decided_at, pushed_at),
        }
        found = {
            name: round(clock.real_seconds(max(0.0, (end - start).total_seconds())), 4)
            for name, (start, end) in spans.items()
            if start is not None and end is not None
        }
        if self.published_at is not None:
            waited = max(0.0, (self.fetched_at - self.published_at).total_seconds())
            found = {"publishedToFetched": round(waited, 3), **found}
        return found

    def as_json(self, clock: Clock) -> dict[str, Any]:
        """The decision's `latency`."""
        stamps = {
            "publishedAt": self.published_at,
            "fetchedAt": self.fetched_at,
            "storedAt": self.stored_at,
            "decidedAt": self.decided_at,
        }
        told = {name: None if moment is None else iso_z(moment) for name, moment in stamps.items()}
        return {**told, "seconds": self.stages(clock)}
