"""CAISO real-time dispatch prices, each five minutes: OASIS PRC_INTVL_LMP."""

from collections.abc import Iterator
from datetime import timedelta

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.caiso import _lmp, _oasis
from vibelux.market.records import Parsed


def requests(ask: Ask) -> Iterator[Request]:
    """All nodes wanted, over the window."""
    return _oasis.oasis_requests(ask, "PRC_INTVL_LMP", 3, market_run_id="RTM")


def parse(payload: Payload) -> Parsed:
    """Version 1 has one member and `MW`, version 3 a member a component and `VALUE`; both are read."""
    return _lmp.lmp(payload, {"RTM": ("PRC_INTVL_LMP", "real-time-5min"), "RTD": ("PRC_INTVL_LMP", "real-time-5min")})


FEED = Feed(
    provider="caiso",
    data_type="real-time-pricing",
    region="California",
    kind="electricity-price",
    reports=("PRC_INTVL_LMP",),
    service=_oasis.OASIS,
    url=_oasis.URL,
    publication=Rolling(step=timedelta(minutes=5), lag=timedelta(seconds=30)),
    stale_after_seconds=900,
    timezone=_oasis.ZONE,
    unit="USD/MWh",
    plausible=_lmp.PLAUSIBLE,
    columns=_lmp.COLUMNS,
    requests=requests,
    parse=parse,
    nodal=True,
    market="real-time-5min",
    source="OASIS specification 5.1.8; form as in PRC_LMP recordings, not yet proven on a recording of its own",
)
