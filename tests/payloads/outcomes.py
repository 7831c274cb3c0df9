"""What may come of a payload, whoever changed it: rows that hold what rows promise, or an error of the tree, soon."""

import gzip
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import polars as pl
import pytest

from payloads.mutants import Table
from payloads.shelf import HERE, body_of, good
from shared_files import SHARED
from vibelux.feeds import Feed, Parsed, Payload, all_feeds, read
from vibelux.market.errors import FeedError, closed_tree
from vibelux.market.records import KINDS, Type

SOAK = bool(os.environ.get("VIBELUX_SOAK"))
MANY = 50 if SOAK else 4
AT_MOST_SECONDS = 2.0
SOFT = {"data_source", "source", "confidence_level", "basis_differential", "issued_at"}
"""What may differ where the rest of a row is right: where it is from, and what follows from other rows or the fetch."""
NEW = "Capped"
"""Put before the name of a column that upstream has renamed."""
RECEIVED = datetime(2026, 7, 14, 19, 30, tzinfo=UTC)
SMALL = 16 * 1024
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
        result = error
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # of a Rust library: no Exception, so nothing would catch it
            raise AssertionError(f"{feed.name} panics: {error}") from error
        raise
    seconds = min(time.perf_counter() - began, time.process_time() - worked)
    assert seconds < AT_MOST_SECONDS, f"{feed.name} took {seconds:.1f} s for {len(payload.body)} bytes"
    if isinstance(result, Parsed):
        promised(feed, result)
    else:
        assert closed_tree()[type(result).__name__] is type(result)
        assert str(result)
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
    "operations": "",
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


@cache
def tables(feed: Feed) -> tuple[Seed, ...]:
    """Its own good payloads that are a table of rows."""
    seeds = (Seed(name, body) for name, body in good(feed.name).items())
    return tuple(seed for seed in seeds if (table := Table.of(seed.body)) is not None and len(table.rows) > 1)


every_feed = pytest.mark.parametrize("feed", all_feeds(), ids=lambda feed: feed.name)


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
        for name in (
            "market_interval_end",
            "interval_end",
            "valid_end",
            "trading_date",
            "delivery_start",
            "starts_at",
            "timestamp",
        )
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
    return sorted(map(repr, all_rows(index(found)))) == sorted(map(repr, all_rows(whole)))


def all_rows(rows: Known, but: frozenset[str] = frozenset()) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for kind, places in rows.items():
        for some in places.values():
            for row in some:
                yield kind, sorted((name, str(cell)) for name, cell in row.items() if name not in SOFT | but)
