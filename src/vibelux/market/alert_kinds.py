"""What a person is alerted of."""

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
    """A price moved by more than the threshold."""
    DR_EVENT = "dr-event"
    """A demand-response event has come, changed or ended."""


LASTING = frozenset(
    {
        AlertKind.STALE_DATA,
        AlertKind.PROVIDER_FAILING,
        AlertKind.DECISION_UNAVAILABLE,
        AlertKind.DECISION_DEGRADED,
    }
)
"""States that end, and are then resolved; the others happen and are over."""


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
