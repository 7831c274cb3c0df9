"""Histories of prices from the files in which people keep them: tidy tables, grids' workbooks, wide and headless CSVs.

A stamp without an offset is the grid's own clock. Of an hour that occurs twice the first pass counts.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vibelux.feeds import Payload, feed_named, read
from vibelux.market.errors import FeedError, UsageError
from vibelux.market.regions import REGIONS
from vibelux.market.units import MWH_PER_KWH
from vibelux.outlook.learn import DAY_AHEAD, History, Rules
from vibelux.outlook.past import Minutes, Series, wall_minutes
from vibelux.outlook.sun import Array

if TYPE_CHECKING:
    import polars as pl

_TIMES = ("time", "timestamp", "datetime", "interval_start", "market_interval_start", "hour")
_PRICES = ("price_per_kwh", "price_per_mwh", "price_mwh", "lmp", "rt_lmp", "hub_lmp", "spp", "price")
_NODES = ("node", "pricing_node", "pnode_name", "settlement_point", "zone")
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
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    rules = Rules.of(iso_region)
    frame = _frame(path)
    names = {_plain(name): name for name in frame.columns}
    if market is None:
        named = DAY_AHEAD if named_day_ahead(path) or _is_workbook(names) else None
        market = named or next(one.real_time_market for one in REGIONS if one.iso_region == rules.iso_region)
    if {"delivery_date", "hour_ending", "dam_lmp", "rtm_lmp"} <= set(names):
        wall = _dates(frame["delivery_date"], "%Y-%m-%d") + 60 * (frame["hour_ending"].cast(int).to_numpy() - 1)
        both = (Series.at_wall(wall, _numbers(frame[name]), 60) for name in ("rtm_lmp", "dam_lmp"))
        real_time, day_ahead = both
        return History(rules, "real-time-hourly", real_time, day_ahead)
    if "he01" in names:
        frame = _only(path, frame, "zone", node)
        wall = _dates(frame["date"], "%Y-%m-%d")[:, None] + 60 * np.arange(24)
        prices = np.column_stack([_numbers(frame[f"he{hour:02d}"]) for hour in range(1, 25)])
        return History(rules, market, Series.at_wall(wall.ravel(), prices.ravel(), 60))
    if frame.columns[0] == "day":
        wall = _dates(frame["day"], "%Y%m%d") + 60 * frame["hour"].cast(int).to_numpy()
        return History(rules, market, Series.at_wall(wall, _numbers(frame["price"]), 60))
    if "market" in names:
        frame = _of_market(path, frame, names["market"], market)
    holds_node = next((names[name] for name in _NODES if name in names and _is_text(frame[names[name]])), None)
    if holds_node is not None:
        frame = _only(path, frame, holds_node, node)
    return History(rules, market, _tidy(path, frame, names, price, rules.zone_name))


def named_day_ahead(path: Path) -> bool:
    """Whether a file's name says that its prices are day-ahead ones."""
    return _DAY_AHEAD_NAME.search(path.name) is not None


def with_day_ahead(history: History, day_ahead: History) -> History:
    """Real-time prices with the day-ahead prices beside them."""
    return replace(history, day_ahead=day_ahead.prices)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def _is_text(column: "pl.Series") -> bool:
    """Whether it holds names; a table may also have the prices of a node in a column called after it."""
    import polars as pl

    return column.head(1).cast(pl.Float64, strict=False).null_count() == 1


def _is_workbook(names: dict[str, str]) -> bool:
    return "hour_ending" in names and "repeated_hour_flag" in names


def _frame(path: Path) -> "pl.DataFrame":
    import polars as pl

    if path.suffix == ".xlsx":
        return _workbook(path)
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        frame = pl.read_csv(path, infer_schema=False, comment_prefix="#")
        if frame.width == 1 and frame.columns[0].count(";") > 3:
            names = ["day", "hour", "price"]
            frame = pl.read_csv(path, infer_schema=False, separator=";", has_header=False, columns=[0, 1, 2])
            return frame.rename(dict(zip(frame.columns, names, strict=True)))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UsageError(f"{path}: not a table: {str(error).splitlines()[0]}") from error
    return _workbook(path) if _is_workbook({_plain(name): name for name in frame.columns}) else frame


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


def _of_market(path: Path, frame: "pl.DataFrame", column: str, market: str) -> "pl.DataFrame":
    present = frame[column].unique().to_list()
    if market not in present:
        raise UsageError(f"{path}: no rows of market {market!r}; there are {', '.join(map(str, present))}")
    return frame.filter(frame[column] == market)


def _only(path: Path, frame: "pl.DataFrame", column: str, node: str | None) -> "pl.DataFrame":
    present = [str(name) for name in frame[column].unique(maintain_order=True)]
    if node is None and len(present) == 1:
        return frame
    if node not in present:
        said = f"no node {node!r}" if node else "several nodes and none is named"
        raise UsageError(f"{path}: {said}; there are {', '.join(present[:12])}")
    return frame.filter(frame[column] == node)


def _tidy(path: Path, frame: "pl.DataFrame", names: dict[str, str], price: str | None, zone_name: str) -> Series:
    time = _find(path, names, _TIMES, "time")
    column = price or _find(path, names, _PRICES, "price")
    if column not in frame.columns:
        raise UsageError(f"{path}: no column {column!r}; there are {', '.join(frame.columns)}")
    wall = _wall(path, frame[time], zone_name)
    usual = np.bincount(np.diff(np.unique(wall)))
    if not usual.size:
        raise UsageError(f"{path}: one price is no history")
    factor = 1.0 if _plain(column).endswith("kwh") else MWH_PER_KWH
    return Series.at_wall(wall, _numbers(frame[column]) / MWH_PER_KWH * factor, int(usual.argmax()))


def _find(path: Path, names: dict[str, str], usual: Sequence[str], what: str) -> str:
    found = next((names[name] for name in usual if name in names), None)
    found = found or next(
        (full for plain, full in names.items() if what == "time" and plain.startswith("datetime_")), None
    )
    if found is None:
        raise UsageError(f"{path}: no {what} column among {', '.join(names.values())}")
    return found


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
