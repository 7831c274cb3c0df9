"""CAISO's hour-ahead look (PRC_HASP_LMP): the quarter hours of an hour, out some three quarters of an hour before it.

It schedules imports and exports and settles nobody's load: a market of its own, `hasp-15min`. OASIS has no report of
the intervals that its 15-minute and 5-minute runs look ahead to; this is its one public look ahead within the day.
"""

from collections.abc import Iterator
from datetime import timedelta

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.caiso import _lmp, _oasis
from vibelux.market.records import Parsed


def requests(ask: Ask) -> Iterator[Request]:
    """All nodes wanted, over the window."""
    return _oasis.oasis_requests(ask, "PRC_HASP_LMP", 3, market_run_id="HASP")


def parse(payload: Payload) -> Parsed:
    """Rows of other runs are refused."""
    return _lmp.lmp(payload, {"HASP": ("PRC_HASP_LMP", "hasp-15min")})


FEED = Feed(
    provider="caiso",
    data_type="hour-ahead-pricing",
    region="California",
    kind="electricity-price",
    reports=("PRC_HASP_LMP",),
    service=_oasis.OASIS,
    url=_oasis.URL,
    publication=Rolling(step=timedelta(hours=1), lag=timedelta(minutes=-40)),
    stale_after_seconds=2 * 3600,
    timezone=_oasis.ZONE,
    unit="USD/MWh",
    plausible=_lmp.PLAUSIBLE,
    columns=_lmp.COLUMNS,
    requests=requests,
    parse=parse,
    nodal=True,
    market="hasp-15min",
    source="OASIS specification 5.1.8; proven on a recording",
)
