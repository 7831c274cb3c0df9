"""What a site's own solar panels give, from the irradiance on level ground.

Written out for the reason that `sun` gives; the tests hold it to pvlib's numbers. Sources:
- diffuse part: Erbs, Klein and Duffie (1982), Solar Energy 28, 293;
- tilted plane: direct by geometry, diffuse from an even sky, 20 % reflected by the ground (Liu and Jordan 1963, Solar
  Energy 7, 53);
- power: PVWatts (Dobos 2014, NREL/TP-6A20-62641): by irradiance, -0.4 % for each kelvin of the cells over 25 °C, 14 %
  of losses; the cells are 0.03 K for each W/m² above the air (Ross 1976, 12th IEEE PVSC).
"""

from typing import Annotated

import numpy as np
from pydantic import Field

from vibelux.outlook.site import Block, Fraction, Positive
from vibelux.outlook.sun import Array, Numbers, clear_sky, sun
from vibelux.outlook.weather import Steps, Weather

_ALBEDO = 0.2
_KELVIN_PER_W_M2 = 0.03
_LOSS_PER_KELVIN = 0.004
_LEAST_COS_ZENITH = 0.065
"""Nearer to the horizon all light is taken as diffuse."""
_SAMPLES = 4


class Pv(Block):
    """`[facilities.pv]`: the site's own solar panels. Their power comes off what the site takes."""

    kw_peak: Positive
    """Under 1000 W/m² at 25 °C."""
    tilt: Annotated[float, Field(ge=0, le=90, allow_inf_nan=False)] = 20.0
    """Degrees; 0 lies flat."""
    azimuth: Annotated[float, Field(ge=0, le=360, allow_inf_nan=False)] = 180.0
    """Where they look, degrees clockwise from north."""
    losses: Fraction = 0.14
    """Of dirt, cables, inverter and the like."""
    kw_ac: Positive | None = None
    """What the inverter gives at most; None: the peak."""

    def power_kw(self, weather: Weather, steps: Steps, latitude: float, longitude: float) -> Array:
        """The mean power of each step, shape (steps,).

        Args:
            weather: at the site, shape (1, steps).
            steps: at most an hour each.
            latitude: degrees north.
            longitude: degrees east.
        """
        moments = steps.edges[:-1, None] + steps.seconds[:, None] * (np.arange(_SAMPLES) + 0.5) / _SAMPLES
        there = sun(moments, latitude, longitude)
        clear = clear_sky(there.cos_zenith)
        usual = clear.mean(axis=-1, keepdims=True)
        # Within a step the irradiance goes as that of a clear sky.
        level = np.where(usual > 0, weather.irradiance_w_m2[0][:, None] * clear / np.where(usual > 0, usual, 1.0), 0.0)
        plane = on_plane(level, there.cos_zenith, there.azimuth, there.extraterrestrial_w_m2, self.tilt, self.azimuth)
        return self.at(plane.mean(axis=-1), weather.temperature_c[0])

    def at(self, plane_w_m2: Array, air_c: Array) -> Array:
        """Power under an irradiance on the panels, kW; where the air is unknown the cells are at 25 °C.

        >>> float(Pv(kw_peak=100.0).at(np.array([800.0]), np.array([21.0]))[0])   # cells 45 °C: 80 * 0.86 * 0.92
        63.296
        """
        above = np.where(np.isnan(air_c), 0.0, air_c + _KELVIN_PER_W_M2 * plane_w_m2 - 25.0)
        power = self.kw_peak * plane_w_m2 / 1000.0 * (1.0 - self.losses) * (1.0 - _LOSS_PER_KELVIN * above)
        return np.clip(power, 0.0, self.kw_ac or self.kw_peak)


def on_plane(
    level_w_m2: Array, cos_zenith: Array, sun_azimuth: Array, outside_w_m2: Array, tilt: Numbers, azimuth: Numbers
) -> Array:
    """The irradiance on a tilted plane, W/m².

    Args:
        level_w_m2: global, on level ground.
        cos_zenith: of the sun.
        sun_azimuth: degrees clockwise from north.
        outside_w_m2: on a plane that faces the sun, outside the atmosphere.
        tilt: of the plane, degrees.
        azimuth: where it looks, degrees clockwise from north.
    """
    up = np.maximum(cos_zenith, _LEAST_COS_ZENITH)
    clearness = np.clip(level_w_m2 / (outside_w_m2 * up), 0.0, 1.0)
    diffuse = level_w_m2 * _diffuse_part(clearness)
    direct_normal = np.where(cos_zenith > _LEAST_COS_ZENITH, (level_w_m2 - diffuse) / up, 0.0)
    beta, turned = np.radians(tilt), np.radians(sun_azimuth - azimuth)
    sin_zenith = np.sqrt(np.maximum(1.0 - cos_zenith**2, 0.0))
    incidence = np.maximum(cos_zenith * np.cos(beta) + sin_zenith * np.sin(beta) * np.cos(turned), 0.0)
    sky, ground = (1.0 + np.cos(beta)) / 2.0, _ALBEDO * (1.0 - np.cos(beta)) / 2.0
    return np.asarray(direct_normal * incidence + diffuse * sky + level_w_m2 * ground)


def _diffuse_part(clearness: Array) -> Array:
    """How much of the global irradiance is diffuse (Erbs et al.)."""
    k = clearness
    middle = 0.9511 - 0.1604 * k + 4.388 * k**2 - 16.638 * k**3 + 12.336 * k**4
    return np.where(k <= 0.22, 1.0 - 0.09 * k, np.where(k <= 0.8, middle, 0.165))
