"""What holds for the rows of every feed, whatever its format: checked here once, after each parse.

A row that breaks a rule is quarantined with its reason; nothing is repaired and nothing is dropped unsaid.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
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
_LONGEST = {"-5min": timedelta(minutes=5), "-15min": timedelta(minutes=15), "-hourly": timedelta(hours=1)}
"""By the ending of a market's name."""
_PARTS = ("energy_component", "congestion_component", "loss_component")
_ROUNDING = 1e-4
"""USD/kWh: by so much may a price differ from the sum of its parts; in recordings it is a thousandth of that."""
_IN_DOUBT = 50.0
"""The confidence level of a price whose parts say another price."""
_FROM_YEAR, _TO_YEAR = 1900, 2200


def check(feed: Feed, parsed: Parsed) -> Parsed:
    """Applies the rules to all frames.

    Rows are complete, their numbers finite and plausible, their times within reach and forwards, no longer than their
    market's name says; keys are single (but of replaced versions there may be many). A price that is not the sum of
    its parts is kept and doubted.
    """
    for name, frame in parsed.frames.items():
        sound = _sound(feed, KINDS[name], frame, parsed.quarantined)
        single = _single(KINDS[name], sound, parsed.quarantined)
        parsed.frames[name] = _doubted(KINDS[name], single)
    for name, frame in parsed.superseded.items():
        parsed.superseded[name] = _sound(feed, KINDS[name], frame, parsed.quarantined).unique(maintain_order=True)
    return parsed


def _sound(feed: Feed, kind: Kind, frame: "pl.DataFrame", quarantined: list[Quarantined]) -> "pl.DataFrame":
    """The rows that break no rule; as most frames break none, all rules are asked at once first."""
    import polars as pl

    if frame.is_empty():
        return frame
    times = {field.name: field.type for field in kind.fields if field.type in {Type.TIME, Type.DATE}}
    near = pl.all_horizontal(
        pl.col(name).is_between(_new_year(_FROM_YEAR, of), _new_year(_TO_YEAR, of)) | pl.col(name).is_null()
        for name, of in times.items()
    )
    rules = list(_rules(feed, kind, frame))
    if frame.select(pl.all_horizontal(near, *(condition for condition, _ in rules)).all()).item():
        return frame
    mask = frame.select(keep=near)["keep"]
    # Python cannot hold a time that is out of reach, so such a row is shown as text.
    far = frame.filter(~mask).with_columns(pl.col(list(times)).cast(pl.String))
    _set_aside(far, "a time is out of reach", quarantined)
    frame = frame.filter(mask)
    for condition, reason in rules:
        frame = _keep(frame, condition, reason, quarantined)
    return frame


def _new_year(year: int, of: Type) -> date:
    return datetime(year, 1, 1, tzinfo=UTC) if of is Type.TIME else date(year, 1, 1)


def _rules(feed: Feed, kind: Kind, frame: "pl.DataFrame") -> "Iterator[tuple[pl.Expr, str]]":
    """What must hold for each row, and what is said of a row for which it does not."""
    import polars as pl

    value = _VALUE.get(kind.name)
    if value is not None:
        low, high = feed.plausible
        number = pl.col(value)
        # A series may say "no value" by null; a price without a number is no price.
        usable = number.is_finite() if kind.name != "series" else number.is_finite() | number.is_null()
        yield usable.fill_null(value=False), f"{value} is not a number"
        if kind.name == feed.kind:
            within = number.is_between(low, high) | number.is_null()
            yield within, f"{value} is outside the plausible range {low} to {high}"
    for field in kind.fields:
        cell = pl.col(field.name)
        if field.type is Type.NUMBER and field.name != value and frame[field.name].null_count() < frame.height:
            yield cell.is_finite() | cell.is_null(), f"{field.name} is not a finite number"
        if not field.nullable and field.type is not Type.JSON and frame[field.name].null_count():
            yield cell.is_not_null(), f"{field.name} is missing"
        if field.key and field.type is Type.TEXT:
            yield (cell.str.strip_chars() != "") | cell.is_null(), f"{field.name} is blank"
    if kind.name in _STRETCH:
        yield from _stretches(kind, frame)
    if kind.name == "series":
        yield pl.col("valid_end") >= pl.col("valid_start"), "it ends before it starts"


def _stretches(kind: Kind, frame: "pl.DataFrame") -> "Iterator[tuple[pl.Expr, str]]":
    import polars as pl

    start, end = _STRETCH[kind.name]
    yield pl.col(end) > pl.col(start), "the interval does not end after it starts"
    for market in frame["market"].unique().drop_nulls():
        if kind.name == "ancillary-price" and market.startswith("hasp"):
            continue  # an hourly process that prints quarter hours for energy; for reserves no recording tells
        longest = next((length for ending, length in _LONGEST.items() if market.endswith(ending)), None)
        if longest is not None:
            fits = pl.col(end) - pl.col(start) <= longest
            yield (pl.col("market") != market) | fits, f"the interval is longer than one of {market}"


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


def _doubted(kind: Kind, frame: "pl.DataFrame") -> "pl.DataFrame":
    """A price that is not the sum of its parts stays what upstream says that it is, but is no longer sure of itself."""
    import polars as pl

    if kind.name != "electricity-price" or frame.is_empty():
        return frame
    difference = pl.col("price_per_kwh") - pl.sum_horizontal(*_PARTS, "ghg_component")
    untold = pl.any_horizontal(pl.col(_PARTS).is_null())
    doubted = frame.select((~untold & (difference.abs() > _ROUNDING)).alias("doubted"))["doubted"]
    if not doubted.any():
        return frame
    confidence = pl.when(doubted).then(pl.min_horizontal("confidence_level", _IN_DOUBT)).otherwise("confidence_level")
    return frame.with_columns(confidence.alias("confidence_level"))


def _keep(frame: "pl.DataFrame", condition: "pl.Expr", reason: str, quarantined: list[Quarantined]) -> "pl.DataFrame":
    mask = frame.select(condition.alias("keep"))["keep"]
    if mask.all():
        return frame
    _set_aside(frame.filter(~mask), reason, quarantined)
    return frame.filter(mask)


def _set_aside(frame: "pl.DataFrame", reason: str, quarantined: list[Quarantined]) -> None:
    for row in frame.iter_rows(named=True):
        quarantined.append(Quarantined(reason, place_of(row), json.dumps(row, default=str)))


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
