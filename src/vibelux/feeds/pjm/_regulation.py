"""PJM's regulation market by the hour, approved about five weeks later: megawatts and mileage, no price.

From 2025-10-01 on there is one bidirectional signal: what `rega_` and `regd_` columns mean changes at that date.
"""

from typing import TYPE_CHECKING

from vibelux.feeds.pjm._report import Report
from vibelux.feeds.pjm._series import series

if TYPE_CHECKING:
    import polars as pl

_COLUMNS = {
    "requirement": ("regulation-requirement", "MW"),
    "total_mw": ("regulation-procured", "MW"),
    "rega_procure": ("regulation-procured", "MW"),
    "regd_procure": ("regulation-procured", "MW"),
    "rega_ssmw": ("regulation-self-scheduled", "MW"),
    "regd_ssmw": ("regulation-self-scheduled", "MW"),
    "deficiency": ("regulation-deficiency", "MW"),
    "rto_perfscore": ("regulation-performance-score", "1"),
    "rega_mileage": ("regulation-mileage", "MW/MW"),
    "regd_mileage": ("regulation-mileage", "MW/MW"),
    "rega_hourly": ("regulation-mileage", "MW/MW"),
    "regd_hourly": ("regulation-mileage", "MW/MW"),
}
_UNSPLIT = {"requirement", "deficiency", "rto_perfscore"}
MARKET_RESULTS = Report(
    "reg_market_results",
    texts=(),
    numbers=("requirement", "total_mw"),
    marks=("rto_perfscore",),
    optional_numbers=tuple(column for column in _COLUMNS if column not in {"requirement", "total_mw"}),
)


def market_results(rows: "pl.DataFrame") -> "pl.DataFrame":
    """Each column as a series; the category is the column's name where several columns share a variable."""
    import polars as pl

    return pl.concat(
        series(
            MARKET_RESULTS,
            rows.filter(pl.col(column).is_not_null()),
            variable,
            column,
            category=None if column in _UNSPLIT else pl.lit(column),
            unit=unit,
        )
        for column, (variable, unit) in _COLUMNS.items()
    )
