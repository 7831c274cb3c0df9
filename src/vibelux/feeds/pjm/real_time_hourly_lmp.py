"""PJM real-time prices, hourly: settled, out at about noon Eastern on business days for the days before."""

from collections.abc import Iterator
from datetime import timedelta

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.pjm import _lmp, _requests
from vibelux.feeds.pjm._dataminer import read_reports
from vibelux.market.records import Parsed

_STEP = timedelta(hours=1)
_VERIFIED = _lmp.report("rt_hrl_lmps", "rt", _STEP)
_UNVERIFIED = _lmp.report("rt_unverified_hrl_lmps", "rt", _STEP)


def requests(ask: Ask) -> Iterator[Request]:
    """The verified report alone: the unverified one cannot be asked for by node."""
    return _requests.report_requests(ask, _VERIFIED.name)


def parse(payload: Payload) -> Parsed:
    """Both reports are read; where PJM has replaced an hour, its current version holds."""
    return read_reports(payload, (_VERIFIED, _UNVERIFIED), _lmp.records("real-time-hourly"))


FEED = Feed(
    provider="pjm",
    data_type="real-time-hourly-lmp",
    region="PJM",
    kind="electricity-price",
    reports=(_VERIFIED.name, _UNVERIFIED.name),
    service=_requests.SERVICE,
    url=f"{_requests.URL}/{_VERIFIED.name}",
    publication=Rolling(step=_STEP, lag=timedelta(hours=36), reread=timedelta(hours=72)),
    stale_after_seconds=5 * 86_400,
    timezone=_requests.ZONE,
    unit="USD/MWh",
    plausible=_lmp.PLAUSIBLE,
    columns=_VERIFIED.columns,
    requests=requests,
    parse=parse,
    follow=_requests.next_page,
    auth="pjm",
    needs_key=_requests.NEEDS_KEY,
    nodal=True,
    source="PJM Data Miner 2; rt_hrl_lmps proven on a recording of 2024 (CSV), rt_unverified_hrl_lmps not yet",
)
