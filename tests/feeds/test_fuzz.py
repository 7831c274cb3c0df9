"""Whatever the bytes: rows that hold what rows promise, or an error of the tree; soon; and no row that is wrong unsaid.

Accidents are for crashes; below them, one change at a time, are those that an upstream makes in silence.
`VIBELUX_SOAK=1` tries over 100,000 payloads, each time others; the ordinary run over 2,000, each time the same.
"""

import gzip
import os
import random
import re
import resource
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payloads.mutants import CELLS, Table, mangled
from payloads.shelf import HERE, body_of, good
from shared_files import SHARED
from vibelux.feeds import Ask, Feed, Parsed, Payload, all_feeds, feed_named, read
from vibelux.ingest.check import coverage
from vibelux.market.errors import FeedError, closed_tree
from vibelux.market.intervals import Interval
from vibelux.market.records import KINDS, Type

SOAK = bool(os.environ.get("VIBELUX_SOAK"))
PAYLOADS = 100_000 if SOAK else 1_000
SHARE = PAYLOADS // (2 * len(all_feeds())) + 1
"""Of each feed, of own and of recorded payloads each."""
MANY = 50 if SOAK else 4
AT_MOST_SECONDS = 2.0
AT_MOST_KIB = 256 * 1024
RECEIVED = datetime(2026, 7, 14, 19, 30, tzinfo=UTC)
SMALL = 48 * 1024
"""Bytes of a payload that is mutated thousands of times."""
FOLDERS = {
    "caiso": ("caiso", "dr", "carbon/midas"),
    "pjm": ("pjm",),
    "ercot": ("ercot",),
    "nyiso": ("nyiso",),
    "eia": ("gas",),
    "nymex": ("gas",),
    "carb": ("carbon/carb-auctions",),
    "rggi": ("carbon/rggi-auctions",),
    "offsets": ("carbon/offsets-db",),
    "nws": ("weather/nws",),
    "open-meteo": ("weather/open-meteo",),
    "noaa": ("weather/cpc-degree-days",),
}
SOFT = {"data_source", "source", "confidence_level", "basis_differential", "issued_at"}
"""What may differ where the rest of a row is right: where it is from, and what follows from other rows or the fetch."""
NEW = "Capped"

every_feed = pytest.mark.parametrize("feed", all_feeds(), ids=lambda feed: feed.name)


def every_feed_but(reported: dict[str, str]) -> pytest.MarkDecorator:
    """All feeds; of some it is known that they fail, and why: once mended, their line here must go."""
    marks = {name: [pytest.mark.xfail(reason=reason, strict=True)] for name, reason in reported.items()}
    feeds = [pytest.param(feed, id=feed.name, marks=marks.get(feed.name, [])) for feed in all_feeds()]
    return pytest.mark.parametrize("feed", feeds)


@dataclass(frozen=True)
class Seed:
    """A payload that a feed reads."""

    name: str
    body: bytes

    @property
    def payload(self) -> Payload:
        return payload_of(self.body, self.name)

    @property
    def table(self) -> Table:
        found = Table.of(self.body)
        assert found is not None
        return found


def payload_of(body: bytes, name: str) -> Payload:
    return Payload(body, name, received_at=RECEIVED)


def outcome(feed: Feed, payload: Payload) -> Parsed | FeedError:
    """Rows that hold what they promise, or an error of the tree, in time; anything else fails the test."""
    began, worked = time.perf_counter(), time.process_time()
    result: Parsed | FeedError
    try:
        result = read(feed, payload)
    except FeedError as error:
        assert closed_tree()[type(error).__name__] is type(error)
        assert str(error)
        result = error
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # of a Rust library: no Exception, so nothing would catch it
            raise AssertionError(f"{feed.name} panics: {error}") from error
        raise
    seconds = min(time.perf_counter() - began, time.process_time() - worked)
    assert seconds < AT_MOST_SECONDS, f"{feed.name} took {seconds:.1f} s for {len(payload.body)} bytes"
    if isinstance(result, Parsed):
        promised(feed, result)
    return result


