"""Synthetic payloads of CAISO's feeds, in OASIS's own form and at the moments at which OASIS would give them out.

The same date and node give the same bytes, always. A payload is made when it is asked for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from zlib import crc32

from vibelux.feeds import Ask, Feed, feed_named
from vibelux.ingest.nodes import HUBS
from vibelux.market.intervals import Interval, local_date, local_day, to_utc
from vibelux.market.quality import Origin
from vibelux.replay.curve import Market, allowance_price, fuel_prices, node_prices
from vibelux.replay.oasis import REPORTS, ZONE, allowance_zip, fuel_zip, lmp_zip, zip_headers
from vibelux.replay.tape import Entry, Tape, write_tape

DEFAULT_NODES = HUBS["caiso"]
FEEDS = tuple(REPORTS)
_MARKETS = {
    "caiso/real-time-pricing": Market.REAL_TIME,
    "caiso/fifteen-minute-pricing": Market.FIFTEEN_MINUTE,
    "caiso/day-ahead-pricing": Market.DAY_AHEAD,
}
_LATE_SECONDS = 25
"""A publication mostly comes when it is due, now and then up to this much later."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One publication: which window it covers, and when it came."""

    feed: Feed
    window: Interval
    received_at: datetime


def synthesise(
    day: date,
    nodes: tuple[str, ...] = DEFAULT_NODES,
    feeds: tuple[str, ...] = FEEDS,
) -> Iterator[Entry]:
    """All payloads of a Pacific day, feed by feed: what is out when the day begins, then each new one.

    Args:
        day: the market day, 23 to 25 hours long.
        nodes: pricing nodes, under CAISO's names.
        feeds: which of `FEEDS`.
    """
    for name in feeds:
        for issue in issues_from_start(feed_named(name), local_day(day, ZONE)):
            yield from entries(issue, nodes)


def synth_tape(folder: Path, day: date, nodes: tuple[str, ...] = DEFAULT_NODES) -> Tape:
    """Writes the tape of a synthetic day and opens it.

    Raises:
        UsageError: a tape is already there.
    """
    payloads = sorted(synthesise(day, nodes), key=lambda entry: entry.received_at)
    return write_tape(folder, payloads, origin=Origin.SYNTHETIC, nodes=nodes, note=f"a synthetic duck-curve day, {day}")


def morning(day: date) -> datetime:
    """When a demo of that day best begins, UTC: late in the morning ramp, before the sun takes the price below zero."""
    return to_utc(datetime(day.year, day.month, day.day, 7, 30), ZONE, repeated=False)  # noqa: DTZ001 (naive on purpose)


def issues(feed: Feed, received: Interval) -> Iterator[Issue]:
    """What a feed gives out within a stretch of time."""
    due = feed.publication.next_after(received.start - timedelta(seconds=_LATE_SECONDS))
    while due < received.end:
        chance = crc32(f"{feed.name} {due:%Y%m%d%H%M}".encode()) / 2**32
        came = due + timedelta(seconds=int(_LATE_SECONDS * chance**6))
        if received.contains(came):
            yield Issue(feed, feed.publication.window(due), came)
        due = feed.publication.next_after(due)


def newest_issue(feed: Feed, moment: datetime) -> Issue:
    """The last thing that a feed has given out by a moment."""
    back = timedelta(seconds=2 * feed.cadence_seconds + _LATE_SECONDS)
    return list(issues(feed, Interval(moment - back, moment + timedelta(microseconds=1))))[-1]


def issues_from_start(feed: Feed, received: Interval) -> Iterator[Issue]:
    """The same for a tape of its own: what was out when it begins stands at its start."""
    yield replace(newest_issue(feed, received.start), received_at=received.start)
    yield from issues(feed, received)


def entries(issue: Issue, nodes: tuple[str, ...]) -> Iterator[Entry]:
    """An issue as the payloads that a collector gets which asks for those nodes (a feed without nodes ignores them)."""
    feed = issue.feed
    file_name = REPORTS[feed.name].file_name(issue.window, issue.received_at, ".zip")
    for request in feed.requests(Ask(issue.window, nodes if feed.nodal else ())):
        asked = tuple(parse_qs(urlsplit(request.url).query).get("node", [""])[0].split(",")) if feed.nodal else ()
        yield Entry(
            received_at=issue.received_at,
            feed=feed.name,
            url=request.url,
            status=200,
            headers=zip_headers(file_name),
            origin=Origin.SYNTHETIC,
            load=partial(_payload, feed.name, issue.window, issue.received_at, asked),
        )


@lru_cache(maxsize=64)
def _payload(feed: str, window: Interval, made_at: datetime, nodes: tuple[str, ...]) -> bytes:
    if feed in _MARKETS:
        prices = [price for node in nodes for price in node_prices(node, _MARKETS[feed], window)]
        return lmp_zip(REPORTS[feed], prices, window, made_at)
    make: dict[str, Callable[[], bytes]] = {
        "caiso/gas-price-index": lambda: fuel_zip({day: fuel_prices(day) for day in days(window)}, window, made_at),
        "caiso/ghg-allowance": lambda: allowance_zip(
            {day: allowance_price(day) for day in days(window)}, window, made_at
        ),
    }
    return make[feed]()


def days(window: Interval) -> Iterator[date]:
    """The whole Pacific days that begin within a window."""
    day = local_date(window.start, ZONE)
    while local_day(day, ZONE).start < window.end:
        if local_day(day, ZONE).start >= window.start:
            yield day
        day += timedelta(days=1)
