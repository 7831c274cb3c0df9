"""Prices at settlement points: one record a point, type and interval. ERCOT publishes no components of them."""

from typing import TYPE_CHECKING

from vibelux.feeds._check import shaped
from vibelux.feeds.ercot._tables import Table, numbers
from vibelux.feeds.ercot._time import endings, hours, runs
from vibelux.market.records import ELECTRICITY_PRICE, Quarantined
from vibelux.market.units import MWH_PER_KWH

if TYPE_CHECKING:
    import polars as pl

PLAUSIBLE = (-2.0, 20.0)
"""USD/kWh. The offer cap is 5,000 USD/MWh (9,000 until 2021); congestion and adders went to 9,875 in February 2021."""


def prices(table: Table, market: str, price_type: str, quarantined: list[Quarantined]) -> "pl.DataFrame":
    """The rows of a table as price records; its times are of runs, of the ends of intervals, or of (quarter) hours."""
    import polars as pl

    timing = {"run": runs, "ending": endings}
    timed = next((timing[role] for role in timing if role in table.frame.columns), hours)(table.frame, quarantined)
    priced = numbers(timed, "price", quarantined)
    return shaped(
        ELECTRICITY_PRICE,
        priced.with_columns(
            iso_region=pl.lit("ERCOT"),
            region=pl.lit("Texas"),
            pricing_node="node",
            market=pl.lit(market),
            price_type=pl.lit(price_type),
            price_per_kwh=(pl.col("price") * MWH_PER_KWH).round(9),
            currency=pl.lit("USD"),
            market_interval_start="start",
            market_interval_end="end",
            data_source=pl.lit(f"ERCOT {table.report}"),
            confidence_level=pl.lit(100.0),
        ),
    )