def promised(feed: Feed, parsed: Parsed) -> None:
    """What is true of all rows, however they came."""
    for name, frame in parsed.frames.items():
        kind = KINDS[name]
        assert frame.schema == pl.Schema(kind.schema()), f"{feed.name}: {frame.schema}"
        if frame.is_empty():
            continue
        for each in kind.fields:
            cells = frame[each.name]
            assert each.nullable or not cells.null_count(), f"{feed.name}: {each.name} is missing"
            if each.type is Type.NUMBER:
                assert cells.drop_nulls().is_finite().all(), f"{feed.name}: {each.name} is not finite"
            if each.type is Type.TEXT and each.key:
                assert (cells.drop_nulls().str.strip_chars() != "").all(), f"{feed.name}: {each.name} is blank"
            if each.type in {Type.TIME, Type.DATE}:
                years = cells.drop_nulls().dt.year()
                assert years.is_between(1900, 2200).all(), f"{feed.name}: {each.name} in {years.to_list()}"
        value = VALUES[name]
        if name == feed.kind and value:
            assert frame[value].drop_nulls().is_between(*feed.plausible).all()
        key = [column for column in kind.key if frame.schema[column] != pl.Object]
        assert not frame.select(pl.struct(key).is_duplicated().any()).item(), f"{feed.name}: a key occurs twice"
        start, end = next(((a, b) for a, b in STRETCHES if a in frame.columns), (None, None))
        if start and end:
            instants = name in {"series", "dr-event"}
            forwards = frame[end] >= frame[start] if instants else frame[end] > frame[start]
            assert forwards.drop_nulls().all(), f"{feed.name}: an interval goes backwards"
    assert all(aside.reason for aside in parsed.quarantined)


VALUES = {
    "electricity-price": "price_per_kwh",
    "gas-price": "price_per_mmbtu",
    "carbon-price": "price_per_metric_ton",
    "ancillary-price": "price_per_mw_hour",
    "capacity-price": "price_per_mw_day",
    "constraint": "shadow_price",
    "series": "value",
    "dr-event": "",
}
STRETCHES = (
    ("market_interval_start", "market_interval_end"),
    ("interval_start", "interval_end"),
    ("valid_start", "valid_end"),
    ("starts_at", "ends_at"),
    ("delivery_start", "delivery_end"),
)


@cache
def own(feed: Feed) -> tuple[Seed, ...]:
    """The good payloads of the feed and those that failed it once."""
    seeds = [Seed(name, body) for name, body in good(feed.name).items()]
    failed = [Seed(path.name, body_of(path)) for path in sorted(HERE.glob("[0-9][0-9]_*")) if path.suffix != ".pem"]
    return (*seeds, *(seed for seed in failed if reads(feed, seed)))


@cache
def recorded(feed: Feed) -> tuple[Seed, ...]:
    """What lies in the recordings of its provider that it reads; long files only by their beginning."""
    if not SHARED.exists():
        return ()
    seeds = []
    for folder in FOLDERS.get(feed.provider, ()):
        for path in sorted((SHARED / "real" / folder).rglob("*")):
            seed = _beginning(path.name, path.read_bytes()) if path.is_file() and "tidy" not in str(path) else None
            if seed is not None and reads(feed, seed):
                seeds.append(seed)
    return tuple(seeds)


def _beginning(name: str, body: bytes) -> Seed | None:
    if name.endswith(".gz"):
        name, body = name.removesuffix(".gz"), gzip.decompress(body)
    if len(body) > SMALL:
        text = not body.startswith((b"PK", b"\xd0\xcf", b"%PDF", b"{", b"[", b"<"))
        body = b"".join(body[:SMALL].splitlines(keepends=True)[:200]) if text else b""
    return Seed(name, body) if body else None


def reads(feed: Feed, seed: Seed) -> bool:
    try:
        return read(feed, seed.payload).rows > 0
    except FeedError:
        return False


