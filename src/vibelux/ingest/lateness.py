"""How late a feed is, by what it declares of its publication and what is stored of it: in seconds and in words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vibelux.feeds import Daily, Feed
from vibelux.market.intervals import iso_z, local_naive

_ZONES = {
    "America/Los_Angeles": "Pacific",
    "America/Denver": "Mountain",
    "America/Chicago": "Central",
    "America/New_York": "Eastern",
    "UTC": "UTC",
}
_WORTH_A_WORD = 60.0
"""Seconds: a poll takes its turn, so a moment late is not late."""
_DAY = timedelta(days=1)
_JUST_BEFORE = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Lateness:
    """What is expected of a feed."""

    expected_at: datetime
    """When the first thing that is not there yet comes, or should have come; UTC."""
    late_seconds: float | None
    """Seconds since then, 0 before; None where nothing was ever stored, or records of the kind have no interval."""
    words: str

    def as_json(self) -> dict[str, Any]:
        """As `/api/feeds` has it."""
        return {"expectedAt": iso_z(self.expected_at), "lateSeconds": self.late_seconds, "expected": self.words}


def lateness(feed: Feed, now: datetime, position: datetime | None, received_at: datetime | None = None) -> Lateness:
    """What is expected of a feed at a moment.

    Args:
        feed: with its publication.
        now: UTC.
        position: the end of the newest interval stored, None where there is none.
        received_at: when the newest payload came, None where none ever came.
    """
    following = feed.publication.next_after(now)
    if position is None:
        came = "next" if received_at is not None else "nothing has come yet,"
        return Lateness(following, None, f"{came} expected {_at(feed, following, now)}")
    if position >= feed.publication.known_until(now):
        return Lateness(following, 0.0, f"next expected {_at(feed, following, now)}")
    due = _publication_of_what_follows(feed, position)
    late = max(0.0, (now - due).total_seconds())
    ending = f"late {_length(late)}" if late >= _WORTH_A_WORD else "due now"
    return Lateness(due, late, f"expected {_at(feed, due, now)}, {ending}")


def _publication_of_what_follows(feed: Feed, position: datetime) -> datetime:
    """When the first interval behind a position comes."""
    publication = feed.publication
    if not isinstance(publication, Daily):
        return publication.next_after(position + publication.lag - _JUST_BEFORE)
    due = publication.next_after(position - (publication.days_ahead + 2) * _DAY)
    while publication.known_until(due) <= position:
        due = publication.next_after(due)
    return due


def _at(feed: Feed, moment: datetime, now: datetime) -> str:
    """A moment on the market's clock, with its date if that is another than today's."""
    local, today = local_naive(moment, feed.timezone), local_naive(now, feed.timezone).date()
    zone = _ZONES.get(feed.timezone, feed.timezone)
    seconds = ":%S" if local.second else ""
    day = "" if local.date() == today else f" on {local.date()}"
    return f"{local:%H:%M}{local.strftime(seconds)} {zone}{day}"


def _length(seconds: float) -> str:
    """In the unit that people would use.

    >>> _length(1320.0)
    '22 min'
    """
    if seconds < 7_200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"
