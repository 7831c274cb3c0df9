"""The gas price of a past day: the newest one that was traded before it.

So it is with next-day gas, and so it is known: a trading day's price is out when that day has ended.
"""

import bisect
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Self

from vibelux.feeds import Payload, feed_named, read
from vibelux.market.errors import FeedError, UsageError
from vibelux.outlook.site import GasContract

_FEED = "eia/henry-hub-spot"
_DAYS = ("trading_date", "date", "day", "time", "gas_day")
_PRICES = ("price_per_mmbtu", "usd_per_mmbtu", "price", "henry_hub")
_HUBS = ("hub_name", "hub")
USABLE = timedelta(days=45)
"""An older price is none: a month's price may hold for its month."""
_AHEAD = timedelta(days=4)
"""A file may begin over a weekend with the window: its first price then stands in until it is out."""


@dataclass(frozen=True)
class GasIndex:
    """Prices of a hub by trading day, USD/MMBtu; days rise. Without any for a contract that follows none."""

    days: tuple[date, ...] = ()
    values: tuple[float, ...] = ()

    @classmethod
    def of(cls, rows: Iterable[tuple[date, float]]) -> Self:
        """Rows in any order."""
        by_day = dict(sorted(rows))
        return cls(tuple(by_day), tuple(by_day.values()))

    def traded_before(self, day: date) -> tuple[date, float] | None:
        """The newest trading day before a day, and its price; None where it is too old, or there is none."""
        at = bisect.bisect_left(self.days, day) - 1
        if at < 0:
            begins = self.begins_late(day)
            return (self.days[0], self.values[0]) if begins else None
        return (self.days[at], self.values[at]) if day - self.days[at] <= USABLE else None

    def begins_late(self, day: date) -> bool:
        """Whether nothing was traded before a day yet, but so soon after that the first price stands in for it."""
        return bool(self.days) and self.days[0] >= day and self.days[0] - day <= _AHEAD

    def price(self, contract: GasContract, day: date) -> float | None:
        """What an MMBtu costs under a contract on a day; None where that is not known."""
        traded = self.traded_before(day)
        return contract.price(None if traded is None else traded[1], day)


def read_gas(path: Path, hub: str) -> GasIndex:
    """The index in a file: EIA's workbook or reply, FRED's CSV, or a table with `date` and `price_per_mmbtu`.

    Args:
        path: the file.
        hub: which hub, where a table has several.

    Raises:
        UsageError: no such file, or no daily prices in it.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    tidy = _tidy(path, hub)
    if tidy is not None:
        return tidy
    try:
        frame = read(feed_named(_FEED), Payload(path.read_bytes(), name=path.name)).frames["gas-price"]
    except (FeedError, KeyError) as error:
        raise UsageError(f"{path}: no daily gas prices: {error}") from error
    return GasIndex.of(zip(frame["trading_date"], map(float, frame["price_per_mmbtu"]), strict=True))


def _tidy(path: Path, hub: str) -> GasIndex | None:
    """A table with a day and a price in each row; None where it is something else."""
    import polars as pl

    try:
        frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError):
        return None
    names = {name.strip().lower(): name for name in frame.columns}
    day, price, where = (next((names[one] for one in usual if one in names), None) for usual in (_DAYS, _PRICES, _HUBS))
    if day is None or price is None:
        return None
    if where is not None and (hubs := frame[where].unique().to_list()) != [hub]:
        if hub not in hubs:
            raise UsageError(f"{path}: no gas prices of {hub}; there are {', '.join(map(str, hubs[:8]))}")
        frame = frame.filter(pl.col(where) == hub)
    days = frame[day].cast(pl.String).str.strip_chars().str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    values = frame[price].cast(pl.Float64, strict=False)
    rows = [(one, value) for one, value in zip(days, values, strict=True) if one is not None and value is not None]
    if not rows:
        return None
    return GasIndex.of(rows)
