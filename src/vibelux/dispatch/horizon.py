"""From a facility, its state and what is expected to a dispatch case: the problem of the next 48 hours.

The steps are the outlook's (5 minutes for 2 hours, 15 minutes to 12, hours to 48) as far as both a price and the
demands reach. What a day or a month has had so far comes from the state, so that a plan made at noon owes the lamps
only the rest of today's light, and a metered peak that is already paid for costs nothing more.
"""

from collections.abc import Iterator
from datetime import date, datetime

import numpy as np

from vibelux.dispatch import plant
from vibelux.dispatch.case import (
    Boiler,
    Carbon,
    Case,
    Co2,
    DemandCharge,
    Efficiencies,
    Engine,
    Lights,
    Prices,
    Storage,
    Target,
)
from vibelux.dispatch.document import Array, Steps
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.state import Group, PlantState, UnitState
from vibelux.market.units import GAS_KG_CO2_PER_MMBTU_HHV
from vibelux.outlook.conditions import Conditions
from vibelux.outlook.demand import Demands
from vibelux.outlook.past import DAY, Minutes, utc_minutes, wall_minutes
from vibelux.outlook.price import Outlook

SHORTEST_HOURS = 2.0
"""A horizon shorter than this says too little of starts and storage to plan on."""

_LONG_AGO_H = 1e4
"""Since when an engine stands as it does where nobody knows: no minimum time binds."""


def build_case(
    facility: Facility,
    conditions: Conditions,
    outlook: Outlook,
    demands: Demands,
    state: PlantState,
    now: datetime,
    *,
    shortest_h: float = SHORTEST_HOURS,
) -> Case | None:
    """The case of a facility now; None where prices or demands do not reach far enough.

    Args:
        facility: the plant and its contracts.
        conditions: the prices of now; they have to be complete.
        outlook: of its node, with `horizon(now)` as steps.
        demands: over the same steps, or fewer.
        state: advanced to `now`.
        now: the moment, UTC.
        shortest_h: how far they have to reach, in hours; 0: the first step has to be known.
    """
    market, gas, carbon = conditions.electricity.value, conditions.prices.gas_usd_per_mmbtu, conditions.prices
    expected = outlook.expected[0].copy()
    if market is None or gas is None or carbon.carbon_usd_per_t is None:
        return None
    expected[0] = market
    count = _known(expected, len(demands.power_kw))
    hours = outlook.steps.lengths[:count] / 60
    if not count or hours.sum() < shortest_h:
        return None
    wall = wall_minutes(outlook.steps.starts[:count], facility.zone_name)
    expected = expected[:count]
    rules, one = facility.prices, np.ones(count)
    dump = facility.heat.dump_max_kw
    return Case(
        name=facility.id,
        step_hours=hours,
        prices=Prices(
            import_usd_per_kwh=rules.import_factor * expected + rules.import_adder_usd_per_kwh,
            export_usd_per_kwh=rules.export_factor * expected + rules.export_adder_usd_per_kwh,
            gas_usd_per_mmbtu=_gas(facility, gas, wall),
            carbon_usd_per_t=carbon.carbon_usd_per_t * one,
        ),
        carbon=Carbon(GAS_KG_CO2_PER_MMBTU_HHV, 1.0, 0 * one, 0.0),
        power_kw=demands.power_kw[:count],
        heat_kw=demands.heat_kw[:count],
        import_max_kw=facility.grid.import_max_kw * one,
        export_max_kw=_room(facility.grid.export_max_kw * one, demands.surplus_kw),
        dump_max_kw=(np.inf if dump is None else dump) * one,
        energy_adder_usd_per_kwh=facility.tariff.energy_adder_over(wall),
        chp=tuple(_engine(engine, state.units.get(engine.id), wall, now) for engine in facility.chp),
        boiler=tuple(_boiler(boiler, one) for boiler in facility.boiler),
        lights=tuple(
            _lights(group, demands, state.lights.get(group.id), wall, outlook.steps.lengths[:count])
            for group in facility.lights
        ),
        heat_storage=_storage(facility.heat_storage, state.storage_kwh),
        battery=_storage(facility.battery, state.battery_kwh),
        co2=_co2(facility.co2, demands.co2_kg_per_h[:count] * hours),
        demand_charges=tuple(_demand_charges(facility, state, wall)),
    )


