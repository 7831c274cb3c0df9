"""What a greenhouse needs of heat, light and CO2, from the weather: steady-state balances of each step.

The block `[facilities.greenhouse]` describes the house; `Houses` holds one or many of them as arrays, so that a
fleet on the same steps is computed at once. Heat stored in soil, crop and water is left out: over an hour it delays
demand, over a day it evens out.

Sources, by name in the docstrings:
- ASHRAE: Handbook HVAC Applications, the chapter on environmental control for animals and plants: heat loss of
  greenhouses, UA and infiltration;
- Bot: Greenhouse climate: from physical processes to a dynamic model, Wageningen (1983): convection by wind at the
  cover; used so in De Zwart, Analyzing energy-saving options (KASPRO), Wageningen (1996);
- Walker, Aldrich and Short: Quantity of air flow for greenhouse structures (1983): the crop evaporates about half of
  what the sun brings in;
- Thimijan and Heins: HortScience 18 (6), 818 (1983), and McCree: Agricultural Meteorology 10 (1972): light of sun;
- Nelson and Bugbee: PLOS ONE 9 (6), e99010 (2014): efficacy of lamps, and that their power ends as heat;
- OMAFRA factsheet 00-077, Carbon dioxide in greenhouses (2002).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vibelux.outlook.daypart import DayPart
from vibelux.outlook.site import Block, Fraction, NotNegative, Positive
from vibelux.outlook.sun import Array, Numbers
from vibelux.outlook.weather import Steps, Weather

UMOL_PER_J_OF_SUN = 2.05
"""Photosynthetic light of the sun, µmol per J of global irradiance: 0.45 of the energy at 4.57 µmol/J
(Thimijan and Heins; McCree)."""
AIR_WH_PER_M3_K = 0.33
"""Heat of air: 1.2 kg/m³ * 1006 J/(kg K) / 3600 s/h (ASHRAE)."""
REFERENCE_WIND_M_S = 4.0
"""The wind for which a cover's U-value counts."""
_SKY_W_M2_K = 4.6
"""Radiation of the cover to sky and surroundings as a coefficient: 4 * 0.9 * 5.67e-8 * 283³."""

Temperature = Annotated[float, Field(ge=-10, le=45, allow_inf_nan=False)]


class Cover(Block):
    """The glass or film."""

    u_w_per_m2_k: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] = 6.0
    """At 4 m/s of wind, for each m² of cover: single glass about 6, double film 4, acrylic or polycarbonate 3.5."""
    area_ratio: Annotated[float, Field(ge=1, le=4, allow_inf_nan=False)] = 1.3
    """Area of cover, walls included, for each m² of floor."""
    light_transmission: Fraction = 0.65
    """Of the outside light, what arrives at the crop."""


class Screen(Block):
    """A cloth drawn under the cover while it is dark outside."""

    saving: Fraction
    """The part of the cover's loss that it saves when closed: energy screens 0.4 to 0.6."""
    closed_below_w_per_m2: NotNegative = 10.0
    """It is closed while the irradiance outside is lower."""


class Setpoints(Block):
    """Heating temperatures. Day is while the sun is up or the lamps are on."""

    day_c: Temperature = 20.0
    night_c: Temperature = 17.0


