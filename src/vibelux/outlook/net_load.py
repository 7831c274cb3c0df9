"""Net load as it was forecast: the grid's load less its wind and sun, from the grids' own forecasts.

Of each hour the issue counts that was out when the hour could first be asked about, so that a price model learns
from what it will have: 49 hours before (an outlook looks 48 ahead), or, where a grid forecasts the next day only
(CAISO), by the time at which the day-ahead prices of its day come out. Of hours to come the newest issue counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from vibelux.market.intervals import local_date, local_day, to_utc
from vibelux.outlook.learn import Rules
from vibelux.outlook.past import Minutes, Series
from vibelux.outlook.sun import Array

AHEAD = timedelta(hours=49)
_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Stretch = tuple[datetime, datetime, datetime | timedelta]
"""Start and end of some hours, and the moment after which an issue is too young, or how long before its hour it is."""


@dataclass(frozen=True, slots=True)
class Part:
    """A series of forecasts that adds to net load, or takes from it."""

    variable: str
    location: str
    category: str | None = None

    @property
    def sign(self) -> float:
        """1 for load, -1 for what needs no fuel."""
        return 1.0 if self.variable == "load-forecast" else -1.0


PARTS: dict[str, tuple[Part, ...]] = {
    "CAISO": (
        Part("load-forecast", "CA ISO-TAC", "SYS_FCST_DA_MW"),
        *(Part("solar-forecast", hub, "RENEW_FCST_DA_MW") for hub in ("NP15", "SP15", "ZP26")),
        *(Part("wind-forecast", hub, "RENEW_FCST_DA_MW") for hub in ("NP15", "SP15")),
    ),
    "ERCOT": (
        Part("load-forecast", "ERCOT", "forecast zone"),
        Part("wind-forecast", "ERCOT", "STWPF"),
        Part("solar-forecast", "ERCOT", "STPPF"),
    ),
    # Its wind and sun reach 48 hours, an hour too few; no forecast of New York's is published as data.
    "PJM": (Part("load-forecast", "RTO_COMBINED"),),
    "NYISO": (Part("load-forecast", "NYISO"),),
}
OF_DAY_AHEAD = frozenset({"CAISO"})
"""Grids that forecast the next day only."""


def stretches(rules: Rules, first: datetime, end: datetime, now: datetime) -> list[Stretch]:
    """Which issues count in the hours of [first, end).

    Args:
        rules: of the grid.
        first: a full hour, UTC.
        end: likewise.
        now: the moment, UTC: an hour that starts later is to come.
    """
    to_come = min(max(-((_EPOCH - now) // _HOUR) * _HOUR + _EPOCH, first), end)
    found: list[Stretch] = []
    if rules.iso_region not in OF_DAY_AHEAD:
        found.append((first, to_come, AHEAD))
    else:
        start = first
        while start < to_come:
            day = local_date(start, rules.zone_name)
            stop = min(local_day(day, rules.zone_name).end, to_come)
            published_on = day - timedelta(days=rules.day_ahead.days_ahead)
            out = to_utc(datetime.combine(published_on, rules.day_ahead.at), rules.zone_name, repeated=False)
            found.append((start, stop, out))
            start = stop
    return [*found, (to_come, end, now)]


def net_load(rules: Rules, parts: Sequence[tuple[Minutes, Array]]) -> Series | None:
    """Net load by the hour on the wall clock, MW; None where no hour has all its parts.

    Args:
        rules: of the grid.
        parts: of each of `PARTS` the starts in UTC minutes and MW, in order.
    """
    hours = parts[0][0]
    for minutes, _ in parts[1:]:
        hours = np.intersect1d(hours, minutes)
    total = np.zeros(len(hours))
    for part, (minutes, values) in zip(PARTS[rules.iso_region], parts, strict=True):
        total += part.sign * values[np.searchsorted(minutes, hours)]
    return Series.at_utc(hours, total, 60, rules.zone_name) if len(hours) else None
