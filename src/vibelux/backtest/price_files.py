"""Price files as `vibelux backtest` takes them: tidy tables, payloads as the grids serve them, and usual histories."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vibelux.backtest.points import Points, Recorded, chosen
from vibelux.feeds import Feed, Parsed, Payload, all_feeds, read
from vibelux.market.errors import FeedError, UsageError
from vibelux.market.records import ELECTRICITY_PRICE
from vibelux.market.regions import Region, region_of
from vibelux.market.units import MWH_PER_KWH
from vibelux.outlook import tidy
from vibelux.outlook.learn import DAY_AHEAD, Rules
from vibelux.outlook.price_files import named_day_ahead, read_history

if TYPE_CHECKING:
    import polars as pl

_TIMES = ("time", "timestamp", "datetime", "interval_start", "market_interval_start", "datetime_beginning_utc")
_PER_KWH = ("price_per_kwh", "usd_per_kwh", "price_kwh")
_PER_MWH = ("price_per_mwh", "price_mwh", "usd_per_mwh", "lmp", "rt_lmp", "hub_lmp", "spp")
_NODES = ("node", "pricing_node", "pnode_name", "settlement_point", "zone")
_MARKETS = {
    "da": DAY_AHEAD, "dam": DAY_AHEAD, "day-ahead": DAY_AHEAD,
    "rt": "", "rtm": "", "real-time": "",
}  # fmt: skip
"""How markets are called elsewhere; empty: the grid's own real-time market."""
_SETTLED = {"real-time-5min", "real-time-15min", "real-time-hourly", DAY_AHEAD}
"""Look-ahead prices of a payload are left out: nobody is paid by them."""
_NAMELESS = ""
"""The node of a file that names none."""


@dataclass(frozen=True)
class Wanted:
    """What to look for in the files."""

    iso_region: str
    pricing_node: str
    node: str | None = None
    """None: the facility's own, or else the only one that there is."""
    market: str | None = None
    price_column: str | None = None


def read_prices(paths: Sequence[Path], wanted: Wanted) -> Recorded:
    """The prices of one node in its market, and day-ahead ones beside them, from one or several files.

    Raises:
        UsageError: no such file, no prices in it, several nodes of which none is the facility's, or no such market.
    """
    region = region_of(wanted.iso_region)
    held = [table for path in paths for table in tables(path, region, wanted)]
    nodes = sorted({table.node for table in held if table.node != _NAMELESS})
    node = wanted.node or (wanted.pricing_node if wanted.pricing_node in nodes else None)
    if node is None and len(nodes) <= 1:
        node = nodes[0] if nodes else wanted.pricing_node
    files = ", ".join(str(path) for path in paths)
    if node is None or (nodes and node not in nodes):
        named = f"no prices of {node}" if node else f"no prices of {wanted.pricing_node}, and --node names no other"
        raise UsageError(f"{files}: {named}; there are {', '.join(nodes[:12])}")
    by_market: dict[str, list[Table]] = {}
    for table in held:
        if table.node in {node, _NAMELESS}:
            by_market.setdefault(table.market, []).append(table)
    try:
        found = {
            market: Points.of(
                np.concatenate([one.starts for one in ones]), np.concatenate([one.values for one in ones])
            )
            for market, ones in by_market.items()
        }
    except ValueError as error:
        raise UsageError(f"{files}: {error} of {node}") from error
    recorded = chosen(found, Rules.of(region.iso_region), node, region.real_time_market, wanted.market)
    if recorded is None:
        raise UsageError(f"{files}: no prices of market {wanted.market!r}; there are {', '.join(found)}")
    return recorded


@dataclass(frozen=True)
class Table:
    """Prices of one node in one market; starts in UTC minutes, USD/kWh, NaN where a row has no price."""

    node: str
    market: str
    starts: np.ndarray
    values: np.ndarray


