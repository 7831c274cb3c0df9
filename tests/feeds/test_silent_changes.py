"""One thing changed as an upstream changes it in silence: no row may be wrong unsaid, as far as it can be known."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from payloads.mutants import Table
from payloads.outcomes import (
    MANY,
    NEW,
    Known,
    Seed,
    all_rows,
    every_feed,
    index,
    known,
    nothing_new,
    outcome,
    payload_of,
    same,
    tables,
)
from vibelux.feeds import Ask, Feed, Parsed, feed_named, read
from vibelux.ingest.check import coverage
from vibelux.market.errors import FeedError
from vibelux.market.intervals import Interval
from vibelux.market.records import KINDS


def told(found: Parsed | FeedError) -> bool:
    """Whether somebody hears of it."""
    return isinstance(found, FeedError) or bool(found.quarantined)


CUT_BY_NEIGHBOURS = {
    "nyiso/real-time-pricing": frozenset({"market_interval_start", "market"}),
    "nyiso/reserve-prices": frozenset({"interval_start", "market"}),
    "nyiso/transmission-congestion": frozenset({"interval_end"}),
}
"""In NYISO's dispatch an interval reaches from stamp to stamp, so one that is missing may move another's end."""


def loose(feed: Feed) -> frozenset[str]:
    return CUT_BY_NEIGHBOURS.get(feed.name, frozenset())


@every_feed
def test_a_renamed_column_gives_no_wrong_row_and_a_declared_one_is_missed_aloud(feed: Feed) -> None:
    for seed in tables(feed):
        table, whole = seed.table, known(feed, seed)
        for column, name in enumerate(table.header):
            if not name.strip():
                continue
            found = outcome(feed, payload_of(table.renamed(column, f"{NEW}{name}").body(), seed.name))
            if isinstance(found, Parsed):
                nothing_new(found, whole)
            if name.strip() in feed.columns:
                assert told(found) or same(found, whole), f"{name} is gone and nobody says so"


@every_feed
def test_a_dropped_column_gives_no_wrong_row(feed: Feed) -> None:
    for seed in tables(feed):
        table, whole = seed.table, known(feed, seed)
        for column, name in enumerate(table.header):
            found = outcome(feed, payload_of(table.without_column(column).body(), seed.name))
            if isinstance(found, Parsed):
                nothing_new(found, whole)
            if name.strip() in feed.columns:
                assert told(found) or same(found, whole), f"{name} is gone and nobody says so"


@every_feed
def test_columns_in_another_order_give_the_same_rows(feed: Feed) -> None:
    for seed in tables(feed):
        table, whole = seed.table, known(feed, seed)
        if not transposed(table):
            for turn in (1, len(table.header) // 2):
                order = list(range(len(table.header)))
                first, *rest = order
                found = outcome(feed, payload_of(table.picked([first, *rest[turn:], *rest[:turn]]).body(), seed.name))
                assert isinstance(found, FeedError) or same(found, whole)


def transposed(table: Table) -> bool:
    """A row a series and a column a time."""
    return sum(":" in name for name in table.header) > 1


@every_feed
def test_a_further_column_changes_nothing_but_is_at_most_a_series_of_its_own(feed: Feed) -> None:
    for seed in tables(feed):
        table, whole = seed.table, known(feed, seed)
        for at in (1, len(table.header)):
            found = outcome(feed, payload_of(table.with_column(at, "Surprise", "7.5").body(), seed.name))
            if isinstance(found, Parsed):
                old = Parsed({k: without_surprise(f) for k, f in found.frames.items()}, [], found.superseded)
                assert same(old, whole)


def without_surprise(frame: pl.DataFrame) -> pl.DataFrame:
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.filter(~pl.any_horizontal(pl.col(texts).str.contains("Surprise").fill_null(value=False)))


@every_feed
def test_dropped_rows_leave_gaps_and_change_no_other_row(feed: Feed) -> None:
    chance = random.Random(7)
    for seed in tables(feed):
        table, whole = seed.table, known(feed, seed)
        count = len(table.rows)
        picks = [
            [n for n in range(count) if n != gone] for gone in sorted(chance.sample(range(count), min(count, MANY)))
        ]
        picks += [sorted(chance.sample(range(count), count // 2)) for _ in range(MANY // 2)]
        for pick in picks:
            found = outcome(feed, payload_of(table.with_rows([table.rows[n] for n in pick]).body(), seed.name))
            if isinstance(found, Parsed):
                nothing_new(found, whole, loose=loose(feed))


@every_feed
def test_a_blank_cell_is_never_a_zero(feed: Feed) -> None:
    for seed in tables(feed):
        table, whole = seed.table, known(feed, seed)
        for at, row in enumerate(table.rows[: 1 + MANY // 10]):
            for column, cell in enumerate(row):
                if not is_number(cell):
                    continue
                other = table.copied()
                other.rows[at][column] = "" if isinstance(cell, str) else None
                found = outcome(feed, payload_of(other.body(), seed.name))
                if isinstance(found, Parsed):
                    nothing_new(found, whole, loose=loose(feed))


def is_number(cell: object) -> bool:
    try:
        float(str(cell))
    except ValueError:
        return False
    return not isinstance(cell, bool)


@every_feed
def test_rows_that_occur_twice_are_one_or_refused(feed: Feed) -> None:
    for seed in tables(feed):
        table, whole = seed.table, known(feed, seed)
        for rows in (table.rows * 2, [row for row in table.rows for _ in (1, 2)], [*table.rows, table.rows[0]]):
            found = outcome(feed, payload_of(table.with_rows(rows).body(), seed.name))
            if isinstance(found, Parsed):
                nothing_new(found, whole)
                assert told(found) or same(found, whole)


@every_feed
def test_of_two_rows_that_contradict_each_other_neither_is_believed(feed: Feed) -> None:
    for seed in tables(feed):
        table = seed.table
        if transposed(table):
            continue
        for at in (0, len(table.rows) // 2)[: MANY // 4]:
            for column in numeric(table, at)[:MANY]:
                cell = table.rows[at][column]
                other = list(table.rows[at])
                other[column] = type(cell)(float(cell) + 1) if not isinstance(cell, str) else f"{float(cell) + 1:g}"
                rows = [*table.rows[:at], other, *table.rows[at + 1 :]]
                replaced = outcome(feed, payload_of(table.with_rows(rows).body(), seed.name))
                found = outcome(feed, payload_of(table.with_rows([*table.rows, other]).body(), seed.name))
                if isinstance(replaced, Parsed) and isinstance(found, Parsed):
                    first, second, both = (
                        index(Parsed(one.frames)) for one in (read(feed, seed.payload), replaced, found)
                    )
                    believed_neither(both, first, second, loose(feed))


def numeric(table: Table, at: int) -> list[int]:
    """Columns with numbers that say something, those of values first (they stand to the right)."""
    said = [column for column, cell in enumerate(table.rows[at]) if is_number(cell)]
    return [at for at in reversed(said) if "version" not in table.header[at] and "PTID" not in table.header[at]]


def believed_neither(found: Known, one: Known, two: Known, but: frozenset[str]) -> None:
    """A row of which the two payloads say different things is in neither form there."""
    first, second = ({key_of(kind, dict(row)): row for kind, row in all_rows(rows, but)} for rows in (one, two))
    for kind, row in all_rows(found, but):
        key = key_of(kind, dict(row))
        contradicted = key in first and key in second and first[key] != second[key]
        assert not contradicted, f"one of two was chosen: {row}"


def key_of(kind: str, row: dict[str, Any]) -> tuple[Any, ...]:
    ends = ("market_interval_end", "interval_end", "version")
    return kind, *(row.get(name) for name in (*KINDS[kind].key, *ends))


STAMPS = {
    "caiso": ("INTERVALSTARTTIME_GMT", "INTERVALENDTIME_GMT"),
    "pjm": ("datetime_beginning_utc", "datetime_ending_utc"),
}


def stamped(feed: Feed) -> Iterator[tuple[Seed, Table, int, int]]:
    """Tables that print both ends of an interval: the columns of start and end."""
    for seed in tables(feed):
        table = seed.table
        start, end = STAMPS.get(feed.provider, ("", ""))
        if start in table.header and end in table.header and feed.kind in {"electricity-price", "ancillary-price"}:
            yield seed, table, table.header.index(start), table.header.index(end)


@every_feed
def test_end_and_start_in_each_others_place_are_refused(feed: Feed) -> None:
    for seed, table, start, end in stamped(feed):
        other = table.copied()
        other.header[start], other.header[end] = other.header[end], other.header[start]
        found = outcome(feed, payload_of(other.body(), seed.name))
        assert told(found)
        assert isinstance(found, FeedError) or found.rows == 0


@every_feed
@pytest.mark.parametrize("hours", [-1, 1])
def test_one_end_of_an_interval_an_hour_off_is_refused(feed: Feed, hours: int) -> None:
    for seed, table, *ends in stamped(feed):
        for column in ends:
            found = outcome(
                feed, payload_of(table.with_cells(column, lambda cell: moved(cell, hours)).body(), seed.name)
            )
            assert told(found)
            assert isinstance(found, FeedError) or found.rows == 0


def moved(stamp: str, hours: int) -> str:
    clock = int(stamp[11:13]) + hours
    return f"{stamp[:11]}{clock:02d}{stamp[13:]}"


COMPONENTS = {
    "caiso/real-time-pricing": ("MW", lambda row: "LMP_PRC" in row),
    "caiso/fifteen-minute-pricing": ("MW", lambda row: "LMP_PRC" in row),
    "caiso/day-ahead-pricing": ("MW", lambda row: "LMP_PRC" in row),
    "pjm/real-time-hourly-lmp": ("total_lmp_rt", bool),
    "pjm/day-ahead-lmp": ("total_lmp_da", bool),
}
"""Where price and all its parts are printed, a price alone can be seen to be wrong."""


@pytest.mark.parametrize("feed", COMPONENTS)
@pytest.mark.parametrize("factor", [10, 0.001, -1, 1.02], ids=["tenfold", "thousandth", "sign", "two percent"])
def test_a_price_that_its_parts_do_not_add_up_to_is_doubted(feed: str, factor: float) -> None:
    column, where = COMPONENTS[feed]
    tried = 0
    for seed in tables(feed_named(feed)):
        table = seed.table
        if column in table.header:
            changed = table.with_cells(table.header.index(column), lambda cell: f"{float(cell) * factor}", where)
            found = outcome(feed_named(feed), payload_of(changed.body(), seed.name))
            assert isinstance(found, Parsed)
            sure = found.frames["electricity-price"].filter(pl.col("confidence_level") > 50)
            assert sure.is_empty(), f"believed as ever: {sure}"
            tried += 1
    assert tried


def test_prices_all_an_hour_off_leave_a_gap_that_is_noticed() -> None:
    feed = feed_named("caiso/real-time-pricing")
    begin = datetime(2026, 7, 14, 7, tzinfo=UTC)
    ask = Ask(Interval(begin, begin + timedelta(minutes=20)), ("TH_NP15_GEN-APND",))
    seed = tables(feed)[0]
    assert coverage(feed, read(feed, seed.payload), ask.nodes).gaps(feed, ask) == []
    table = seed.table
    for column in (0, 1):
        table = table.with_cells(column, lambda cell: moved(cell, 1))
    found = read(feed, payload_of(table.body(), seed.name))
    assert len(coverage(feed, found, ask.nodes).gaps(feed, ask)) == 4


def test_dropped_rows_are_each_a_gap_that_is_noticed() -> None:
    feed = feed_named("caiso/real-time-pricing")
    begin = datetime(2026, 7, 14, 7, tzinfo=UTC)
    ask = Ask(Interval(begin, begin + timedelta(minutes=20)), ("TH_NP15_GEN-APND", "TH_SP15_GEN-APND"))
    seed = tables(feed)[0]
    table = seed.table
    for n in range(4):
        gone = begin + timedelta(minutes=5 * n)
        kept = [row for row in table.rows if row[0] != f"{gone:%Y-%m-%dT%H:%M:%S}-00:00" or "TH_SP15" in row[7]]
        found = read(feed, payload_of(table.with_rows(kept).body(), seed.name))
        assert coverage(feed, found, ask.nodes).gaps(feed, ask) == [gone]
