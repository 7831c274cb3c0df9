"""PJM day-ahead prices, hourly, out at about 13:30 Eastern the day before: Data Miner 2 da_hrl_lmps."""

from collections.abc import Iterator
from datetime import time, timedelta

from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request
from vibelux.feeds.pjm import _lmp, _requests
from vibelux.feeds.pjm._dataminer import read_reports
from vibelux.market.records import Parsed

_REPORT = _lmp.report("da_hrl_lmps", "da", timedelta(hours=1))


def requests(ask: Ask) -> Iterator[Request]:
    """All nodes wanted, over the window (whole Eastern days)."""
    return _requests.report_requests(ask, _REPORT.name)


def parse(payload: Payload) -> Parsed:
    """Where PJM has replaced an hour, its current version holds."""
    return read_reports(payload, (_REPORT,), _lmp.records("day-ahead-hourly"))


FEED = Feed(
    provider="pjm",
    data_type="day-ahead-lmp",
    region="PJM",
    kind="electricity-price",
    reports=(_REPORT.name,),
    service=_requests.SERVICE,
    url=f"{_requests.URL}/{_REPORT.name}",
    publication=Daily(at=time(13, 30), timezone=_requests.ZONE, days_ahead=1),
    stale_after_seconds=36 * 3600,
    timezone=_requests.ZONE,
    unit="USD/MWh",
    plausible=_lmp.PLAUSIBLE,
    columns=_REPORT.columns,
    requests=requests,
    parse=parse,
    follow=_requests.next_page,
    auth="pjm",
    needs_key=_requests.NEEDS_KEY,
    nodal=True,
    market="day-ahead-hourly",
    source="PJM Data Miner 2; form as in rt_hrl_lmps recordings, not yet proven on a recording of its own",
)