def _known(expected: Array, demanded: int) -> int:
    """How many steps have a price and a demand."""
    unknown = np.flatnonzero(~np.isfinite(expected))
    return min(int(unknown[0]) if len(unknown) else len(expected), demanded)


def _room(export_max_kw: Array, surplus_kw: Array | None) -> Array:
    """What the grid still takes beside the surplus of the site's own panels."""
    return export_max_kw if surplus_kw is None else np.maximum(export_max_kw - surplus_kw[: len(export_max_kw)], 0.0)


def _gas(facility: Facility, today: float, wall: Minutes) -> Array:
    """The gas price of each step: a table's of its local day, any other contract's as it is today."""
    prices = np.full(len(wall), today)
    contract = facility.prices.contract
    if contract.kind == "table":
        for day, steps in _days(wall):
            price = contract.price(None, day)
            prices[steps] = today if price is None else price
    return prices


def _engine(engine: plant.Engine, unit: UnitState | None, wall: Minutes, now: datetime) -> Engine:
    """Starts are limited for each local day: what is left of today's is for today, none left keeps it off today."""
    on = unit is not None and unit.on
    availability = np.full(len(wall), engine.availability)
    starts = engine.max_starts
    if starts is not None:
        days = wall // DAY
        left = max(starts - (0 if unit is None else unit.starts_today), 0)
        if not on and left == 0:
            availability[days == days[0]] = 0.0
        starts = left + starts * int(days[-1] - days[0])
    known = unit is not None and unit.since is not None
    low, high = engine.min_load * engine.rated_kw, engine.availability * engine.rated_kw
    power = high if unit is None or unit.power_kw is None else min(max(unit.power_kw, low), max(high, low))
    return Engine(
        id=engine.id,
        rated_kw=engine.rated_kw,
        min_load=engine.min_load,
        electric=Efficiencies(engine.electric_efficiency.full, engine.electric_efficiency.at_half),
        thermal=Efficiencies(engine.thermal_efficiency.full, engine.thermal_efficiency.at_half),
        start_cost_usd=engine.start_cost_usd,
        om_usd_per_kwh=engine.om_usd_per_kwh,
        om_usd_per_run_hour=engine.om_usd_per_run_hour,
        min_up_h=engine.min_up_h,
        min_down_h=engine.min_down_h,
        ramp_up_kw_per_h=engine.ramp_up_kw_per_h or np.inf,
        ramp_down_kw_per_h=engine.ramp_down_kw_per_h or np.inf,
        availability=availability,
        max_starts=starts,
        co2_usable_fraction=engine.co2_usable_fraction,
        initial_on=on,
        initial_hours=(now - unit.since).total_seconds() / 3600 if known and unit and unit.since else _LONG_AGO_H,
        initial_kw=power if on else 0.0,
    )


def _boiler(boiler: plant.Boiler, one: Array) -> Boiler:
    return Boiler(
        id=boiler.id,
        rated_kw=boiler.rated_kw,
        efficiency=boiler.efficiency,
        om_usd_per_kwh=boiler.om_usd_per_kwh,
        availability=boiler.availability * one,
        co2_usable_fraction=boiler.co2_usable_fraction,
    )


