"""CAISO day-ahead prices, hourly, out at about 13:00 Pacific the day before: OASIS PRC_LMP."""

from collections.abc import Iterator
from datetime import time

from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request
from vibelux.feeds.caiso import _lmp, _oasis
from vibelux.market.records import Parsed


def requests(ask: Ask) -> Iterator[Request]:
    """All nodes wanted, over the window (whole Pacific days)."""
    return _oasis.oasis_requests(ask, "PRC_LMP", 12, market_run_id="DAM")


def parse(payload: Payload) -> Parsed:
    """Hours come unsorted and, in autumn, numbered out of order; the GMT columns alone are used."""
    return _lmp.lmp(payload, {"DAM": ("PRC_LMP", "day-ahead-hourly")})


FEED = Feed(
    provider="caiso",
    data_type="day-ahead-pricing",
    region="California",
    kind="electricity-price",
    reports=("PRC_LMP",),
    service=_oasis.OASIS,
    url=_oasis.URL,
    publication=Daily(at=time(13, 0), timezone=_oasis.ZONE, days_ahead=1),
    stale_after_seconds=36 * 3600,
    timezone=_oasis.ZONE,
    unit="USD/MWh",
    plausible=_lmp.PLAUSIBLE,
    columns=_lmp.COLUMNS,
    requests=requests,
    parse=parse,
    nodal=True,
    market="day-ahead-hourly",
    source="OASIS specification 5.1.8; proven on recordings of 2020, 2024 and 2026",
)
