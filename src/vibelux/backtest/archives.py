"""Files of past prices as the store takes them: payloads of the grids as they are, tables turned into records."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vibelux.backtest.price_files import Table, Wanted, served, tables
from vibelux.feeds import Feed, Parsed, Quarantined, all_feeds
from vibelux.market.errors import UsageError
from vibelux.market.records import ELECTRICITY_PRICE
from vibelux.market.regions import Region, region_of
from vibelux.outlook.learn import DAY_AHEAD

if TYPE_CHECKING:
    import polars as pl

_REAL_TIME = {5: "real-time-5min", 15: "real-time-15min", 60: "real-time-hourly"}
"""By minutes: hourly means of a market of five minutes are a market of their own."""
_MONTHS_ROWS = 10_000
"""Of one write: about a month of five-minute prices."""


@dataclass(frozen=True)
class Part:
    """Some of a file's records, and the feed that would have brought them."""

    feed: Feed
    parsed: Parsed
    done: float
    """How much of the file is read with it, up to 1."""


def parts_of(path: Path, wanted: Wanted, name: str | None = None) -> Iterator[Part]:
    """What a file holds, a part at a time.

    Args:
        path: the file.
        wanted: what to look for in it; of a grid's own payload all is taken.
        name: how upstream calls the node that is wanted; None: as the file does.

    Raises:
        UsageError: no such file, no prices in it, or none whose node is known.
    """
    region = region_of(wanted.iso_region)
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    payload = served(path, region) if wanted.price_column is None else None
    if payload is not None:
        yield Part(*payload, 1.0)
        return
    held = [table for table in tables(path, region, wanted) if wanted.node in {None, table.node} or not table.node]
    if not held:
        raise UsageError(f"{path}: no prices of {wanted.node}")
    total, done = sum(len(table.starts) for table in held), 0
    for table in held:
        node = name or table.node or wanted.node
        if node is None:
            raise UsageError(f"{path}: it does not say of which node its prices are; name it with --node")
        for first in range(0, len(table.starts), _MONTHS_ROWS):
            some = slice(first, first + _MONTHS_ROWS)
            done += len(table.starts[some])
            yield _part(path, table, some, region, node, done / total)


def _part(path: Path, table: Table, some: slice, region: Region, node: str, done: float) -> Part:
    starts, values = table.starts[some], table.values[some]
    step = min(int(np.median(np.diff(np.unique(table.starts)))), 60) if len(table.starts) > 1 else 60
    market = table.market if table.market == DAY_AHEAD else _REAL_TIME.get(step, region.real_time_market)
    lacks = ~np.isfinite(values)
    quarantined = [
        Quarantined("a price is missing", f"row {some.start + at + 1}", node) for at in np.flatnonzero(lacks)
    ]
    frame = _frame(path.name, region, node, market, starts[~lacks], values[~lacks], step)
    return Part(_feed_of(region, market), Parsed({ELECTRICITY_PRICE.name: frame}, quarantined), done)


def _frame(
    source: str, region: Region, node: str, market: str, starts: np.ndarray, values: np.ndarray, step: int
) -> "pl.DataFrame":
    import polars as pl

    known = {
        "iso_region": region.iso_region,
        "region": region.region,
        "pricing_node": node,
        "market": market,
        "price_type": region.price_type,
        "currency": "USD",
        "data_source": source,
        "confidence_level": 100.0,
    }
    begins = pl.from_epoch(pl.Series(starts) * 60, "s").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    rows = pl.DataFrame({"market_interval_start": begins, "price_per_kwh": values}).unique(
        subset="market_interval_start", keep="first", maintain_order=True
    )
    return rows.with_columns(
        market_interval_end=pl.col("market_interval_start") + pl.duration(minutes=step),
        **{name: pl.lit(value) for name, value in known.items()},
    ).select(
        pl.col(name).cast(dtype)
        if name in {*known, *rows.columns, "market_interval_end"}
        else pl.lit(None, dtype).alias(name)
        for name, dtype in ELECTRICITY_PRICE.schema().items()
    )


def _feed_of(region: Region, market: str) -> Feed:
    own = [feed for feed in all_feeds() if feed.is_price and feed.provider == region.iso_region.lower()]
    return next(feed for wanted in (market, region.real_time_market) for feed in own if feed.market == wanted)
