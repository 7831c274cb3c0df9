"""Marginal CO2 of Californian power by utility, each five minutes, past and forecast: MIDAS, SGIP MOER.

The keyless substitute for WattTime in California. Grams per kWh are kilograms per MWh: both a thousandth.
"""

from collections.abc import Iterator
from datetime import timedelta

from vibelux.feeds._check import shaped
from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling, Service
from vibelux.feeds._json import parse_json
from vibelux.feeds.caiso import _midas
from vibelux.market.errors import SchemaChanged
from vibelux.market.records import SERIES, Parsed

MIDAS = Service("midasapi.energy.ca.gov", seconds_between=2.0)
URL = "https://midasapi.energy.ca.gov/api/ValueData"
_PREFIX = "USCA-SGIP-MOER-"
_UTILITIES = ("PGE", "SCE", "SDGE")
_UNIT = "g/kWh CO2"


def requests(ask: Ask) -> Iterator[Request]:
    """Today and the coming two days of the three utilities in CAISO; the window is upstream's own."""
    del ask
    for utility in _UTILITIES:
        yield Request(f"{URL}?ID={_PREFIX}{utility}&QueryType=realtime")


def parse(payload: Payload) -> Parsed:
    """Intervals that ended before the reply was made are past; later ones are a forecast issued with it.

    Raises:
        SchemaChanged: another signal, another unit, or version 1.
    """
    import polars as pl

    parsed = Parsed()
    rate, made_at, values = _midas.signal(parse_json(payload.body, payload.name), payload.name, parsed.quarantined)
    if not rate.startswith(_PREFIX):
        raise SchemaChanged(f"{payload.name or 'payload'}: {rate} is no signal of marginal CO2", missing=(_PREFIX,))
    rows = [(value.start, value.end, value.value, value.unit) for value in values]
    units = {unit for *_, unit in rows}
    if not units <= {_UNIT}:
        raise SchemaChanged(
            f"{payload.name or 'payload'}: unit {', '.join(sorted(units))}, not {_UNIT}", extra=sorted(units)
        )
    moment = pl.Datetime("us", "UTC")
    frame = pl.DataFrame(
        rows,
        schema={"valid_start": moment, "valid_end": moment, "value": pl.Float64(), "printed": pl.String()},
        orient="row",
    )
    parsed.frames[SERIES.name] = shaped(
        SERIES,
        frame.with_columns(
            provider=pl.lit("caiso"),
            variable=pl.lit("carbon-intensity-marginal"),
            location=pl.lit(rate.removeprefix(_PREFIX)),
            unit=pl.lit("kg/MWh"),
            issued_at=pl.when(pl.col("valid_end") > made_at).then(pl.lit(made_at, moment)),
            data_source=pl.lit(f"MIDAS {rate}"),
        ),
    )
    return parsed


FEED = Feed(
    provider="caiso",
    data_type="marginal-emissions",
    region="California",
    kind="series",
    reports=("SGIP-MOER",),
    service=MIDAS,
    url=URL,
    publication=Rolling(step=timedelta(minutes=30), lag=timedelta(minutes=5)),
    stale_after_seconds=7_200,
    timezone="America/Los_Angeles",
    unit=_UNIT,
    plausible=(-2_000.0, 5_000.0),
    columns=("RateID", "SystemTime_UTC", "ValueInformation"),
    requests=requests,
    parse=parse,
    source="MIDAS 2.0; proven on a live reply of 2026-06-23 cut to six intervals",
)
