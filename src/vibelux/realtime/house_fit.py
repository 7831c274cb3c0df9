"""Fits the heat model of each greenhouse to what its own heat meter shows, once a day, and says how well."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import structlog

from vibelux.dispatch.facility import Facility
from vibelux.ingest.threads import beside
from vibelux.market.clock import Clock
from vibelux.market.errors import StoreUnavailable
from vibelux.market.intervals import floor_to, iso_z
from vibelux.outlook.greenhouse import Greenhouse, Houses, demand
from vibelux.outlook.greenhouse_fit import Fit, fit
from vibelux.outlook.past import Minutes, utc_minutes
from vibelux.outlook.sun import Array
from vibelux.outlook.weather import Steps
from vibelux.outlook.weather_ahead import WeatherAhead
from vibelux.realtime.weather import weather_between
from vibelux.store.database import Database
from vibelux.store.heat_meter import Hours, heat_taken, lamps_advised

log = structlog.get_logger(__name__)

_DAYS = timedelta(days=60)
"""Older heat tells of another season's house: screens, crop, dirt."""
_EVERY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_LEAST_R2 = 0.5
"""A fit that explains less is told and not used."""
_LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fit and what it was made of."""

    house: Greenhouse
    """As the facility's file has it."""
    fit: Fit
    at: datetime

    @property
    def is_used(self) -> bool:
        """Whether it explains the heat well enough to be believed."""
        return self.fit.r2 >= _LEAST_R2

    def as_json(self) -> dict[str, Any]:
        """How well the model tells the heat that was measured."""
        return {
            "at": iso_z(self.at),
            "hours": self.fit.samples,
            "lossFactor": round(self.fit.loss_factor, 4),
            "solarGain": round(self.fit.solar_gain, 4),
            "uaKwPerK": round(self.fit.ua_kw_per_k, 3),
            "r2": round(self.fit.r2, 4),
            "rmseKw": round(self.fit.rmse_kw, 2),
            "used": self.is_used,
        }


class HouseFits:
    """The fits of all greenhouses. They are made again after a restart.

    Args:
        db: the store.
        clock: the service's.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._fitted: dict[str, Fitted] = {}
        self._looked_at: dict[str, tuple[Greenhouse, datetime]] = {}

    def of(self, facility: Facility) -> Fitted | None:
        """The newest fit of a facility's greenhouse as its file has it now."""
        found = self._fitted.get(facility.id)
        return None if found is None or found.house != facility.greenhouse else found

    def applied(self, facility: Facility) -> Facility:
        """The facility with what its heat meter told of its greenhouse."""
        found = self.of(facility)
        if found is None or not found.is_used:
            return facility
        return facility.model_copy(update={"greenhouse": found.fit.applied(found.house)})

    async def run(self, facilities: Callable[[], Iterable[Facility]]) -> None:
        """Fits until cancelled."""
        while True:
            for facility in tuple(facilities()):
                try:
                    await self.fit_due(facility)
                except StoreUnavailable as error:
                    log.warning("the store is away; no heat model is fitted", error=str(error))
            await asyncio.sleep(_LOOK_SECONDS)

    async def fit_due(self, facility: Facility) -> Fitted | None:
        """Fits a facility's greenhouse if that is due; None where it is not, or where too little is known.

        Raises:
            StoreUnavailable: the database is away.
        """
        house, now = facility.greenhouse, self._clock.now()
        looked = self._looked_at.get(facility.id)
        if house is None or (looked is not None and looked[0] == house and now - looked[1] < _EVERY):
            return None
        end = floor_to(now, _HOUR)
        heat = await heat_taken(self._db, facility.id, end - _DAYS, end)
        if not len(heat[0]):
            self._looked_at[facility.id] = house, now
            return None
        start = max(end - _DAYS, datetime.fromtimestamp(int(heat[0][0]) * 60, end.tzinfo))
        weather = await weather_between(self._db, facility, start, end, as_of=now)
        lamps = await lamps_advised(self._db, facility.id, start, end) if facility.lights else None
        self._looked_at[facility.id] = house, now
        if weather is None:
            return None
        zone_name = facility.zone_name
        found = await beside("fit a greenhouse", lambda: fitted(house, weather, zone_name, start, end, heat, lamps))
        if found is None:
            return None
        self._fitted[facility.id] = Fitted(house, found, now)
        log.info("a greenhouse is fitted to its heat meter", facility=facility.id, r2=found.r2, hours=found.samples)
        return self._fitted[facility.id]


def fitted(
    house: Greenhouse,
    weather: WeatherAhead,
    zone_name: str,
    start: datetime,
    end: datetime,
    heat: Hours,
    lamps: Hours | None,
) -> Fit | None:
    """The fit of one house to the hours of [start, end).

    Args:
        house: its block.
        weather: that was measured, or last forecast, there.
        zone_name: the site's.
        start: a full hour, UTC.
        end: likewise.
        heat: that it took.
        lamps: the power of its planned lamps; None: it has none, those of its block count.
    """
    first = utc_minutes(start)
    starts = np.arange(first, utc_minutes(end), 60)
    steps = Steps.over(starts, np.full(len(starts), 60), zone_name)
    outside = weather.over(steps)
    houses = Houses.of([house])
    lamp_kw = demand(houses, outside, steps).lamp_kw[0] if lamps is None else _spread(lamps, starts, 0.0)
    by_day = (outside.daylight[0] >= 0.5) | (lamp_kw > 0)
    inside = np.where(by_day, house.setpoints.day_c, house.setpoints.night_c)
    return fit(house, outside, _spread(heat, starts, np.nan), inside, lamp_kw)


def _spread(hours: Hours, starts: Minutes, otherwise: float) -> Array:
    """The values on all hours."""
    found = np.full(len(starts), otherwise)
    found[(hours[0] - starts[0]) // 60] = hours[1]
    return found
