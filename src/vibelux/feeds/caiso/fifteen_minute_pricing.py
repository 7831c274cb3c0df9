"""CAISO fifteen-minute market prices (PRC_RTPD_LMP), and the hour-ahead look (PRC_HASP_LMP) in the same form."""

from collections.abc import Iterator
from datetime import timedelta

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.caiso import _lmp, _oasis
from vibelux.market.records import Parsed


def requests(ask: Ask) -> Iterator[Request]:
    """All nodes wanted, over the window."""
    return _oasis.oasis_requests(ask, "PRC_RTPD_LMP", 3, market_run_id="RTPD")


def parse(payload: Payload) -> Parsed:
    """RTPD rows settle; HASP rows are a look ahead and get a market name of their own."""
    return _lmp.lmp(payload, {"RTPD": ("PRC_RTPD_LMP", "real-time-15min"), "HASP": ("PRC_HASP_LMP", "hasp-15min")})


FEED = Feed(
    provider="caiso",
    data_type="fifteen-minute-pricing",
    region="California",
    kind="electricity-price",
    reports=("PRC_RTPD_LMP", "PRC_HASP_LMP"),
    service=_oasis.OASIS,
    url=_oasis.URL,
    publication=Rolling(step=timedelta(minutes=15), lag=timedelta(minutes=-20)),
    stale_after_seconds=2_700,
    timezone=_oasis.ZONE,
    unit="USD/MWh",
    plausible=_lmp.PLAUSIBLE,
    columns=_lmp.COLUMNS,
    requests=requests,
    parse=parse,
    nodal=True,
    market="real-time-15min",
    source="OASIS specification 5.1.8; PRC_HASP_LMP proven on a recording, PRC_RTPD_LMP not yet",
)
