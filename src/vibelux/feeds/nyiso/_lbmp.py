"""Locational prices (LBMP) of zones and generators, as all NYISO's price files print them.

LBMP = energy + losses - congestion in the files (seen to hold in a recording); here congestion is turned round,
so that energy + congestion + loss is the price. Energy is not printed: it is what the others leave.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Ask, Payload, Request
from vibelux.feeds.nyiso import _files
from vibelux.feeds.nyiso._files import STAMP, Form, all_rows
from vibelux.market.errors import SchemaChanged
from vibelux.market.records import ELECTRICITY_PRICE, Parsed, Quarantined
from vibelux.market.units import MWH_PER_KWH

if TYPE_CHECKING:
    import polars as pl

_PRICE, _LOSS, _CONGESTION = (
    "LBMP ($/MWHr)",
    "Marginal Cost Losses ($/MWHr)",
    "Marginal Cost Congestion ($/MWHr)",
)
COLUMNS = (STAMP, "Name", "PTID", _PRICE, _LOSS, _CONGESTION)
ALIASES = {_CONGESTION: ("Marginal Cost Congestion ($/MWH",)}
"""Files before July 2016 cut their last header short."""
CUSTOM_REPORT = {
    STAMP: ("Eastern Date Hour",),
    "Name": ("Gen Name",),
    "PTID": ("Gen PTID",),
    _PRICE: ("DAM Gen LBMP",),
    _LOSS: ("DAM Gen Losses",),
    _CONGESTION: ("DAM Gen Congestion", *ALIASES[_CONGESTION]),
}
"""The same columns in an export of the Decision Support page."""
_HOURLY = ("damlbmp", "rtlbmp")
PLAUSIBLE = (-3.0, 10.0)
"""USD/kWh. Bids reach 2,000 USD/MWh; shortage prices and congestion add to that."""
ZONES = {
    "CAPITL", "CENTRL", "DUNWOD", "GENESE", "HUD VL", "LONGIL", "MHK VL", "MILLWD", "N.Y.C.", "NORTH", "WEST",
    "H Q", "NPX", "O H", "PJM",
}  # fmt: skip
"""The eleven load zones, and the four neighbours printed among them."""


def file_requests(ask: Ask, stem: str) -> Iterator[Request]:
    """The zones of each day (`STEM_zone`), and its generators (`STEM_gen`) if one is asked for."""
    yield from _files.file_requests(ask, f"{stem}_zone")
    if not ZONES.issuperset(ask.nodes):
        yield from _files.file_requests(ask, f"{stem}_gen")


def rows(
    payload: Payload, quarantined: list[Quarantined], aliases: Mapping[str, Sequence[str]] = ALIASES
) -> "pl.DataFrame":
    """All rows of all files: `moment`, `Name`, and the three numbers in USD/MWh."""
    form = Form(columns=COLUMNS, numbers=(_PRICE, _LOSS, _CONGESTION), series=("Name", "PTID"), aliases=aliases)
    return all_rows(payload, form, quarantined)


def hourly(
    payload: Payload, market: str, reports: tuple[str, str], aliases: Mapping[str, Sequence[str]] = ALIASES
) -> Parsed:
    """Price records of a file whose stamps are the starts of hours.

    Raises:
        SchemaChanged: a stamp is not on the hour, or the file is named after another market of the same columns.
    """
    import polars as pl

    parsed = Parsed()
    family = reports[0].partition("_")[0]
    others = [other for other in _HOURLY if other != family and other in payload.name]
    if others:
        raise SchemaChanged(f"{payload.name}: {others[0]} where {family} was promised", missing=(family,), extra=others)
    frame = rows(payload, parsed.quarantined, aliases)
    if (frame["moment"].dt.minute() != 0).any():
        raise SchemaChanged(f"{payload.name or 'payload'}: stamps off the hour where hourly prices were promised")
    frame = frame.with_columns(start="moment", end=pl.col("moment") + timedelta(hours=1), market=pl.lit(market))
    parsed.frames[ELECTRICITY_PRICE.name] = records(frame, reports)
    return parsed


def records(frame: "pl.DataFrame", reports: tuple[str, str]) -> "pl.DataFrame":
    """Price records of rows that have `start`, `end` and `market`; `reports` name the source: zonal, nodal."""
    import polars as pl

    zonal = pl.col("Name").is_in(ZONES)
    price, loss = pl.col(_PRICE), pl.col(_LOSS)
    congestion = 0.0 - pl.col(_CONGESTION)
    parts = {
        "price_per_kwh": price,
        "energy_component": price - loss - congestion,
        "congestion_component": congestion,
        "loss_component": loss,
    }
    return shaped(
        ELECTRICITY_PRICE,
        frame.select(
            iso_region=pl.lit("NYISO"),
            region=pl.lit("New York"),
            pricing_node="Name",
            market="market",
            price_type=pl.when(zonal).then(pl.lit("zonal")).otherwise(pl.lit("nodal")),
            currency=pl.lit("USD"),
            market_interval_start="start",
            market_interval_end="end",
            data_source=pl.when(zonal).then(pl.lit(f"NYISO {reports[0]}")).otherwise(pl.lit(f"NYISO {reports[1]}")),
            confidence_level=pl.lit(100.0),
            **{name: (part * MWH_PER_KWH).round(9) for name, part in parts.items()},
        ),
    )
