"""Messages of a site as brokers carry them: whole reports, and single values."""

import math
from datetime import datetime
from typing import Any

import msgspec

from vibelux.market.errors import UsageError
from vibelux.market.intervals import iso_z
from vibelux.market.operations import Report, Reports
from vibelux.market.targets import Target

MOST_BYTES = 256 * 1024
"""Of one message."""

_WORDS = {"on": 1.0, "true": 1.0, "off": 0.0, "false": 0.0}


def json_of(payload: bytes) -> Any:
    """The JSON document of a message.

    Raises:
        UsageError: too large, or no JSON.
    """
    if len(payload) > MOST_BYTES:
        raise UsageError(f"a message of {len(payload)} bytes; at most {MOST_BYTES} are read")
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"not JSON: {error}") from error


def reports_of(document: Any, arrived: datetime | None) -> list[Report]:
    """The reports of a document: one, or a list; one without `timestamp` is of the moment at which it came, if known.

    Raises:
        UsageError: it is not in the contract's form; the text names the member.
    """
    if arrived is not None:
        stamp = {"timestamp": iso_z(arrived)}
        if isinstance(document, dict):
            document = stamp | document
        elif isinstance(document, list):
            document = [stamp | one if isinstance(one, dict) else one for one in document]
    try:
        found = msgspec.convert(document, Reports)
    except msgspec.ValidationError as error:
        raise UsageError(str(error)) from error
    return [found] if isinstance(found, Report) else found


def value_of(payload: bytes, target: Target, path: str | None = None) -> float:
    """The single value of a message, in its own unit; ON and true are 1.

    Args:
        payload: a number, a word, or JSON.
        target: what it is, for its words.
        path: where the value lies in a JSON document: `state.power`.

    Raises:
        UsageError: it holds no value.
    """
    found: Any = payload.decode(errors="replace").strip() if path is None else json_of(payload)
    for step in path.split(".") if path else ():
        if not isinstance(found, dict) or step not in found:
            raise UsageError(f"{path!r} is not in the message: there is no {step!r}")
        found = found[step]
    if isinstance(found, str) and target.member == "on" and found.strip('"').lower() in _WORDS:
        return _WORDS[found.strip('"').lower()]
    if isinstance(found, bool) and target.member != "on":
        raise UsageError(f"{target.member}: {found} is not a number")
    try:
        value = float(found)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{target.member}: {str(found)[:60]!r} is not a number") from error
    if not math.isfinite(value):
        raise UsageError(f"{target.member}: {found} is not a number")
    return value
