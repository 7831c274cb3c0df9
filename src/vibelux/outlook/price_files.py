"""Histories of prices from the files in which people keep them: tidy tables, grids' workbooks, wide and headless CSVs.

A stamp without an offset is the grid's own clock. Of an hour that occurs twice the first pass counts.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vibelux.feeds import Payload, feed_named, read
from vibelux.market.errors import FeedError, UsageError
from vibelux.market.regions import REGIONS
from vibelux.market.units import MWH_PER_KWH
from vibelux.outlook import tidy
from vibelux.outlook.learn import DAY_AHEAD, History, Rules
from vibelux.outlook.past import Minutes, Series, wall_minutes
from vibelux.outlook.sun import Array

if TYPE_CHECKING:
    import polars as pl

_WORKBOOK = "ercot/day-ahead-prices"
_DAY_AHEAD_NAME = re.compile(r"(?<![a-z])(dam?|day[-_ ]?ahead)(?![a-z])", re.IGNORECASE)


def grid_of(path: Path) -> str:
    """The grid whose name is in a path.

    Raises:
        UsageError: none or several are.
    """
    parts = re.split(r"[^a-z]+", str(path.resolve()).lower())
    found = [region.iso_region for region in REGIONS if region.iso_region.lower() in parts]
    if len(found) != 1:
        raise UsageError(f"{path}: the name does not say of which grid it is; give --grid")
    return found[0]


def read_history(
    path: Path, iso_region: str, *, node: str | None = None, market: str | None = None, price: str | None = None
) -> History:
    """The history in a file.

    Args:
        path: CSV (also `.gz`), `.parquet` or ERCOT's workbook.
        iso_region: the grid: its clock, and when its prices come out.
        node: which one, where there are several.
        market: of a file that does not say it; None: day-ahead where the file's name says so, else real-time.
        price: the column of the price, where the usual names do not do.

    Raises:
        UsageError: no such file, columns, node or market.
    """
    rules = Rules.of(iso_region)
    frame = _frame(path)
    names = {tidy.plain(name): name for name in frame.columns}
    if market is None:
        named = DAY_AHEAD if named_day_ahead(path) or _is_workbook(names) else None
        market = named or next(one.real_time_market for one in REGIONS if one.iso_region == rules.iso_region)
    if {"delivery_date", "hour_ending", "dam_lmp", "rtm_lmp"} <= set(names):
        wall = _dates(frame["delivery_date"], "%Y-%m-%d") + 60 * (frame["hour_ending"].cast(int).to_numpy() - 1)
        both = (Series.at_wall(wall, _numbers(frame[name]), 60) for name in ("rtm_lmp", "dam_lmp"))
        real_time, day_ahead = both
        return History(rules, "real-time-hourly", real_time, day_ahead)
    if "he01" in names:
        frame = tidy.only(path, frame, "zone", node, "node")[1]
        wall = _dates(frame["date"], "%Y-%m-%d")[:, None] + 60 * np.arange(24)
        prices = np.column_stack([_numbers(frame[f"he{hour:02d}"]) for hour in range(1, 25)])
        return History(rules, market, Series.at_wall(wall.ravel(), prices.ravel(), 60))
    if frame.columns[0] == "day":
        wall = _dates(frame["day"], "%Y%m%d") + 60 * frame["hour"].cast(int).to_numpy()
        return History(rules, market, Series.at_wall(wall, _numbers(frame["price"]), 60))
    frame = tidy.only(path, frame, tidy.find(frame, tidy.MARKETS), market, "market")[1]
    called_node = [names[usual] for usual in tidy.NODES if usual in names]
    holds_node = next((name for name in called_node if tidy.is_text(frame[name])), None)
    frame = tidy.only(path, frame, holds_node, node, "node")[1]
    return History(rules, market, _series(path, frame, price, rules.zone_name))


def named_day_ahead(path: Path) -> bool:
    """Whether a file's name says that its prices are day-ahead ones."""
    return _DAY_AHEAD_NAME.search(path.name) is not None


def with_day_ahead(history: History, day_ahead: History) -> History:
    """Real-time prices with the day-ahead prices beside them."""
    return replace(history, day_ahead=day_ahead.prices)


