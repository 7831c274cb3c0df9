"""The JSON behind the dashboards of ercot.com: keyless, unversioned, today and yesterday.

Of the times that a row has, the `timestamp` is read, as it alone has an offset: the end of an hour where the row
has an `hourEnding`, else an instant. Each number is a series with upstream's own name as category; `lastUpdated`
is when forecasts were given out.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from vibelux.feeds._check import empty
from vibelux.feeds._feed import Payload
from vibelux.feeds._json import parse_json
from vibelux.feeds._text import without_bom
from vibelux.feeds._zip import unpack
from vibelux.feeds.ercot._series import SYSTEM, Meaning, series
from vibelux.market.errors import Corrupt, SchemaChanged, TimeRefused
from vibelux.market.intervals import parse_utc
from vibelux.market.records import SERIES, Parsed, Quarantined

URL = "https://www.ercot.com/api/1/services/read/dashboards"
_DAYS = ("previousDay", "currentDay", "nextDay")
_FIELDS = {
    "loadForecastVsActual": {
        "systemLoad": "load",
        "currentLoadForecast": "load-forecast",
        "dayAheadForecast": "load-forecast",
    },
    "supply-demand": {"demand": "load", "forecastedDemand": "load-forecast"},
    "combine-wind-solar": {
        "actualWind": "wind-generation",
        "actualSolar": "solar-generation",
        **{f"{name}{day}": "wind-forecast" for name in ("stwpf", "wgrpp", "copHslWind") for day in ("", "DayAhead")},
        **{f"{name}{day}": "solar-forecast" for name in ("stppf", "pvgrpp", "copHslSolar") for day in ("", "DayAhead")},
    },
    "energy-storage-resources": dict.fromkeys(("totalCharging", "totalDischarging", "netOutput"), "storage-power"),
}
NAMES = ("fuel-mix", *_FIELDS)


def read(payload: Payload, names: Collection[str]) -> Parsed | None:
    """The series of a dashboard, or None where the payload is something else.

    Args:
        payload: as served, maybe compressed.
        names: the dashboards that the feed reads.

    Raises:
        Corrupt: HTML or damaged JSON.
        SchemaChanged: a dashboard that is none of those, or without its rows.
    """
    members = unpack(payload.body, payload.name) if payload.report in names or _may_be(payload.body) else []
    if len(members) != 1 or (payload.report not in names and b'"lastUpdated"' not in members[0].body[:400_000]):
        return None
    document = parse_json(members[0].body, payload.name)
    found = _name(document)
    if found not in names or payload.report not in {None, found}:
        raise SchemaChanged(
            f"{payload.name or 'payload'}: no dashboard of {', '.join(names)}, but {found or 'an unknown one'}",
            missing=tuple(names),
            extra=tuple(document) if isinstance(document, dict) else (),
        )
    quarantined: list[Quarantined] = []
    rows = _fuel_rows(document, quarantined) if found == "fuel-mix" else _rows(document, _FIELDS[found], quarantined)
    return Parsed({SERIES.name: _frame(rows, found, document, quarantined)}, quarantined)


def _may_be(body: bytes) -> bool:
    """JSON, or a gzip of what may be."""
    return body.startswith(b"\x1f\x8b") or without_bom(body[:64]).lstrip().startswith(b"{")
