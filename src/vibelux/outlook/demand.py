"""What a facility will need of power, heat, light and CO2 on the steps of a horizon.

From constants, from a file, or from a greenhouse and its weather. The light of a lamp group is an energy for each
whole local day, however little of the day lies in the horizon: what a day has had so far is for the state to tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from typing import Protocol

import numpy as np

from vibelux.market.intervals import local_day
from vibelux.outlook.daypart import DayPart
from vibelux.outlook.greenhouse import Greenhouse, Houses, demand
from vibelux.outlook.past import DAY, utc_minutes, wall_minutes
from vibelux.outlook.price import Steps
from vibelux.outlook.sun import Array
from vibelux.outlook.weather import Steps as Calendar
from vibelux.outlook.weather_ahead import WeatherAhead

_EPOCH = date(1970, 1, 1)
_HOUR = 60
_MOL_TO_KWH = 1e6 / 3.6e6
"""A mol of light at 1 µmol/J is 1e6 J; 3.6e6 J are 1 kWh."""
_ALWAYS = DayPart(start="00:00", end="24:00")

LightKwh = dict[tuple[str, date], float]


class Lamps(Protocol):
    """What is needed of a group of lamps."""

    @property
    def id(self) -> str:
        """Its name."""
        ...

    @property
    def max_kw(self) -> float:
        """Power when all are on."""
        ...

    @property
    def photoperiod(self) -> DayPart | None:
        """When they may be on; None: always."""
        ...

    @property
    def energy_kwh_per_day(self) -> float | None:
        """A target of its own; None: a share of what the greenhouse wants."""
        ...

    @property
    def max_energy_kwh_per_day(self) -> float | None:
        """The most that the crop may get."""
        ...


@dataclass(frozen=True, slots=True)
class Demands:
    """What a facility needs; arrays of shape (steps,), shorter than the horizon where knowledge ends earlier."""

    power_kw: Array
    """Without the lamps that are planned."""
    heat_kw: Array
    """Before the heat that planned lamps give."""
    co2_kg_per_h: Array
    light_kwh: LightKwh = field(default_factory=dict)
    """By lamp group and local day, the energy for that whole local day."""
    source: str = "constant"
    quality: str = "constant"
    """`constant`, `file`, `forecast` (the operator's own, asked for), `model`, or `estimated` where it rests on no
    weather but on the season."""
    notes: tuple[str, ...] = ()
    """What a reader must know of them, in sentences."""
    pv_kw: Array | None = None
    """What the site's own panels give; `power_kw` is already without it. None: it has none."""
    surplus_kw: Array | None = None
    """What they give more than `power_kw` took: it leaves the site, or is not made where the grid takes no more."""

    def less_pv(self, pv_kw: Array, notes: tuple[str, ...]) -> "Demands":
        """The same with the site's own panels; `notes` tell of their sun."""
        pv_kw = pv_kw[: len(self.power_kw)]
        left = self.power_kw - pv_kw
        return replace(
            self,
            power_kw=np.maximum(left, 0.0),
            pv_kw=pv_kw,
            surplus_kw=np.maximum(-left, 0.0),
            notes=tuple(dict.fromkeys((*self.notes, *notes))),
        )


def local_days(steps: Steps, zone_name: str) -> list[date]:
    """The local days that the steps touch, in order."""
    first, last = wall_minutes(np.array([steps.starts[0], _end(steps) - 1]), zone_name) // DAY
    return [_EPOCH + timedelta(days=day) for day in range(int(first), int(last) + 1)]


def own_targets(lamps: Sequence[Lamps], days: Sequence[date]) -> LightKwh:
    """The light of groups with a constant target."""
    return {
        (group.id, day): group.energy_kwh_per_day
        for group in lamps
        if group.energy_kwh_per_day is not None
        for day in days
    }


def of_greenhouse(
    house: Greenhouse,
    steps: Steps,
    weather: WeatherAhead,
    *,
    zone_name: str,
    power_kw: float = 0.0,
    co2_kg_per_h: float = 0.0,
    lamps: Sequence[Lamps] = (),
) -> Demands | None:
    """What a greenhouse needs under the weather to expect.

    Args:
        house: its block.
        steps: at most an hour each.
        weather: at its place.
        zone_name: the site's time zone.
        power_kw: other power, always on.
        co2_kg_per_h: a constant demand, for a house that doses none by light.
        lamps: the groups that are planned; those without a target of their own share what the crop lacks by power.

    Returns:
        None where the temperature is not even known for the first step.
    """
    sharing = [group for group in lamps if group.energy_kwh_per_day is None]
    houses = _houses(house, sum(group.max_kw for group in sharing), _photoperiod(sharing)) if lamps else _houses(house)
    calendar, first = _whole_days(steps.starts.tobytes(), _end(steps), zone_name)
    outside = weather.over(calendar)
    need = demand(houses, outside, calendar)
    here = slice(first, first + len(steps.starts))
    heat = (need.heat_before_lamps_kw if lamps else need.heat_kw)[0, here]
    unknown = np.flatnonzero(np.isnan(heat))
    count = int(unknown[0]) if len(unknown) else len(heat)
    if count == 0:
        return None
    days = [date.fromordinal(int(day)) for day in need.days]
    light, short = _shared(house, sharing, days, need.sun_mol_m2[0])
    dosed = need.co2_kg_per_h[0, here] if house.co2_g_per_m2_h else np.full(len(heat), co2_kg_per_h)
    unplanned = np.zeros(len(heat)) if lamps else need.lamp_kw[0, here]
    return Demands(
        power_kw=(power_kw + unplanned)[:count],
        heat_kw=heat[:count],
        co2_kg_per_h=dosed[:count],
        light_kwh=own_targets(lamps, days) | light,
        source=f"greenhouse model, {weather.source}",
        quality="estimated" if outside.is_usual else "model",
        notes=(*weather.notes(outside), *short),
    )


def _photoperiod(sharing: Sequence[Lamps]) -> DayPart:
    return next((group.photoperiod for group in sharing if group.photoperiod is not None), _ALWAYS)


@lru_cache(maxsize=10_000)
def _houses(house: Greenhouse, lamps_kw: float | None = None, photoperiod: DayPart = _ALWAYS) -> Houses:
    """The house as columns, with planned lamps in place of its own: while they are expected to be on it is day."""
    if lamps_kw is None:
        return Houses.of([house])
    power = lamps_kw * 1000 / house.area_m2
    return Houses.of([house.model_copy(update={"lamp_w_per_m2": power, "photoperiod": photoperiod})])


def _shared(
    house: Greenhouse, sharing: Sequence[Lamps], days: Sequence[date], sun_mol: Array
) -> tuple[LightKwh, list[str]]:
    """Each day's energy of the groups that bring the crop to its target, and a word where they cannot.

    20 mol/m² wanted and 8 from the sun leave 12: on 10,000 m² with 3 µmol/J that is 12 * 1e6 / 3 / 3.6e6 * 10,000
    = 11,111 kWh.
    """
    light: LightKwh = {}
    told: list[str] = []
    power = sum(group.max_kw for group in sharing)
    for day, sun in zip(days, sun_mol.tolist(), strict=True):
        lacking = max(house.target_dli - sun, 0.0)
        wanted = lacking * _MOL_TO_KWH / house.efficacy_umol_per_j * house.area_m2
        for group in sharing:
            light[group.id, day] = min(wanted * group.max_kw / power, _most(group))
        given = sum(light[group.id, day] for group in sharing)
        if sharing and given < wanted * 0.999 and not told:
            reached = house.target_dli - lacking * (1.0 - given / wanted)
            told.append(f"On {day} the crop gets {reached:.1f} of {house.target_dli:g} mol/m² of light at most.")
    return light, told


def _most(group: Lamps) -> float:
    hours = 24.0 if group.photoperiod is None else group.photoperiod.minutes / 60
    most = group.max_kw * hours
    return most if group.max_energy_kwh_per_day is None else min(most, group.max_energy_kwh_per_day)


@lru_cache(maxsize=64)
def _whole_days(starts: bytes, end: int, zone_name: str) -> tuple[Calendar, int]:
    """Steps with hours before and after them, so that they cover whole local days; and how many come before.

    Those of one moment serve every facility of a zone. `starts` are the bytes of theirs, `end` is where the last ends.
    """
    own = np.frombuffer(starts, dtype=np.int64)
    days = local_days(Steps(own, np.diff(own, append=end)), zone_name)
    first, last = _bounds(days[0], zone_name)[0], _bounds(days[-1], zone_name)[1]
    before, after = np.arange(first, own[0], _HOUR), np.arange(end, last, _HOUR)
    whole = np.concatenate([before, own, after])
    return Calendar.over(whole, np.diff(whole, append=last), zone_name), len(before)


@lru_cache(maxsize=1_000)
def _bounds(day: date, zone_name: str) -> tuple[int, int]:
    whole = local_day(day, zone_name)
    return utc_minutes(whole.start), utc_minutes(whole.end)


def _end(steps: Steps) -> int:
    return int(steps.starts[-1] + steps.lengths[-1])
