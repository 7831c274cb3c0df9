"""MIDAS 2.0, the California Energy Commission's signals: keyless JSON, all times UTC, intervals to the last second.

Version 1 (retired on 2026-06-22) had other names and Pacific times under the same keys; it is refused by name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vibelux.market.errors import SchemaChanged, TimeRefused
from vibelux.market.intervals import parse_utc
from vibelux.market.records import Quarantined

_SECOND = timedelta(seconds=1)
_MORE_THAN_MICROSECONDS = re.compile(r"(\.\d{6})\d+")


@dataclass(frozen=True, slots=True)
class Value:
    """One interval of a signal."""

    start: datetime
    end: datetime
    value: float
    unit: str


def is_midas(document: Any) -> bool:
    """Whether a JSON document is a reply of MIDAS."""
    return isinstance(document, dict) and "RateID" in document


def signal(document: Any, name: str, quarantined: list[Quarantined]) -> tuple[str, datetime, Iterator[Value]]:
    """The signal's id, the time of the reply and its intervals.

    Raises:
        SchemaChanged: not a reply of version 2; the text says what came instead.
    """
    if not is_midas(document) or not isinstance(document.get("ValueInformation"), list):
        said = document.get("detail") if isinstance(document, dict) else None
        raise SchemaChanged(f"{name or 'payload'}: no MIDAS signal{f': {said}' if said else ''}", missing=("RateID",))
    try:
        made_at = parse_utc(_MORE_THAN_MICROSECONDS.sub(r"\1", str(document.get("SystemTime_UTC"))))
    except TimeRefused as error:
        raise SchemaChanged(f"{name or 'payload'}: SystemTime_UTC: {error}", missing=("SystemTime_UTC",)) from error
    rows = document["ValueInformation"]
    if any(isinstance(row, dict) and "value" in row and "Value" not in row for row in rows):
        raise SchemaChanged(
            f"{name or 'payload'}: a reply of MIDAS version 1, whose times are Pacific; version 2 is read",
            missing=("Value",),
            extra=("value",),
        )
    return str(document["RateID"]), made_at, _values(rows, quarantined)


def _values(rows: list[Any], quarantined: list[Quarantined]) -> Iterator[Value]:
    for at, row in enumerate(rows):
        try:
            start = parse_utc(f"{row['DateStart']}T{row['TimeStart']}Z")
            end = parse_utc(f"{row['DateEnd']}T{row['TimeEnd']}Z")
            value = float(row["Value"])
        except (KeyError, TypeError, ValueError, TimeRefused) as error:
            quarantined.append(Quarantined(f"no interval with a value: {error}", f"ValueInformation[{at}]", str(row)))
            continue
        yield Value(start, end + _SECOND if end.second == 59 else end, value, str(row.get("Unit", "")))
