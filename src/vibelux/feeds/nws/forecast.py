"""The forecast for a place in the United States by the weather service: a grid of 2.5 km, hours to seven days ahead.

The raw grid is asked for: it has cloud cover and the time of issue, and units that are said (irradiance it has
not). One of its entries may hold for hours or days; it becomes a record an hour, so that whoever asks for an hour
finds it. The hourly and the twelve-hour forecast of the same office are read too, where such a file is given.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds._weather import (
    CLOUD,
    DEW_POINT,
    GUST,
    HUMIDITY,
    TEMPERATURE,
    TEMPERATURE_MAX,
    TEMPERATURE_MIN,
    WIND,
    Quantity,
    Readings,
    place,
    within_reach,
)
from vibelux.feeds.nws._documents import SERVICE, URL, documents, link_of, points, unit_of
from vibelux.market.errors import SchemaChanged, TimeRefused
from vibelux.market.intervals import parse_utc
from vibelux.market.records import Parsed

_GRID, _HOURLY, _HALF_DAYS = "gridpoints", "forecast/hourly", "forecast"
_LAYERS: Mapping[str, Quantity] = {
    "temperature": TEMPERATURE,
    "dewpoint": DEW_POINT,
    "relativeHumidity": HUMIDITY,
    "skyCover": CLOUD,
    "windSpeed": WIND,
    "windGust": GUST,
}
_DURATION = re.compile(r"P(?:(\d{1,2})D)?(?:T(?:(\d{1,3})H)?(?:(\d{1,2})M)?)?")
_WIND_TEXT = re.compile(r"(?:(\d+(?:\.\d+)?) to )?(\d+(?:\.\d+)?) (mph|km/h)")
_HOUR = timedelta(hours=1)
_LONGEST = timedelta(days=15)


def requests(ask: Ask) -> Iterator[Request]:
    """Looks up each place; the window is upstream's own: now to seven days ahead. There is no asking for an old one."""
    return points(ask)


def follow(ask: Ask, request: Request, payload: Payload) -> Iterable[Request]:
    """The raw grid of a place that was looked up."""
    del ask
    return [Request(link_of(payload, "forecastGridData"))] if request.listing else []


def parse(payload: Payload) -> Parsed:
    """All hours of the layers that we know; a layer that the office leaves out, or leaves empty, gives none.

    Raises:
        UpstreamError: a problem such as ForecastGridExpired; worth a retry where upstream says 5xx.
        SchemaChanged: no forecast: neither layers nor periods, or no time of issue.
    """
    readings = Readings("nws", "")
    for document in documents(payload):
        properties = document.get("properties")
        report = _report(properties)
        if report is None or not isinstance(properties, dict) or payload.report not in {None, report}:
            raise SchemaChanged(
                f"{payload.name or 'payload'}: no {payload.report or 'forecast'} of api.weather.gov",
                missing=("temperature",),
            )
        readings.source = f"NWS {report}"
        where, issued = _centre(document), _issued(properties, payload)
        if report == _GRID:
            _read_layers(properties, where, issued, readings)
        else:
            _read_periods(properties["periods"], where, issued, readings)
    return readings.parsed()


def _report(properties: object) -> str | None:
    """Which of the three forecasts it is, by its content; None where it is none."""
    if not isinstance(properties, dict):
        return None
    if isinstance(properties.get("periods"), list):
        return _HOURLY if properties.get("forecastGenerator") == "HourlyForecastGenerator" else _HALF_DAYS
    layered = any(isinstance(layer, dict) and "values" in layer for layer in map(properties.get, _LAYERS))
    return _GRID if layered else None


def _issued(properties: Mapping[str, Any], payload: Payload) -> datetime:
    try:
        return parse_utc(str(properties.get("updateTime")))
    except TimeRefused as error:
        if payload.received_at is not None:
            return payload.received_at
        raise SchemaChanged(f"{payload.name or 'payload'}: updateTime: {error}", missing=("updateTime",)) from error


