"""NYISO day-ahead prices, hourly, out at about 11:00 Eastern the day before: damlbmp_zone (P-2A), damlbmp_gen (P-2B).

Stamps are the starts of hours.
"""

from collections.abc import Iterator
from datetime import time, timedelta

from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request
from vibelux.feeds.nyiso import _files, _lbmp
from vibelux.market.errors import SchemaChanged
from vibelux.market.records import ELECTRICITY_PRICE, Parsed


def requests(ask: Ask) -> Iterator[Request]:
    """The zones of each day, and its generators if one is asked for."""
    yield from _files.file_requests(ask, "damlbmp/damlbmp_zone")
    if not _lbmp.ZONES.issuperset(ask.nodes):
        yield from _files.file_requests(ask, "damlbmp/damlbmp_gen")


def parse(payload: Payload) -> Parsed:
    """One record a zone or generator and hour; the repeated autumn hour is told by the order of the rows.

    Raises:
        SchemaChanged: a stamp is not on the hour, so these are not day-ahead prices.
    """
    import polars as pl

    parsed = Parsed()
    frame = _lbmp.rows(payload, parsed.quarantined, _lbmp.CUSTOM_REPORT)
    if (frame["moment"].dt.minute() != 0).any():
        raise SchemaChanged(f"{payload.name or 'payload'}: stamps off the hour where hourly prices were promised")
    frame = frame.with_columns(
        start="moment", end=pl.col("moment") + timedelta(hours=1), market=pl.lit("day-ahead-hourly")
    )
    parsed.frames[ELECTRICITY_PRICE.name] = _lbmp.records(frame, ("damlbmp_zone", "damlbmp_gen"))
    return parsed


FEED = Feed(
    provider="nyiso",
    data_type="day-ahead-pricing",
    region="New York",
    kind="electricity-price",
    reports=("damlbmp_zone", "damlbmp_gen"),
    service=_files.MIS,
    url=_files.URL,
    publication=Daily(at=time(11, 0), timezone=_files.ZONE, days_ahead=1),
    stale_after_seconds=36 * 3600,
    timezone=_files.ZONE,
    unit="USD/MWh",
    plausible=_lbmp.PLAUSIBLE,
    columns=_lbmp.COLUMNS,
    requests=requests,
    parse=parse,
    nodal=True,
    source="mis.nyiso.com P-2A, P-2B; proven on an export of the same numbers, the daily files not yet",
)
