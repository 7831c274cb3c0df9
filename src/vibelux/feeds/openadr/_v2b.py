"""Events of OpenADR 2.0b: the EiEvents of an `oadrDistributeEvent` document."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from lxml import etree

from vibelux.feeds._xml import local_name
from vibelux.feeds.openadr._durations import duration
from vibelux.feeds.openadr._v3 import Refused
from vibelux.market.dr_events import CANCELLED, LEVEL, PRICE, SCHEDULED, UNITS
from vibelux.market.intervals import iso_z, parse_utc

SOURCE = "OpenADR 2.0b"
_STATUSES = {"none": SCHEDULED, "far": "far", "near": "near", "active": "active"}
_STATUSES |= {"completed": "completed", "cancelled": CANCELLED, "canceled": CANCELLED}
_NO_PRIORITY = 0
_SCALES = {"none": 1.0, "c": 0.01, "d": 0.1, "m": 1e-3, "k": 1e3}


def events(root: etree._Element) -> Iterator[etree._Element]:
    """All EiEvents of a document, whatever wraps them."""
    return (element for element in root.iter("{*}eiEvent"))


def is_response(root: etree._Element) -> str | None:
    """The words of an error that came instead of events; None where none did."""
    code = _text(root, "responseCode")
    if code is None or code.startswith("2"):
        return None
    return f"{code} {_text(root, 'responseDescription') or ''}".strip()


def modification(told: etree._Element) -> int:
    """Of several versions in a document the highest holds."""
    text = _text(told, "eventDescriptor", "modificationNumber") or ""
    return int(text) if text.isdigit() else -1


def event(told: etree._Element) -> dict[str, Any]:
    """The members of a `market.dr_events.Event`.

    Raises:
        Refused, TimeRefused, ValueError: it is none.
    """
    status = _needed(told, "eventDescriptor", "eventStatus").lower()
    if status not in _STATUSES:
        raise Refused(f"eventStatus {status!r} is not one of the schema's")
    start = parse_utc(_needed(told, "eiActivePeriod", "properties", "dtstart", "date-time"))
    length = duration(_needed(told, "eiActivePeriod", "properties", "duration", "duration"))
    end = start + length if length else None  # PT0S: until further notice
    priority = int(_text(told, "eventDescriptor", "priority") or _NO_PRIORITY)
    tolerance = _text(told, "eiActivePeriod", "properties", "tolerance", "tolerate", "startafter")
    shift = duration(tolerance) if tolerance else None
    test = (_text(told, "eventDescriptor", "testEvent") or "false").lower() not in {"false", "0", ""}
    return {
        "program": _needed(told, "eventDescriptor", "eiMarketContext", "marketContext"),
        "event_id": _needed(told, "eventDescriptor", "eventID"),
        "status": _STATUSES[status],
        "starts_at": iso_z(start),
        "ends_at": None if end is None else iso_z(end),
        "priority": priority if priority != _NO_PRIORITY else None,
        "randomize_start_seconds": int(shift.total_seconds()) if shift else None,
        "targets": [str(name.text).strip() for name in _targets(told)],
        "signals": list(_signals(told, start, end)),
        "source": f"{SOURCE}, test event" if test else SOURCE,
    }


def _targets(told: etree._Element) -> Iterator[etree._Element]:
    for child in told:
        if local_name(child) == "eiTarget":
            yield from (name for name in child.iter("{*}*") if not len(name) and name.text)


def _signals(told: etree._Element, begin: datetime, end: datetime | None) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for signal in told.iter("{*}eiEventSignal"):
        name, kind = _needed(signal, "signalName"), _needed(signal, "signalType")
        ours, factor = _ours(signal, name, kind)
        if ours in seen:
            raise Refused(f"there are two signals that are a {ours}")
        seen.add(ours)
        intervals = []
        at = begin
        for interval in signal.iter("{*}interval"):
            length = duration(_needed(interval, "duration", "duration"))
            own = _text(interval, "dtstart", "date-time")
            at = parse_utc(own) if own else at
            until = at + length if length else end
            value = float(_needed(interval, "signalPayload", "payloadFloat", "value")) * factor
            intervals.append(
                {"starts_at": iso_z(at), "ends_at": None if until is None else iso_z(until), "value": value}
            )
            at = until or at
        yield {"type": ours, "unit": UNITS.get(ours, kind), "intervals": intervals}


def _ours(signal: etree._Element, name: str, kind: str) -> tuple[str, float]:
    """Our name of a signal, and by what its values are multiplied."""
    if name.upper() == "SIMPLE" and kind == "level":
        return LEVEL, 1.0
    if name.upper() == "ELECTRICITY_PRICE" and kind == "price":
        described = next(signal.iter("{*}currencyPerKWh"), None)
        if described is None:
            raise Refused("a price that is not one of a kWh")
        currency = _text(described, "itemUnits") or "USD"
        scale = _text(described, "siScaleCode") or "none"
        if currency.upper() != "USD" or scale not in _SCALES:
            raise Refused(f"a price in {currency} ({scale}), not in USD")
        return PRICE, _SCALES[scale]
    return f"{name.lower().replace('_', '-')} {kind}".strip(), 1.0


def _needed(element: etree._Element, *path: str) -> str:
    found = _text(element, *path)
    if not found:
        raise Refused(f"{'/'.join(path)} is missing")
    return found


def _text(element: etree._Element, *path: str) -> str | None:
    """The text at a path below an element, the first step at any depth."""
    found = element.find(".//{*}" + "/{*}".join(path))
    return None if found is None or found.text is None else str(found.text).strip()
