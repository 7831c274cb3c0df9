"""ERCOT's generation by fuel each five minutes, of today and yesterday: the fuel mix dashboard, and its neighbours.

`Power Storage` is negative while it charges. The older form also printed limits and capacities beside `gen`; they
are not read.
"""

from collections.abc import Iterator
from datetime import timedelta

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds.ercot import _dashboards, _mis
from vibelux.feeds.ercot._time import ZONE
from vibelux.market.errors import SchemaChanged
from vibelux.market.records import Parsed

_URL = f"{_dashboards.URL}/fuel-mix.json"
_REPORTS = (
    _dashboards.FUEL_MIX,
    "energy-storage-resources",
    "combine-wind-solar",
    "supply-demand",
    "loadForecastVsActual",
)


def requests(_ask: Ask) -> Iterator[Request]:
    """One document; there is no asking for another day."""
    yield Request(_URL)


def parse(payload: Payload) -> Parsed:
    """All fuels and instants of a payload, in the form of 2024 or of 2025."""
    parsed = _dashboards.read(payload, _REPORTS)
    if parsed is None:
        raise SchemaChanged(f"{payload.name or 'payload'}: not a dashboard's JSON", missing=("lastUpdated",))
    return parsed


FEED = Feed(
    provider="ercot",
    data_type="fuel-mix",
    region="Texas",
    kind="series",
    reports=_REPORTS,
    service=_mis.ERCOT,
    url=_URL,
    publication=Rolling(step=timedelta(minutes=5), lag=timedelta(minutes=6)),
    stale_after_seconds=30 * 60,
    timezone=ZONE,
    unit="MW",
    plausible=(-100_000.0, 200_000.0),
    columns=("lastUpdated", "data"),
    requests=requests,
    parse=parse,
    source="proven on recordings of 2024 and 2026",
)
