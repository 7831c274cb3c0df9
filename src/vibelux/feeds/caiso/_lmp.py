"""Locational marginal prices from OASIS's long form, one row a component, into one record an interval.

LMP = MCE + MCC + MCL (+ MGHG), natural signs: seen to hold within 1e-5 USD/MWh in recorded files.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Payload
from vibelux.feeds.caiso._oasis import long_rows
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
        SchemaChanged: the rows are of a market that this feed does not read.
    """
    parsed = Parsed()
    long = long_rows(
        payload,
        parsed.quarantined,
        item=("XML_DATA_ITEM", "DATA_ITEM"),
        what=("NODE", "RESOURCE_NAME"),
        value_names=("PRC", "VALUE"),
        others={"MARKET_RUN_ID": "MKT_TYPE"},
    )
    runs = long["MARKET_RUN_ID"].unique().drop_nulls().to_list()
    unknown = [run for run in runs if run not in reports]
    if unknown:
        raise SchemaChanged(
            f"{payload.name or 'payload'}: rows of market run {', '.join(unknown)}; this feed reads {', '.join(reports)}",
            missing=tuple(reports),
            extra=unknown,
        )
    frames = [
        _records(
            long if len(runs) == 1 else long.filter(long["MARKET_RUN_ID"] == run),
            *reports[run],
            parsed.quarantined,
        )
        for run in sorted(runs)
    ]
    import polars as pl

    parsed.frames[ELECTRICITY_PRICE.name] = (
        pl.concat(frames) if frames else pl.DataFrame(schema=ELECTRICITY_PRICE.schema())
    )
    return parsed


def _records(long: "pl.DataFrame", report: str, market: str, quarantined: list[Quarantined]) -> "pl.DataFrame":
    import polars as pl

    wide = _wide(long, quarantined)
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


def _wide(long: "pl.DataFrame", quarantined: list[Quarantined]) -> "pl.DataFrame":
    """One row a node and interval. Where all components stand in the same order, columns are laid side by side."""
    import polars as pl

    by_item = {str(key[0]): part for key, part in long.partition_by("item", as_dict=True, include_key=False).items()}
    price = by_item.get(_PRICE, long.clear())
    wide = price.select("start", "end", "what", pl.col("value").alias("price_per_kwh"))
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
    part = part.select(*_KEY, "value").unique(maintain_order=True)
    twice = part.select(_KEY).is_duplicated()
    for row in part.filter(twice).iter_rows(named=True):
        quarantined.append(
            Quarantined(
                f"{component} occurs with two different values",
                f"{row['what']} {row['start']}",
                str(row["value"]),
            )
        )
    part = part.filter(~twice)
    for row in part.join(wide, on=_KEY, how="anti").iter_rows(named=True):
        quarantined.append(
            Quarantined(f"{component} without a price row", f"{row['what']} {row['start']}", str(row["value"]))
        )
    return wide.join(part.rename({"value": component}), on=_KEY, how="left", maintain_order="left")
