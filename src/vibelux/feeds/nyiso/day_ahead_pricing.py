"""NYISO day-ahead prices, hourly, out at about 11:00 Eastern the day before: damlbmp_zone (P-2A), damlbmp_gen (P-2B).

Stamps are the starts of hours.
"""

from collections.abc import Iterator
from datetime import time

from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request
from vibelux.feeds.nyiso import _files, _lbmp
from vibelux.market.records import Parsed


def requests(ask: Ask) -> Iterator[Request]:
    """The zones of each day, and its generators if one is asked for."""
    return _lbmp.file_requests(ask, "damlbmp/damlbmp")


def parse(payload: Payload) -> Parsed:
    """One record a zone or generator and hour; the repeated autumn hour is told by the order of the rows.

    Raises:
        SchemaChanged: a stamp is not on the hour, so these are not hourly prices.
    """
    return _lbmp.hourly(payload, "day-ahead-hourly", ("damlbmp_zone", "damlbmp_gen"), _lbmp.CUSTOM_REPORT)


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
    market="day-ahead-hourly",
    archived_after=_files.DAYS_KEPT,
    source="mis.nyiso.com P-2A, P-2B; proven on an export of the same numbers, the daily files not yet",
)
