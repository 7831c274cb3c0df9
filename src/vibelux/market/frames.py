"""Frames of records as text for people and programs: the JSON of the contract, a line or an object a record."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from vibelux.market.intervals import iso_z

if TYPE_CHECKING:
    import polars as pl

_SLICE_ROWS = 50_000


def plain(value: object) -> Any:
    """A cell as JSON prints it: times in UTC with `Z`, dates as dates, everything else as it is."""
    if isinstance(value, datetime):
        return iso_z(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


def objects(kind: str, frame: "pl.DataFrame") -> Iterator[dict[str, Any]]:
    """Each row as the contract's JSON object, `kind` first."""
    for row in frame.iter_rows(named=True):
        yield {"kind": kind} | {name: plain(value) for name, value in row.items()}


def json_lines(kind: str, frame: "pl.DataFrame") -> Iterator[bytes]:
    """The same as lines of JSON, written by polars in slices: hundreds of thousands of rows take a second."""
    import msgspec
    import polars as pl

    if pl.Object in frame.schema.values():
        for row in objects(kind, frame):
            yield msgspec.json.encode(row) + b"\n"
        return
    times = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)]
    ready = frame.select(
        pl.lit(kind).alias("kind"),
        *(
            pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ").alias(name) if name in times else pl.col(name)
            for name in frame.columns
        ),
    )
    for part in ready.iter_slices(_SLICE_ROWS):
        yield part.write_ndjson().encode()
