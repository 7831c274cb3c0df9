"""Locational marginal prices of all Data Miner reports: LMP = energy + congestion + marginal loss, natural signs.

The unverified reports leave the energy column out; it is then what the others leave of the price.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from vibelux.feeds._check import shaped
from vibelux.feeds.pjm._dataminer import Convert
from vibelux.feeds.pjm._report import Report
from vibelux.market.records import ELECTRICITY_PRICE
from vibelux.market.units import MWH_PER_KWH

if TYPE_CHECKING:
    import polars as pl

PLAUSIBLE = (-4.0, 10.0)
"""USD/kWh. Offers are capped at 2 USD/kWh; reserve penalties and a constraint's penalty factor come on top."""
UNVERIFIED_CONFIDENCE = 90.0
"""Out within minutes; PJM's verification of the following days changes some of them."""
_NAME_WIDTH = 8


def report(name: str, run: str, step: timedelta) -> Report:
    """A price report by its name; `run` is the ending of its columns, `rt` or `da`."""
    energy = f"system_energy_price_{run}"
    unverified = "unverified" in name
    return Report(
        name,
        texts=("pnode_name",),
        numbers=(f"total_lmp_{run}", f"congestion_price_{run}", f"marginal_loss_price_{run}"),
        step=step,
        marks=() if unverified else (energy,),
        optional_texts=("type", "voltage", "equipment"),
        optional_numbers=(energy,),
    )


def records(market: str) -> Convert:
    """Rows of any of those reports as prices of that market."""

    def convert(report: Report, rows: "pl.DataFrame") -> "Iterator[tuple[str, pl.DataFrame]]":
        yield ELECTRICITY_PRICE.name, _prices(report, rows, market)

    return convert


def _prices(report: Report, rows: "pl.DataFrame", market: str) -> "pl.DataFrame":
    import polars as pl

    total, congestion, loss = (pl.col(column) for column in report.numbers)
    energy = pl.col(report.optional_numbers[0]).fill_null(total - congestion - loss)
    return shaped(
        ELECTRICITY_PRICE,
        rows.select(
            iso_region=pl.lit("PJM"),
            region=pl.lit("PJM"),
            pricing_node=_node_name(),
            market=pl.lit(market),
            price_type=pl.lit("LMP"),
            node_type=_text("type"),
            price_per_kwh=(total * MWH_PER_KWH).round(9),
            energy_component=(energy * MWH_PER_KWH).round(9),
            congestion_component=(congestion * MWH_PER_KWH).round(9),
            loss_component=(loss * MWH_PER_KWH).round(9),
            currency=pl.lit("USD"),
            market_interval_start="start",
            market_interval_end="end",
            data_source=pl.lit(f"PJM Data Miner 2 {report.name}"),
            confidence_level=pl.lit(UNVERIFIED_CONFIDENCE if "unverified" in report.name else 100.0),
        ),
    )


def _text(column: str) -> "pl.Expr":
    """A cell, null where it is blank."""
    import polars as pl

    return pl.when(pl.col(column).str.len_chars() > 0).then(pl.col(column))


def _node_name() -> "pl.Expr":
    """A pnode's name as PJM's list of pnodes has it.

    A bus stands in price reports in three columns, of which the first alone is shared by its neighbours; the
    list puts them together, eight characters each: `ALDENE`, `230 KV`, `T-10` is `ALDENE  230 KV  T-10`.
    """
    import polars as pl

    name, voltage, equipment = pl.col("pnode_name"), _text("voltage"), _text("equipment")
    apart = voltage.is_not_null() & equipment.is_not_null() & ~name.str.ends_with(equipment)
    return (
        pl.when(apart)
        .then(name.str.pad_end(_NAME_WIDTH) + voltage.str.pad_end(_NAME_WIDTH) + equipment)
        .otherwise(name)
    )
