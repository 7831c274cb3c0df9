"""What the weather station nearest to a place measures, about once an hour (and when the weather changes).

A null is common: the station did not measure it then. Each number has a quality flag of MADIS; numbers that failed
a check are set aside. The unit of wind was m/s until 2019 and is km/h since: it is read, never assumed.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds._weather import CLOUD, DEW_POINT, GUST, HUMIDITY, TEMPERATURE, WIND, Quantity, Readings
from vibelux.feeds.nws._documents import SERVICE, URL, documents, link_of, points, unit_of
from vibelux.market.errors import SchemaChanged, TimeRefused
from vibelux.market.intervals import iso_z, parse_utc
from vibelux.market.records import Parsed

_ALL, _LATEST = "observations", "observations/latest"
_MEASURED: Mapping[str, Quantity] = {
    "temperature": TEMPERATURE,
    "dewpoint": DEW_POINT,
    "relativeHumidity": HUMIDITY,
    "windSpeed": WIND,
    "windGust": GUST,
}
_FAILED = {"X": "rejected", "Q": "questioned", "B": "bad by an operator's judgement"}
"""Flags of MADIS, https://madis.ncep.noaa.gov/madis_sfc_qc_notes.shtml; C, S, V passed, Z was not checked."""
_EIGHTHS = {"CLR": 0.0, "SKC": 0.0, "FEW": 1.5, "SCT": 3.5, "BKN": 6.0, "OVC": 8.0, "VV": 8.0}
"""Eighths of the sky, the middle of each word's range (Federal Meteorological Handbook No. 1, table 9-1). A layer
counts what lies below it too, so the fullest layer is the whole cover."""
_NEWER = timedelta(hours=2)
_STATION = re.compile(r"[A-Z0-9]{3,8}")


def requests(ask: Ask) -> Iterator[Request]:
    """Looks up each place, whose nearest station follows; a node that is a station's id (`KSNS`) is asked at once."""
    stations = [node for node in dict.fromkeys(ask.nodes) if _STATION.fullmatch(node)]
    yield from points(Ask(ask.window, tuple(node for node in ask.nodes if node not in stations)))
    for station in stations:
        yield _observations(ask, station)


def follow(ask: Ask, request: Request, payload: Payload) -> Iterable[Request]:
    """From a place to its stations, from the stations to what the nearest one measured."""
    if not request.listing:
        return []
    if "/points/" in request.url:
        return [Request(link_of(payload, "observationStations"), listing=True)]
    (document,) = documents(payload)
    try:
        station = document["features"][0]["properties"]["stationIdentifier"]
    except (KeyError, TypeError, IndexError) as error:
        raise SchemaChanged(f"{payload.name or 'payload'}: no station: {error!r}", missing=("features",)) from error
    return [_observations(ask, str(station))]


def _observations(ask: Ask, station: str) -> Request:
    """What has come since the window ended is asked for too: a station reports when it likes."""
    window = f"start={iso_z(ask.window.start)}&end={iso_z(ask.window.end + _NEWER)}"
    return Request(f"{URL}/stations/{quote(station, safe='')}/observations?{window}")


def parse(payload: Payload) -> Parsed:
    """Each number as an instant at its time; the location is the station's id.

    Raises:
        UpstreamError: a problem; worth a retry where upstream says 5xx.
        SchemaChanged: no observations.
    """
    readings = Readings("nws", f"NWS {_ALL}")
    for document in documents(payload):
        latest = "features" not in document
        features = [document] if latest else document["features"]
        if payload.report not in {None, _LATEST if latest else _ALL} or not isinstance(features, list):
            raise SchemaChanged(f"{payload.name or 'payload'}: no {payload.report or 'list'}", missing=("features",))
        for feature in features:
            properties = feature.get("properties") if isinstance(feature, dict) else None
            if not isinstance(properties, dict) or not {"timestamp", "temperature"} <= properties.keys():
                raise SchemaChanged(
                    f"{payload.name or 'payload'}: not an observation", missing=("timestamp", "temperature")
                )
            _read(properties, readings)
    return readings.parsed()


def _read(properties: Mapping[str, Any], readings: Readings) -> None:
    station = str(properties.get("station") or "").rsplit("/", 1)[-1].strip()
    if not station:
        readings.refuse("an observation of no station", str(properties.get("timestamp")), properties.get("station"))
        return
    try:
        moment = parse_utc(str(properties.get("timestamp")))
    except TimeRefused as error:
        readings.refuse(str(error), station, properties.get("timestamp"))
        return
    for name, quantity in _MEASURED.items():
        measured = properties.get(name)
        if not isinstance(measured, dict):
            continue
        value, flag = measured.get("value"), str(measured.get("qualityControl") or "").removeprefix("qc:")
        if value is not None and flag in _FAILED:
            readings.refuse(f"upstream's quality flag {flag}: {_FAILED[flag]}", f"{station} {moment} {name}", value)
        else:
            readings.add(quantity, value, unit_of(measured.get("unitCode")), moment, moment, location=station)
    readings.add(CLOUD, _cover(properties.get("cloudLayers")), "%", moment, moment, location=station)


def _cover(layers: object) -> float | None:
    """The whole cloud cover in percent, None where none was observed.

    >>> _cover([{"amount": "FEW"}, {"amount": "BKN"}])
    75.0
    """
    amounts = [layer.get("amount") for layer in layers if isinstance(layer, dict)] if isinstance(layers, list) else []
    eighths = [_EIGHTHS[amount] for amount in amounts if amount in _EIGHTHS]
    return 100.0 * max(eighths) / 8 if eighths else None


FEED = Feed(
    provider="nws",
    data_type="observations",
    region="United States",
    kind="series",
    reports=(_ALL, _LATEST),
    service=SERVICE,
    url=f"{URL}/stations",
    # Stations report at :53 or so, and it comes minutes later: only the hour before the last one is surely out.
    publication=Rolling(step=timedelta(hours=1), lag=timedelta(hours=2, minutes=5)),
    stale_after_seconds=3 * 3600,
    timezone="UTC",
    unit="as each number's `unitCode` says",
    plausible=(-100.0, 200.0),
    columns=("timestamp", "temperature"),
    requests=requests,
    parse=parse,
    follow=follow,
    nodal=True,
    source="proven on recordings of 2019 and 2022, and a list of stations",
)
