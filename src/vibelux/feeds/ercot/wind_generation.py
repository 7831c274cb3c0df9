"""ERCOT's wind power by hour, generated and forecast, given out each hour: NP4-732-CD, and NP4-742-CD by region."""

from datetime import timedelta

from vibelux.feeds._feed import Feed, Payload, Rolling
from vibelux.feeds.ercot import _dashboards, _mis, _renewables
from vibelux.feeds.ercot._tables import Layout
from vibelux.feeds.ercot._time import ZONE
from vibelux.market.records import Parsed

_SYSTEM = (*_renewables.TIME, _renewables.GENERATED, "stwpfsystemwide", "wgrppsystemwide")
_LAYOUTS = (
    Layout("NP4-742-CD", (*_SYSTEM, "genpanhandle|actualpanhandle")),
    Layout("NP4-732-CD", _SYSTEM),
)
_LISTED = (_mis.Listed(13028, _mis.before(60)), _mis.Listed(14787, _mis.before(60)))
_DASHBOARD = "combine-wind-solar"


def parse(payload: Payload) -> Parsed:
    """All regions and hours of a payload: two days back, seven days ahead."""
    return _dashboards.read(payload, (_DASHBOARD,)) or _renewables.renewables(payload, _LAYOUTS, "wind")


FEED = Feed(
    provider="ercot",
    data_type="wind-generation",
    region="Texas",
    kind="series",
    reports=("NP4-732-CD", "NP4-742-CD", _DASHBOARD),
    service=_mis.ERCOT,
    url=_mis.LIST_URL,
    publication=Rolling(step=timedelta(hours=1), lag=timedelta(minutes=57)),
    stale_after_seconds=3 * 3600,
    timezone=ZONE,
    unit="MW",
    plausible=(-1_000.0, 100_000.0),
    columns=("DELIVERY_DATE", "HOUR_ENDING", "SYSTEM_WIDE_GEN", "STWPF_SYSTEM_WIDE", "DSTFlag"),
    requests=_mis.lists(_LISTED),
    parse=parse,
    follow=_mis.downloads(_LISTED),
    source="NP4-732-CD proven on a recording; NP4-742-CD in the documented form only",
)