def _is_workbook(names: dict[str, str]) -> bool:
    return "hour_ending" in names and "repeated_hour_flag" in names


def _frame(path: Path) -> "pl.DataFrame":
    import polars as pl

    if path.suffix == ".xlsx" and path.is_file():
        return _workbook(path)
    frame = tidy.load(path)
    if frame.width == 1 and frame.columns[0].count(";") > 3:
        names = ["day", "hour", "price"]
        try:
            frame = pl.read_csv(path, infer_schema=False, separator=";", has_header=False, columns=[0, 1, 2])
        except pl.exceptions.PolarsError as error:
            raise UsageError(f"{path}: not a table: {str(error).splitlines()[0]}") from error
        return frame.rename(dict(zip(frame.columns, names, strict=True)))
    return _workbook(path) if _is_workbook({tidy.plain(name): name for name in frame.columns}) else frame


def _workbook(path: Path) -> "pl.DataFrame":
    """ERCOT's workbook (or its sheets as one CSV) through its feed, so that its clock changes are read right."""
    import polars as pl

    try:
        found = read(feed_named(_WORKBOOK), Payload(path.read_bytes(), name=path.name))
    except FeedError as error:
        raise UsageError(f"{path}: {error}") from error
    frame = found.frames["electricity-price"]
    return frame.select(
        time="market_interval_start",
        node="pricing_node",
        price_per_kwh=pl.col("price_per_kwh").cast(pl.Float64),
        repeated_hour_flag=pl.lit("N"),
        hour_ending=pl.lit(""),
    )


def _series(path: Path, frame: "pl.DataFrame", price: str | None, zone_name: str) -> Series:
    usual = (name for name in frame.columns if tidy.plain(name).startswith("datetime_"))
    time = _column(path, frame, tidy.find(frame, tidy.TIMES) or next(usual, None), "time")
    # Here a price that does not say its unit is in USD/MWh, as grids print them.
    found = price or tidy.find(frame, (*tidy.PER_KWH, *tidy.PER_MWH, *tidy.UNSAID))
    column = _column(path, frame, found, "price")
    wall = _wall(path, frame[time], zone_name)
    usual_step = np.bincount(np.diff(np.unique(wall)))
    if not usual_step.size:
        raise UsageError(f"{path}: one price is no history")
    factor = 1.0 if tidy.plain(column).endswith("kwh") else MWH_PER_KWH
    return Series.at_wall(wall, _numbers(frame[column]) / MWH_PER_KWH * factor, int(usual_step.argmax()))


def _column(path: Path, frame: "pl.DataFrame", name: str | None, what: str) -> str:
    if name is None or name not in frame.columns:
        called = what if name is None else f"{name!r}"
        raise UsageError(f"{path}: no {called} column among {', '.join(frame.columns)}")
    return name


def _wall(path: Path, column: "pl.Series", zone_name: str) -> Minutes:
    """Stamps as wall minutes: with an offset they are moments, without one the grid's clock."""
    import polars as pl

    try:
        if column.dtype == pl.String:
            text = column.str.strip_chars().str.replace(" ", "T").str.replace("Z$", "+00:00")
            if text.str.contains(r"[+-]\d\d:?\d\d$").all():
                return wall_minutes(_epoch(text.str.to_datetime("%Y-%m-%dT%H:%M:%S%:z")), zone_name)
            return _epoch(text.str.to_datetime("%Y-%m-%dT%H:%M:%S"))
        return wall_minutes(_epoch(column), zone_name)
    except pl.exceptions.PolarsError as error:
        raise UsageError(f"{path}: not all of column {column.name!r} are times") from error


def _epoch(column: "pl.Series") -> Minutes:
    return (column.dt.epoch("s") // 60).cast(int).to_numpy()


def _dates(column: "pl.Series", form: str) -> Minutes:
    import polars as pl

    return _epoch(column.str.strip_chars().str.to_date(form).cast(pl.Datetime))


def _numbers(column: "pl.Series") -> Array:
    """USD/MWh as printed, in USD/kWh; NaN where there is none."""
    import polars as pl

    return column.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy() * MWH_PER_KWH
