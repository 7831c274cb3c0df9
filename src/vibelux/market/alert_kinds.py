"""What a person is alerted of, and what holds for each kind unless an operator says otherwise."""

from dataclasses import dataclass
from datetime import time
from enum import StrEnum


class AlertKind(StrEnum):
    """The kinds, by the names that settings and messages use."""

    STALE_DATA = "stale-data"
    """A price that a decision rests on is older than its limit, or was already when it first came."""
    PROVIDER_FAILING = "provider-failing"
    """A price feed cannot be had or read."""
    DECISION_UNAVAILABLE = "decision-unavailable"
    """Nothing can be said of what a plant should do."""
    DECISION_DEGRADED = "decision-degraded"
    """A decision rests on less than a live price."""
    BREAK_EVEN_CROSSED = "break-even-crossed"
    """The market's price is now on the other side of the price at which the plant's decision turns."""
    PRICE_CHANGE = "price-change"
    """A price moved by more than the threshold (a share: 0.05)."""
    PRICE_SPIKE = "price-spike"
    """Power costs at least the threshold (USD/kWh)."""
    NEGATIVE_PRICE = "negative-price"
    """Power costs less than the threshold (USD/kWh): who takes it is paid."""
    PLAN_CHANGED = "plan-changed"
    """An engine is now to be switched at another time than was planned, by the threshold (minutes) or more."""
    DR_EVENT = "dr-event"
    """A demand-response event has come or changed, was answered or called off."""
    ENGINE_NOT_FOLLOWING = "engine-not-following"
    """An engine reports that it does another thing than was decided."""
    FORECAST_OFF = "forecast-off"
    """Of today's prices a smaller share than the threshold lay within the band that was expected (80 %)."""


LASTING = frozenset(AlertKind) - {
    AlertKind.BREAK_EVEN_CROSSED,
    AlertKind.PRICE_CHANGE,
    AlertKind.PLAN_CHANGED,
    AlertKind.DR_EVENT,
}
"""States that end, and are then resolved; the others happen and are over."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds for a kind of alert."""

    threshold: float = 0.0
    minutes: float = 0.0
    """How long a state has to last before it is told."""
    urgent: bool = False
    """Whether it passes in quiet hours."""
    quiet: tuple[time, time] | None = None
    """From when to when, by the facility's clock, nobody is disturbed; over midnight where the second is earlier."""

    def is_quiet(self, clock: time) -> bool:
        """Whether it is quiet now.

        >>> night = Standing(quiet=(time(22), time(6)))
        >>> [night.is_quiet(time(hour)) for hour in (21, 22, 5, 6)]
        [False, True, True, False]
        """
        if self.quiet is None:
            return False
        begin, end = self.quiet
        return begin <= clock < end if begin <= end else clock >= begin or clock < end


DEFAULTS = {kind: Standing() for kind in AlertKind} | {
    AlertKind.DECISION_UNAVAILABLE: Standing(urgent=True),
    AlertKind.DR_EVENT: Standing(urgent=True),
    AlertKind.PRICE_CHANGE: Standing(threshold=0.05),
    AlertKind.PRICE_SPIKE: Standing(threshold=0.25),
    AlertKind.PLAN_CHANGED: Standing(threshold=60.0),
    AlertKind.ENGINE_NOT_FOLLOWING: Standing(minutes=10.0, urgent=True),
    AlertKind.FORECAST_OFF: Standing(threshold=0.5),
}


def kinds_named(text: str) -> tuple[AlertKind, ...]:
    """The kinds that a text names, separated by commas.

    Raises:
        ValueError: there is no such kind; the text has all of them.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = sorted(set(names) - set(AlertKind))
    if unknown:
        raise ValueError(f"no alert is of the kind {unknown[0]!r}; known: {', '.join(AlertKind)}")
    return tuple(dict.fromkeys(AlertKind(name) for name in names))