class Greenhouse(Block):
    """`[facilities.greenhouse]`."""

    area_m2: Positive
    """Floor."""
    height_m: Positive = 5.0
    """Mean: volume by floor area."""
    cover: Cover = Cover()
    screens: Annotated[tuple[Screen, ...], Field(strict=False, max_length=3)] = ()
    setpoints: Setpoints = Setpoints()
    infiltration_ach: NotNegative = 0.75
    """Changes of air an hour through leaks: 0.5 to 1.5 for new glass, up to 4 for old."""
    ventilation_ach: NotNegative = 0.0
    """Changes of air an hour that are let in on purpose while it is heated, against humidity."""
    solar_gain: Fraction = 0.5
    """Of the sun's heat that comes in, what warms the air: the crop evaporates the rest (Walker et al.)."""
    loss_factor: Positive = 1.0
    """The real loss by the computed one, as fitted to telemetry."""
    target_dli: NotNegative = 0.0
    """Light that the crop should get a day, mol/m²: lettuce 12-17, tomato 20-30. 0: no lamps are wanted."""
    efficacy_umol_per_j: Positive = 3.0
    """LED 2.8 to 3.8, HPS 1.7."""
    lamp_w_per_m2: NotNegative = 0.0
    """Lamps that nobody plans: a day's need is spread over their photoperiod. Those in `lights` are not these."""
    lamp_heat_fraction: Fraction = 1.0
    """Of their power, what warms the air (Nelson and Bugbee: nearly all)."""
    photoperiod: DayPart = DayPart(start="02:00", end="20:00")
    co2_g_per_m2_h: NotNegative = 0.0
    """Dosed while there is light: 5 replaces what a crop takes up, 10-25 is usual with open vents (OMAFRA)."""
    co2_from_umol_per_m2_s: NotNegative = 50.0
    """The light inside from which it is dosed."""
    co2_when: Literal["lit", "sun"] = "lit"
    """`sun`: not by lamp light."""


@dataclass(frozen=True, slots=True)
class Houses:
    """Greenhouses as columns: each array has the shape (houses, 1) and meets weather of (houses, steps)."""

    area_m2: Array
    cover_w_per_m2_k: Array
    """U-value at the reference wind, for each m² of cover."""
    cover_ratio: Array
    transmission: Array
    air_w_per_m2_k: Array
    """Loss by changes of air, for each m² of floor."""
    screens: tuple[tuple[Array, Array], ...]
    """Each: saving when closed, and the irradiance below which it is closed."""
    day_c: Array
    night_c: Array
    solar_gain: Array
    loss_factor: Array
    target_dli: Array
    lamp_w_per_m2: Array
    lamp_umol: Array
    """Light of all lamps, µmol/m²/s."""
    lamp_heat: Array
    lit_from_h: Array
    lit_for_h: Array
    co2_g_per_m2_h: Array
    co2_from: Array
    co2_by_lamps: Array
    """1 where lamp light counts for dosing, else 0."""

    @classmethod
    def of(cls, houses: Sequence[Greenhouse]) -> "Houses":
        """The houses in their order."""

        def column(take: Callable[[Greenhouse], float]) -> Array:
            return np.array([take(house) for house in houses], dtype=np.float64)[:, None]

        def screen(at: int) -> tuple[Array, Array]:
            none = Screen(saving=0.0)
            drawn = [house.screens[at] if at < len(house.screens) else none for house in houses]
            saving, below = ([getattr(one, name) for one in drawn] for name in ("saving", "closed_below_w_per_m2"))
            return np.array(saving)[:, None], np.array(below)[:, None]

        return cls(
            area_m2=column(lambda house: house.area_m2),
            cover_w_per_m2_k=column(lambda house: house.cover.u_w_per_m2_k),
            cover_ratio=column(lambda house: house.cover.area_ratio),
            transmission=column(lambda house: house.cover.light_transmission),
            air_w_per_m2_k=column(
                lambda house: AIR_WH_PER_M3_K * (house.infiltration_ach + house.ventilation_ach) * house.height_m
            ),
            screens=tuple(screen(at) for at in range(max((len(house.screens) for house in houses), default=0))),
            day_c=column(lambda house: house.setpoints.day_c),
            night_c=column(lambda house: house.setpoints.night_c),
            solar_gain=column(lambda house: house.solar_gain),
            loss_factor=column(lambda house: house.loss_factor),
            target_dli=column(lambda house: house.target_dli),
            lamp_w_per_m2=column(lambda house: house.lamp_w_per_m2),
            lamp_umol=column(lambda house: house.lamp_w_per_m2 * house.efficacy_umol_per_j),
            lamp_heat=column(lambda house: house.lamp_heat_fraction),
            lit_from_h=column(lambda house: house.photoperiod.first_minute / 60),
            lit_for_h=column(lambda house: house.photoperiod.minutes / 60),
            co2_g_per_m2_h=column(lambda house: house.co2_g_per_m2_h),
            co2_from=column(lambda house: house.co2_from_umol_per_m2_s),
            co2_by_lamps=column(lambda house: float(house.co2_when == "lit")),
        )


