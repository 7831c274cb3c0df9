"""Reads a payload and says what it holds of what was asked: newest interval, gaps, unknown nodes; invents nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from vibelux.feeds import Ask, Daily, Feed, Parsed, Payload, Rolling, read
from vibelux.market.intervals import floor_to, local_day

_TIMES = {
    "electricity-price": ("market_interval_start", "market_interval_end"),
    "ancillary-price": ("interval_start", "interval_end"),
    "constraint": ("interval_start", "interval_end"),
    "series": ("valid_start", "valid_end"),
    "gas-price": ("trading_date", "trading_date"),
    "carbon-price": ("trading_date", "trading_date"),
    "capacity-price": ("delivery_start", "delivery_end"),
}
_LONGEST_LATENCY_MS = 2**31 - 1


@dataclass(slots=True)
class Coverage:
    """What the payloads of one ask hold together, for the feed's own kind of record."""

    newest_end: datetime | None = None
    """UTC; a trading date ends with its day in the market's zone."""
    nodes_at: dict[datetime, set[str]] = field(default_factory=dict)
    """For each interval's start, the asked nodes that have a row (of a feed without nodes: an empty set)."""

    def add(self, other: "Coverage") -> None:
        """Takes another payload's into account."""
        ends = [end for end in (self.newest_end, other.newest_end) if end is not None]
        self.newest_end = max(ends, default=None)
        for start, nodes in other.nodes_at.items():
            self.nodes_at.setdefault(start, set()).update(nodes)

    def unknown_nodes(self, ask: Ask) -> tuple[str, ...]:
        """The asked nodes without any row; empty where there are no rows at all (that is a gap, not a wrong name)."""
        known = set().union(*self.nodes_at.values())
        return tuple(node for node in ask.nodes if node not in known) if known else ()

    def gaps(self, feed: Feed, ask: Ask) -> list[datetime]:
        """The starts of intervals inside the asked window that some known node lacks, though a later one has come.

        What is missing at the end is late and no gap: the schedule asks for it again.
        """
        if not isinstance(feed.publication, Rolling) or not self.nodes_at or self.newest_end is None:
            return []
        if feed.nodal and not feed.is_price:
            return []  # places on a map are measured when it suits them
        wanted = set(ask.nodes) - set(self.unknown_nodes(ask))
        step = feed.publication.step
        start = floor_to(ask.window.start + step - timedelta(microseconds=1), step)
        until = min(ask.window.end, self.newest_end)
        missing = []
        while start + step <= until:
            if start not in self.nodes_at or not wanted <= self.nodes_at[start]:
                missing.append(start)
            start += step
        return missing


@dataclass(frozen=True, slots=True)
class Findings:
    """A payload, read and looked over."""

    parsed: Parsed
    covered: Coverage


def examine(feed: Feed, payload: Payload, nodes: Iterable[str] = ()) -> Findings:
    """Reads a payload; slow for large ones, so it belongs in a thread.

    Of a look ahead only the asked nodes are left: the next one replaces it in minutes, and nobody reads the others.

    Raises:
        FeedError: it cannot be read.
    """
    parsed = read(feed, payload)
    if feed.look_ahead and nodes:
        import polars as pl

        asked = pl.col("pricing_node").is_in(list(nodes))
        parsed.frames[feed.kind] = parsed.frames[feed.kind].filter(asked)
    return Findings(parsed, coverage(feed, parsed, nodes))


def coverage(feed: Feed, parsed: Parsed, nodes: Iterable[str] = ()) -> Coverage:
    """What one payload holds of the feed's own kind."""
    import polars as pl

    frame = parsed.frames.get(feed.kind)
    if frame is not None and feed.market:
        frame = frame.filter(pl.col("market") == feed.market)  # a look ahead is no proof that a price has come
    if frame is None or frame.is_empty() or feed.kind not in _TIMES:
        return Coverage()
    start, end = _TIMES[feed.kind]
    newest = frame[end].max()
    found = Coverage(newest_end=_moment(newest, feed) if isinstance(newest, date) else None)
    if frame.schema[start] != pl.Date:
        found.nodes_at = {moment: set() for moment in frame[start].unique()}
        if nodes and "pricing_node" in frame.columns:
            asked = frame.filter(pl.col("pricing_node").is_in(list(nodes))).select(start, "pricing_node").unique()
            for moment, node in asked.iter_rows():
                found.nodes_at[moment].add(node)
    return found


def _moment(newest: date, feed: Feed) -> datetime:
    return newest if isinstance(newest, datetime) else local_day(newest, feed.timezone).end


def latency_ms(feed: Feed, newest_end: datetime | None, received_at: datetime) -> int | None:
    """Milliseconds from the moment at which the newest interval was due to its arrival; None if not known."""
    if newest_end is None:
        return None
    publication = feed.publication
    if isinstance(publication, Daily):
        due = publication.next_after(received_at - timedelta(days=1))
    else:
        due = newest_end - publication.step + publication.lag
    late = (received_at - due) / timedelta(milliseconds=1)
    return min(max(0, round(late)), _LONGEST_LATENCY_MS)


def is_complete(feed: Feed, newest_end: datetime | None, asked_at: datetime) -> bool:
    """Whether what was due when it was asked for has come."""
    if feed.kind not in _TIMES:
        return True
    return newest_end is not None and newest_end >= feed.publication.known_until(asked_at)
