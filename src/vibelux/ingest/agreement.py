"""Prices that can be had twice: the mean of short intervals, and what upstream publishes for the long one.

Where the two disagree, one of them was read, stored or published wrong; which one, nobody can tell here. A market's
short and long prices are compared only where the long one is made of the short ones: CAISO's 15-minute market, and
each day-ahead market, has prices of its own.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from vibelux.market.units import MWH_PER_KWH
from vibelux.store.disagreements import Disagreement

if TYPE_CHECKING:
    import polars as pl

_HELD_AT_MOST = timedelta(minutes=15)
_START, _END = "market_interval_start", "market_interval_end"
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two markets of a grid, of which the long one is the mean of the short one, weighted by time."""

    feed: str
    """Whose the long one is."""
    iso_region: str
    short: str
    long: str
    length: timedelta
    """Of an interval of the long one."""
    tolerance: float
    """USD/MWh."""
    why: str
    looks_back: timedelta
    """How late the later of the two may come."""
    since: datetime | None = None
    """Before, the long one held something else too."""
    held_until_next: bool = False
    """Whether a short price holds until the next one, whatever the end in its record says."""
    adder: bool = False
    """Whether the long one may hold an adder: above zero, and the same at all nodes."""
    leaves_out: str = "^$"
    """A pattern of nodes whose long price is made otherwise."""

    @property
    def name(self) -> str:
        """The two in words."""
        return f"mean of {self.short} and {self.long}"


COMPARISONS = (
    Comparison(
        feed="pjm/real-time-hourly-lmp",
        iso_region="PJM",
        short="real-time-5min",
        long="real-time-hourly",
        length=timedelta(hours=1),
        tolerance=0.01,
        why="PJM's hour is the mean of its twelve verified five-minute prices, printed to a millionth",
        looks_back=timedelta(days=5),
    ),
    Comparison(
        feed="nyiso/real-time-hourly-pricing",
        iso_region="NYISO",
        short="real-time-5min",
        long="real-time-hourly",
        length=timedelta(hours=1),
        tolerance=0.011,
        why="NYISO's hour is the mean of its dispatch prices by the second; both are printed in cents",
        looks_back=timedelta(hours=6),
    ),
    Comparison(
        feed="ercot/settlement-point-prices",
        iso_region="ERCOT",
        short="real-time-5min",
        long="real-time-15min",
        length=timedelta(minutes=15),
        tolerance=1.0,
        why="ERCOT's quarter hour is the mean of its dispatch runs by the second, of which the files round some",
        looks_back=timedelta(hours=1),
        since=datetime(2025, 12, 5, 6, tzinfo=UTC),
        held_until_next=True,
        adder=True,
        leaves_out="^LZ_|^DC_",
    ),
)
"""ERCOT's load zones are weighted by load; its scarcity adders were in the long price alone until December 2025."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a comparison came to."""

    compared: int
    """Intervals of which both were whole, each node for itself."""
    disagreements: tuple[Disagreement, ...]


def agreement(rule: Comparison, short: "pl.DataFrame", long: "pl.DataFrame") -> Agreement:
    """Compares prices of the two markets, node by node.

    Args:
        rule: what is compared.
        short: records of the short market; an interval that they do not fill is not compared.
        long: records of the long market.
    """
    import polars as pl

    price, seconds = pl.col("price_per_kwh") / MWH_PER_KWH, pl.col("seconds")
    parts = _one_type(short).select("pricing_node", from_=_START, until=_END, one=price).sort("pricing_node", "from_")
    if rule.held_until_next:
        following = pl.col("from_").shift(-1).over("pricing_node")
        parts = parts.with_columns(
            until=pl.when(following - pl.col("from_") <= _HELD_AT_MOST).then(following).otherwise("until")
        )
    compared = (
        _one_type(long)
        .filter(pl.col(_START) >= (rule.since or pl.col(_START)), ~pl.col("pricing_node").str.contains(rule.leaves_out))
        .select("pricing_node", _START, _END, other=price)
        .join(parts, on="pricing_node")
        .with_columns(
            seconds=(pl.min_horizontal(_END, "until") - pl.max_horizontal(_START, "from_")).dt.total_seconds()
        )
        .filter(seconds > 0)
        .group_by("pricing_node", _START, _END, "other")
        .agg(one=(pl.col("one") * seconds).sum() / seconds.sum(), seconds=seconds.sum())
        .filter(seconds == rule.length.total_seconds())
        .with_columns(off=pl.col("other") - pl.col("one"))
    )
    off = pl.col("off")
    disagrees = off.abs() > rule.tolerance + _ROUNDING
    if rule.adder:
        alike = (off.max() - off.min() <= rule.tolerance) & (off.len() > 1) & (off.min() > 0)
        disagrees &= ~alike.over(_START)
    rows = compared.filter(disagrees).sort(_START, "pricing_node")
    return Agreement(compared.height, tuple(_disagreement(rule, row) for row in rows.iter_rows(named=True)))


def _one_type(prices: "pl.DataFrame") -> "pl.DataFrame":
    """Without the names that stand for several prices, of which nothing says which is meant elsewhere."""
    import polars as pl

    return prices.filter(pl.col("node_type").n_unique().over("pricing_node") == 1)


def _disagreement(rule: Comparison, row: dict[str, Any]) -> Disagreement:
    return Disagreement(
        feed=rule.feed,
        iso_region=rule.iso_region,
        pricing_node=row["pricing_node"],
        comparison=rule.name,
        interval_start=row[_START],
        interval_end=row[_END],
        one=round(row["one"], 4),
        other=round(row["other"], 4),
        tolerance=rule.tolerance,
        why=rule.why,
    )
