"""What lies ahead of the plants of these tests: prices by the hour of the day, demands that never change."""

from datetime import date, datetime, timedelta

import numpy as np

from dispatch.plants import NOW, at_price
from vibelux.dispatch.decision import Decision, View, decide
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.state import PlantState
from vibelux.outlook.demand import Demands
from vibelux.outlook.past import wall_minutes
from vibelux.outlook.price import KINDS, Kind, Outlook, horizon


def outlook(facility: Facility, by_hour: dict[int, float], otherwise: float, now: datetime = NOW) -> Outlook:
    """Prices in USD/kWh by local hour."""
    steps = horizon(now)
    hour = wall_minutes(steps.starts, facility.zone_name) // 60 % 24
    price = np.array([by_hour.get(int(one), otherwise) for one in hour])[None]
    kind = np.full(price.shape, KINDS.index(Kind.FORECAST), dtype=np.int8)
    naive = np.stack((price, price), axis=-1)
    return Outlook(now, steps, kind, price, np.stack((price,) * 3, axis=-1), naive, dict.fromkeys(KINDS, "a test"))


def demands(facility: Facility, now: datetime = NOW, **light_kwh: float) -> Demands:
    """The facility's constants; light by lamp group, the same each day."""
    steps = horizon(now)
    one = np.ones(len(steps.starts))
    first = now.date() - timedelta(days=1)
    days: list[date] = [first + timedelta(days=day) for day in range(5)]
    return Demands(
        power_kw=(facility.demand.power_kw or 0.0) * one,
        heat_kw=(facility.demand.heat_kw or 0.0) * one,
        co2_kg_per_h=0.0 * one,
        light_kwh={(name, day): kwh for name, kwh in light_kwh.items() for day in days},
    )


def view(
    facility: Facility,
    by_hour: dict[int, float],
    otherwise: float,
    *,
    now: datetime = NOW,
    in_force: dict[str, bool] | None = None,
    **light_kwh: float,
) -> View:
    """Prices, demands and the plan in force."""
    return View(outlook(facility, by_hour, otherwise, now), demands(facility, now, **light_kwh), in_force)


def planned(site: Facility, price: float, ahead: View, state: PlantState | None = None) -> Decision:
    """The decision at a price now."""
    return decide(site, at_price(site, price), state or PlantState(), NOW, ahead)
