"""Frames as PostgreSQL's binary COPY, encoded column by column with numpy: no loop over rows.

Each column becomes a matrix of bytes, a row of it a value with its length before it, padded to the widest; the
matrices laid side by side, without the padding, are the stream.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vibelux.market.records import Type
from vibelux.store.jsons import dumps

if TYPE_CHECKING:
    import polars as pl

HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
TRAILER = b"\xff\xff"
CHUNK_ROWS = 8192
"""So many rows fit a processor's cache, and an event loop is not held up for long."""
LARGEST_NUMBER = 1e8
"""Numbers at or beyond it do not fit the five groups of four digits of a numeric."""

_PLACES = 9
_NULL = 0xFF
_JSONB_VERSION = b"\x01"
_EPOCH_US = 946_684_800_000_000
"""PostgreSQL counts from 2000-01-01: microseconds of a timestamp,"""
_EPOCH_DAYS = 10_957
"""and days of a date."""

Bytes = npt.NDArray[np.uint8]
Lengths = npt.NDArray[np.int64]


class Column:
    """An encoded column: `cells` (rows, width) of bytes and how many of each row count."""

    def __init__(self, cells: Bytes, lengths: Lengths | int) -> None:
        self.cells = cells
        self.lengths = lengths
        """One number where all rows have the same."""


def rows(columns: list[Column]) -> bytes:
    """The rows of these columns (all of one height), without header and trailer."""
    height = columns[0].cells.shape[0]
    start = np.broadcast_to(np.array([len(columns)], ">i2").view(np.uint8), (height, 2))
    cells = np.concatenate([start, *(column.cells for column in columns)], axis=1)
    if all(isinstance(column.lengths, int) for column in columns):
        return cells.tobytes()
    keep = np.ones(cells.shape, np.bool_)
    at = 2
    for column in columns:
        width = column.cells.shape[1]
        if not isinstance(column.lengths, int):
            np.less(np.arange(width), column.lengths[:, None], out=keep[:, at : at + width])
        at += width
    return cells[keep].tobytes()


def encode(frame: "pl.DataFrame", types: dict[str, Type], scale_free: frozenset[str]) -> list[Column]:
    """The columns of a frame, in its order.

    Args:
        frame: the rows.
        types: what each column is.
        scale_free: the number columns that are double precision, not numeric.
    """
    return [_column(frame[name], types[name], name in scale_free) for name in frame.columns]


def _column(series: "pl.Series", kind: Type, scale_free: bool) -> Column:
    if kind is Type.TEXT:
        return texts(series)
    if kind is Type.JSON:
        return _json(series)
    missing = series.is_null().to_numpy() if series.null_count() else None
    filled = series.fill_null(0) if kind in {Type.NUMBER, Type.INTEGER} and missing is not None else series
    if kind is Type.NUMBER:
        values = filled.to_numpy()
        return _nullable(_fixed(values, ">f8") if scale_free else _numeric(values), missing)
    physical = (series.to_physical().fill_null(0) if missing is not None else filled.to_physical()).to_numpy()
    if kind is Type.TIME:
        return _nullable(_fixed(physical - _EPOCH_US, ">i8"), missing)
    if kind is Type.DATE:
        return _nullable(_fixed(physical - _EPOCH_DAYS, ">i4"), missing)
    return _nullable(_fixed(physical, ">i4"), missing)


def uuids(height: int, moment: datetime, random: np.random.Generator) -> Column:
    """That many UUIDs of version 7, rising, so that an index takes them at its right edge.

    The 32 bits after the milliseconds count up from a random start below 2**31; 42 random bits follow.
    """
    cells = np.empty((height, 20), np.uint8)
    cells[:, :4] = (0, 0, 0, 16)
    milliseconds = int(moment.timestamp() * 1000)
    cells[:, 4:10] = np.frombuffer(milliseconds.to_bytes(6, "big"), np.uint8)
    counter = np.arange(height, dtype=np.uint64) + random.integers(2**31, dtype=np.uint64)
    tail = random.integers(2**42, size=height, dtype=np.uint64)
    high = np.uint64(0x7000) | counter >> np.uint64(20)
    low = np.uint64(2) << np.uint64(62) | (counter & np.uint64(0xFFFFF)) << np.uint64(42) | tail
    cells[:, 10:12] = high.astype(">u2").view(np.uint8).reshape(height, 2)
    cells[:, 12:20] = low.astype(">u8").view(np.uint8).reshape(height, 8)
    return Column(cells, 20)


