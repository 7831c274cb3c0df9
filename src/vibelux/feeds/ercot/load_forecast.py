"""ERCOT's seven-day load forecast, given out each hour: by forecast zone (NP3-560-CD) and weather zone (NP3-561-CD).

NP3-565-CD has the same by weather zone for each model that ERCOT runs (13,000 numbers an hour): it is read where
it is imported, with the model as category, and not polled. The two polled hold the model in use.
"""

from datetime import timedelta

from vibelux.feeds._feed import Feed, Payload, Rolling
from vibelux.feeds.ercot import _dashboards, _mis, _zones
from vibelux.feeds.ercot._time import ZONE
from vibelux.market.records import Parsed

_LAYOUTS = {
    _zones.forecast("NP3-565-CD", _zones.WEATHER, "model"): "model",
    _zones.forecast("NP3-561-CD", _zones.WEATHER): "weather zone",
    _zones.forecast("NP3-560-CD", _zones.FORECAST): "forecast zone",
}
_DASHBOARDS = ("loadForecastVsActual", "supply-demand")
_LISTED = (_mis.Listed(12311, _mis.before(60)), _mis.Listed(12312, _mis.before(60)))


def parse(payload: Payload) -> Parsed:
    """All zones, hours and models of a payload."""
    return _dashboards.read(payload, _DASHBOARDS) or _zones.load(payload, _LAYOUTS, forecast=True)


FEED = Feed(
    provider="ercot",
    data_type="load-forecast",
    region="Texas",
    kind="series",
    reports=("NP3-565-CD", "NP3-560-CD", "NP3-561-CD", *_DASHBOARDS),
    service=_mis.ERCOT,
    url=_mis.LIST_URL,
    publication=Rolling(step=timedelta(hours=1), lag=timedelta(minutes=32)),
    stale_after_seconds=3 * 3600,
    timezone=ZONE,
    unit="MW",
    plausible=(0.0, 200_000.0),
    columns=("DeliveryDate", "HourEnding", "SystemTotal", "DSTFlag"),
    requests=_mis.lists(_LISTED),
    parse=parse,
    follow=_mis.downloads(_LISTED),
    source="NP3-560-CD proven on a recording; NP3-565-CD on a sanitized sample; NP3-561-CD in the same form, unproven",
)
