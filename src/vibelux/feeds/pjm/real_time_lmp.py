"""PJM real-time prices, each five minutes: unverified within minutes, verified within days, one market."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.pjm import _lmp, _requests
from vibelux.feeds.pjm._dataminer import read_reports
from vibelux.market.records import Parsed

_STEP = timedelta(minutes=5)
_VERIFIED = _lmp.report("rt_fivemin_hrl_lmps", "rt", _STEP)
_UNVERIFIED = _lmp.report("rt_unverified_fivemin_lmps", "rt", _STEP)


def requests(ask: Ask) -> Iterator[Request]:
    """A poll asks for unverified prices (kept for 15 days); a longer window for the verified ones as well."""
    yield from _requests.report_requests(ask, _UNVERIFIED.name)
    if _requests.is_history(ask.window):
        yield from _requests.report_requests(ask, _VERIFIED.name)


def follow(ask: Ask, request: Request, payload: Payload) -> Iterable[Request]:
    """The next page; and where a short window is too old for unverified prices, the verified ones."""
    if _requests.rows_in(payload) == 0 and _UNVERIFIED.name in request.url and not _requests.is_history(ask.window):
        return [Request(request.url.replace(_UNVERIFIED.name, _VERIFIED.name), request.headers)]
    return _requests.next_page(ask, request, payload)


def parse(payload: Payload) -> Parsed:
    """A verified price is later than the unverified one of the same interval, and corrects it."""
    return read_reports(payload, (_VERIFIED, _UNVERIFIED), _lmp.records("real-time-5min"))


FEED = Feed(
    provider="pjm",
    data_type="real-time-lmp",
    region="PJM",
    kind="electricity-price",
    reports=(_UNVERIFIED.name, _VERIFIED.name),
    service=_requests.SERVICE,
    url=f"{_requests.URL}/{_UNVERIFIED.name}",
    publication=Rolling(step=_STEP, lag=timedelta(minutes=2)),
    stale_after_seconds=900,
    timezone=_requests.ZONE,
    unit="USD/MWh",
    plausible=_lmp.PLAUSIBLE,
    columns=_UNVERIFIED.columns,
    requests=requests,
    parse=parse,
    follow=follow,
    auth="pjm",
    needs_key=_requests.NEEDS_KEY,
    nodal=True,
    market="real-time-5min",
    source="PJM Data Miner 2; form as in rt_hrl_lmps recordings, not yet proven on a recording of its own",
)
