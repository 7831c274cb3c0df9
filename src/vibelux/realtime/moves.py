"""How prices move: of each that somebody watches the newest, the one before it, and the change between them.

A change is relative to the last price, but never to less than a floor: power that goes from 0.1 to 0.4 USD/MWh has not
quadrupled in any sense that a plant could notice, and of a price below zero a share means nothing. With the floor of
10 USD/MWh for power, five percent are never less than half a dollar a megawatt-hour, and -20 after -10 USD/MWh is a
fall of 100 %.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from vibelux.market.regions import region_of

if TYPE_CHECKING:
    import polars as pl

Since = datetime | date


@dataclass(frozen=True, slots=True)
class Watched:
    """Where the records of a kind hold what is watched."""

    kind: str
    name: str
    price: str
    since: str
    floor: float
    """In the price's own unit: changes are never relative to less."""


ELECTRICITY = Watched("electricity-price", "pricing_node", "price_per_kwh", "market_interval_start", 0.01)
GAS = Watched("gas-price", "hub_name", "price_per_mmbtu", "trading_date", 0.25)
CARBON = Watched("carbon-price", "market_name", "price_per_metric_ton", "trading_date", 1.0)
WATCHED = {one.kind: one for one in (ELECTRICITY, GAS, CARBON)}

_CASH = ("spot", "next-day", "balance-of-month")


@dataclass(frozen=True, slots=True)
class Priced:
    """A price, and from when on it holds."""

    since: Since
    price: float


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest price of a name in a payload, and the one before it where the payload has that too."""

    name: str
    region: str
    now: Priced
    before: Priced | None


def change(last: float, price: float, floor: float) -> float:
    """The change relative to the last price, 0.05 for five percent more; its sign is that of the difference.

    >>> round(change(0.040, 0.043, floor=0.01), 3), change(-0.02, -0.01, floor=0.01), change(0.0, 0.0004, floor=0.01)
    (0.075, 0.5, 0.04)
    """
    return (price - last) / max(abs(last), floor)


def newest_of(watched: Watched, rows: "pl.DataFrame", names: Collection[str] | None) -> Iterator[Newest]:
    """The newest price of each name in a payload's rows: electricity of the grids' real-time markets, gas for cash.

    Args:
        watched: the kind of the rows.
        rows: as `market.records` has them.
        names: those that are wanted; None for all.
    """
    import polars as pl

    if names is not None:
        rows = rows.filter(pl.col(watched.name).is_in(list(names)))
    if watched is ELECTRICITY:
        grids = rows["iso_region"].unique().to_list()
        own = {grid: region_of(grid).real_time_market for grid in grids}
        rows = rows.filter(pl.col("market") == pl.col("iso_region").replace_strict(own, return_dtype=pl.String))
        order = ["node_type"]  # as the reader does where two prices go by one name
    elif watched is GAS:
        rows, order = rows.filter(pl.col("contract_type").is_in(_CASH)), ["contract_type", "delivery_date"]
    else:
        order = ["vintage_year"]
    ordered = rows.sort(watched.name, watched.since, *order, nulls_last=False)
    single = ordered.unique([watched.name, watched.since], keep="first", maintain_order=True)
    columns = ("region", watched.since, watched.price)
    for (name,), found in single.group_by(watched.name, maintain_order=True):
        last = [(region, Priced(since, price)) for region, since, price in found.select(columns).tail(2).iter_rows()]
        yield Newest(str(name), str(last[-1][0]), last[-1][1], last[0][1] if len(last) > 1 else None)
