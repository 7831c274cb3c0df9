"""Locational marginal prices from OASIS's long form, one row a component, into one record an interval.

LMP = MCE + MCC + MCL (+ MGHG), natural signs: seen to hold within 1e-5 USD/MWh in recorded files.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vibelux.feeds._check import empty, shaped
from vibelux.feeds._feed import Payload
from vibelux.feeds.caiso._oasis import long_rows, to_utc
from vibelux.market.errors import SchemaChanged
from vibelux.market.records import ELECTRICITY_PRICE, Parsed, Quarantined
from vibelux.market.units import MWH_PER_KWH

if TYPE_CHECKING:
    import polars as pl

COLUMNS = (
    "INTERVALSTARTTIME_GMT",
    "INTERVALENDTIME_GMT",
    "OPR_DT",
    "NODE",
    "MARKET_RUN_ID",
    "LMP_TYPE",
    "MW",
)
PLAUSIBLE = (-2.0, 10.0)
"""USD/kWh. CAISO's soft offer floor is -150 USD/MWh and its hard cap 2,000; scarcity and congestion go beyond."""
_COMPONENTS = {
    "LMP_ENE_PRC": "energy_component",
    "LMP_CONG_PRC": "congestion_component",
    "LMP_LOSS_PRC": "loss_component",
    "LMP_GHG_PRC": "ghg_component",
}
_PRICE = "LMP_PRC"
_KEY = ["start", "what"]


def lmp(payload: Payload, reports: Mapping[str, tuple[str, str]]) -> Parsed:
    """Prices of all nodes and intervals of a payload.

    Args:
        payload: as served.
        reports: for each MARKET_RUN_ID that the feed reads, upstream's report and our name of the market.

    Raises:
        SchemaChanged: the rows are of a market that this feed does not read, or none is a price.
    """
    import polars as pl

    parsed = Parsed()
    members = long_rows(
        payload,
        parsed.quarantined,
        item=("XML_DATA_ITEM", "DATA_ITEM"),
        what=("NODE", "RESOURCE_NAME"),
        value_names=("PRC", "VALUE"),
        others={"MARKET_RUN_ID": "MKT_TYPE"},
    )
    parts: dict[tuple[str, str], list[pl.DataFrame]] = {}
    for member in members:
        for (run, item), part in _split(member):
            parts.setdefault((run, item), []).append(part)
    runs = sorted({run for run, _ in parts})
    unknown = [run for run in runs if run not in reports]
    if unknown:
        raise SchemaChanged(
            f"{payload.name or 'payload'}: market run {', '.join(unknown)}; the feed reads {', '.join(reports)}",
            missing=tuple(reports),
            extra=unknown,
        )
    _refuse_unknown(parts, payload.name, parsed.quarantined)
    frames = [
        _records(
            {item: pl.concat(part) for (of, item), part in parts.items() if of == run},
            *reports[run],
            parsed.quarantined,
        )
        for run in runs
    ]
    parsed.frames[ELECTRICITY_PRICE.name] = pl.concat(frames) if frames else empty(ELECTRICITY_PRICE)
    return parsed


def _refuse_unknown(
    parts: "dict[tuple[str, str], list[pl.DataFrame]]", name: str, quarantined: list[Quarantined]
) -> None:
    """Sets rows of an item aside that is not known; without any price it may be the price under a new name."""
    unknown = sorted({item for _, item in parts} - {_PRICE, *_COMPONENTS})
    if unknown and not any(item == _PRICE for _, item in parts):
        raise SchemaChanged(
            f"{name or 'payload'}: no {_PRICE} but {', '.join(unknown)}", missing=(_PRICE,), extra=unknown
        )
    for (_, item), frames in parts.items():
        for row in (row for frame in frames if item in unknown for row in frame.iter_rows(named=True)):
            quarantined.append(Quarantined(f"{item} is not known", f"{row['what']} {row['start']}", str(row["value"])))


def _split(member: "pl.DataFrame") -> "list[tuple[tuple[str, str], pl.DataFrame]]":
    """The rows by market run and item; a member often holds a single one."""
    by = ["MARKET_RUN_ID", "item"]
    if member.height and all(member[column].eq_missing(member[column][0]).all() for column in by):
        return [((str(member["MARKET_RUN_ID"][0]), str(member["item"][0])), member)]
    return [((str(run), str(item)), part) for (run, item), part in member.partition_by(by, as_dict=True).items()]


def _records(
    by_item: "dict[str, pl.DataFrame]", report: str, market: str, quarantined: list[Quarantined]
) -> "pl.DataFrame":
    import polars as pl

    wide = to_utc(_wide(by_item, quarantined), quarantined)
    prices = ["price_per_kwh", *_COMPONENTS.values()]
    wide = wide.with_columns((pl.col(prices) * MWH_PER_KWH).round(9))
    return shaped(
        ELECTRICITY_PRICE,
        wide.rename(
            {"start": "market_interval_start", "end": "market_interval_end", "what": "pricing_node"}
        ).with_columns(
            iso_region=pl.lit("CAISO"),
            region=pl.lit("California"),
            market=pl.lit(market),
            price_type=pl.lit("LMP"),
            currency=pl.lit("USD"),
            data_source=pl.lit(f"CAISO OASIS {report}"),
            confidence_level=pl.lit(100.0),
        ),
    )


def _wide(by_item: "dict[str, pl.DataFrame]", quarantined: list[Quarantined]) -> "pl.DataFrame":
    """One row a node and interval. Where components stand in the same order, columns are laid side by side."""
    import polars as pl

    price = by_item.get(_PRICE)
    if price is None:
        price = next(iter(by_item.values())).clear()
    wide = price.select("start", "end", "item", "what", pl.col("value").alias("price_per_kwh"))
    for item, component in _COMPONENTS.items():
        part = by_item.get(item)
        if part is None:
            wide = wide.with_columns(pl.lit(None, pl.Float64()).alias(component))
        elif part.height == price.height and all(part[key].equals(price[key]) for key in _KEY):
            wide = wide.with_columns(part["value"].alias(component))
        else:
            wide = _joined(wide, part, component, quarantined)
    return wide


def _joined(
    wide: "pl.DataFrame", part: "pl.DataFrame", component: str, quarantined: list[Quarantined]
) -> "pl.DataFrame":
    import polars as pl

    part = part.select(*_KEY, pl.col("value").alias(component))
    joined = wide.join(part, on=_KEY, how="left", maintain_order="left")
    if joined.height == wide.height and joined[component].count() == part.height:
        return joined  # every value found its price row, once
    part = part.unique(maintain_order=True)
    twice = part.select(_KEY).is_duplicated()
    orphans = part.filter(~twice).join(wide, on=_KEY, how="anti")
    for rows, reason in ((part.filter(twice), "occurs with two different values"), (orphans, "without a price row")):
        for row in rows.iter_rows(named=True):
            place = f"{row['what']} {row['start']}"
            quarantined.append(Quarantined(f"{component} {reason}", place, str(row[component])))
    return wide.join(part.filter(~twice), on=_KEY, how="left", maintain_order="left")
