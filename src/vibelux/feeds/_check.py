"""What holds for the rows of every feed, whatever its format: checked here once, after each parse.

A row that breaks a rule is quarantined with its reason; nothing is repaired and nothing is dropped unsaid.
"""

import json
from typing import TYPE_CHECKING

from vibelux.feeds._feed import Feed
from vibelux.market.records import KINDS, Kind, Parsed, Quarantined, Type

if TYPE_CHECKING:
    import polars as pl

_VALUE = {
    "electricity-price": "price_per_kwh",
    "gas-price": "price_per_mmbtu",
    "carbon-price": "price_per_metric_ton",
    "ancillary-price": "price_per_mw_hour",
    "capacity-price": "price_per_mw_day",
    "constraint": "shadow_price",
    "series": "value",
}
_STRETCH = {
    "electricity-price": ("market_interval_start", "market_interval_end"),
    "ancillary-price": ("interval_start", "interval_end"),
    "constraint": ("interval_start", "interval_end"),
}


def check(feed: Feed, parsed: Parsed) -> Parsed:
    """Applies the rules to all frames: numbers are finite and plausible, intervals go forwards, keys are single."""
    for name, frame in parsed.frames.items():
        if frame.height:
            parsed.frames[name] = _checked(feed, KINDS[name], frame, parsed.quarantined)
    return parsed


def _checked(feed: Feed, kind: Kind, frame: "pl.DataFrame", quarantined: list[Quarantined]) -> "pl.DataFrame":
    import polars as pl

    value = _VALUE.get(kind.name)
    if value is not None:
        low, high = feed.plausible
        number = pl.col(value)
        # A series may say "no value" by null; a price without a number is no price.
        usable = number.is_finite() if kind.name != "series" else number.is_finite() | number.is_null()
        frame = _keep(frame, usable.fill_null(value=False), f"{value} is not a number", quarantined)
        if kind.name == feed.kind:
            within = number.is_between(low, high) | number.is_null()
            frame = _keep(frame, within, f"{value} is outside the plausible range {low} to {high}", quarantined)
    if kind.name in _STRETCH:
        start, end = _STRETCH[kind.name]
        frame = _keep(frame, pl.col(end) > pl.col(start), "the interval does not end after it starts", quarantined)
    return _single(kind, frame, quarantined)


def _single(kind: Kind, frame: "pl.DataFrame", quarantined: list[Quarantined]) -> "pl.DataFrame":
    """One row a key: exact repeats are one row; a key with two values is refused, as nothing says which holds."""
    import polars as pl

    if frame.is_empty():
        return frame
    key = [name for name in kind.key if frame.schema[name] != pl.Object]
    constant = [name for name in key if frame[name].eq_missing(frame[name][0]).all()]
    varying = [name for name in key if name not in constant] or key[:1]
    if frame.select(pl.struct(varying).n_unique()).item() == frame.height:
        return frame
    comparable = [name for name in kind.names if frame.schema[name] != pl.Object]
    frame = frame.unique(subset=comparable, maintain_order=True)
    clash = pl.struct(varying).is_duplicated()
    return _keep(frame, ~clash, "the same interval occurs with two different values", quarantined)


def _keep(frame: "pl.DataFrame", condition: "pl.Expr", reason: str, quarantined: list[Quarantined]) -> "pl.DataFrame":
    mask = frame.select(condition.alias("keep"))["keep"]
    if mask.all():
        return frame
    for row in frame.filter(~mask).iter_rows(named=True):
        quarantined.append(Quarantined(reason, place_of(row), json.dumps(row, default=str)))
    return frame.filter(mask)


def place_of(row: dict[str, object]) -> str:
    """Where a row belongs, in words: its node or series and its moment."""
    wanted = ("pricing_node", "hub_name", "market_name", "location", "product", "constraint_name", "category")
    times = ("market_interval_start", "interval_start", "valid_start", "trading_date", "starts_at")
    parts = [str(row[name]) for name in (*wanted, *times) if row.get(name) is not None]
    return " ".join(parts)


def empty(kind: Kind) -> "pl.DataFrame":
    """A frame of that kind without rows."""
    import polars as pl

    return pl.DataFrame(schema=kind.schema())


def shaped(kind: Kind, frame: "pl.DataFrame") -> "pl.DataFrame":
    """The frame with exactly the kind's columns, in order and type; columns that are not there become null."""
    import polars as pl

    schema = kind.schema()
    have = set(frame.columns)
    objects = {f.name for f in kind.fields if f.type is Type.JSON}
    return frame.select(
        [
            (pl.col(name) if name in objects else pl.col(name).cast(dtype))
            if name in have
            else pl.lit(None, dtype).alias(name)
            for name, dtype in schema.items()
        ]
    )
