"""Fits the heat model of a greenhouse to its own telemetry, and says how well it then tells the demand.

Two coefficients are fitted, as the block's own values are seldom known: how much heat the house really loses by
what is computed (`loss_factor`, and so its UA), and how much of the sun's heat warms the air (`solar_gain`).
"""

from dataclasses import dataclass

import numpy as np

from vibelux.outlook.greenhouse import Greenhouse, Houses, loss_w_per_m2_k, sun_w_per_m2
from vibelux.outlook.sun import Array, Numbers
from vibelux.outlook.weather import Weather

LEAST_SAMPLES = 48
"""Fewer steps with heat tell nothing."""
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Fit:
    """What telemetry says of a house."""

    loss_factor: float
    solar_gain: float
    ua_kw_per_k: float
    """The mean loss of the whole house a kelvin, as fitted."""
    r2: float
    """The part of the measured heat's variance that the fitted model explains; 1 is all."""
    rmse_kw: float
    """The model's error, of the same steps that it was fitted to."""
    samples: int

    def applied(self, house: Greenhouse) -> Greenhouse:
        """The house with the fitted coefficients."""
        return house.model_copy(update={"loss_factor": self.loss_factor, "solar_gain": self.solar_gain})


def fit(house: Greenhouse, weather: Weather, heat_kw: Array, inside_c: Numbers, lamp_kw: Numbers = 0.0) -> Fit | None:
    """Least squares of heat = max(0, loss_factor * L - solar_gain * S - lamps) over the steps that are known.

    L is the computed loss at factor 1, S the sun's heat that comes in, both in kW. A step without heat binds only
    where the model would give heat, so the steps that count are found in rounds; the gain is kept within 0 to 1.

    Args:
        house: its block; its `loss_factor` does not matter, its `solar_gain` only where it was always night.
        weather: of the measured steps, shape (1, steps), best from measured rows.
        heat_kw: measured, shape (steps,), NaN where unknown.
        inside_c: measured, or the setpoint.
        lamp_kw: measured electric power of the lamps.

    Returns:
        None where fewer than 48 steps have heat, or where they do not tell loss from gain.

    >>> rng = np.random.default_rng(1)
    >>> outside, sun = rng.uniform(-5, 12, (1, 200)), rng.uniform(0, 300, (1, 200))
    >>> weather = Weather(outside, sun, np.full((1, 200), 4.0), sun, sun, sun, np.zeros((1, 200), dtype=int))
    >>> house = Greenhouse(area_m2=1000)                           # loses 7.8 + 1.2375 W/m²K, 9.0375 kW/K
    >>> heat = np.maximum(1.2 * 9.0375 * (18 - outside) - 0.4 * 0.65 * sun, 0)[0]
    >>> found = fit(house, weather, heat, 18.0)
    >>> round(found.loss_factor, 3), round(found.solar_gain, 3), round(found.ua_kw_per_k, 1), round(found.r2, 3)
    (1.2, 0.4, 10.8, 1.0)
    """
    plain = Houses.of([house.model_copy(update={"loss_factor": 1.0})])
    kw = house.area_m2 / 1000.0
    ua = loss_w_per_m2_k(plain, weather)[0] * kw
    loss, sun = ua * (inside_c - weather.temperature_c[0]), sun_w_per_m2(plain, weather)[0] * kw
    lamps = house.lamp_heat_fraction * np.broadcast_to(lamp_kw, heat_kw.shape)
    known = np.isfinite(heat_kw) & np.isfinite(loss) & np.isfinite(sun) & np.isfinite(lamps)
    heat, loss, sun, lamps = heat_kw[known], loss[known], sun[known], lamps[known]
    if np.count_nonzero(heat > 0) < LEAST_SAMPLES:
        return None
    counts = heat > 0
    for _ in range(_ROUNDS):
        coefficients = _bounded(loss[counts], sun[counts], (heat + lamps)[counts], house.solar_gain)
        if coefficients is None:
            return None
        factor, gain = coefficients
        told = factor * loss - gain * sun - lamps
        now = (heat > 0) | (told > 0)
        if np.array_equal(now, counts):
            break
        counts = now
    error = heat - np.maximum(told, 0.0)
    spread = float(np.sum((heat - heat.mean()) ** 2))
    return Fit(
        loss_factor=factor,
        solar_gain=gain,
        ua_kw_per_k=factor * float(ua[known].mean()),
        r2=1.0 - float(np.sum(error**2)) / spread if spread > 0 else 0.0,
        rmse_kw=float(np.sqrt(np.mean(error**2))),
        samples=len(heat),
    )


def _bounded(loss: Array, sun: Array, needed: Array, gain: float) -> tuple[float, float] | None:
    """Factor and gain of `needed = factor * loss - gain * sun`, the gain within 0 to 1; None where there is none.

    Steps of the night alone tell the factor; the gain then stays what it was.
    """
    if np.any(sun > 0):
        (_, gain), _, rank, _ = np.linalg.lstsq(np.column_stack((loss, -sun)), needed)
        if rank < 2:
            return None
    gain = float(np.clip(gain, 0.0, 1.0))
    squares = float(loss @ loss)
    factor = float(loss @ (needed + gain * sun)) / squares if squares > 0 else 0.0
    return (factor, gain) if factor > 0 else None