@cache
def everything() -> tuple[bytes, ...]:
    """Payloads of all feeds, as a wrong answer to each other."""
    return tuple(seed.body for feed in all_feeds() for seed in own(feed))


@st.composite
def payloads(draw: st.DrawFn, seeds: tuple[Seed, ...]) -> Payload:
    """A good payload after one to three accidents."""
    seed = draw(st.sampled_from(seeds))
    body = seed.body
    for _ in range(draw(st.integers(1, 3))):
        body = mangled(body, lambda limit: draw(st.integers(0, max(limit - 1, 0))), everything())
    name = draw(st.sampled_from((seed.name, seed.name, seed.name, "", "x.csv", "20261101.zip")))
    return Payload(body, name, received_at=draw(st.sampled_from((RECEIVED, RECEIVED, None))))


def fuzz(feed: Feed, seeds: tuple[Seed, ...]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @settings(
        max_examples=SHARE,
        database=None,
        deadline=None,
        derandomize=not SOAK,
        suppress_health_check=list(HealthCheck),
    )
    @given(payloads(seeds))
    def never_fails(payload: Payload) -> None:
        outcome(feed, payload)

    never_fails()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < AT_MOST_KIB, f"{feed.name}: {grown} KiB more"


@every_feed
def test_every_feed_has_payloads_of_our_own_that_it_reads_whole(feed: Feed) -> None:
    assert good(feed.name), "a new feed brings a good payload: tests/payloads/good"
    for name, body in good(feed.name).items():
        found = outcome(feed, payload_of(body, name))
        assert isinstance(found, Parsed), name
        assert found.rows > 0
        assert found.quarantined == []


@pytest.mark.timeout(3_600 if SOAK else 120)
@every_feed
def test_own_payloads_after_accidents_are_rows_or_a_named_error(feed: Feed) -> None:
    fuzz(feed, own(feed))


@pytest.mark.timeout(3_600 if SOAK else 120)
@every_feed
def test_recorded_payloads_after_accidents_are_rows_or_a_named_error(feed: Feed) -> None:
    seeds = recorded(feed)
    if not seeds:
        pytest.skip("no recording that this feed reads")
    fuzz(feed, seeds)


@every_feed
def test_the_payload_of_any_other_feed_is_rows_or_a_named_error(feed: Feed) -> None:
    for body in random.Random(feed.name).sample(everything(), 5 * MANY):
        outcome(feed, Payload(body))


@every_feed
def test_every_length_of_a_cut_off_payload_is_rows_of_the_whole_or_a_named_error(feed: Feed) -> None:
    for name, body in good(feed.name).items():
        ends = body.startswith((b"PK", b"{", b"[", b"<?xml", b"<O", b"<A"))  # a table or a page says not where it ends
        whole = known(feed, Seed(name, body))
        for length in range(0, len(body), max(1, len(body) // MANY)):
            found = outcome(feed, payload_of(body[:length], name))
            if ends and isinstance(found, Parsed):
                nothing_new(found, whole)


# --- silent changes -------------------------------------------------------------------------------------------


@cache
def tables(feed: Feed) -> tuple[Seed, ...]:
    """Its own good payloads that are a table of rows."""
    seeds = (Seed(name, body) for name, body in good(feed.name).items())
    return tuple(seed for seed in seeds if (table := Table.of(seed.body)) is not None and len(table.rows) > 1)


Known = dict[str, dict[tuple[Any, Any], list[dict[str, Any]]]]


def rows_of(parsed: Parsed) -> Iterator[tuple[str, dict[str, Any]]]:
    for frames in (parsed.frames, parsed.superseded):
        for kind, frame in frames.items():
            for row in frame.iter_rows(named=True):
                yield kind, row


@cache
def known(feed: Feed, seed: Seed) -> Known:
    """The rows of the unchanged payload, current and replaced, to be found by value and start."""
    return index(read(feed, seed.payload))


def index(parsed: Parsed) -> Known:
    found: Known = defaultdict(lambda: defaultdict(list))
    for kind, row in rows_of(parsed):
        found[kind][place(kind, row)].append(row)
    return found


def place(kind: str, row: dict[str, Any]) -> tuple[Any, Any]:
    moment = next(
        row[name]
        for name in ("market_interval_end", "interval_end", "valid_end", "trading_date", "delivery_start", "starts_at")
        if name in row
    )
    return moment, row.get(VALUES[kind])


def nothing_new(found: Parsed, whole: Known, *, loose: frozenset[str] = frozenset()) -> None:
    """Each row is one of the whole; it may know less (a null), and a column with a new name gives it a new name."""
    for kind, row in rows_of(found):
        moment, value = place(kind, row)
        known_then = (rows for (when, what), rows in whole[kind].items() if when == moment and value in {None, what})
        candidates = [one for rows in known_then for one in rows]
        assert any(agrees(row, other, loose) for other in candidates), f"a row out of nothing: {row}"


def agrees(row: dict[str, Any], other: dict[str, Any], loose: frozenset[str]) -> bool:
    for name, cell in row.items():
        if name in SOFT or name in loose or cell is None or cell == other[name]:
            continue
        if not (isinstance(cell, str) and re.sub(NEW, "", cell, flags=re.IGNORECASE).strip() == other[name]):
            return False
    return True


def same(found: Parsed, whole: Known) -> bool:
    return sorted(map(repr, _all(index(found)))) == sorted(map(repr, _all(whole)))


def _all(rows: Known, but: frozenset[str] = frozenset()) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for kind, places in rows.items():
        for some in places.values():
            for row in some:
                yield kind, sorted((name, str(cell)) for name, cell in row.items() if name not in SOFT | but)


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


RENAMED = {
    "eia/regional-gas-prices": "a lost `area-name` becomes the region 'None'",
    "nyiso/reserve-prices": "without `Name` the zones' prices pass for those of the whole state (NYCA)",
}


@every_feed_but(RENAMED)
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


@every_feed_but(RENAMED)
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


@every_feed_but({"nyiso/real-time-pricing": "a stamp twice, beside an extra run: the first price is taken"})
def test_of_two_rows_that_contradict_each_other_neither_is_believed(feed: Feed) -> None:
    for seed in tables(feed):
        table, whole = seed.table, known(feed, seed)
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
                    believed_neither(found, whole, index(replaced), loose(feed))


def numeric(table: Table, at: int) -> list[int]:
    """Columns with numbers that say something, those of values first (they stand to the right)."""
    said = [column for column, cell in enumerate(table.rows[at]) if is_number(cell)]
    return [at for at in reversed(said) if "version" not in table.header[at] and "PTID" not in table.header[at]]


def believed_neither(found: Parsed, one: Known, two: Known, but: frozenset[str]) -> None:
    """A row of which the two payloads say different things is in neither form there."""
    first, second = ({key_of(kind, dict(row)): row for kind, row in _all(rows, but)} for rows in (one, two))
    for kind, row in _all(index(found), but):
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
def test_a_price_that_its_parts_do_not_add_up_to_is_refused(feed: str, factor: float) -> None:
    column, where = COMPONENTS[feed]
    tried = 0
    for seed in tables(feed_named(feed)):
        table = seed.table
        if column in table.header:
            changed = table.with_cells(table.header.index(column), lambda cell: f"{float(cell) * factor}", where)
            found = outcome(feed_named(feed), payload_of(changed.body(), seed.name))
            assert told(found)
            assert isinstance(found, FeedError) or found.rows == 0
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


# --- every cell, every trouble ----------------------------------------------------------------------------------


@every_feed
def test_any_trouble_in_any_cell_is_rows_or_a_named_error(feed: Feed) -> None:
    for seed in tables(feed):
        table = seed.table
        for column in range(len(table.header)):
            for trouble in CELLS if SOAK else random.Random(column).sample(CELLS, 1):
                other = table.copied()
                other.rows[zlib.crc32(trouble.encode()) % len(table.rows)][column] = trouble
                outcome(feed, payload_of(other.body(), seed.name))
