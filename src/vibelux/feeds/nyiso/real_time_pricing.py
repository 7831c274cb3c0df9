"""NYISO real-time prices, each five minutes: realtime_zone (P-24A), realtime_gen (P-24B) and the latest interval.

Stamps are the ends of intervals. Prices are preliminary: a corrected file replaces the daily one in place.
"""

from collections.abc import Iterator
from datetime import timedelta

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.nyiso import _dispatch, _files, _lbmp
from vibelux.market.errors import SchemaChanged
from vibelux.market.records import ELECTRICITY_PRICE, Parsed

_LATEST = "http://mis.nyiso.com/public/realtime/realtime_zone_lbmp.csv"
_A_POLL = timedelta(hours=3)


def requests(ask: Ask) -> Iterator[Request]:
    """For a poll the latest interval first; then the day's zones, and its generators (10 MB) if one is asked for."""
    if ask.asked_at - ask.window.start <= _A_POLL:
        yield Request(_LATEST)
    yield from _lbmp.file_requests(ask, "realtime/realtime")


def parse(payload: Payload) -> Parsed:
    """Dispatch intervals under `real-time-5min`, the quarter-hours looked ahead to under `advisory-15min`.

    Raises:
        SchemaChanged: all stamps are on the hour, so these are not five-minute prices.
    """
    parsed = Parsed()
    frame = _lbmp.rows(payload, parsed.quarantined)
    stamps = frame["moment"].unique()
    if len(stamps) > 1 and (stamps.dt.minute() == 0).all():
        raise SchemaChanged(f"{payload.name or 'payload'}: hourly prices where five-minute ones were promised")
    frame = _dispatch.with_intervals(frame, "Name", payload.received_at)
    parsed.frames[ELECTRICITY_PRICE.name] = _lbmp.records(frame, ("realtime_zone", "realtime_gen"))
    return parsed


FEED = Feed(
    provider="nyiso",
    data_type="real-time-pricing",
    region="New York",
    kind="electricity-price",
    reports=("realtime_zone", "realtime_gen"),
    service=_files.MIS,
    url=_files.URL,
    publication=Rolling(step=timedelta(minutes=5), lag=timedelta(minutes=1)),
    stale_after_seconds=900,
    timezone=_files.ZONE,
    unit="USD/MWh",
    plausible=_lbmp.PLAUSIBLE,
    columns=_lbmp.COLUMNS,
    requests=requests,
    parse=parse,
    nodal=True,
    market="real-time-5min",
    archived_after=_files.DAYS_KEPT,
    source="mis.nyiso.com P-24A, P-24B; a recording of 2016 holds three stamps; daily files not yet proven on one",
)
