"""Events of OpenADR 3 (3.0 and 3.1), as `GET /events` gives them.

An interval without a start of its own follows on from the one before. `0001-01-01` stands for "now": the moment at
which the event was last written. An event of no length at such a "now" is the specification's way to call one off.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from vibelux.feeds.openadr._durations import duration
from vibelux.market.dr_events import CANCELLED, IMPORT_LIMIT, LEVEL, PRICE, SCHEDULED, UNITS
from vibelux.market.errors import TimeRefused
from vibelux.market.intervals import iso_z, parse_utc

SOURCE = "OpenADR 3"
_TYPES = {"SIMPLE": LEVEL, "PRICE": PRICE, "IMPORT_CAPACITY_LIMIT": IMPORT_LIMIT}
_ALERTS = {
    "ALERT_GRID_EMERGENCY": 3,
    "ALERT_BLACK_START": 3,
    "ALERT_POSSIBLE_OUTAGE": 2,
    "ALERT_FLEX_ALERT": 1,
}
"""Alerts carry a text; what they mean as a level is ours to say."""
_UNITS = {PRICE: {"KWH", ""}, LEVEL: None, IMPORT_LIMIT: {"KW", ""}}
_NOW = ("0001-01-01", "0000-00-00")
_MOST_INTERVALS = 1000


class Refused(ValueError):
    """An event that cannot be understood; the text says why."""


def event(told: dict[str, Any]) -> dict[str, Any]:
    """The members of a `market.dr_events.Event`.

    Raises:
        Refused, TimeRefused, KeyError, TypeError, ValueError, AttributeError: it is none.
    """
    period = told.get("intervalPeriod") or {}
    written = _written(told)
    name = told.get("id")
    if not name:
        raise Refused("it has no id")
    common = {
        "program": told["programID"],
        "event_id": str(name),
        "priority": told.get("priority"),
        "randomize_start_seconds": _random_seconds(told),
        "targets": list(_targets(told.get("targets") or ())),
        "source": SOURCE,
    }
    intervals = list(_intervals(told, period, written))
    if not intervals:
        raise Refused("it has neither an interval nor a period")
    if all(start == end for start, end, _ in intervals):
        if not _is_now(period.get("start") or _first_period(told).get("start") or ""):
            raise Refused("it has no duration")
        start = intervals[0][0]
        return common | {"status": CANCELLED, "starts_at": iso_z(start), "ends_at": None, "signals": []}
    ends = [end for _, end, _ in intervals]
    last = None if None in ends else max(end for end in ends if end is not None)
    return common | {
        "status": SCHEDULED,
        "starts_at": iso_z(min(start for start, _, _ in intervals)),
        "ends_at": None if last is None else iso_z(last),
        "signals": list(_signals(told, intervals)),
    }


_Interval = tuple[datetime, datetime | None, list[dict[str, Any]]]


def _intervals(told: dict[str, Any], period: dict[str, Any], written: datetime | None) -> Iterator[_Interval]:
    """Start, end and payloads of each interval, repeated or cut to the event's own duration."""
    at = _start(period.get("start"), None, written)
    once: list[_Interval] = []
    for one in told.get("intervals") or ():
        own = one.get("intervalPeriod") or {}
        start = _start(own.get("start"), once[-1][1] if once else at, written)
        if start is None:
            raise Refused("an interval has no start, and follows on from none that ends")
        length = duration(own.get("duration") or period.get("duration") or "PT0S")
        once.append((start, None if length is None else start + length, one["payloads"]))
    if told.get("reportDescriptors") and not once and at is not None and period.get("duration"):  # reports only
        length = duration(period["duration"])
        once.append((at, None if length is None else at + length, []))
    if not once:
        return
    if told.get("duration") in (None, "", "PT0S"):
        yield from once
        return
    whole = duration(told["duration"])
    begin, last = once[0][0], once[-1][1]
    if last is None or last <= begin:
        yield from once
        return
    cycle = last - begin
    if whole is None or whole / cycle * len(once) > _MOST_INTERVALS:
        raise Refused("its intervals are repeated without end: that is a tariff, no event")
    until, shift = begin + whole, timedelta(0)
    while begin + shift < until:
        for start, end, payloads in once:
            if end is not None and start + shift < until:
                yield start + shift, min(end + shift, until), payloads
        shift += cycle


def _start(text: str | None, before: datetime | None, written: datetime | None) -> datetime | None:
    if not text:
        return before
    if _is_now(text):
        if before is None and written is None:
            raise Refused("it begins now, and nothing says when it was written")
        return before or written
    return parse_utc(text)


def _is_now(text: str) -> bool:
    return text.startswith(_NOW)


def _first_period(told: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (told["intervals"][0].get("intervalPeriod") or {}) if told.get("intervals") else {}
    return found


def _written(told: dict[str, Any]) -> datetime | None:
    for name in ("modificationDateTime", "createdDateTime"):
        try:
            return parse_utc(told[name])
        except (KeyError, TypeError, AttributeError, TimeRefused):
            continue
    return None


def _random_seconds(told: dict[str, Any]) -> int | None:
    for period in (told.get("intervalPeriod") or {}, _first_period(told)):
        if period.get("randomizeStart"):
            length = duration(period["randomizeStart"])
            return None if length is None else int(length.total_seconds()) or None
    return None


def _targets(targets: Any) -> Iterator[str]:
    """Names: 3.1 lists them, 3.0 lists kinds with their names."""
    for target in targets:
        if isinstance(target, str):
            yield target
        else:
            yield from (str(value) for value in target["values"])


def _signals(told: dict[str, Any], intervals: list[_Interval]) -> Iterator[dict[str, Any]]:
    described = {one["payloadType"]: one for one in told.get("payloadDescriptors") or ()}
    signals: dict[str, dict[str, Any]] = {}
    for start, end, payloads in intervals:
        for payload in payloads:
            kind, value = payload["type"], _value(payload)
            if value is None or start == end:
                continue
            ours = LEVEL if kind in _ALERTS else _TYPES.get(kind, kind.lower().replace("_", "-"))
            _check_unit(ours, described.get(kind) or {})
            unit = UNITS.get(ours) or (described.get(kind) or {}).get("units")
            signal = signals.setdefault(ours, {"type": ours, "unit": unit, "intervals": []})
            signal["intervals"].append(
                {"starts_at": iso_z(start), "ends_at": None if end is None else iso_z(end), "value": value}
            )
    yield from signals.values()


def _value(payload: dict[str, Any]) -> float | None:
    """A payload's number; None where it has none that a signal could be."""
    kind, values = payload["type"], payload["values"]
    if kind in _ALERTS:
        return float(_ALERTS[kind])
    one = values[0] if len(values) == 1 else None
    if isinstance(one, bool) or not isinstance(one, int | float):
        if kind in _TYPES:
            raise Refused(f"{kind}: one number is expected, not {values!r:.60}")
        return None
    return float(one)


def _check_unit(ours: str, descriptor: dict[str, Any]) -> None:
    known = _UNITS.get(ours)
    unit, currency = str(descriptor.get("units") or "").upper(), str(descriptor.get("currency") or "USD").upper()
    if known is not None and unit not in known:
        raise Refused(f"{ours}: the unit {unit} is not understood")
    if ours == PRICE and currency != "USD":
        raise Refused(f"a price in {currency}, not in USD")
