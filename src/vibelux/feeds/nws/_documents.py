"""How api.weather.gov is asked and what it answers: GeoJSON documents, or problems (RFC 7807) that say what is wrong.

A place is looked up first (`/points/36.67,-121.65`): the reply links to its grid cell and its stations. Grids move,
so it is asked again each time. A point with more than four decimals or with idle zeros is redirected.
"""

import re
from collections.abc import Iterator
from typing import Any

from vibelux.feeds._feed import Ask, Payload, Request, Service
from vibelux.feeds._json import parse_json
from vibelux.feeds._weather import coordinates, place
from vibelux.feeds._zip import unpack
from vibelux.market.errors import SchemaChanged, Throttled, UpstreamError

URL = "https://api.weather.gov"
SERVICE = Service("api.weather.gov", seconds_between=1.0, timeout_seconds=30.0, max_body_bytes=16 * 1024 * 1024)
_GRIDPOINT = re.compile(r"/gridpoints/[A-Z0-9]{3}/\d{1,4},\d{1,4}")


def points(ask: Ask) -> Iterator[Request]:
    """Looks up each place of an ask, `latitude,longitude`.

    Raises:
        UsageError: a node is no place.
    """
    for node in dict.fromkeys(ask.nodes):
        yield Request(f"{URL}/points/{place(*coordinates(node))}", listing=True)


def link_of(payload: Payload, name: str) -> str:
    """Where a looked-up place's grid cell (`forecastGridData`) is, or its stations (`observationStations`).

    Raises:
        UpstreamError: no such place (outside the United States), or another problem.
        SchemaChanged: the link is not there, or leads elsewhere.
    """
    (document,) = documents(payload)
    link = document["properties"].get(name) if isinstance(document.get("properties"), dict) else None
    found = _GRIDPOINT.search(link) if isinstance(link, str) else None
    if found is None:
        raise SchemaChanged(f"{payload.name or 'payload'}: the place has no link {name}: {link!r}", missing=(name,))
    return URL + found.group() + ("/stations" if name == "observationStations" else "")


def documents(payload: Payload) -> Iterator[dict[str, Any]]:
    """The documents of a payload: one, or the members of an archive.

    Raises:
        Corrupt: HTML (the network in front of it blocks so), no JSON, damaged.
        UpstreamError: a problem; `code` is the last word of its type, and server faults are worth a retry.
        Throttled: the problem is that we ask too much.
        SchemaChanged: JSON, but no object.
    """
    for member in unpack(payload.body, payload.name):
        document = parse_json(member.body, member.name)
        if not isinstance(document, dict):
            raise SchemaChanged(f"{member.name or 'payload'}: no JSON object where GeoJSON was promised")
        _refuse_problem(document)
        yield document


def unit_of(code: object) -> str | None:
    """A unit without its vocabulary: `wmoUnit:km_h-1` (since 2020), `unit:m_s-1` (before) or an address.

    >>> unit_of("wmoUnit:km_h-1"), unit_of("http://codes.wmo.int/common/unit/degC")
    ('km_h-1', 'degC')
    """
    return re.split(r"[:/]", code)[-1] if isinstance(code, str) else None


def _refuse_problem(document: dict[str, Any]) -> None:
    kind = str(document.get("type", ""))
    if "/problems/" not in kind and not ("status" in document and "title" in document):
        return
    code, status = kind.rsplit("/", 1)[-1], document.get("status")
    said = f"api.weather.gov: {document.get('title')} ({code}, {status}): {document.get('detail')}"
    if status == 429:
        raise Throttled(said)
    raise UpstreamError(said, code=code, retryable=isinstance(status, int) and status >= 500)
