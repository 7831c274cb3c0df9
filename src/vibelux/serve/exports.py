"""Frames of records as JSON, CSV, Parquet or Arrow: made off the loop, because a million rows take a while."""

import asyncio
import io
import json
from typing import TYPE_CHECKING

import msgspec

from vibelux.market.frames import json_lines
from vibelux.market.records import Kind

if TYPE_CHECKING:
    import polars as pl

MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.file",
}

_FORMULA = r"^[=+\-@\t\r]"
"""A text cell that begins so is run as a formula by spreadsheets; numbers are no text and stay numbers."""


async def exported(kind: Kind, frame: "pl.DataFrame", form: str, following: str | None) -> bytes:
    """The bytes of an answer; `following` is the URL of the next page, which only JSON has room for."""
    return await asyncio.to_thread(_exported, kind, frame, form, following)


def _exported(kind: Kind, frame: "pl.DataFrame", form: str, following: str | None) -> bytes:
    if form == "json":
        rows = b"".join(json_lines(kind.name, frame)).strip().replace(b"\n", b",")
        return b'{"rows":[' + rows + b'],"next":' + msgspec.json.encode(following) + b"}"
    out = io.BytesIO()
    if form == "csv":
        _safe_for_spreadsheets(frame).write_csv(out, datetime_format="%Y-%m-%dT%H:%M:%S%.fZ")
    elif form == "parquet":
        units = {field.name: field.unit for field in kind.fields if field.unit}
        frame.write_parquet(out, metadata={"kind": kind.name, "units": json.dumps(units)})
    else:
        frame.write_ipc(out)
    return out.getvalue()


def _safe_for_spreadsheets(frame: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    texts = [pl.col(name) for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(
        pl.when(text.str.contains(_FORMULA)).then(pl.lit("'") + text).otherwise(text).name.keep() for text in texts
    )
