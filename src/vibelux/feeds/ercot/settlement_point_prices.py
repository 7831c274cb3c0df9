"""ERCOT real-time prices: settlement point prices by quarter hour (NP6-905-CD), LMPs by dispatch run (NP6-788-CD).

Consumption settles on the quarter hour's price, market `real-time-15min`, type `SPP`. The LMPs of the runs of SCED,
about every five minutes, are `real-time-5min`, type `LMP`, from the second of the run on: until December 2025 they
lack the scarcity adders. A load zone's `LZ` and `LZEW` (energy-weighted) prices are two prices.

The runs are asked from the keyless list only, the quarter hours from the public API where its keys are set.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.ercot import _api, _mis, _prices
from vibelux.feeds.ercot._series import gathered
from vibelux.feeds.ercot._tables import Layout, tables
from vibelux.feeds.ercot._time import ZONE
from vibelux.market.records import ELECTRICITY_PRICE, Parsed, Quarantined

_QUARTER = ("deliverydate", "deliveryhour", "deliveryinterval", "settlementpointname|settlementpoint")
_QUARTER_PRICE = (*_QUARTER, "settlementpointtype", "settlementpointprice")
_LAYOUTS = (
    Layout("NP6-905-CD", (*_QUARTER_PRICE, "dstflag")),
    Layout("NP6-785-ER", (*_QUARTER_PRICE, "repeatedhourflag")),
    Layout("NP6-788-CD", ("scedtimestamp", "repeatedhourflag|repeathourflag", "settlementpoint", "lmp")),
)
_QUARTERS, _RUNS = _mis.Listed(12301, _mis.before(17), years=13061), _mis.Listed(12300, _mis.before(5))
_documents = _mis.downloads((_QUARTERS, _RUNS))
_PUBLICATION = Rolling(step=timedelta(minutes=15), lag=timedelta(minutes=17, seconds=10), reread=timedelta(0))
"""A document never changes, so the hour before is not read again; a page of the API holds the whole day anyway."""


def requests(ask: Ask) -> Iterator[Request]:
    """The quarter hours, from the API for each node or from their list; and the list of the runs."""
    yield from _api.requests_or("NP6-905-CD", ask, (_mis.list_of(_QUARTERS),))
    yield _mis.list_of(_RUNS)


def follow(ask: Ask, request: Request, payload: Payload) -> Iterable[Request]:
    """The API's next page, or the documents of a list."""
    return _api.next_page(request, payload) if _api.is_page(request) else _documents(ask, request, payload)


def parse(payload: Payload) -> Parsed:
    """All points and intervals of a payload."""
    quarantined: list[Quarantined] = []
    markets = {"NP6-788-CD": ("real-time-5min", "LMP")}
    frames = [
        _prices.prices(table, *markets.get(table.report, ("real-time-15min", "SPP")), quarantined)
        for table in tables(payload, _LAYOUTS)
    ]
    return gathered(ELECTRICITY_PRICE, frames, quarantined)


FEED = Feed(
    provider="ercot",
    data_type="settlement-point-prices",
    region="Texas",
    kind="electricity-price",
    reports=("NP6-905-CD", "NP6-788-CD", "NP6-785-ER"),
    service=_mis.ERCOT,
    url=_mis.LIST_URL,
    publication=_PUBLICATION,
    stale_after_seconds=45 * 60,
    timezone=ZONE,
    unit="USD/MWh",
    plausible=_prices.PLAUSIBLE,
    columns=("SettlementPointName", "SettlementPointType", "SettlementPointPrice", "DSTFlag"),
    requests=requests,
    parse=parse,
    follow=follow,
    auth=_api.AUTH,
    nodal=True,
    market="real-time-15min",
    source="NP6-788-CD proven on an excerpt of a recording; NP6-905-CD and NP6-785-ER in the documented form only",
)
