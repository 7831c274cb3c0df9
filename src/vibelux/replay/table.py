"""Reads a tidy table of prices, whoever wrote it: usual column names are known, anything doubtful is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vibelux.market.errors import TimeRefused, UsageError
from vibelux.market.intervals import parse_utc
from vibelux.outlook import tidy

if TYPE_CHECKING:
    import polars as pl

UNITS = {"usd-per-kwh": 1000.0, "usd-per-mwh": 1.0}
"""Units of a price column, and by what they become USD/MWh."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What the caller says about the columns; None: find out."""

    time: str | None = None
    price: str | None = None
    unit: str | None = None


def read_table(path: Path, market: str, node: str | None, columns: Columns) -> tuple[str | None, dict[datetime, float]]:
    """The prices of one node in one market: interval start (UTC) to USD/MWh, in order of time.

    Args:
        path: `.csv`, `.csv.gz` or `.parquet`.
        market: rows of other markets are left out, where the table has such a column.
        node: likewise; None takes the only node that there is.
        columns: their names, where the usual ones do not do.

    Returns:
        The node as the table names it (None: it does not), and the prices. Empty and NaN prices are left out.

    Raises:
        UsageError: no such file, no such column, a price column that does not say its unit, several nodes, no
            rows, or one interval with two prices.
        TimeRefused: a stamp without an offset; the text names the row.
    """
    frame = tidy.load(path)
    frame = tidy.only(path, frame, tidy.find(frame, tidy.MARKETS), market, "market")[1]
    found_node, frame = tidy.only(path, frame, tidy.find(frame, tidy.NODES), node, "node")
    time_name = _column(path, frame, columns.time, tidy.TIMES, "time")
    price_names = (*tidy.PER_KWH, *tidy.PER_MWH, *tidy.UNSAID)
    price_name = _column(path, frame, columns.price, price_names, "price")
    factor = UNITS[_unit(path, price_name, columns.unit)]
    moments = _moments(path, time_name, frame[time_name])
    prices: dict[datetime, float] = {}
    for moment, price in sorted(zip(moments, _numbers(path, frame[price_name]), strict=True), key=lambda row: row[0]):
        if price is None:
            continue
        if prices.setdefault(moment, price * factor) != price * factor:
            raise UsageError(f"{path}: {moment.isoformat()} has two prices; name the node or the market that is meant")
    if not prices:
        raise UsageError(f"{path}: no prices in it")
    return found_node, prices


def _column(path: Path, frame: "pl.DataFrame", named: str | None, usual: Sequence[str], what: str) -> str:
    if named is not None and named not in frame.columns:
        raise UsageError(f"{path}: no column {named!r}; there are {', '.join(frame.columns)}")
    found = named or tidy.find(frame, usual)
    if found is None:
        raise UsageError(
            f"{path}: no {what} column is recognised among {', '.join(frame.columns)}; name it with --{what}-column"
        )
    return found


def _unit(path: Path, price_name: str, said: str | None) -> str:
    if said is not None:
        if said not in UNITS:
            raise UsageError(f"{said!r} is no unit of a price; write {' or '.join(UNITS)}")
        return said
    plain = tidy.plain(price_name)
    if plain in tidy.PER_KWH or plain.endswith("per_kwh"):
        return "usd-per-kwh"
    if plain in tidy.PER_MWH or plain.endswith("per_mwh"):
        return "usd-per-mwh"
    raise UsageError(f"{path}: column {price_name!r} does not say its unit; give --price-unit {' or '.join(UNITS)}")


def _moments(path: Path, name: str, column: "pl.Series") -> list[datetime]:
    import polars as pl

    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is not None and column.null_count() == 0:
        return column.dt.convert_time_zone("UTC").to_list()
    moments = []
    for row, stamp in enumerate(column.to_list(), start=1):
        try:
            moments.append(parse_utc(str(stamp)))
        except TimeRefused as error:
            raise TimeRefused(f"{path}: column {name!r}, row {row}: {error}") from error
    return moments


def _numbers(path: Path, column: "pl.Series") -> list[float | None]:
    numbers = tidy.numbers(path, column).to_list()
    return [number if number is not None and abs(number) < float("inf") else None for number in numbers]
