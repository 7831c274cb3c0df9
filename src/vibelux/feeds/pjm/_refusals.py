"""What PJM says instead of data, as a fault of the right kind: raised before anything is parsed.

The texts of status 401, 403 and 429 are those of the gateway in front of Data Miner 2; they may also reach us
as the body of a reply with status 200, and a throttle sentence has been seen as the only row of a CSV.
"""

import re
from collections.abc import Mapping
from typing import NoReturn

import msgspec

from vibelux.feeds._text import excerpt, looks_like_markup
from vibelux.market.errors import AccessDenied, Corrupt, SchemaChanged, Throttled, UpstreamError

_SENTENCE_BYTES = 4096
_EXCERPT = 400
_NOTHING = {"null", "[]", "{}", ""}
_THROTTLE = re.compile(rb"throttl|rate limit|call volume quota|too many requests", re.IGNORECASE)
_COUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(second|minute|hour)", re.IGNORECASE)
_CLOCK = re.compile(r"\b(\d{1,3}):(\d\d):(\d\d)\b")
_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
_KEY = "set PJM_API_KEY (a Data Miner 2 subscription key), or PJM_USERNAME and PJM_PASSWORD"


def refuse(body: bytes, name: str) -> None:
    """Raises where the body is a page or a sentence about throttling.

    Raises:
        Throttled: with the seconds that the sentence names, where it names them.
        Corrupt: markup.
    """
    if looks_like_markup(body):
        raise Corrupt(f"{name or 'payload'}: markup where JSON or CSV was promised: {excerpt(body)}")
    if len(body) <= _SENTENCE_BYTES and _THROTTLE.search(body):
        text = " ".join(body.decode("utf-8", "replace").split())
        raise Throttled(f"PJM asks for patience: {text[-300:]}", retry_after_seconds=_patience(text))


def raise_for(document: Mapping[str, msgspec.Raw], name: str) -> NoReturn:
    """Raises what a JSON object says that has no rows, or has more than rows.

    Raises:
        AccessDenied: 401 or 403: no key, or a wrong one; Throttled: 429.
        UpstreamError: `errors` of Data Miner's own validation, or another status.
        SchemaChanged: none of these.
    """
    said = {key: excerpt(bytes(value), _EXCERPT).strip('"') for key, value in document.items()}
    status, message = said.get("statusCode", ""), said.get("message", "")
    if said.get("errors", "null") not in _NOTHING:
        raise UpstreamError(f"PJM Data Miner 2: {said['errors']}", code=status or "errors")
    if status == "429":
        raise Throttled(f"PJM asks for patience: {message}", retry_after_seconds=_patience(message))
    if status in {"401", "403"}:
        raise AccessDenied(f"PJM Data Miner 2 answers {status}: {message}; {_KEY}")
    if status:
        raise UpstreamError(
            f"PJM Data Miner 2 answers {status}: {message}", code=status, retryable=status.startswith("5")
        )
    raise SchemaChanged(
        f"{name or 'payload'}: a JSON object without rows: {', '.join(list(document)[:8])}",
        missing=("items",),
        extra=tuple(document),
    )


def _patience(text: str) -> float | None:
    """`Try again in 26 seconds`, `wait 30 minutes`, `replenished in 02:12:45`."""
    if clock := _CLOCK.search(text):
        hours, minutes, seconds = (int(part) for part in clock.groups())
        return hours * 3600.0 + minutes * 60.0 + seconds
    if count := _COUNT.search(text):
        return float(count[1]) * _SECONDS[count[2].lower()]
    return None
