"""ERCOT's solar power by hour, generated and forecast, given out each hour: NP4-737-CD, and NP4-745-CD by region."""

from datetime import timedelta

from vibelux.feeds._feed import Feed, Payload, Rolling
from vibelux.feeds.ercot import _dashboards, _mis, _renewables
from vibelux.feeds.ercot._tables import Layout
from vibelux.feeds.ercot._time import ZONE
from vibelux.market.records import Parsed

_SYSTEM = (*_renewables.TIME, _renewables.GENERATED, "stppfsystemwide", "pvgrppsystemwide")
_LAYOUTS = (
    Layout("NP4-745-CD", (*_SYSTEM, "gencenterwest|actualcenterwest")),
    Layout("NP4-737-CD", _SYSTEM),
)
_LISTED = (_mis.Listed(13483, _mis.before(60)), _mis.Listed(21809, _mis.before(60)))
_DASHBOARD = "combine-wind-solar"


def parse(payload: Payload) -> Parsed:
    """All regions and hours of a payload: two days back, seven days ahead."""
    return _dashboards.read(payload, (_DASHBOARD,)) or _renewables.renewables(payload, _LAYOUTS, "solar")


FEED = Feed(
    provider="ercot",
    data_type="solar-generation",
    region="Texas",
    kind="series",
    reports=("NP4-737-CD", "NP4-745-CD", _DASHBOARD),
    service=_mis.ERCOT,
    url=_mis.LIST_URL,
    publication=Rolling(step=timedelta(hours=1), lag=timedelta(minutes=57)),
    stale_after_seconds=3 * 3600,
    timezone=ZONE,
    unit="MW",
    plausible=(-1_000.0, 100_000.0),
    columns=("DELIVERY_DATE", "HOUR_ENDING", "SYSTEM_WIDE_GEN", "STPPF_SYSTEM_WIDE", "DSTFlag"),
    requests=_mis.lists(_LISTED),
    parse=parse,
    follow=_mis.downloads(_LISTED),
    source="no recording of a report (only of its list and dashboard): read in the documented form",
)
