"""ERCOT's real-time clearing prices for capacity, by quarter hour: NP6-331-CD.

There are such prices since 5 December 2025, when energy and reserves began to be dispatched together.
"""

from datetime import timedelta

from vibelux.feeds._feed import Feed, Payload, Rolling
from vibelux.feeds.ercot import _mis
from vibelux.feeds.ercot._time import ZONE
from vibelux.feeds.ercot.ancillary_services import PLAUSIBLE, REAL_TIME, read_reports
from vibelux.market.records import Parsed

_LISTED = (_mis.Listed(24898, _mis.before(17)),)


def parse(payload: Payload) -> Parsed:
    """All products and quarter hours of a payload."""
    return read_reports(payload, (REAL_TIME,))


FEED = Feed(
    provider="ercot",
    data_type="real-time-ancillary-services",
    region="Texas",
    kind="ancillary-price",
    reports=("NP6-331-CD",),
    service=_mis.ERCOT,
    url=_mis.LIST_URL,
    publication=Rolling(step=timedelta(minutes=15), lag=timedelta(minutes=17, seconds=10), reread=timedelta(0)),
    stale_after_seconds=45 * 60,
    timezone=ZONE,
    unit="USD/MW/h",
    plausible=PLAUSIBLE,
    columns=("DeliveryDate", "DeliveryHour", "DeliveryInterval", "RepeatedHourFlag", "ASType", "MCPC"),
    requests=_mis.lists(_LISTED),
    parse=parse,
    follow=_mis.downloads(_LISTED),
    source="ERCOT's report schema and names of public readers; in the documented form only",
)