@dataclass(frozen=True, slots=True)
class Demand:
    """What the houses need, shape (houses, steps); NaN where the outside temperature is unknown."""

    heat_kw: Array
    """With the lamps as they are put here."""
    heat_before_lamps_kw: Array
    """For who decides on the lamps: their heat is still to be taken off."""
    lamp_kw: Array
    """Mean power wanted: a day's need is spread evenly over its photoperiod."""
    co2_kg_per_h: Array
    days: NDArray[np.int64]
    """The local days, as proleptic ordinals; the arrays below have the shape (houses, days)."""
    lamp_kwh: Array
    """Energy wanted of the lamps a day, within the steps."""
    sun_mol_m2: Array
    """Light of the sun inside, within the steps."""
    short_mol_m2: Array
    """What is missing to the target with all lamps on through the photoperiod."""


def demand(houses: Houses, weather: Weather, steps: Steps, received_mol_m2: Numbers | None = None) -> Demand:
    """Heat, lamps and CO2 of each step.

    Args:
        houses: one or many, all in the time zone of the steps.
        weather: on the steps; that of one site serves all houses, else it has one row a house.
        steps: at most an hour each.
        received_mol_m2: the light that the crops already got on the first local day, a number or (houses, 1). None:
            unknown; the first day's target is then cut to the part of the photoperiod that lies in the steps, as the
            last day's always is.

    >>> from datetime import UTC, datetime
    >>> night = Steps.between([datetime(2026, 1, 5, 1, tzinfo=UTC), datetime(2026, 1, 5, 2, tzinfo=UTC)], "UTC")
    >>> one = np.ones((1, 1))
    >>> cold = Weather(-5 * one, 80 * one, 4 * one, one, 0 * one, 0 * one, np.zeros((1, 1), dtype=int))
    >>> house = Greenhouse(area_m2=10_000, screens=(Screen(saving=0.5),), setpoints=Setpoints(night_c=17))
    >>> need = demand(Houses.of([house]), cold, night)
    >>> round(float(need.heat_kw[0, 0]), 1)          # (6 * 1.3 * 0.5 + 0.33 * 0.75 * 5) * 22 K * 10,000 m²
    1130.2
    """
    light = _light(houses, weather, steps, received_mol_m2)
    inside_by_day = (weather.daylight >= 0.5) | (light.lamp_share > 0)
    setpoint = np.where(inside_by_day, houses.day_c, houses.night_c)
    loss = loss_w_per_m2_k(houses, weather) * (setpoint - weather.temperature_c)
    net = loss - houses.solar_gain * sun_w_per_m2(houses, weather)
    lamp_w = light.lamp_share * houses.lamp_w_per_m2
    kw = houses.area_m2 / 1000.0
    umol = light.sun_umol + houses.co2_by_lamps * light.lamp_share * houses.lamp_umol
    return Demand(
        heat_kw=np.maximum(net - houses.lamp_heat * lamp_w, 0.0) * kw,
        heat_before_lamps_kw=np.maximum(net, 0.0) * kw,
        lamp_kw=lamp_w * kw,
        co2_kg_per_h=np.where((umol > 0) & (umol >= houses.co2_from), houses.co2_g_per_m2_h * kw, 0.0),
        days=steps.day[steps.day_starts],
        lamp_kwh=_by_day(lamp_w * steps.seconds, steps) / 3600.0 * kw,
        sun_mol_m2=light.sun_mol,
        short_mol_m2=light.short_mol,
    )