def _centre(document: Mapping[str, Any]) -> str:
    """The middle of the grid cell: the reply does not say for which point it was asked."""
    geometry = document.get("geometry")
    shapes = geometry.get("geometries", [geometry]) if isinstance(geometry, dict) else []
    try:
        (ring,) = (shape["coordinates"][0] for shape in shapes if shape["type"] == "Polygon")
        corners = ring[:-1] if ring[0] == ring[-1] else ring
        longitude, latitude = (sum(float(corner[axis]) for corner in corners) / len(corners) for axis in (0, 1))
        return place(latitude, longitude)
    except (KeyError, TypeError, ValueError, IndexError, ArithmeticError) as error:
        raise SchemaChanged(f"the forecast has no cell: {error!r}", missing=("geometry",)) from error


def _read_layers(properties: Mapping[str, Any], where: str, issued: datetime, readings: Readings) -> None:
    for name, quantity in _LAYERS.items():
        layer = properties.get(name)
        if not isinstance(layer, dict):
            continue
        values, unit = layer.get("values"), unit_of(layer.get("uom"))
        for entry in values if isinstance(values, list) else ():
            try:
                start, end = _stretch(entry["validTime"])
                value = entry["value"]
            except (KeyError, TypeError, TimeRefused) as error:
                readings.refuse(f"no value with a time: {error}", f"{where} {name}", entry)
                continue
            for hour in _hours(start, end):
                readings.add(quantity, value, unit, *hour, location=where, issued_at=issued)


def _stretch(text: str) -> tuple[datetime, datetime]:
    """`2022-02-03T21:00:00+00:00/P1DT6H` as start and end."""
    start, _, duration = str(text).partition("/")
    match = _DURATION.fullmatch(duration)
    days, hours, minutes = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    length = timedelta(days=days, hours=hours, minutes=minutes)
    if not timedelta(0) < length <= _LONGEST:
        raise TimeRefused(f"{duration!r} is not a duration of up to {_LONGEST.days} days")
    begin = within_reach(parse_utc(start))
    return begin, begin + length


def _hours(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        following = min(start + _HOUR, end)
        yield start, following
        start = following


def _read_periods(periods: list[Any], where: str, issued: datetime, readings: Readings) -> None:
    """A period of up to an hour has a temperature, a longer one the day's highest or the night's lowest."""
    for period in periods:
        try:
            start, end = parse_utc(period["startTime"]), parse_utc(period["endTime"])
            fahrenheit_or_celsius, by_day = f"deg{period['temperatureUnit']}", period["isDaytime"]
        except (KeyError, TypeError, AttributeError, TimeRefused) as error:
            readings.refuse(f"no period: {error!r}", where, period)
            continue
        extreme = TEMPERATURE_MAX if by_day else TEMPERATURE_MIN
        numbers = [
            (TEMPERATURE if end - start <= _HOUR else extreme, (period.get("temperature"), fahrenheit_or_celsius)),
            (WIND, _wind(period.get("windSpeed"))),
            (DEW_POINT, _measured(period.get("dewpoint"))),
            (HUMIDITY, _measured(period.get("relativeHumidity"))),
        ]
        for quantity, (value, unit) in numbers:
            readings.add(quantity, value, unit, start, end, location=where, issued_at=issued)


def _measured(quantity: object) -> tuple[object, str | None]:
    """A number with its unit, in the form of the vocabulary."""
    return (
        (quantity.get("value"), unit_of(quantity.get("unitCode"))) if isinstance(quantity, dict) else (quantity, None)
    )


def _wind(text: object) -> tuple[object, str | None]:
    """`10 mph`, or the middle of `5 to 10 mph`."""
    match = _WIND_TEXT.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        return _measured(text)
    low, high, unit = match.groups()
    return (float(low or high) + float(high)) / 2, unit


FEED = Feed(
    provider="nws",
    data_type="forecast",
    region="United States",
    kind="series",
    reports=(_GRID, _HOURLY, _HALF_DAYS),
    service=SERVICE,
    url=f"{URL}/gridpoints",
    publication=Rolling(step=_HOUR, lag=timedelta(minutes=5)),
    stale_after_seconds=6 * 3600,
    timezone="UTC",
    unit="as each layer's `uom` says",
    plausible=(-100.0, 200.0),
    columns=("updateTime",),
    requests=requests,
    parse=parse,
    follow=follow,
    nodal=True,
    source="proven on recordings: a raw grid of 2022, hourly and twelve-hour forecasts of 2019, a place of each form",
)
