"""ERCOT day-ahead settlement point prices, hourly, out soon after noon the day before: NP4-190-CD.

The yearly workbook NP4-180-ER has the same for hubs and load zones, back to 2010.
"""

from datetime import time

from vibelux.feeds._feed import Daily, Feed, Payload
from vibelux.feeds.ercot import _mis, _prices
from vibelux.feeds.ercot._series import gathered
from vibelux.feeds.ercot._tables import Layout, tables
from vibelux.feeds.ercot._time import ZONE
from vibelux.market.records import ELECTRICITY_PRICE, Parsed, Quarantined

_PRICE = ("deliverydate", "hourending", "settlementpoint", "settlementpointprice")
_LAYOUTS = (Layout("NP4-190-CD", (*_PRICE, "dstflag")), Layout("NP4-180-ER", (*_PRICE, "repeatedhourflag")))
_LISTED = (_mis.Listed(12331, _mis.day_after(1), years=13060),)


def parse(payload: Payload) -> Parsed:
    """All points and hours of a payload, of all sheets of a workbook."""
    quarantined: list[Quarantined] = []
    frames = [_prices.prices(table, "day-ahead-hourly", "SPP", quarantined) for table in tables(payload, _LAYOUTS)]
    return gathered(ELECTRICITY_PRICE, frames, quarantined)


FEED = Feed(
    provider="ercot",
    data_type="day-ahead-prices",
    region="Texas",
    kind="electricity-price",
    reports=("NP4-190-CD", "NP4-180-ER"),
    service=_mis.ERCOT,
    url=_mis.LIST_URL,
    publication=Daily(at=time(13, 30), timezone=ZONE, days_ahead=1),
    stale_after_seconds=36 * 3600,
    timezone=ZONE,
    unit="USD/MWh",
    plausible=_prices.PLAUSIBLE,
    columns=("DeliveryDate", "HourEnding", "SettlementPoint", "SettlementPointPrice", "DSTFlag"),
    requests=_mis.lists(_LISTED),
    parse=parse,
    follow=_mis.downloads(_LISTED),
    source="NP4-180-ER proven on the workbooks of 2015 and 2021; NP4-190-CD in the documented form only",
)
