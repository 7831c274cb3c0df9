"""The numbers of a synthetic day in California: a duck curve, made from nothing but its date and the node's name.

Prices climb in the early morning, fall through zero when the sun is up, stay negative around noon and leap in the
evening. Real time is the curve with noise, day-ahead a calmer forecast of it, fifteen minutes lie between.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import TypeAlias
from zlib import crc32

import numpy as np
import numpy.typing as npt

from vibelux.market.intervals import Interval, local_date, local_day, zone
from vibelux.replay.oasis import ZONE, NodePrice

Series: TypeAlias = npt.NDArray[np.float64]

_HOUR = (0, 2, 4, 5.5, 6.5, 7.25, 7.5, 8, 8.5, 9, 10, 12, 13.5, 15, 16, 17, 18, 18.75, 19.5, 20.25, 21, 22.5, 24)
_CALM = (42, 36, 38, 50, 84, 96, 86, 48, 2, -22, -27, -36, -33, -18, 10, 46, 92, 180, 310, 220, 110, 62, 42)
"""USD/MWh at those hours of the wall clock."""
_FUEL_BASE = {"FRPGE1": 3.72, "FRPGE2": 3.95, "FRSCE1": 3.48, "FRSCE2": 3.81, "FRSDG1": 3.88}
"""USD/MMBtu: fuel regions under the kind of names that upstream gives them."""
_TONS_PER_MMBTU = 0.05306


class Market(IntEnum):
    """The three markets, by the minutes of their intervals."""

    REAL_TIME = 5
    FIFTEEN_MINUTE = 15
    DAY_AHEAD = 60

    @property
    def step(self) -> timedelta:
        """The length of an interval."""
        return timedelta(minutes=int(self))


@dataclass(frozen=True, slots=True)
class _Day:
    """Prices of one market on one day, USD/MWh, an element an interval."""

    energy: Series
    congestion: Series
    loss: Series


def node_prices(node: str, market: Market, window: Interval) -> list[NodePrice]:
    """The prices of a node for all intervals of a market that start within the window."""
    prices = []
    start = window.start
    while start < window.end:
        prices.append(_node_price(node, market, start))
        start += market.step
    return prices


@lru_cache(maxsize=4096)
def _node_price(node: str, market: Market, start: datetime) -> NodePrice:
    day = local_date(start, ZONE)
    at = (start - local_day(day, ZONE).start) // market.step
    numbers = _node_day(day, node, market)
    energy, congestion, loss = (
        round(float(part[at]), 5) for part in (numbers.energy, numbers.congestion, numbers.loss)
    )
    total = round(energy + congestion + loss, 5)
    parts = {"LMP": total, "MCC": congestion, "MCE": energy, "MCL": loss, "MGHG": 0.0}
    return NodePrice(node, Interval(start, start + market.step), parts)


def fuel_prices(day: date) -> dict[str, float]:
    """Gas by fuel region on a trade date, USD/MMBtu; twins ending in `GHG` hold the allowance too."""
    generator = np.random.default_rng([_index_day(day).toordinal(), 1])
    season = 0.45 * np.cos(2 * np.pi * (_index_day(day).timetuple().tm_yday - 15) / 365)
    moved = season + generator.normal(0.0, 0.08) + generator.normal(0.0, 0.03, len(_FUEL_BASE))
    plain = {
        region: round(float(base + move), 4) for (region, base), move in zip(_FUEL_BASE.items(), moved, strict=True)
    }
    carbon = allowance_price(day) * _TONS_PER_MMBTU
    return plain | {f"{region}GHG": round(price + carbon, 4) for region, price in plain.items()}


def allowance_price(day: date) -> float:
    """A California carbon allowance on a trade date, USD/t."""
    generator = np.random.default_rng([_index_day(day).toordinal(), 2])
    return round(float(29.8 + 0.9 * np.sin(_index_day(day).toordinal() / 21) + generator.normal(0.0, 0.12)), 2)


def _index_day(day: date) -> date:
    """Weekends repeat the index of Friday."""
    return day - timedelta(days=max(0, day.weekday() - 4))


@lru_cache(maxsize=256)
def _node_day(day: date, node: str, market: Market) -> _Day:
    """A node's share: the energy price of all, its losses, and congestion that pulls it down with the sun."""
    energy = _energy(day)[market]
    always = np.random.default_rng(crc32(node.encode()))
    losses, solar_surplus, scarcity = always.uniform(-0.02, 0.03), always.uniform(0.0, 4.0), always.uniform(-3.0, 6.0)
    generator = np.random.default_rng([day.toordinal(), crc32(node.encode()), 3])
    fine = generator.normal(0.0, 0.4, _intervals(day, Market.REAL_TIME))
    hour = _wall_hours(day, Market.REAL_TIME)
    sun = np.clip(np.sin(np.pi * (hour - 7.0) / 11.0), 0.0, None)
    evening = np.exp(-(((hour - 19.5) / 1.2) ** 2))
    congestion = _mean(scarcity * evening - solar_surplus * sun + fine, market)
    return _Day(energy, congestion, energy * losses)


@lru_cache(maxsize=16)
def _energy(day: date) -> dict[Market, Series]:
    """The energy price of the whole system in the three markets."""
    generator = np.random.default_rng([day.toordinal(), 0])
    curve = np.interp(_wall_hours(day, Market.REAL_TIME), _HOUR, _CALM)
    noon, evening, rest = generator.uniform(0.85, 1.1), generator.uniform(0.85, 1.2), generator.uniform(0.93, 1.07)
    curve = np.where(curve < 0, curve * noon, np.where(curve > 100, 100 + (curve - 100) * evening, curve) * rest)
    real_time = curve + _noise(generator, curve)
    real_time = np.where(curve > 150, real_time * (1 + 0.6 * (generator.random(len(curve)) > 0.9)), real_time)
    hourly = _mean(curve, Market.DAY_AHEAD)
    calmer = np.where(hourly > 100, 100 + 0.55 * (hourly - 100), np.where(hourly < 0, 0.6 * hourly, hourly))
    day_ahead = calmer + generator.normal(0.0, 2.5, len(hourly))
    quarter = 0.7 * _mean(real_time, Market.FIFTEEN_MINUTE) + 0.3 * np.repeat(day_ahead, 4)
    return {Market.REAL_TIME: real_time, Market.FIFTEEN_MINUTE: quarter, Market.DAY_AHEAD: day_ahead}


def _noise(generator: np.random.Generator, curve: Series) -> Series:
    """Five-minute noise that remembers half of itself and grows with the price."""
    shocks = generator.normal(0.0, 1.0, len(curve))
    noise = np.zeros_like(curve)
    for at in range(1, len(curve)):
        noise[at] = 0.5 * noise[at - 1] + shocks[at]
    return noise * (1.2 + 0.04 * np.abs(curve))


def _wall_hours(day: date, market: Market) -> Series:
    """The wall clock at each interval's start, in hours: spring jumps over one, autumn has one twice."""
    start = local_day(day, ZONE).start
    walls = [(start + at * market.step).astimezone(zone(ZONE)) for at in range(_intervals(day, market))]
    return np.array([wall.hour + wall.minute / 60 for wall in walls])


def _intervals(day: date, market: Market) -> int:
    whole = local_day(day, ZONE)
    return (whole.end - whole.start) // market.step


def _mean(fine: Series, market: Market) -> Series:
    """Five-minute values as means over a market's intervals."""
    means: Series = fine.reshape(-1, int(market) // int(Market.REAL_TIME)).mean(axis=1)
    return means