def loss_w_per_m2_k(houses: Houses, weather: Weather) -> Array:
    """Heat that a house loses for each kelvin and m² of floor: cover by wind and screens, and air (ASHRAE).

    Where no wind is known, that of the U-value's definition counts.
    """
    wind = np.where(np.isnan(weather.wind_m_s), REFERENCE_WIND_M_S, weather.wind_m_s)
    cover = houses.cover_ratio * u_at_wind(houses.cover_w_per_m2_k, wind)
    for saving, below in houses.screens:
        cover = cover * (1.0 - saving * (weather.irradiance_w_m2 < below))
    return np.asarray(houses.loss_factor * (cover + houses.air_w_per_m2_k))


def u_at_wind(u_w_per_m2_k: Numbers, wind_m_s: Numbers) -> Array:
    """A cover's U-value at another wind than 4 m/s: its outer resistance is exchanged.

    Convection at the cover is 2.8 + 1.2 v below 4 m/s and 2.5 v^0.8 above (Bot), W/m²K; radiation comes to it.

    At 10 m/s: 2.5 * 10^0.8 + 4.6 = 20.37 stands in for 2.5 * 4^0.8 + 4.6 = 12.18: 1 / (1/6 - 1/12.18 + 1/20.37).

    >>> [round(float(u_at_wind(6.0, wind)), 2) for wind in (0.0, 4.0, 10.0)]
    [4.55, 6.0, 7.48]
    """
    return np.asarray(1.0 / (1.0 / u_w_per_m2_k - 1.0 / _AT_REFERENCE_W_M2_K + 1.0 / _outside_w_m2_k(wind_m_s)))


def _outside_w_m2_k(wind_m_s: Numbers) -> Array:
    wind = np.asarray(wind_m_s)
    return np.where(wind < 4.0, 2.8 + 1.2 * wind, 2.5 * wind**0.8) + _SKY_W_M2_K


_AT_REFERENCE_W_M2_K = _outside_w_m2_k(REFERENCE_WIND_M_S)


def sun_w_per_m2(houses: Houses, weather: Weather) -> Array:
    """The sun's heat that comes in, for each m² of floor."""
    return np.asarray(houses.transmission * weather.irradiance_w_m2)


@dataclass(frozen=True, slots=True)
class _Light:
    sun_umol: Array
    lamp_share: Array
    """Of the lamps' power, in each step."""
    sun_mol: Array
    short_mol: Array


def _light(houses: Houses, weather: Weather, steps: Steps, received_mol_m2: Numbers | None) -> _Light:
    """The sun's light, and what the lamps have to add to reach each day's target.

    A target of 20 mol/m² on a day with 8 from the sun leaves 12: with lamps of 200 µmol/m²/s that is
    12e6 / 200 / 3600 = 16.7 h at full power.
    """
    sun_umol = UMOL_PER_J_OF_SUN * sun_w_per_m2(houses, weather)
    sun_mol = _by_day(sun_umol * steps.seconds, steps) / 1e6
    may = (steps.hour - houses.lit_from_h) % 24.0 < houses.lit_for_h
    may_seconds = _by_day(may * steps.seconds, steps)
    target = houses.target_dli * np.minimum(may_seconds / (houses.lit_for_h * 3600.0), 1.0)
    if received_mol_m2 is not None:
        target[:, :1] = houses.target_dli - received_mol_m2
    need = np.maximum(target - sun_mol, 0.0)
    could = houses.lamp_umol * may_seconds / 1e6
    share = np.where(could > 0, np.minimum(need / np.where(could > 0, could, 1.0), 1.0), 0.0)
    return _Light(sun_umol, share[:, steps.day_index] * may, sun_mol, need - share * could)


def _by_day(values: Array, steps: Steps) -> Array:
    """Sums over the steps of each local day, shape (houses, days)."""
    return np.add.reduceat(values, steps.day_starts, axis=-1)
