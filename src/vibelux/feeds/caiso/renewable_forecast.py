"""CAISO's wind and solar by trading hub, actual and forecast: OASIS SLD_REN_FCST."""

from collections.abc import Iterator

from vibelux.feeds._feed import Ask, Feed, Payload, Request
from vibelux.feeds.caiso import _forecasts, _oasis
from vibelux.market.records import SERIES, Parsed, Quarantined


def requests(ask: Ask) -> Iterator[Request]:
    """The day-ahead run, the hour-ahead run and what was generated, all hubs."""
    for run in ("DAM", "HASP", "ACTUAL"):
        yield from _oasis.oasis_requests(Ask(ask.window), "SLD_REN_FCST", 1, market_run_id=run)


def parse(payload: Payload) -> Parsed:
    """`solar-forecast` and `wind-forecast` with the data item as category, actuals as `…-generation`.

    The data item tells the runs apart: `RENEW_FCST_DA_MW` is day-ahead, `RENEW_FCST_ACT_MW` what was generated.
    Not every hub has wind.
    """
    import polars as pl

    parsed = Parsed()
    members = _oasis.long_rows(
        payload,
        parsed.quarantined,
        item=("XML_DATA_ITEM", "DATA_ITEM"),
        what=("TRADING_HUB", "TRADING_HUB"),
        others={"RENEWABLE_TYPE": "RENEWABLE_TYPE"},
        report="SLD_REN_FCST",
    )
    long = _oasis.to_utc(pl.concat(members), parsed.quarantined).with_columns(
        resource=pl.col("RENEWABLE_TYPE").str.to_lowercase()
    )
    known = pl.col("resource").is_in(["solar", "wind"])
    for row in long.filter(~known.fill_null(value=False)).iter_rows(named=True):
        parsed.quarantined.append(
            Quarantined(
                f"{row['RENEWABLE_TYPE']} is neither Solar nor Wind", f"{row['what']} {row['start']}", str(row["value"])
            )
        )
    ending = pl.when(_forecasts.actual()).then(pl.lit("generation")).otherwise(pl.lit("forecast"))
    long = long.filter(known).with_columns(variable=pl.concat_str("resource", ending, separator="-"))
    parsed.frames[SERIES.name] = _forecasts.series(long, "SLD_REN_FCST", _forecasts.made_at(payload))
    return parsed


FEED = Feed(
    provider="caiso",
    data_type="renewable-forecast",
    region="California",
    kind="series",
    reports=("SLD_REN_FCST",),
    service=_oasis.OASIS,
    url=_oasis.URL,
    publication=_forecasts.PUBLICATION,
    stale_after_seconds=36 * 3600,
    timezone=_oasis.ZONE,
    unit="MW",
    plausible=(-5_000.0, 100_000.0),
    columns=("INTERVALSTARTTIME_GMT", "INTERVALENDTIME_GMT", "TRADING_HUB", "RENEWABLE_TYPE", "XML_DATA_ITEM", "MW"),
    requests=requests,
    parse=parse,
    source="OASIS specification 5.1.8; day-ahead proven on recordings of 2014 and 2025, other runs not yet",
)
