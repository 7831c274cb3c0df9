"""Prices of voluntary carbon offsets, entered by the operator as CSV: each with its day and where it was seen.

Registries publish what is issued and retired and never a price, and exchanges license theirs: there is nothing to ask.
"""

from collections.abc import Iterator
from datetime import date, time
from typing import TYPE_CHECKING

from vibelux.feeds._check import shaped
from vibelux.feeds._csv import header_of, read_csv
from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request, Service
from vibelux.market.errors import SchemaChanged
from vibelux.market.records import CARBON_PRICE, Parsed, Quarantined

if TYPE_CHECKING:
    import polars as pl

_COLUMNS = ("date", "price_usd_per_metric_ton", "vintage_year", "market_name", "source")
_OF_REGISTRIES = {"Issuance Date", "Date Issued", "Project ID", "CARB Project ID"}


def requests(ask: Ask) -> Iterator[Request]:
    """Nothing: the operator brings the file."""
    del ask
    return iter(())


def parse(payload: Payload) -> Parsed:
    """One price a line; a line without day, price, market or source is set aside.

    Raises:
        SchemaChanged: a column is missing, or it is a file of a registry, which holds no prices.
        Corrupt: no CSV.
    """
    header = set(header_of(payload.body))
    if header & _OF_REGISTRIES and not header & set(_COLUMNS):
        raise SchemaChanged(
            f"{payload.name or 'payload'}: a registry's file; registries publish issues and retirements, no prices",
            missing=("price_usd_per_metric_ton",),
            extra=sorted(header),
        )
    parsed = Parsed()
    frame = read_csv(payload.body, _COLUMNS, name=payload.name)
    parsed.frames[CARBON_PRICE.name] = _records(frame, parsed.quarantined)
    return parsed


def _records(frame: "pl.DataFrame", quarantined: list[Quarantined]) -> "pl.DataFrame":
    import polars as pl

    rows = []
    for line in frame.select(_COLUMNS).iter_rows():
        day, price, vintage, market, source = (cell or "" for cell in line)
        place, raw = f"{market} {day}", ",".join(cell or "" for cell in line)
        if not (market and source):
            quarantined.append(Quarantined("market_name and source must be given", place, raw))
            continue
        try:
            row = (market, float(price), int(vintage) if vintage else None, date.fromisoformat(day), source)
        except ValueError as error:
            quarantined.append(Quarantined(f"no day, price and vintage: {error}", place, raw))
        else:
            rows.append(row)
    prices = pl.DataFrame(
        rows,
        schema={
            "market_name": pl.String(),
            "price_per_metric_ton": pl.Float64(),
            "vintage_year": pl.Int32(),
            "trading_date": pl.Date(),
            "source": pl.String(),
        },
        orient="row",
    )
    return shaped(
        CARBON_PRICE,
        prices.with_columns(
            region=pl.lit("Global"),
            currency=pl.lit("USD"),
            market_type=pl.lit("voluntary"),
            data_source=pl.lit("operator entered: ") + pl.col("source"),
        ),
    )


FEED = Feed(
    provider="offsets",
    data_type="voluntary-prices",
    region="Global",
    kind="carbon-price",
    reports=("operator",),
    service=Service("operator"),
    url="",
    publication=Daily(at=time(0, 0), timezone="UTC", days_ahead=0),
    stale_after_seconds=366 * 86_400,
    timezone="UTC",
    unit="USD/metric ton",
    plausible=(0.0, 2_000.0),
    columns=_COLUMNS,
    requests=requests,
    parse=parse,
    source="our own form; registries' files in recordings hold no price",
)
