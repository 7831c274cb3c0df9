"""NYISO real-time prices, hourly, as loads are billed: rtlbmp_zone (P-4A), rtlbmp_gen (P-4B).

NYISO makes them of its five-minute prices, weighted by time; stamps are the starts of hours.
"""

from collections.abc import Iterator
from datetime import timedelta

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.nyiso import _files, _lbmp
from vibelux.market.records import Parsed


def requests(ask: Ask) -> Iterator[Request]:
    """The zones of each day, and its generators if one is asked for."""
    return _lbmp.file_requests(ask, "rtlbmp/rtlbmp")


def parse(payload: Payload) -> Parsed:
    """One record a zone or generator and hour; the repeated autumn hour is told by the order of the rows.

    Raises:
        SchemaChanged: a stamp is not on the hour, so these are not hourly prices.
    """
    return _lbmp.hourly(payload, "real-time-hourly", ("rtlbmp_zone", "rtlbmp_gen"))


FEED = Feed(
    provider="nyiso",
    data_type="real-time-hourly-pricing",
    region="New York",
    kind="electricity-price",
    reports=("rtlbmp_zone", "rtlbmp_gen"),
    service=_files.MIS,
    url=_files.URL,
    publication=Rolling(step=timedelta(hours=1), lag=timedelta(minutes=65)),
    stale_after_seconds=3 * 3600,
    timezone=_files.ZONE,
    unit="USD/MWh",
    plausible=_lbmp.PLAUSIBLE,
    columns=_lbmp.COLUMNS,
    requests=requests,
    parse=parse,
    nodal=True,
    archived_after=_files.DAYS_KEPT,
    source="mis.nyiso.com P-4A, P-4B; form as in damlbmp, not yet proven on a recording",
)
