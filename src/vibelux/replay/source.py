"""What the loopback upstream serves: a tape, and when it ends, or where there is none, synthetic days without end."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Self
from urllib.parse import parse_qsl, urlsplit

import structlog

from vibelux.feeds import Ask, Feed, Payload, feed_named, read
from vibelux.market.errors import FeedError, TimeRefused
from vibelux.market.intervals import Interval, floor_to, local_day
from vibelux.market.quality import Origin
from vibelux.replay.record import is_secret
from vibelux.replay.synth import DEFAULT_NODES, FEEDS, entries, newest_issue
from vibelux.replay.tape import Entry, Tape

_log = structlog.get_logger(__name__)

_TIME_NAME = re.compile(r"(?i:date|time)|(^|_)(start|end|from|to|begin|period1|period2)$|(From|To)$")
_TIME_VALUE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}T\d{2}|\d{1,2}/\d{1,2}/\d{4}")
_FORM = {"version", "resultformat"}
_WHOM = {"node", "grp_type"}
_HOUR = timedelta(hours=1)
_LONGEST_WINDOW = timedelta(days=31)
_ANY_DAY = date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request is about, whatever its window and form: so is told which recorded payload answers it."""

    path: str
    parameters: tuple[tuple[str, str], ...]
    nodes: frozenset[str] = frozenset()
    """Empty: all, or the report knows no nodes."""
    window: Interval | None = field(default=None, compare=False)
    """What stretch was asked for, where OASIS is asked."""

    @classmethod
    def by(cls, url: str) -> Self:
        """The identity of a request by its address."""
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        kept = sorted(
            (name, value)
            for name, value in query
            if name not in _FORM | _WHOM
            and not is_secret(name)
            and not _TIME_NAME.search(name)
            and not _TIME_VALUE.match(value)
        )
        nodes = frozenset(node for name, value in query if name == "node" for node in value.split(",") if node)
        return cls(parts.path, tuple(kept), nodes, _window(dict(query)))

    @property
    def report(self) -> "Wanted":
        """The same without nodes."""
        return replace(self, nodes=frozenset(), window=None)


class TapeSource:
    """The newest payload for each request at each moment."""

    def __init__(self, tape: Tape | None = None, nodes: Sequence[str] = ()) -> None:
        """Takes a tape, or none for synthetic days only.

        Args:
            tape: played first.
            nodes: the nodes of synthetic days; else those of the tape, else the default.
        """
        self.tape = tape
        self.nodes = tuple(nodes) or (tape.nodes if tape else ()) or DEFAULT_NODES
        self._recorded: dict[Wanted, list[Entry]] = defaultdict(list)
        for entry in tape or ():
            self._recorded[Wanted.by(entry.url).report].append(entry)
        self._synthetic = {report: feed for feed in map(feed_named, FEEDS) for report in _reports(feed, self.nodes)}
        self._known_until: dict[Wanted, datetime] = {}
        self._said_so = False

    @property
    def origin(self) -> Origin:
        """Of the tape, or synthetic."""
        return self.tape.origin if self.tape else Origin.SYNTHETIC

    @property
    def feeds(self) -> frozenset[str]:
        """The names of the feeds that are worth asking for: those of the tape, or all synthetic ones."""
        if self.tape is not None:
            return frozenset(entry.feed for entry in self.tape)
        return frozenset(feed.name for feed in self._synthetic.values())

    def feed_of(self, wanted: Wanted) -> str | None:
        """The name of the feed that such a request belongs to."""
        recorded = self._recorded.get(wanted.report)
        if recorded:
            return recorded[0].feed
        feed = self._synthetic.get(wanted.report)
        return feed.name if feed else None

    def newest(self, wanted: Wanted, moment: datetime) -> Entry | None:
        """The newest payload received by that moment which answers the request; None where there is none yet."""
        recorded = self._newest_recorded(wanted, moment)
        if self.tape and moment <= self.tape.end:
            return recorded
        return self._newest_synthetic(wanted, moment, recorded) or recorded

    def _newest_recorded(self, wanted: Wanted, moment: datetime) -> Entry | None:
        entries = self._recorded.get(wanted.report, [])
        until = bisect_right(entries, moment, key=lambda entry: entry.received_at)
        sharing: Entry | None = None
        for entry in reversed(entries[:until]):
            nodes = Wanted.by(entry.url).nodes
            if not nodes or (wanted.nodes and wanted.nodes <= nodes):
                return entry
            if sharing is None and wanted.nodes & nodes:
                sharing = entry
        return sharing

    def _newest_synthetic(self, wanted: Wanted, moment: datetime, recorded: Entry | None) -> Entry | None:
        feed = self._synthetic.get(wanted.report)
        nodes = tuple(node for node in self.nodes if node in wanted.nodes or not wanted.nodes)
        if feed is None or not nodes:
            return None
        issue = newest_issue(feed, moment)
        window = _answered(issue.window, wanted.window)
        if self.tape:
            since = self._last_known(feed, wanted, recorded) or window.start
            if since >= window.end:
                return None
            window = Interval(max(since, window.start), window.end)
            self._say_once(self.tape)
        return next(entries(replace(issue, window=window), nodes))

    def _last_known(self, feed: Feed, wanted: Wanted, recorded: Entry | None) -> datetime | None:
        """Up to when the tape itself knows this report: synthetic values never take the place of recorded ones."""
        if recorded is None or recorded.origin is Origin.SYNTHETIC:
            return None
        if wanted not in self._known_until:
            self._known_until[wanted] = _end_of(feed, recorded)
        return self._known_until[wanted]

    def _say_once(self, tape: Tape) -> None:
        if not self._said_so and tape.origin is not Origin.SYNTHETIC:
            _log.warning("the tape has ended; synthetic days follow", tape=str(tape.folder), nodes=self.nodes)
        self._said_so = True


def _reports(feed: Feed, nodes: tuple[str, ...]) -> set[Wanted]:
    ask = Ask(local_day(_ANY_DAY, feed.timezone), nodes if feed.nodal else ())
    return {Wanted.by(request.url).report for request in feed.requests(ask)}


def _window(query: dict[str, str]) -> Interval | None:
    try:
        return Interval(_oasis_time(query["startdatetime"]), _oasis_time(query["enddatetime"]))
    except (KeyError, ValueError, TimeRefused):
        return None


def _oasis_time(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%dT%H:%M%z").astimezone(UTC)


def _answered(newest: Interval, asked: Interval | None) -> Interval:
    """The window of a reply: the newest issue with what was asked before it; history just as it was asked."""
    if asked is None:
        return newest
    start = max(asked.start, asked.end - _LONGEST_WINDOW)
    return Interval(start, asked.end) if asked.end <= newest.start else Interval(min(start, newest.start), newest.end)


def _end_of(feed: Feed, entry: Entry) -> datetime:
    try:
        frame = read(feed, Payload(entry.load(), received_at=entry.received_at)).frames[feed.kind]
        if feed.is_price:
            ends: list[datetime] = frame["market_interval_end"].to_list()
            return max(ends)
        return local_day(max(frame["trading_date"].to_list()), feed.timezone).end
    except (FeedError, ValueError) as error:
        _log.info("the tape's last payload holds nothing", feed=feed.name, error=str(error))
        return floor_to(entry.received_at, _HOUR) + _HOUR
