"""ERCOT's measured load, hourly, of the day before: by weather zone (NP6-345-CD) and forecast zone (NP6-346-CD).

The dashboards of demand are read too; what the grid draws now is in `ercot/system-conditions`.
"""

from datetime import timedelta

from vibelux.feeds._feed import Feed, Payload, Rolling
from vibelux.feeds.ercot import _dashboards, _mis, _zones
from vibelux.feeds.ercot._time import ZONE
from vibelux.market.records import Parsed

_LAYOUTS = {
    _zones.measured("NP6-345-CD", _zones.WEATHER): "weather zone",
    _zones.measured("NP6-346-CD", _zones.FORECAST): "forecast zone",
}
_DASHBOARDS = ("loadForecastVsActual", "supply-demand")
_LISTED = (_mis.Listed(13101, _mis.day_after(-1)), _mis.Listed(14836, _mis.day_after(-1)))


def parse(payload: Payload) -> Parsed:
    """All zones and hours of a payload."""
    return _dashboards.read(payload, _DASHBOARDS) or _zones.load(payload, _LAYOUTS, forecast=False)


FEED = Feed(
    provider="ercot",
    data_type="load",
    region="Texas",
    kind="series",
    reports=("NP6-345-CD", "NP6-346-CD", *_DASHBOARDS),
    service=_mis.ERCOT,
    url=_mis.LIST_URL,
    # A local day lies within two days of UTC and is out at 05:50 Central the morning after, 12:00 UTC at the latest.
    publication=Rolling(step=timedelta(days=1), lag=timedelta(hours=36), reread=timedelta(days=2)),
    stale_after_seconds=60 * 3600,
    timezone=ZONE,
    unit="MW",
    plausible=(0.0, 200_000.0),
    columns=("OperDay", "HourEnding", "TOTAL", "DSTFlag"),
    requests=_mis.lists(_LISTED),
    parse=parse,
    follow=_mis.downloads(_LISTED),
    source="NP6-346-CD proven on recordings of three months; NP6-345-CD on a sanitized sample of the public API",
)
