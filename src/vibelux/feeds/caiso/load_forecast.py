"""CAISO's load forecasts and the hourly actual load by area: OASIS SLD_FCST.

The system total is `CA ISO-TAC`; areas of the Western imbalance market stand beside it, so they never add up.
"""

from collections.abc import Iterator

from vibelux.feeds._feed import Ask, Feed, Payload, Request
from vibelux.feeds.caiso import _forecasts, _oasis
from vibelux.market.records import SERIES, Parsed


def requests(ask: Ask) -> Iterator[Request]:
    """The day-ahead run and the actual load, all areas."""
    for run in ("DAM", "ACTUAL"):
        yield from _oasis.oasis_requests(Ask(ask.window), "SLD_FCST", 1, market_run_id=run)


def parse(payload: Payload) -> Parsed:
    """`load-forecast` with the data item as category (`SYS_FCST_DA_MW`, `…_2DA_…`, `…_15MIN_…`), actuals as `load`."""
    import polars as pl

    parsed = Parsed()
    members = _oasis.long_rows(
        payload,
        parsed.quarantined,
        item=("XML_DATA_ITEM", "DATA_ITEM"),
        what=("TAC_AREA_NAME", "RESOURCE_NAME"),
        report="SLD_FCST",
    )
    variable = pl.when(_forecasts.actual()).then(pl.lit("load")).otherwise(pl.lit("load-forecast"))
    long = _oasis.to_utc(pl.concat(members), parsed.quarantined).with_columns(variable=variable)
    parsed.frames[SERIES.name] = _forecasts.series(long, "SLD_FCST", _forecasts.made_at(payload))
    return parsed


FEED = Feed(
    provider="caiso",
    data_type="load-forecast",
    region="California",
    kind="series",
    reports=("SLD_FCST",),
    service=_oasis.OASIS,
    url=_oasis.URL,
    publication=_forecasts.PUBLICATION,
    stale_after_seconds=36 * 3600,
    timezone=_oasis.ZONE,
    unit="MW",
    plausible=(-5_000.0, 200_000.0),
    columns=("INTERVALSTARTTIME_GMT", "INTERVALENDTIME_GMT", "TAC_AREA_NAME", "XML_DATA_ITEM", "MW"),
    requests=requests,
    parse=parse,
    source="OASIS specification 5.1.8; proven on XML of 2014, the CSV not yet",
)
