"""ERCOT's look ahead over the next hour, by five minutes, anew at each run: RTD indicative LMPs (NP6-970-CD).

Nobody is paid by them: they are a market of their own, `indicative-5min`. Each run says all of the hour again, and
the store keeps what it said before. They come from the keyless list; the public API has them minutes later.
"""

from datetime import timedelta

from vibelux.feeds._feed import Feed, Payload, Rolling
from vibelux.feeds.ercot import _mis, _prices
from vibelux.feeds.ercot._series import gathered
from vibelux.feeds.ercot._tables import Layout, tables
from vibelux.feeds.ercot._time import ZONE
from vibelux.market.records import ELECTRICITY_PRICE, Parsed, Quarantined

_LAYOUT = Layout(
    "NP6-970-CD",
    (
        "rtdtimestamp",
        "intervalending",
        "intervalrepeatedhourflag|intervalrepeathourflag",
        "settlementpoint",
        "settlementpointtype",
        "lmp",
    ),
)
_SURE_MINUTES = 39
"""A run looks 55 minutes ahead. So much of it, a minute after the run, is counted on, also where one run is late."""
_LISTED = (_mis.Listed(13073, _mis.ahead(_SURE_MINUTES), overlapping=True),)


def parse(payload: Payload) -> Parsed:
    """All points and intervals of a payload, each interval by its end."""
    quarantined: list[Quarantined] = []
    found = tables(payload, (_LAYOUT,))
    frames = [_prices.prices(table, "indicative-5min", "LMP", quarantined) for table in found]
    return gathered(ELECTRICITY_PRICE, frames, quarantined)


FEED = Feed(
    provider="ercot",
    data_type="indicative-prices",
    region="Texas",
    kind="electricity-price",
    reports=("NP6-970-CD",),
    service=_mis.ERCOT,
    url=_mis.LIST_URL,
    # A run is at the full five minutes, and its document is out within the minute.
    publication=Rolling(step=timedelta(minutes=5), lag=timedelta(minutes=-_SURE_MINUTES), reread=timedelta(0)),
    stale_after_seconds=900,
    timezone=ZONE,
    unit="USD/MWh",
    plausible=_prices.PLAUSIBLE,
    columns=("RTDTimestamp", "IntervalEnding", "IntervalRepeatedHourFlag", "SettlementPoint", "LMP"),
    requests=_mis.lists(_LISTED),
    parse=parse,
    follow=_mis.downloads(_LISTED),
    nodal=True,
    market="indicative-5min",
    look_ahead=True,
    source="ERCOT's report schema and names of public readers; in the documented form only",
)
