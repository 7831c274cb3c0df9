"""ERCOT day-ahead settlement point prices, hourly, out soon after noon the day before: NP4-190-CD.

The yearly workbook NP4-180-ER has the same for hubs and load zones, back to 2010.
"""

from collections.abc import Iterable, Iterator
from datetime import time

from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request
from vibelux.feeds.ercot import _api, _mis, _prices
from vibelux.feeds.ercot._series import gathered
from vibelux.feeds.ercot._tables import Layout, tables
from vibelux.feeds.ercot._time import ZONE
from vibelux.market.records import ELECTRICITY_PRICE, Parsed, Quarantined

_PRICE = ("deliverydate", "hourending", "settlementpoint", "settlementpointprice")
_LAYOUTS = (Layout("NP4-190-CD", (*_PRICE, "dstflag")), Layout("NP4-180-ER", (*_PRICE, "repeatedhourflag")))
_LISTED = _mis.Listed(12331, _mis.day_after(1), years=13060)
_documents = _mis.downloads((_LISTED,))


def requests(ask: Ask) -> Iterator[Request]:
    """From the API for each node where its keys are set, else from the list."""
    return _api.requests_or("NP4-190-CD", ask, (_mis.list_of(_LISTED),))


def follow(ask: Ask, request: Request, payload: Payload) -> Iterable[Request]:
    """The API's next page, or the documents of a list."""
    return _api.next_page(request, payload) if _api.is_page(request) else _documents(ask, request, payload)


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
    requests=requests,
    parse=parse,
    follow=follow,
    auth=_api.AUTH,
    nodal=True,
    market="day-ahead-hourly",
    source="NP4-180-ER proven on the workbooks of 2015 and 2021; NP4-190-CD in the documented form only",
)
