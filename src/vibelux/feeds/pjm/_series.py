"""Rows of a Data Miner report as a series: the one shape of load, generation and their forecasts."""

from typing import TYPE_CHECKING

from vibelux.feeds._check import shaped
from vibelux.feeds.pjm._report import Report
from vibelux.market.records import SERIES

if TYPE_CHECKING:
    import polars as pl

SYSTEM = "PJM"
"""The location of a total to which upstream gives no name."""


def series(
    report: Report,
    rows: "pl.DataFrame",
    variable: str,
    value: str,
    *,
    location: "pl.Expr | None" = None,
    category: "pl.Expr | None" = None,
    unit: str = "MW",
) -> "pl.DataFrame":
    """One number of each row.

    Args:
        report: names the source, and says whether rows have a time of issue.
        rows: as `read_reports` gives them.
        variable: the contract's name.
        value: the column of the number.
        location: of each row; the whole of PJM where it is not given.
        category: of each row; none where it is not given.
        unit: of the number.
    """
    import polars as pl

    none = pl.lit(None, pl.String)
    return shaped(
        SERIES,
        rows.select(
            provider=pl.lit("pjm"),
            category=none if category is None else category,
            variable=pl.lit(variable),
            location=pl.lit(SYSTEM) if location is None else location,
            unit=pl.lit(unit),
            value=value,
            valid_start="start",
            valid_end="end",
            issued_at=pl.col("issued") if report.issued else pl.lit(None, pl.Datetime("us", "UTC")),
            data_source=pl.lit(f"PJM Data Miner 2 {report.name}"),
        ),
    )
