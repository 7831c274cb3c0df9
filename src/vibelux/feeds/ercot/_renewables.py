"""Wind and solar by hour, measured and forecast side by side: a column a kind of number and a region.

Of each region: what was generated (`GEN`, older `ACTUAL`), the operators' plan (`COP_HSL`), the short-term forecast
(`STWPF`, `STPPF`) and its 80 % exceedance twin (`WGRPP`, `PVGRPP`); `HSL` is what could have been generated.
"""

import re
from typing import TYPE_CHECKING

from vibelux.feeds._feed import Payload
from vibelux.feeds.ercot._series import SYSTEM, Meaning, gathered, series
from vibelux.feeds.ercot._tables import Layout, Table, squashed, tables
from vibelux.feeds.ercot._time import hours, issues
from vibelux.market.records import SERIES, Parsed, Quarantined

if TYPE_CHECKING:
    import polars as pl

_KIND_FIRST = re.compile(r"(GEN|ACTUAL|COP_?HSL|HSL|STWPF|WGRPP|STPPF|PVGRPP)_?(\w+)", re.IGNORECASE)
_SYSTEM_FIRST = re.compile(r"SYSTEM_WIDE_(GEN|HSL)")
TIME = ("deliverydate", "hourending", "dstflag")
GENERATED = "systemwidegen|gensystemwide|actualsystemwide"


def renewables(payload: Payload, layouts: tuple[Layout, ...], resource: str) -> Parsed:
    """Records of `wind` or `solar`: `…-generation` for what was measured, `…-forecast` for the rest."""
    quarantined: list[Quarantined] = []
    frames = [_records(table, resource, payload, quarantined) for table in tables(payload, layouts)]
    return gathered(SERIES, frames, quarantined)


def _records(table: Table, resource: str, payload: Payload, quarantined: list[Quarantined]) -> "pl.DataFrame":
    frame = issues(hours(table.frame, quarantined), table.name, payload.received_at, quarantined)
    meanings = {column: meaning for column in frame.columns if (meaning := _meaning(column, resource))}
    return series(frame, meanings, f"ERCOT {table.report}", quarantined)


def _meaning(column: str, resource: str) -> Meaning | None:
    """What a column says; None for times and flags."""
    system = _SYSTEM_FIRST.fullmatch(column)
    match = system or _KIND_FIRST.fullmatch(column)
    if match is None:
        return None
    kind = match[1].upper().replace("COPHSL", "COP_HSL")
    location = SYSTEM if system or squashed(match[2]) == "systemwide" else match[2]
    if kind in {"GEN", "ACTUAL"}:
        return Meaning(f"{resource}-generation", location)
    if kind == "HSL":
        return Meaning(f"{resource}-potential", location, kind)
    return Meaning(f"{resource}-forecast", location, kind, forecast=True)
