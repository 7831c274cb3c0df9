"""Open-Meteo's forecast for any place on earth, with irradiance and wind at hub height.

Its JSON has columns, not rows. Radiation is the mean over the time before its stamp, everything else the value at
the stamp. Times have no offset of their own: one offset (`utc_offset_seconds`, that of the day of the request)
holds for the whole reply, also beyond a change of clocks (open-meteo issue 1255), and UTC is asked for. The place is
the model's grid cell, not the point asked for. The time of issue is not told: it is that of the fetch.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, NoReturn

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling, Service
from vibelux.feeds._json import parse_json
from vibelux.feeds._weather import (
    CLOUD,
    DEW_POINT,
    DIFFUSE,
    DIRECT,
    DIRECT_HORIZONTAL,
    GLOBAL,
    GUST,
    HUMIDITY,
    TEMPERATURE,
    WEATHER_CODE,
    WIND,
    Quantity,
    Readings,
    coordinates,
    place,
    within_reach,
)
from vibelux.feeds._zip import unpack
from vibelux.market.errors import SchemaChanged, Throttled, TimeRefused, UpstreamError
from vibelux.market.intervals import sequence_to_utc
from vibelux.market.records import Parsed

_URL = "https://api.open-meteo.com/v1/forecast"
_DAYS_AHEAD = 4
_ASKED = (
    "temperature_2m,relative_humidity_2m,cloud_cover,wind_speed_10m,wind_speed_80m,"
    "shortwave_radiation,direct_normal_irradiance,diffuse_radiation"
)
_SECTIONS = {"hourly": timedelta(hours=1), "minutely_15": timedelta(minutes=15)}
_MEANS: Mapping[str, Quantity] = {
    "shortwave_radiation": GLOBAL,
    "direct_normal_irradiance": DIRECT,
    "direct_radiation": DIRECT_HORIZONTAL,
    "diffuse_radiation": DIFFUSE,
}
_INSTANTS: Mapping[str, Quantity] = {
    "temperature_2m": TEMPERATURE,
    "dew_point_2m": DEW_POINT,
    "relative_humidity_2m": HUMIDITY,
    "cloud_cover": CLOUD,
    "wind_gusts_10m": GUST,
    "weather_code": WEATHER_CODE,
    **{f"wind_speed_{height}m": WIND for height in (10, 80, 100, 120, 180)},
}
_NAMES = {**_MEANS, **_INSTANTS}
_COLUMN = re.compile(rf"({'|'.join(_NAMES)})(_instant)?(?:_((?!low|mid|high|\d)\w+))?")
_USUAL_HEIGHT = "10m"
_DAY_SECONDS = 86_400
_PATIENCE = {"minutely": 60.0, "hourly": 3600.0, "daily": 86_400.0}


def requests(ask: Ask) -> Iterator[Request]:
    """One request a place: from the day of the window's start to four days after its end, in UTC and m/s.

    Days up to three months back are answered too, by what the models said then.
    """
    first, last = ask.window.start.date(), ask.window.end.date() + timedelta(days=_DAYS_AHEAD)
    for node in dict.fromkeys(ask.nodes):
        latitude, longitude = place(*coordinates(node)).split(",")
        yield Request(
            f"{_URL}?latitude={latitude}&longitude={longitude}&hourly={_ASKED}&wind_speed_unit=ms&timezone=UTC"
            f"&start_date={first}&end_date={last}"
        )


def parse(payload: Payload) -> Parsed:
    """The hourly and quarter-hourly columns that we know, of one place or several.

    The category says what upstream splits by: the height of a wind other than 10 m, an instant where a mean is
    usual, a model's name, the quarter hours. A null (beyond the model's horizon) gives no record.

    Raises:
        Throttled: a limit of the free service.
        UpstreamError: upstream's own refusal.
        SchemaChanged: no such columns, columns of unequal length, or times without an offset.
    """
    readings = Readings("open-meteo", "Open-Meteo forecast")
    for member in unpack(payload.body, payload.name):
        document = parse_json(member.body, member.name)
        for one in document if isinstance(document, list) else [document]:
            _read(one, payload, readings)
    return readings.parsed()


def _read(document: Any, payload: Payload, readings: Readings) -> None:
    if not isinstance(document, dict):
        raise SchemaChanged(f"{payload.name or 'payload'}: no JSON object", missing=("hourly",))
    if document.get("error"):
        _refuse(str(document.get("reason")))
    sections = [name for name in _SECTIONS if isinstance(document.get(name), dict)]
    if not sections:
        raise SchemaChanged(f"{payload.name or 'payload'}: neither hourly nor minutely_15", missing=("hourly",))
    try:
        where = place(float(document["latitude"]), float(document["longitude"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise SchemaChanged(f"{payload.name or 'payload'}: no place: {error!r}", missing=("latitude",)) from error
    for name in sections:
        columns, units = document[name], document.get(f"{name}_units")
        times = _times(document, columns.get("time"), payload, readings)
        for column, values in columns.items():
            match = _COLUMN.fullmatch(column)
            if match is None:
                continue
            if not isinstance(values, list) or len(values) != len(times):
                raise SchemaChanged(f"{payload.name or 'payload'}: {name}.{column} is not as long as its times")
            base, instant, model = match.groups()
            before = _SECTIONS[name] if base in _MEANS and not instant else timedelta(0)
            category = _category(base, instant, model, name)
            unit = units.get(column) if isinstance(units, dict) else None
            for end, value in zip(times, values, strict=True):
                if end is not None:
                    readings.add(
                        _NAMES[base], value, unit, end - before, end,
                        location=where, issued_at=_issued(payload), category=category,
                    )  # fmt: skip


def _refuse(reason: str) -> NoReturn:
    for word, seconds in _PATIENCE.items():
        if "limit exceeded" in reason and word in reason.lower():
            raise Throttled(f"Open-Meteo: {reason}", retry_after_seconds=seconds)
    raise UpstreamError(f"Open-Meteo: {reason}", code="error")


def _category(base: str, instant: str | None, model: str | None, section: str) -> str | None:
    height = base.rsplit("_", 1)[-1] if _NAMES[base] is WIND else _USUAL_HEIGHT
    parts = [
        height if height != _USUAL_HEIGHT else None,
        "instant" if instant else None,
        model,
        section if section != "hourly" else None,
    ]
    return " ".join(part for part in parts if part) or None


def _times(document: Mapping[str, Any], stamps: object, payload: Payload, readings: Readings) -> list[datetime | None]:
    """The stamps in UTC, None for one that cannot be read."""
    if not isinstance(stamps, list):
        raise SchemaChanged(f"{payload.name or 'payload'}: no times", missing=("time",))
    local = [_local(stamp, readings) for stamp in stamps]
    offset, zone_name = document.get("utc_offset_seconds"), document.get("timezone")
    if isinstance(offset, int) and abs(offset) <= _DAY_SECONDS:
        shift = timedelta(seconds=offset)
        return [moment if moment is None or moment.tzinfo else (moment - shift).replace(tzinfo=UTC) for moment in local]
    naive = [moment for moment in local if moment is not None and moment.tzinfo is None]
    if naive and not isinstance(zone_name, str):
        raise SchemaChanged(
            f"{payload.name or 'payload'}: local times without an offset: neither utc_offset_seconds nor timezone",
            missing=("utc_offset_seconds",),
        )
    try:
        known = iter(sequence_to_utc(naive, str(zone_name)) if naive else ())
    except TimeRefused as error:
        raise SchemaChanged(f"{payload.name or 'payload'}: {error}", missing=("utc_offset_seconds",)) from error
    return [moment if moment is None or moment.tzinfo else next(known) for moment in local]


def _local(stamp: object, readings: Readings) -> datetime | None:
    """A stamp as printed: without a zone, but for seconds since 1970 or an offset of its own."""
    try:
        moment = datetime.fromtimestamp(stamp, UTC) if isinstance(stamp, int) else datetime.fromisoformat(str(stamp))
        return within_reach(moment.astimezone(UTC) if moment.tzinfo else moment)
    except (ValueError, OverflowError, OSError, TimeRefused) as error:
        readings.refuse(f"not a time: {error}", "time", stamp)
        return None


def _issued(payload: Payload) -> datetime | None:
    """When it was fetched, else the day in the file's name."""
    if payload.received_at is None and payload.day is not None:
        return datetime.combine(payload.day, time(), UTC)
    return payload.received_at


FEED = Feed(
    provider="open-meteo",
    data_type="forecast",
    region="world",
    kind="series",
    reports=("forecast",),
    # 10,000 calls a day, and a call of many variables or days counts as several.
    service=Service("api.open-meteo.com", seconds_between=2.0, timeout_seconds=30.0, max_body_bytes=16 * 1024 * 1024),
    url=_URL,
    publication=Rolling(step=timedelta(hours=1), lag=timedelta(minutes=10)),
    stale_after_seconds=6 * 3600,
    timezone="UTC",
    unit="as `hourly_units` says",
    plausible=(-100.0, 1_600.0),
    columns=("latitude", "longitude", "hourly"),
    requests=requests,
    parse=parse,
    nodal=True,
    source="proven on recordings of 2023 and 2025, hourly and quarter-hourly; free for non-commercial use only",
)
