"""Where the sun stands, and what reaches the ground under a clear or a clouded sky.

Written out here because importing pvlib takes seconds: the equations are few, and the tests hold them to pvlib's
numbers. Times are seconds since 1970 in UTC, angles degrees, irradiance W/m² of level ground unless said otherwise.
All functions take arrays and broadcast, so that a fleet is computed at once.

Sources:
- position: Meeus, Astronomical Algorithms (1998), chapter 25 low accuracy, as in NOAA's solar calculator; within
  0.02° of NREL's SPA between 1970 and 2050; refraction is left out (0.6° at the horizon, nothing where it matters);
- clear sky: Haurwitz (1945), Journal of Meteorology 2, 154, the best of those that need the zenith angle alone
  (Reno, Hansen and Stein, SAND2012-2389);
- clouds: Kasten and Czeplak (1980), Solar Energy 24, 177.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Numbers = float | Array

SOLAR_CONSTANT_W_M2 = 1361.1
"""At the mean distance from the sun; Gueymard (2018), Solar Energy 168, 2."""
_UNIX_EPOCH_JD = 2440587.5
_J2000_JD = 2451545.0
_DAY_SECONDS = 86_400.0
_SAMPLES = 4
"""Moments a step at which the sky is looked at: an hour at sunrise is no hour at half past."""


@dataclass(frozen=True, slots=True)
class Sun:
    """The sun seen from a place."""

    cos_zenith: Array
    """1 overhead, 0 at the horizon, negative by night."""
    azimuth: Array
    """Clockwise from north."""
    extraterrestrial_w_m2: Array
    """On a plane that faces the sun, outside the atmosphere."""


@dataclass(frozen=True, slots=True)
class Sky:
    """What reaches the ground."""

    total_w_m2: Array
    """Global irradiance on level ground."""
    diffuse_w_m2: Array
    direct_normal_w_m2: Array
    """On a plane that faces the sun."""


@dataclass(frozen=True, slots=True)
class ClearSky:
    """Means over the steps of an outlook under a sky without clouds."""

    total_w_m2: Array
    daylight: Array
    """The part of the step in which the sun is up, 0 to 1."""


def sun(seconds: Numbers, latitude: Numbers, longitude: Numbers) -> Sun:
    """The sun's position.

    Args:
        seconds: since 1970, UTC.
        latitude: degrees north.
        longitude: degrees east.

    >>> noon = sun(1782068400.0, 36.67, -121.65)       # 2026-06-21 19:00 UTC, Salinas
    >>> round(float(np.degrees(np.arccos(noon.cos_zenith))), 1), round(float(noon.azimuth), 1)   # SPA: 19.81, 127.15
    (19.8, 127.1)
    """
    seconds = np.asarray(seconds, dtype=np.float64)
    declination, equation_of_time, extraterrestrial = _of_the_date(seconds)
    solar_minutes = (seconds / 60.0) % 1440.0 + equation_of_time + 4.0 * np.asarray(longitude)
    hour_angle = np.radians(solar_minutes / 4.0 - 180.0)
    phi = np.radians(latitude)
    cos_zenith = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    south = np.cos(hour_angle) * np.sin(phi) - np.tan(declination) * np.cos(phi)
    azimuth = (np.degrees(np.arctan2(np.sin(hour_angle), south)) + 180.0) % 360.0
    return Sun(cos_zenith, azimuth, extraterrestrial)


def _of_the_date(seconds: Array) -> tuple[Array, Array, Array]:
    """Declination (radians), equation of time (minutes) and irradiance outside the atmosphere: the same everywhere."""
    t = (seconds / 86_400.0 + _UNIX_EPOCH_JD - _J2000_JD) / 36_525.0
    mean_longitude = np.radians(280.46646 + t * (36_000.76983 + 0.0003032 * t))
    anomaly = np.radians(357.52911 + t * (35_999.05029 - 0.0001537 * t))
    eccentricity = 0.016708634 - t * (0.000042037 + 0.0000001267 * t)
    centre = np.radians(
        np.sin(anomaly) * (1.914602 - t * (0.004817 + 0.000014 * t))
        + np.sin(2 * anomaly) * (0.019993 - 0.000101 * t)
        + np.sin(3 * anomaly) * 0.000289
    )
    node = np.radians(125.04 - 1934.136 * t)
    longitude = mean_longitude + centre - np.radians(0.00569 + 0.00478 * np.sin(node))
    obliquity = np.radians(23.439291 - t * (0.0130042 + t * (0.00000016 - 0.000000504 * t)) + 0.00256 * np.cos(node))
    declination = np.arcsin(np.sin(obliquity) * np.sin(longitude))
    y = np.tan(obliquity / 2.0) ** 2
    equation_of_time = 4.0 * np.degrees(
        y * np.sin(2 * mean_longitude)
        - 2 * eccentricity * np.sin(anomaly)
        + 4 * eccentricity * y * np.sin(anomaly) * np.cos(2 * mean_longitude)
        - 0.5 * y**2 * np.sin(4 * mean_longitude)
        - 1.25 * eccentricity**2 * np.sin(2 * anomaly)
    )
    distance = 1.000001018 * (1 - eccentricity**2) / (1 + eccentricity * np.cos(anomaly + centre))
    return declination, equation_of_time, SOLAR_CONSTANT_W_M2 / distance**2


@lru_cache(maxsize=64)
def _within_steps(edges: bytes) -> tuple[Array, Array, Array]:
    """Solar minutes of Greenwich at some moments of each step, sine and cosine of the declination in its middle.

    The same at every place. `edges` are the bytes of the steps' edges; shapes (steps, 4), (steps, 1) and (steps, 1).
    """
    seconds = np.frombuffer(edges)
    midnights = np.arange(seconds[0] // _DAY_SECONDS, seconds[-1] // _DAY_SECONDS + 2) * _DAY_SECONDS
    length = (seconds[1:] - seconds[:-1])[:, None]
    moments = seconds[:-1, None] + length * ((np.arange(_SAMPLES) + 0.5) / _SAMPLES)
    middle = seconds[:-1, None] + length / 2
    # Between midnights both are lines; in an hour the declination moves by 0.02°.
    declination, equation_of_time = (np.interp(middle, midnights, daily) for daily in _of_the_date(midnights)[:2])
    return (moments / 60.0) % 1440.0 + equation_of_time, np.sin(declination), np.cos(declination)


def clear_sky(cos_zenith: Numbers) -> Array:
    """Global irradiance under a clear sky: 1098 cos z exp(-0.059 / cos z), 0 by night.

    >>> round(float(clear_sky(0.5)), 1)      # 1098 * 0.5 * exp(-0.118) = 549 * 0.8887
    487.9
    """
    up = np.maximum(cos_zenith, 1e-3)
    return np.where(np.asarray(cos_zenith) > 1e-3, 1098.0 * up * np.exp(-0.059 / up), 0.0)


def under_clouds(clear_w_m2: Numbers, cloud_fraction: Numbers) -> Array:
    """Global irradiance that clouds leave of a clear sky's: G = G0 (1 - 0.75 N^3.4).

    Args:
        clear_w_m2: without clouds.
        cloud_fraction: 0 to 1; NaN stays NaN.

    >>> round(float(under_clouds(600.0, 0.5)), 1)       # 0.5^3.4 = 0.0947; 600 * (1 - 0.0710)
    557.4
    """
    return np.asarray(clear_w_m2 * (1.0 - 0.75 * np.clip(cloud_fraction, 0.0, 1.0) ** 3.4))


def clouded(clear_w_m2: Numbers, cos_zenith: Numbers, cloud_fraction: Numbers) -> Sky:
    """The parts of the irradiance under clouds: diffuse is 0.3 + 0.7 N² of the whole.

    Args:
        clear_w_m2: global irradiance without clouds.
        cos_zenith: of the sun; within a degree of the horizon there is no direct part.
        cloud_fraction: 0 to 1; NaN stays NaN.

    >>> sky = clouded(600.0, 0.6, 0.5)                  # diffuse 0.475 * 557.4; direct (557.4 - 264.8) / 0.6
    >>> [round(float(part), 1) for part in (sky.total_w_m2, sky.diffuse_w_m2, sky.direct_normal_w_m2)]
    [557.4, 264.8, 487.7]
    """
    total = under_clouds(clear_w_m2, cloud_fraction)
    diffuse = total * (0.3 + 0.7 * np.clip(cloud_fraction, 0.0, 1.0) ** 2)
    direct = np.where(np.asarray(cos_zenith) > 0.02, (total - diffuse) / np.maximum(cos_zenith, 0.02), 0.0)
    return Sky(total, diffuse, direct)


def clear_steps(edges: Array, latitude: Numbers, longitude: Numbers) -> ClearSky:
    """The clear sky as means over steps of at most some hours.

    Args:
        edges: seconds since 1970, one more than there are steps.
        latitude: a number, or an array of shape (sites, 1).
        longitude: the same.

    Returns:
        Arrays of shape (steps,) or (sites, steps).
    """
    solar_minutes, sine, cosine = _within_steps(edges.tobytes())
    phi, east = np.radians(latitude)[..., None], np.asarray(longitude)[..., None]
    hour_angle = np.radians((solar_minutes + 4.0 * east) / 4.0 - 180.0)
    cos_zenith = np.sin(phi) * sine + np.cos(phi) * cosine * np.cos(hour_angle)
    total, up = clear_sky(cos_zenith).sum(axis=-1), (cos_zenith > 0).sum(axis=-1)
    return ClearSky(total / _SAMPLES, up / _SAMPLES)