def same(value: bytes, height: int) -> Column:
    """One value in every row."""
    cell = np.frombuffer(len(value).to_bytes(4, "big") + value, np.uint8)
    return Column(np.broadcast_to(cell, (height, cell.size)), cell.size)


def same_time(moment: datetime, height: int) -> Column:
    """One moment in every row."""
    microseconds = round(moment.timestamp() * 1e6) - _EPOCH_US
    return same(microseconds.to_bytes(8, "big", signed=True), height)


def sliced(columns: list[Column]) -> Iterator[bytes]:
    """The whole stream, in chunks: header, rows, trailer."""
    height = columns[0].cells.shape[0]
    yield HEADER
    for first in range(0, height, CHUNK_ROWS):
        part = slice(first, first + CHUNK_ROWS)
        yield rows(
            [
                Column(column.cells[part], column.lengths if isinstance(column.lengths, int) else column.lengths[part])
                for column in columns
            ]
        )
    yield TRAILER


def texts(series: "pl.Series") -> Column:
    """Text by its distinct values: each is encoded once and then fetched by number."""
    import polars as pl

    series = series.cast(pl.String)
    distinct = series.drop_nulls().unique()
    encoded = [text.replace("\0", "").encode() for text in distinct.to_list()]
    if len(encoded) == 1 and not series.null_count():
        return same(encoded[0], series.len())
    codes = series.cast(pl.Enum(distinct)).to_physical().fill_null(len(encoded)).to_numpy().astype(np.intp)
    return _fetched(encoded, codes)


def _json(series: "pl.Series") -> Column:
    encoded = [_JSONB_VERSION + dumps(value) for value in series.to_list()]
    return _fetched(encoded, np.arange(len(encoded)))


def _fetched(values: list[bytes], codes: npt.NDArray[np.intp]) -> Column:
    """Rows of a small table of values; the code after the last one means null."""
    width = 4 + max(map(len, values), default=0)
    table = np.zeros((len(values) + 1, width), np.uint8)
    for at, value in enumerate(values):
        table[at, : 4 + len(value)] = np.frombuffer(len(value).to_bytes(4, "big") + value, np.uint8)
    table[-1, :4] = _NULL
    lengths = np.array([4 + len(value) for value in values] + [4])
    return Column(table[codes], lengths[codes])


def _fixed(values: npt.NDArray[np.generic], form: str) -> Column:
    """Numbers of a fixed size, in network order."""
    size = int(form[-1])
    cells = np.empty((values.size, 4 + size), np.uint8)
    cells[:, :4] = (0, 0, 0, size)
    cells[:, 4:] = values.astype(form).view(np.uint8).reshape(values.size, size)
    return Column(cells, 4 + size)


def _numeric(values: npt.NDArray[np.float64]) -> Column:
    """Decimals with nine places, in PostgreSQL's groups of four digits: up to two before the point, three after."""
    before, after = np.divmod(np.rint(np.abs(values) * 10.0**_PLACES).astype(np.int64), 10**_PLACES)
    largest = int(before.max(initial=0))
    whole = 0 if largest == 0 else 1 if largest < 10_000 else 2
    groups = whole + 3
    cells = np.empty((values.size, 6 + groups), ">i2")
    cells[:, 0] = 0
    cells[:, 1] = 8 + 2 * groups
    cells[:, 2] = groups
    cells[:, 3] = whole - 1
    cells[:, 4] = np.where(values < 0, 0x4000, 0)
    cells[:, 5] = _PLACES
    after *= 1000
    for at in range(5 + groups, 5 + whole, -1):
        after, cells[:, at] = np.divmod(after, 10_000)
    for at in range(5 + whole, 5, -1):
        before, cells[:, at] = np.divmod(before, 10_000)
    return Column(cells.view(np.uint8).reshape(values.size, 12 + 2 * groups), 12 + 2 * groups)


def _nullable(column: Column, missing: npt.NDArray[np.bool_] | None) -> Column:
    """The same with nulls where they belong."""
    if missing is None:
        return column
    width = column.cells.shape[1]
    column.cells[missing, :4] = _NULL
    return Column(column.cells, np.where(missing, 4, width))