def tables(path: Path, region: Region, wanted: Wanted) -> Iterator[Table]:
    """All prices of a file, or those of the node where a file has to be told which.

    Raises:
        UsageError: no such file, or no prices in it.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    found = _tidy(path, region, wanted)
    if found is None and wanted.price_column is None and (payload := served(path, region)) is not None:
        found = _settled(payload[1])
    if found is not None:
        for (node, market), rows in found.group_by("node", "market", maintain_order=True):
            yield Table(str(node), str(market), rows["minute"].to_numpy(), rows["price"].to_numpy())
        return
    history = read_history(path, region.iso_region, node=wanted.node, market=wanted.market, price=wanted.price_column)
    for market, series in ((history.market, history.prices), (DAY_AHEAD, history.day_ahead)):
        if series is not None:
            points = Points.of_wall(series, region.timezone)
            yield Table(_NAMELESS, market, points.starts, points.values)


def served(path: Path, region: Region) -> tuple[Feed, Parsed] | None:
    """A payload of the grid's own, and the price feed that reads it; None where none does."""
    payload = Payload(path.read_bytes(), name=path.name)
    for feed in all_feeds():
        if feed.is_price and feed.provider == region.iso_region.lower():
            try:
                found = read(feed, payload)
            except FeedError:
                continue
            if (frame := found.frames.get(ELECTRICITY_PRICE.name)) is not None and frame.height:
                return feed, found
    return None


def _settled(found: Parsed) -> "pl.DataFrame":
    import polars as pl

    frame = found.frames[ELECTRICITY_PRICE.name].filter(pl.col("market").is_in(_SETTLED))
    return frame.sort("node_type", nulls_last=False).select(
        node="pricing_node",
        market="market",
        minute=pl.col("market_interval_start").dt.epoch("s") // 60,
        price=pl.col("price_per_kwh").cast(pl.Float64),
    )


def _tidy(path: Path, region: Region, wanted: Wanted) -> "pl.DataFrame | None":
    """A table whose times say their offset, or are UTC as the contract has them; None where it is something else."""
    import polars as pl

    frame = _table(path)
    if frame is None:
        return None
    names = {name.strip().lower().replace(" ", "_"): name for name in frame.columns}
    time = next((names[name] for name in _TIMES if name in names), None)
    price = wanted.price_column or next((names[name] for name in (*_PER_KWH, *_PER_MWH) if name in names), None)
    if price is not None and price not in frame.columns:
        raise UsageError(f"{path}: no column {price!r}; there are {', '.join(frame.columns)}")
    if time is None or price is None:
        return None
    minute = _minutes(path, frame[time], utc=names.get("price_per_kwh") == price)
    if minute is None:
        return None
    factor = 1.0 if price.strip().lower().endswith("kwh") else MWH_PER_KWH
    node = next((names[name] for name in _NODES if name in names), None)
    otherwise = DAY_AHEAD if named_day_ahead(path) else region.real_time_market
    column = pl.lit(wanted.market or otherwise)
    if "market" in names:
        known = {name: meant or region.real_time_market for name, meant in _MARKETS.items()}
        lower = pl.col(names["market"]).str.to_lowercase()
        column = lower.replace(known).fill_null(otherwise)
    return frame.select(
        node=pl.lit(_NAMELESS) if node is None else pl.col(node).cast(pl.String),
        market=column,
        minute=minute,
        price=tidy.numbers(path, frame[price]) * factor,
    )


def _table(path: Path) -> "pl.DataFrame | None":
    import polars as pl

    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        if path.name.endswith((".csv", ".csv.gz", ".txt")):
            return pl.read_csv(path, infer_schema=False, comment_prefix="#", truncate_ragged_lines=True)
    except pl.exceptions.PolarsError:
        return None
    return None


def _minutes(path: Path, column: "pl.Series", *, utc: bool) -> "pl.Series | None":
    """UTC minutes; None for stamps by the clock on the wall."""
    import polars as pl

    if isinstance(column.dtype, pl.Datetime):
        moments = column if column.dtype.time_zone is not None or utc else None
    else:
        text = column.cast(pl.String).str.strip_chars().str.replace(" ", "T").str.replace("Z$", "+00:00")
        told = text.str.contains(r"[+-]\d\d:?\d\d$")
        if told.any() and not told.all():
            raise UsageError(f"{path}: only some of column {column.name!r} say their offset from UTC")
        if not told.all() and not utc:
            return None
        moments = (text if told.all() else text + "+00:00").str.to_datetime("%Y-%m-%dT%H:%M:%S%:z", strict=False)
        short = (text if told.all() else text + "+00:00").str.to_datetime("%Y-%m-%dT%H:%M%:z", strict=False)
        moments = moments.fill_null(short)
        if moments.has_nulls():
            row = moments.is_null().arg_true()[0]
            raise UsageError(f"{path}: column {column.name!r}, row {row + 1}: {column[row]!r} is not a time")
    return None if moments is None else moments.dt.epoch("s") // 60
