"""When the periods of a URDB rate hold: from its 12 x 24 schedules to months, days and hours of a tariff's charges."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vibelux.dispatch.document import Field
from vibelux.market.errors import ConfigError

Schedule = NDArray[np.int64]
"""Period numbers, shape (12 months, 24 hours)."""


def schedules(item: Field, kind: str, periods: int) -> tuple[Schedule, Schedule]:
    """The schedules of workdays and weekends; a single period needs none.

    Args:
        item: the rate.
        kind: `energy` or `demand`.
        periods: how many periods the structure has.

    Raises:
        ConfigError: one is missing or has another shape, or a number that is no period's.
    """
    names = f"{kind}weekdayschedule", f"{kind}weekendschedule"
    if periods == 1 and not any(item.value.get(name) for name in names):
        return np.zeros((12, 24), dtype=np.int64), np.zeros((12, 24), dtype=np.int64)
    workday, weekend = (_schedule(row(item, name, 12), periods) for name in names)
    return workday, weekend


def row(item: Field, name: str, length: int) -> Field:
    """A list of the rate.

    Raises:
        ConfigError: it is missing, no list, or of another length.
    """
    found = Field(item.value.get(name), f"{item.path}.{name}".removeprefix("."))
    if found.value is None:
        raise ConfigError(f"{found.path}: is missing")
    return _long(found, length)


def _long(found: Field, length: int) -> Field:
    if len(list(found)) != length:
        raise ConfigError(f"{found.path}: should have {length} entries, has {len(found.value)}")
    return found


def period_numbers(found: Field, periods: int) -> list[int]:
    """The entries of a list as numbers of periods.

    Raises:
        ConfigError: naming the first that is none.
    """
    for entry in found:
        if isinstance(entry.value, bool) or entry.value not in range(periods):
            raise entry.wrong(f"should be the number of a period, from 0 to {periods - 1}")
    return [int(entry.value) for entry in found]


def _schedule(months: Field, periods: int) -> Schedule:
    return np.array([period_numbers(_long(hours, 24), periods) for hours in months], dtype=np.int64)


def windows(workday: Schedule, weekend: Schedule, period: int) -> list[dict[str, Any]]:
    """When a period holds, without overlap: one window for all months that are alike."""
    alike: dict[tuple[tuple[bool, ...], tuple[bool, ...]], list[int]] = {}
    for month in range(12):
        row = tuple((workday[month] == period).tolist()), tuple((weekend[month] == period).tolist())
        if any(row[0]) or any(row[1]):
            alike.setdefault(row, []).append(month + 1)
    return [_window(months, *row) for row, months in alike.items()]


def _window(months: list[int], workday: tuple[bool, ...], weekend: tuple[bool, ...]) -> dict[str, Any]:
    window: dict[str, Any] = {} if len(months) == 12 else {"months": months}
    if not any(weekend) or not any(workday):
        window["days"] = "weekdays" if any(workday) else "weekends"
        hours = workday if any(workday) else weekend
    else:
        hours = workday
    if not all(hours):
        window["hours"] = _parts(hours)
    if any(weekend) and any(workday) and weekend != workday:
        window["weekend_hours"] = _parts(weekend)
    return window


def _parts(hours: tuple[bool, ...]) -> list[dict[str, str]]:
    """The parts of a day in which it holds; one that reaches midnight goes on after it where the morning belongs to it.

    >>> _parts((True,) * 6 + (False,) * 16 + (True,) * 2)
    [{'start': '22:00', 'end': '06:00'}]
    """
    if all(hours):
        return [{"start": "00:00", "end": "24:00"}]
    starts = [hour for hour in range(24) if hours[hour] and not hours[hour - 1]]
    if hours[0] and not hours[-1]:
        starts = sorted({0, *starts})
    parts = []
    for start in starts:
        length = next(length for length in range(1, 25) if not hours[(start + length) % 24])
        end = (start + length - 1) % 24 + 1
        parts.append({"start": f"{start:02}:00", "end": f"{end:02}:00"})
    return parts
