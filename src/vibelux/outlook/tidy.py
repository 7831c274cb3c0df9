"""What tables of prices have in common, whoever wrote them: usual names of columns, one node or market of several."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vibelux.market.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

TIMES = (
    "time",
    "timestamp",
    "datetime",
    "interval_start",
    "interval_start_utc",
    "market_interval_start",
    "intervalstarttime_gmt",
    "start",
    "start_time",
    "hour",
)
PER_KWH = ("price_per_kwh", "price_kwh", "usd_per_kwh", "price_usd_per_kwh")
PER_MWH = (
    "price_per_mwh",
    "price_mwh",
    "usd_per_mwh",
    "price_usd_per_mwh",
    "lmp",
    "rt_lmp",
    "hub_lmp",
    "lmp_prc",
    "spp",
)
"""As grids print them."""
UNSAID = ("price", "value", "prc", "mw")
"""A price whose unit its name does not say."""
NODES = ("node", "pricing_node", "pnode_name", "settlement_point", "location", "node_id", "pnode", "zone")
MARKETS = ("market",)


def load(path: Path) -> "pl.DataFrame":
    """The table in `.csv` (also `.gz`), all of it as text, or `.parquet`.

    Raises:
        UsageError: no such file, or no table.
    """
    import polars as pl

    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema=False, comment_prefix="#")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UsageError(f"{path}: not a table: {str(error).splitlines()[0]}") from error


def plain(name: str) -> str:
    """A column's name without what writers differ in.

    >>> plain(" Hour-Ending ")
    'hour_ending'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def find(frame: "pl.DataFrame", usual: Sequence[str]) -> str | None:
    """The column with the first of some usual names that there is."""
    by_plain = {plain(name): name for name in reversed(frame.columns)}
    return next((by_plain[name] for name in usual if name in by_plain), None)


def is_text(column: "pl.Series") -> bool:
    """Whether it holds names; a table may also have the prices of a node in a column called after it."""
    import polars as pl

    return column.head(1).cast(pl.Float64, strict=False).null_count() == 1


def only(
    path: Path, frame: "pl.DataFrame", column: str | None, wanted: str | None, what: str
) -> tuple[str | None, "pl.DataFrame"]:
    """The rows of one node or market, and its name; all rows where no column tells them apart.

    Raises:
        UsageError: there is none of that name, or there are several and none is named.
    """
    if column is None:
        return None, frame
    present = [str(name) for name in frame[column].drop_nulls().unique(maintain_order=True)]
    if wanted is None and len(present) == 1:
        wanted = present[0]
    if wanted not in present:
        said = f"no rows of {what} {wanted!r}" if wanted else f"several {what}s and none is named"
        raise UsageError(f"{path}: {said}; there are {', '.join(present[:12])}")
    return wanted, frame.filter(frame[column].cast(str) == wanted)


def numbers(path: Path, column: "pl.Series") -> "pl.Series":
    """A column as numbers; empty and NaN are null.

    Raises:
        UsageError: a cell is no number; the text names its row.
    """
    import polars as pl

    if column.dtype == pl.String:
        column = column.str.strip_chars().replace({"": None, "nan": None, "NaN": None, "null": None})
    found = column.cast(pl.Float64, strict=False)
    bad = column.is_not_null() & found.is_null()
    if bad.any():
        row = bad.arg_true()[0]
        raise UsageError(f"{path}: column {column.name!r}, row {row + 1}: {column[row]!r} is no number")
    return found.fill_nan(None)
