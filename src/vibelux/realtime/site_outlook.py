"""What a site has to expect, for a reader: its demands step by step, their weather, degree days, and how sure it is."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from vibelux.dispatch.facility import Facility
from vibelux.market.clock import Clock
from vibelux.market.intervals import iso_z, local_date, local_day
from vibelux.outlook.demand import Demands
from vibelux.outlook.price import horizon
from vibelux.outlook.sun import Array
from vibelux.outlook.weather import Steps, Weather
from vibelux.outlook.weather_ahead import WeatherAhead
from vibelux.realtime.ahead import LookAhead

_BACK, _ON = timedelta(days=1), timedelta(days=2)
"""Degree days are told of yesterday, today and tomorrow."""


class SiteOutlooks:
    """Gives them out.

    Args:
        ahead: who looks ahead for decisions; the same demands are told.
        facility: finds a facility by its id.
        clock: the service's.
    """

    def __init__(self, ahead: LookAhead, facility: Callable[[str], Facility | None], clock: Clock) -> None:
        self._ahead = ahead
        self._facility = facility
        self._clock = clock

    async def of(self, facility_id: str, base_c: float | None = None) -> dict[str, Any] | None:
        """What a facility has to expect now, as JSON; None for one that this process does not decide for.

        Args:
            facility_id: which.
            base_c: what degree days count from, Celsius; None: the facility's own base.

        Raises:
            StoreUnavailable: the database is away.
        """
        facility, now = self._facility(facility_id), self._clock.now()
        if facility is None:
            return None
        steps = horizon(now)
        demands, weather = await self._ahead.demands(facility, steps, now, always_weather=True)
        calendar = Steps.over(steps.starts, steps.lengths, facility.zone_name)
        edges = (calendar.edges / 60).astype(np.int64).astype("datetime64[m]")
        outside = None if weather is None else weather.over(calendar)
        notes = [facility.no_demand(now)] if demands is None else list(demands.notes)
        if weather is not None and outside is not None:
            notes += [told for told in weather.notes(outside) if told not in notes]
        columns = _columns(demands, outside)
        fit = self._ahead.fit(facility)
        return {
            "facilityId": facility_id,
            "timestamp": iso_z(now),
            "source": None if demands is None else demands.source,
            "quality": "missing" if demands is None else demands.quality,
            "notes": notes,
            "fit": None if fit is None else fit.as_json(),
            "light": _light(demands),
            "degreeDays": _degree_days(
                facility, weather, now, base_c, is_usual=outside is not None and outside.is_usual
            ),
            "rows": [
                {"start": f"{start}:00Z", "end": f"{end}:00Z"} | {name: _number(column, at) for name, column in columns}
                for at, (start, end) in enumerate(pairwise(edges))
            ],
            "next": None,
        }


def _columns(demands: Demands | None, outside: Weather | None) -> list[tuple[str, Array | None]]:
    return [
        ("powerKw", None if demands is None else demands.power_kw),
        ("heatKw", None if demands is None else demands.heat_kw),
        ("co2KgPerH", None if demands is None else demands.co2_kg_per_h),
        ("pvKw", None if demands is None else demands.pv_kw),
        ("temperatureC", None if outside is None else outside.temperature_c[0]),
        ("irradianceWPerM2", None if outside is None else outside.irradiance_w_m2[0]),
    ]


def _number(column: Array | None, at: int) -> float | None:
    if column is None or at >= len(column) or not np.isfinite(column[at]):
        return None
    return round(float(column[at]), 3)


def _light(demands: Demands | None) -> list[dict[str, Any]]:
    """The energy that each lamp group owes on each local day."""
    if demands is None:
        return []
    return [
        {"id": group, "day": day.isoformat(), "kwh": round(kwh, 3)} for (group, day), kwh in demands.light_kwh.items()
    ]


def _degree_days(
    facility: Facility, weather: WeatherAhead | None, now: datetime, base_c: float | None, *, is_usual: bool
) -> dict[str, Any]:
    """`is_usual`: the temperature of the season stands in for one that nobody has told."""
    base = facility.degree_day_base_c if base_c is None else base_c
    today, rows = local_date(now, facility.zone_name), []
    if weather is not None:
        first, last = (local_day(today + by, facility.zone_name).start for by in (-_BACK, _ON))
        rows = [
            {
                "day": one.day.isoformat(),
                "heating": round(one.heating, 2),
                "cooling": round(one.cooling, 2),
                "kind": "usual" if is_usual else "observed" if one.day < today else "forecast",
            }
            for one in weather.degree_days(first, last, facility.zone_name, base)
        ]
    return {"baseC": round(base, 4), "unit": "degC.day", "rows": rows}
