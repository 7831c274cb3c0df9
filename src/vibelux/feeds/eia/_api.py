"""EIA's API, version 2: one envelope for all series. A reply repeats the key that it was asked with: never passed on.

Limits: 5,000 rows a reply; calls a second and an hour are bounded without a number being told.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from vibelux.feeds._feed import Request, Service
from vibelux.feeds._json import parse_json
from vibelux.market.errors import AccessDenied, SchemaChanged, Throttled, UpstreamError

SERVICE = Service("api.eia.gov", seconds_between=2.0)
URL = "https://api.eia.gov/v2"
KEY = "EIA_API_KEY"
_ECHOED_KEY = re.compile(rb'("api_key"\s*:\s*")[^"]*|(api_key=)[^&"\s]*')
_DENIED = {"API_KEY_MISSING", "API_KEY_INVALID", "API_KEY_DISABLED", "API_KEY_UNAUTHORIZED", "API_KEY_UNVERIFIED"}


@dataclass(frozen=True, slots=True)
class Series:
    """The rows of a reply, and how often they come (`daily`, `weekly`, `monthly`)."""

    frequency: str
    rows: tuple[Mapping[str, Any], ...]


def request(route: str, frequency: str, series: tuple[str, ...], start: str) -> Request:
    """One reply with all rows of these series since a period, newest first; without the key, which is added later."""
    query = [
        ("frequency", frequency),
        ("data[0]", "value"),
        *(("facets[series][]", one) for one in series),
        ("start", start),
        ("sort[0][column]", "period"),
        ("sort[0][direction]", "desc"),
        ("length", "5000"),
    ]
    return Request(f"{URL}/{route}/data/?{urlencode(query)}", needs_key=(KEY,), service=SERVICE)


def read(body: bytes, name: str) -> Series:
    """What a reply holds.

    Raises:
        AccessDenied: no key, or a wrong one.
        Throttled: over the limit of calls.
        UpstreamError: another error of EIA's.
        SchemaChanged: no envelope.
    """
    document = parse_json(_ECHOED_KEY.sub(rb"\1\2***", body), name)
    if isinstance(document, dict) and "error" in document:
        _raise(document)
    response = document.get("response") if isinstance(document, dict) else None
    rows = response.get("data") if isinstance(response, dict) else None
    if not isinstance(response, dict) or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SchemaChanged(f"{name or 'payload'}: no reply of EIA's API, version 2", missing=("response.data",))
    return Series(str(response.get("frequency")), tuple(rows))


def _raise(document: Mapping[str, Any]) -> None:
    said = document["error"]
    told = said if isinstance(said, dict) else {"code": document.get("code", ""), "message": said}
    code, message = str(told.get("code", "")), str(told.get("message", ""))
    text = f"EIA API: {code}: {message}"
    if code in _DENIED or code in {"401", "403"}:
        raise AccessDenied(f"{text} (set {KEY})")
    if code in {"OVER_RATE_LIMIT", "429"}:
        raise Throttled(text)
    raise UpstreamError(text, code=code, retryable=code.startswith("5"))
