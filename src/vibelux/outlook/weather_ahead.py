"""The weather that a facility has to expect: what sources say of its place, to be asked for any steps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from vibelux.market.intervals import iso_z
from vibelux.outlook.climate import usual_place, usual_temperature
from vibelux.outlook.weather import BASE_65_F, Basis, DegreeDay, Sources, Steps, Weather, degree_days, expected

_OLD = timedelta(hours=6)
"""A forecast comes each hour; this long without a new one is worth a word."""
_HOUR_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class WeatherAhead:
    """What is known of the weather at a place at one moment."""

    at: datetime
    latitude: float
    longitude: float
    known: Sources
    climate: str | None = None
    """The grid whose usual temperatures stand in where not even that of this moment is known; None: nothing does."""

    def over(self, steps: Steps) -> Weather:
        """The weather on steps, shape (1, steps)."""
        found = expected([self.known], steps, [self.latitude], [self.longitude])
        if self.climate is None or not self._is_unknown(found, steps):
            return found
        usual = usual_temperature(self.climate, steps.edges, self.longitude)
        temperature = np.where(np.isnan(found.temperature_c), usual, found.temperature_c)
        return replace(found, temperature_c=temperature, is_usual=True)

    def _is_unknown(self, weather: Weather, steps: Steps) -> bool:
        """Whether the temperature of this moment is not known."""
        to_come = steps.edges[1:] > self.at.timestamp()
        unknown = np.isnan(weather.temperature_c[0, to_come])
        return bool(len(unknown) and unknown[0])

    @property
    def source(self) -> str:
        """Where it comes from, in words."""
        issued = self.known.issued_at
        return "no weather forecast" if issued is None else f"weather forecast of {iso_z(issued)}"

    def notes(self, weather: Weather) -> tuple[str, ...]:
        """What a reader must know of the weather on some steps, in sentences."""
        told = []
        issued = self.known.issued_at
        if issued is not None and self.at - issued > _OLD:
            told.append(f"The weather forecast is {(self.at - issued) / timedelta(hours=1):.0f} h old.")
        if weather.is_usual and self.climate is not None:
            told.append(f"No temperature is known: that of the season around {usual_place(self.climate)} stands in.")
        by_day = frozenset(weather.basis[weather.daylight > 0].tolist())
        if Basis.CLOUD_MODEL in by_day:
            told.append("No irradiance is forecast: a clear sky under the forecast cloud cover stands in for it.")
        if Basis.ASSUMED_CLOUD in by_day:
            told.append("Neither irradiance nor clouds are known for all of the time: a usual cloud cover is assumed.")
        return tuple(told)

    def degree_days(
        self, first: datetime, last: datetime, zone_name: str, base_c: float = BASE_65_F
    ) -> Sequence[DegreeDay]:
        """Degree days of the site's own base for each local day that is known as a whole.

        Days before today rest on what was measured, or on the newest forecast that there was; today and later ones
        are a forecast.

        Args:
            first: start of a local day, UTC.
            last: end of a local day.
            zone_name: the site's.
            base_c: Celsius.
        """
        edges = np.arange(first.timestamp(), last.timestamp() + 1, _HOUR_SECONDS)
        hours = Steps.between([datetime.fromtimestamp(second, UTC) for second in edges.tolist()], zone_name)
        return degree_days(self.over(hours).temperature_c[0], hours, base_c)
