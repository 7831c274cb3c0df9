"""Makes a tape out of a tidy table of recorded prices, in upstream's own form, marked as rebuilt.

The table holds prices only, so only the price rows are written: what energy, congestion and losses were is not
known and is not made up. Gas and allowance, which it does not hold either, are synthetic and marked so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from vibelux.feeds import Ask, Feed, feed_named
from vibelux.market.errors import UsageError
from vibelux.market.intervals import Interval, floor_to, iso_z
from vibelux.market.quality import Origin
from vibelux.replay.oasis import REPORTS, NodePrice, lmp_zip, zip_headers
from vibelux.replay.synth import entries, issues_from_start
from vibelux.replay.table import Columns, read_table
from vibelux.replay.tape import Entry, Tape, write_tape

DEFAULT_NODE = "TH_SP15_GEN-APND"
_FEED_OF_MARKET = {
    "real-time-5min": ("caiso/real-time-pricing", timedelta(minutes=5)),
    "real-time-15min": ("caiso/fifteen-minute-pricing", timedelta(minutes=15)),
    "day-ahead-hourly": ("caiso/day-ahead-pricing", timedelta(hours=1)),
}
_DAY_AHEAD = "day-ahead-hourly"
_SYNTHETIC_FEEDS = ("caiso/gas-price-index", "caiso/ghg-allowance")


@dataclass(frozen=True, slots=True)
class _Known:
    """The prices of one market as the table has them: interval start to USD/MWh."""

    feed: Feed
    step: timedelta
    node: str
    prices: Mapping[datetime, float]

    def within(self, window: Interval) -> list[NodePrice]:
        """The prices of the intervals that start in a window."""
        found = []
        at = window.start
        while at < window.end:
            if at in self.prices:
                found.append(NodePrice(self.node, Interval(at, at + self.step), {"LMP": self.prices[at]}))
            at += self.step
        return found


def build_tape(
    folder: Path,
    prices: Path,
    *,
    market: str = "real-time-5min",
    node: str | None = None,
    columns: Columns | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    day_ahead: Path | None = None,
    day_ahead_columns: Columns | None = None,
) -> Tape:
    """Writes a rebuilt tape and opens it.

    Args:
        folder: of the tape to be.
        prices: the table (`.csv`, `.csv.gz`, `.parquet`), starts of intervals with an offset from UTC.
        market: which market it is of.
        node: the pricing node; None: the table's own, else `DEFAULT_NODE`.
        columns: names and unit, where the usual ones do not do.
        start: first moment of the tape, UTC; None: the table's first.
        end: last moment of the tape, UTC; None: the table's last.
        day_ahead: a second table, of hourly day-ahead prices. It may reach further than the tape.
        day_ahead_columns: its names and unit, where the usual ones do not do.

    Raises:
        UsageError: a table, column, market, unit or span that is not there or makes no sense; a tape already there.
        TimeRefused: a stamp without an offset.
    """
    if market not in _FEED_OF_MARKET:
        raise UsageError(f"no market {market!r}; a tape is built of {', '.join(_FEED_OF_MARKET)}")
    main = _known(prices, market, node, columns or Columns())
    known = [main]
    if day_ahead is not None:
        known.append(_known(day_ahead, _DAY_AHEAD, main.node, day_ahead_columns or Columns()))
    first, last = min(main.prices), max(main.prices) + main.step
    begins, ends = max(start or first, first), min(end or last, last)
    if begins >= ends:
        raise UsageError(f"{prices}: no prices between those times; it reaches from {iso_z(first)} to {iso_z(last)}")
    whole = Interval(begins, ends)
    return write_tape(
        folder,
        sorted(_payloads(known, whole), key=lambda entry: entry.received_at),
        origin=Origin.REBUILT,
        nodes=(main.node,),
        note=f"rebuilt from recorded prices in {prices.name}; gas and carbon are synthetic",
    )


def _known(path: Path, market: str, node: str | None, columns: Columns) -> _Known:
    feed, step = _FEED_OF_MARKET[market]
    found, prices = read_table(path, market, node, columns)
    for moment in prices:
        if floor_to(moment, step) != moment:
            raise UsageError(f"{path}: {iso_z(moment)} is no start of an interval of {market}")
    return _Known(feed_named(feed), step, node or found or DEFAULT_NODE, prices)


def _payloads(known: list[_Known], whole: Interval) -> Iterator[Entry]:
    for part in known:
        yield from _rebuilt(part, whole)
    for name in _SYNTHETIC_FEEDS:
        for issue in issues_from_start(feed_named(name), whole):
            yield from entries(issue, ())


def _rebuilt(part: _Known, whole: Interval) -> Iterator[Entry]:
    """A payload for each publication that brings a new price: where the table has a hole, none came."""
    newest: datetime | None = None
    report = REPORTS[part.feed.name]
    for issue in issues_from_start(part.feed, whole):
        prices = part.within(issue.window)
        if not prices or (newest is not None and prices[-1].interval.start <= newest):
            continue
        newest = prices[-1].interval.start
        for request in part.feed.requests(Ask(issue.window, (part.node,))):
            yield Entry(
                received_at=issue.received_at,
                feed=part.feed.name,
                url=request.url,
                status=200,
                headers=zip_headers(report.file_name(issue.window, issue.received_at, ".zip")),
                origin=Origin.REBUILT,
                load=partial(lmp_zip, report, prices, issue.window, issue.received_at),
            )
