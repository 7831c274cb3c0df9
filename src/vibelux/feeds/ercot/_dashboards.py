"""The JSON behind the dashboards of ercot.com: keyless, unversioned, today and yesterday.

Of the times that a row has, its `timestamp` is read, as it alone has an offset: the end of an hour where the row
is an hour's, else an instant. Each number has upstream's own name of it as category; `lastUpdated` is when
forecasts were given out.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from vibelux.feeds._feed import Payload
from vibelux.feeds._json import parse_json
from vibelux.feeds._text import without_bom
from vibelux.feeds._zip import unpack
from vibelux.feeds.ercot._series import SYSTEM, Meaning, points
from vibelux.market.errors import SchemaChanged, TimeRefused
from vibelux.market.intervals import parse_utc
from vibelux.market.records import SERIES, Parsed, Quarantined

URL = "https://www.ercot.com/api/1/services/read/dashboards"
FUEL_MIX = "fuel-mix"
_HOUR = timedelta(hours=1)
_BY_HOUR = {"loadForecastVsActual", "combine-wind-solar"}
"""Dashboards whose rows are hours; one that has lost its `hourEnding` would pass for an instant."""
_PLANNED = "demand, forecast"
_FIRST_YEAR = 2000


def _all(variable: str, *fields: str) -> dict[str, Meaning]:
    forecast = variable.endswith("-forecast")
    return {field: Meaning(variable, SYSTEM, field, forecast) for field in fields}


_FIELDS: dict[str, dict[str, Meaning]] = {
    "loadForecastVsActual": {
        **_all("load", "systemLoad"),
        **_all("load-forecast", "currentLoadForecast", "dayAheadForecast"),
    },
    "supply-demand": {
        **_all("load", "demand"),
        **_all("load-forecast", "forecastedDemand"),
        _PLANNED: Meaning("load-forecast", SYSTEM, "demand", forecast=True),
    },
    "combine-wind-solar": {
        **_all("wind-generation", "actualWind"),
        **_all("wind-forecast", "stwpf", "wgrpp", "copHslWind"),
        **_all("wind-forecast", "stwpfDayAhead", "wgrppDayAhead", "copHslWindDayAhead"),
        **_all("solar-generation", "actualSolar"),
        **_all("solar-forecast", "stppf", "pvgrpp", "copHslSolar"),
        **_all("solar-forecast", "stppfDayAhead", "pvgrppDayAhead", "copHslSolarDayAhead"),
    },
    "energy-storage-resources": _all("storage-power", "totalCharging", "totalDischarging", "netOutput"),
    "dc-tie-flows": {
        "currentFrequency": Meaning("grid-frequency", unit="Hz"),
        "currentSystemInertia": Meaning("system-inertia", unit="MW.s"),
    },
    "ancillary-services": {"currentFrequency": Meaning("grid-frequency", unit="Hz")},
}
_TELLTALE = {
    "loadForecastVsActual": "systemLoad",
    "supply-demand": "capacity",
    "combine-wind-solar": "copHslWind",
    "energy-storage-resources": "netOutput",
    "dc-tie-flows": "currentSystemInertia",
    "ancillary-services": "currentFrequency",
}
"""The field by which a dashboard is known; the site also serves the first one as `system-wide-demand`."""


def read(payload: Payload, names: Collection[str]) -> Parsed | None:
    """The series of a dashboard, or None where the payload is something else.

    Args:
        payload: as served, maybe gzipped.
        names: the dashboards that the feed reads.

    Raises:
        Corrupt: damaged JSON, HTML.
        SchemaChanged: a dashboard that is none of those.
    """
    body = _json_body(payload)
    if payload.report not in names and (payload.report is not None or b'"lastUpdated"' not in body):
        return None
    document = parse_json(body, payload.name)
    name = _name(document)
    if name is None or name not in names or payload.report not in {None, name}:
        found = f"the dashboard {name}" if name else "no known dashboard"
        raise SchemaChanged(
            f"{payload.name or 'payload'}: {found} where {', '.join(names)} was promised", missing=tuple(names)
        )
    quarantined: list[Quarantined] = []
    numbers = _fuels(document, quarantined) if name == FUEL_MIX else _numbers(name, document, quarantined)
    issued = _stamp(document.get("lastUpdated"), name, quarantined) or payload.received_at
    return Parsed({SERIES.name: points(numbers, issued, f"ERCOT dashboard {name}")}, quarantined)


def _json_body(payload: Payload) -> bytes:
    """The one document of a payload; nothing where it is no JSON object."""
    body = payload.body
    if body.startswith(b"\x1f\x8b"):
        body = unpack(body, payload.name)[0].body
    return body if payload.report is not None or without_bom(body[:64]).lstrip().startswith(b"{") else b""


def _name(document: Any) -> str | None:
    if not isinstance(document, dict):
        return None
    fields = {field for row in _rows(document) if isinstance(row, dict) for field in row}
    named = (name for name, field in _TELLTALE.items() if field in fields)
    return next(named, FUEL_MIX if isinstance(document.get("data"), dict) else None)


def _rows(document: Mapping[str, Any]) -> Iterator[Any]:
    """The rows of a dashboard, whether in a list or keyed by epoch, whether in one block or by day."""
    for block in (document, *(document.get(day) for day in ("previousDay", "currentDay", "nextDay"))):
        for part in ("data", "forecast"):
            rows = block.get(part) if isinstance(block, dict) else None
            yield from rows.values() if isinstance(rows, dict) else rows if isinstance(rows, list) else ()


def _numbers(
    name: str, document: Mapping[str, Any], quarantined: list[Quarantined]
) -> Iterator[tuple[Meaning, datetime, datetime, float]]:
    meanings = _FIELDS[name]
    for row in _rows(document):
        end = _stamp(row.get("timestamp") if isinstance(row, dict) else None, row, quarantined)
        if end is None:
            continue
        if name in _BY_HOUR and "hourEnding" not in row:
            quarantined.append(Quarantined("no hourEnding", f"{name} {end}", str(row)[:400]))
            continue
        start = end - _HOUR if "hourEnding" in row and "interval" not in row else end
        for field, meaning in meanings.items():
            if field in row:
                planned = field == "demand" and row.get("forecast") == 1
                yield from _number(meanings[_PLANNED] if planned else meaning, start, end, row[field], quarantined)


def _fuels(
    document: Mapping[str, Any], quarantined: list[Quarantined]
) -> Iterator[tuple[Meaning, datetime, datetime, float]]:
    for day in document["data"].values():
        for stamp, fuels in day.items() if isinstance(day, dict) else ():
            moment = _stamp(stamp, fuels, quarantined)
            if moment is not None and isinstance(fuels, dict):
                for fuel, numbers in fuels.items():
                    value = numbers.get("gen") if isinstance(numbers, dict) else numbers
                    yield from _number(Meaning("fuel-mix", SYSTEM, fuel), moment, moment, value, quarantined)


def _stamp(text: object, row: object, quarantined: list[Quarantined]) -> datetime | None:
    reason = f"{text!r} is before there were dashboards"
    try:
        moment = parse_utc(str(text))
    except TimeRefused as error:
        reason = str(error)
    else:
        if moment.year >= _FIRST_YEAR:
            return moment
    quarantined.append(Quarantined(reason, str(text), str(row)[:400]))
    return None


def _number(
    meaning: Meaning, start: datetime, end: datetime, value: object, quarantined: list[Quarantined]
) -> Iterator[tuple[Meaning, datetime, datetime, float]]:
    """The number as a record; null is none yet, and anything else is set aside."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield meaning, start, end, float(value)
    elif value is not None:
        quarantined.append(Quarantined("the value is not a number", f"{meaning.category} {end}", str(value)[:400]))