def _storage(storage: plant.Storage | None, level_kwh: float | None) -> Storage | None:
    """What it has to hold in the end is what the file says, else its usual level; where it stands now is not asked."""
    if storage is None:
        return None
    usual = min(max(storage.initial_kwh, storage.min_kwh), storage.capacity_kwh)
    least = usual if storage.terminal_min_kwh is None else storage.terminal_min_kwh
    level = usual if level_kwh is None else min(max(level_kwh, storage.min_kwh), storage.capacity_kwh)
    return Storage(
        capacity_kwh=storage.capacity_kwh,
        charge_max_kw=storage.charge_max_kw,
        discharge_max_kw=storage.discharge_max_kw,
        charge_efficiency=storage.charge_efficiency,
        discharge_efficiency=storage.discharge_efficiency,
        loss_per_h=storage.loss_per_h,
        initial_kwh=level,
        min_kwh=storage.min_kwh,
        terminal_min_kwh=least,
        terminal_value_usd_per_kwh=storage.terminal_value_usd_per_kwh,
        wear_usd_per_kwh=storage.wear_usd_per_kwh,
    )


def _lights(group: plant.Lights, demands: Demands, done: Group | None, wall: Minutes, lengths: Minutes) -> Lights:
    """A target for each local day: today what is still owed, the last day the part that lies in the horizon."""
    allowed = np.ones(len(wall)) if group.photoperiod is None else group.photoperiod.holds_over(wall).astype(np.float64)
    targets = []
    for day, steps in _days(wall):
        whole = demands.light_kwh.get((group.id, day), 0.0)
        most = np.inf if group.max_energy_kwh_per_day is None else group.max_energy_kwh_per_day
        given = done.today_kwh if done is not None and steps[0] == 0 else 0.0
        owed = max(whole - given, 0.0)
        if steps[0] > 0:
            minutes = DAY if group.photoperiod is None else group.photoperiod.minutes
            owed *= min(float(allowed[steps] @ lengths[steps]) / minutes, 1.0)
        room = max(most - given, owed)
        targets.append(Target(int(steps[0]), int(steps[-1]) + 1, owed, room))
    return Lights(group.id, group.max_kw, allowed, group.dimmable, group.heat_fraction, tuple(targets))


def _days(wall: Minutes) -> Iterator[tuple[date, Steps]]:
    days = wall // DAY
    for number in np.unique(days):
        yield date(1970, 1, 1).fromordinal(date(1970, 1, 1).toordinal() + int(number)), np.flatnonzero(days == number)


def _co2(co2: plant.Co2 | None, demand_kg: Array) -> Co2 | None:
    return None if co2 is None else Co2(demand_kg, co2.liquid_usd_per_kg, co2.liquid_max_kg_per_h)


def _demand_charges(facility: Facility, state: PlantState, wall: Minutes) -> Iterator[DemandCharge]:
    """Each charge once for each billing month that the horizon touches; only this month's has a peak so far.

    Of a metering interval in progress the time is known, and its energy taken as what the import has been.
    """
    months = wall.astype("datetime64[m]").astype("datetime64[M]")
    for charge in facility.tariff.demand_charges:
        holds = charge.holds_over(wall)
        for month in np.unique(months):
            steps = np.flatnonzero(holds & (months == month))
            if not len(steps):
                continue
            now = month == months[0]
            elapsed = float(wall[0] % (charge.interval_h * 60)) / 60 if charge.interval_h else 0.0
            yield DemandCharge(
                id=charge.id if now else f"{charge.id} {month}",
                usd_per_kw=charge.usd_per_kw,
                steps=steps,
                peak_so_far_kw=state.peaks_kw.get(charge.id, 0.0) if now else 0.0,
                ratchet_floor_kw=charge.ratchet_floor_kw,
                interval_h=charge.interval_h,
                elapsed_h=elapsed,
                elapsed_kwh=elapsed * state.import_kw,
            )


def stands_at(facility: Facility, state: PlantState, now: datetime) -> PlantState:
    """The state at `now` (UTC), with what was imported since in the peaks of the charges that held as it began."""
    began = now if state.at is None else state.at
    return state.with_peaks(holding_charges(facility, utc_minutes(began))).advanced(now, facility.zone_name)


def holding_charges(facility: Facility, minute: int) -> dict[str, bool]:
    """Which demand charges hold in a UTC minute, by their ids."""
    wall = wall_minutes(np.array([minute]), facility.zone_name)
    return {charge.id: bool(charge.holds_over(wall)[0]) for charge in facility.tariff.demand_charges}
