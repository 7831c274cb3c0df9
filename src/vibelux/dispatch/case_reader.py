"""Reads a dispatch case from its JSON: every field with its bounds and its default.

Unknown keys are ignored, a missing optional block means that the equipment is absent.
"""

import math
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

from vibelux.dispatch.case import (
    Boiler,
    Carbon,
    Case,
    Co2,
    DemandCharge,
    DrEvent,
    Efficiencies,
    Engine,
    Lights,
    Penalties,
    Prices,
    Storage,
    Target,
)
from vibelux.dispatch.document import Field
from vibelux.market.units import GAS_KG_CO2_PER_MMBTU_HHV

SCHEMA = "vibelux.dispatch.case/1"

LONG_AGO_H = 1e6
"""Hours in a state that bind nothing: what a case means that does not tell them."""

_Unit = TypeVar("_Unit", Engine, Boiler, Lights)


def read_case(document: Any, *, must_read: Iterable[str] = ()) -> Case:
    """Reads and checks a case.

    Args:
        document: the decoded JSON.
        must_read: paths (`prices.gas_usd_per_mmbtu`) that have to be fields of a case.

    Raises:
        ConfigError: naming the path of the wrong field.
    """
    root = Field(document)
    case = _case(root)
    for path in must_read:
        root.refuse_unread(path)
    return case


def _case(root: Field) -> Case:
    schema = root.text("schema")
    if schema != SCHEMA:
        raise Field(schema, "schema").wrong(f'should be "{SCHEMA}"')
    step_hours = root.block("time").list_of_numbers("step_hours", above=0)
    steps = len(step_hours)
    prices = root.block("prices")
    grid = root.block("grid")
    carbon = root.optional_block("carbon") or Field({}, "carbon", root.asked)
    demand = root.optional_block("demand") or Field({}, "demand", root.asked)
    heat = root.optional_block("heat") or Field({}, "heat", root.asked)
    tariff = root.optional_block("tariff") or Field({}, "tariff", root.asked)
    penalties = root.optional_block("penalties") or Field({}, "penalties", root.asked)
    return Case(
        name=root.text("name", ""),
        step_hours=step_hours,
        prices=Prices(
            import_usd_per_kwh=prices.series("import_usd_per_kwh", steps),
            export_usd_per_kwh=prices.series("export_usd_per_kwh", steps, 0.0),
            gas_usd_per_mmbtu=prices.series("gas_usd_per_mmbtu", steps),
            carbon_usd_per_t=prices.series("carbon_usd_per_t", steps, 0.0),
        ),
        carbon=Carbon(
            gas_kg_per_mmbtu=carbon.number("gas_kg_per_mmbtu", GAS_KG_CO2_PER_MMBTU_HHV, low=0),
            obligated_fraction=carbon.number("obligated_fraction", 1.0, low=0, high=1),
            grid_kg_per_kwh=carbon.series("grid_kg_per_kwh", steps, 0.0),
            grid_obligated_fraction=carbon.number("grid_obligated_fraction", 0.0, low=0, high=1),
        ),
        power_kw=demand.series("power_kw", steps, 0.0, low=0),
        heat_kw=demand.series("heat_kw", steps, 0.0, low=0),
        import_max_kw=grid.series("import_max_kw", steps, low=0),
        export_max_kw=grid.series("export_max_kw", steps, 0.0, low=0),
        dump_max_kw=heat.series("dump_max_kw", steps, math.inf, low=0),
        energy_adder_usd_per_kwh=tariff.series("energy_adder_usd_per_kwh", steps, 0.0),
        chp=_unlike([_engine(one, steps) for one in root.blocks("chp")], "chp"),
        boiler=_unlike([_boiler(one, steps) for one in root.blocks("boiler")], "boiler"),
        lights=_unlike([_lights(one, steps) for one in root.blocks("lights")], "lights"),
        heat_storage=_storage(root.optional_block("heat_storage")),
        battery=_storage(root.optional_block("battery")),
        co2=_co2(root.optional_block("co2"), steps),
        demand_charges=tuple(_demand_charge(one, steps) for one in tariff.blocks("demand_charges")),
        dr_events=tuple(_dr_event(one, steps) for one in root.blocks("dr_events")),
        penalties=Penalties(
            **{name: penalties.number(name, default, low=0) for name, default in vars(Penalties()).items()}
        ),
    )


def _unlike(units: list[_Unit], where: str) -> tuple[_Unit, ...]:
    """The units, whose ids have to differ: results are told by them."""
    seen: set[str] = set()
    for at, unit in enumerate(units):
        if unit.id in seen:
            raise Field(unit.id, f"{where}[{at}].id").wrong("should differ from the ids before it")
        seen.add(unit.id)
    return tuple(units)


def _engine(one: Field, steps: int) -> Engine:
    initial = one.optional_block("initial") or Field({}, f"{one.path}.initial", one.asked)
    initial_on = initial.flag("on", default=False)
    engine = Engine(
        id=one.text("id"),
        rated_kw=one.number("rated_kw", above=0),
        min_load=one.number("min_load", 0.5, low=0, high=1),
        electric=_efficiencies(one.block("electric_efficiency"), above=0),
        thermal=_efficiencies(one.block("thermal_efficiency"), above=None),
        start_cost_usd=one.number("start_cost_usd", 0.0, low=0),
        om_usd_per_kwh=one.number("om_usd_per_kwh", 0.0),
        om_usd_per_run_hour=one.number("om_usd_per_run_hour", 0.0),
        min_up_h=one.number("min_up_h", 0.0, low=0),
        min_down_h=one.number("min_down_h", 0.0, low=0),
        ramp_up_kw_per_h=_limit(one.optional_number("ramp_up_kw_per_h", low=0)),
        ramp_down_kw_per_h=_limit(one.optional_number("ramp_down_kw_per_h", low=0)),
        availability=one.series("availability", steps, 1.0, low=0, high=1),
        max_starts=one.count("max_starts"),
        co2_usable_fraction=one.number("co2_usable_fraction", 0.0, low=0, high=1),
        initial_on=initial_on,
        initial_hours=initial.number("hours_in_state", LONG_AGO_H, low=0),
        initial_kw=initial.number("power_kw", 0.0, low=0) if initial_on else 0.0,
    )
    _refuse_negative_fuel(engine, one)
    return engine


def _efficiencies(one: Field, *, above: float | None) -> Efficiencies:
    """`half` is `full` where it is not given."""
    if above is None:
        full = one.number("full", low=0, high=1)
        return Efficiencies(full, one.number("half", full, low=0, high=1))
    full = one.number("full", above=above, high=1)
    return Efficiencies(full, one.number("half", full, above=above, high=1))


def _refuse_negative_fuel(engine: Engine, one: Field) -> None:
    """The lines through full and half load may not lead below zero within the load range: no flow is negative."""
    at_full = 1 / engine.electric.full
    at_half = 0.5 / engine.electric.half
    at_least = at_full + (at_full - at_half) * 2 * (engine.min_load - 1)
    if at_least < 0:
        raise one.block("electric_efficiency").wrong("should leave the fuel at minimum load above zero")
    heat_full = engine.thermal.full * at_full
    heat_half = engine.thermal.half * at_half
    if heat_full + (heat_full - heat_half) * 2 * (engine.min_load - 1) < -1e-12:
        raise one.block("thermal_efficiency").wrong("should leave the heat at minimum load above zero")


def _boiler(one: Field, steps: int) -> Boiler:
    return Boiler(
        id=one.text("id"),
        rated_kw=one.number("rated_kw", low=0),
        efficiency=one.number("efficiency", above=0),
        om_usd_per_kwh=one.number("om_usd_per_kwh", 0.0),
        availability=one.series("availability", steps, 1.0, low=0, high=1),
        co2_usable_fraction=one.number("co2_usable_fraction", 0.0, low=0, high=1),
    )


def _storage(one: Field | None) -> Storage | None:
    if one is None:
        return None
    capacity = one.number("capacity_kwh", low=0)
    initial = one.number("initial_kwh", 0.0, low=0, high=capacity)
    return Storage(
        capacity_kwh=capacity,
        charge_max_kw=one.number("charge_max_kw", low=0),
        discharge_max_kw=one.number("discharge_max_kw", low=0),
        charge_efficiency=one.number("charge_efficiency", 1.0, above=0, high=1),
        discharge_efficiency=one.number("discharge_efficiency", 1.0, above=0, high=1),
        loss_per_h=one.number("loss_per_h", 0.0, low=0, high=1),
        initial_kwh=initial,
        min_kwh=one.number("min_kwh", 0.0, low=0, high=capacity),
        terminal_min_kwh=one.number("terminal_min_kwh", initial, low=0),
        terminal_value_usd_per_kwh=one.number("terminal_value_usd_per_kwh", 0.0),
        wear_usd_per_kwh=one.number("wear_usd_per_kwh", 0.0, low=0),
    )


def _lights(one: Field, steps: int) -> Lights:
    return Lights(
        id=one.text("id"),
        max_kw=one.number("max_kw", low=0),
        allowed=one.series("allowed", steps, 1.0, low=0, high=1),
        dimmable=one.flag("dimmable", default=True),
        heat_fraction=one.number("heat_fraction", 0.0, low=0, high=1),
        targets=tuple(_target(target, steps) for target in one.blocks("targets")),
    )


def _target(one: Field, steps: int) -> Target:
    start, end = one.step("from_step", steps), one.step("to_step", steps)
    if end < start:
        raise Field(end, f"{one.path}.to_step").wrong(f"should be at least from_step, {start}")
    return Target(
        from_step=start,
        to_step=end,
        energy_kwh=one.number("energy_kwh", low=0),
        max_energy_kwh=_limit(one.optional_number("max_energy_kwh", low=0)),
    )


def _co2(one: Field | None, steps: int) -> Co2 | None:
    if one is None:
        return None
    return Co2(
        demand_kg=one.series("demand_kg", steps, low=0),
        liquid_usd_per_kg=one.number("liquid_usd_per_kg", 0.0),
        liquid_max_kg_per_h=one.number("liquid_max_kg_per_h", 0.0, low=0),
    )


def _demand_charge(one: Field, steps: int) -> DemandCharge:
    return DemandCharge(
        id=one.text("id"),
        usd_per_kw=one.number("usd_per_kw", low=0),
        steps=np.sort(one.steps("steps", steps, default_all=False)),
        peak_so_far_kw=one.number("peak_so_far_kw", 0.0, low=0),
        ratchet_floor_kw=one.number("ratchet_floor_kw", 0.0, low=0),
        interval_h=None if one.optional_number("interval_h") is None else one.number("interval_h", above=0),
        elapsed_h=one.number("elapsed_h", 0.0, low=0),
        elapsed_kwh=one.number("elapsed_kwh", 0.0, low=0),
    )


def _dr_event(one: Field, steps: int) -> DrEvent:
    chosen = one.steps("steps", steps, default_all=False)
    return DrEvent(
        id=one.text("id"),
        steps=chosen,
        import_max_kw=_limit(one.optional_number("import_max_kw", low=0)),
        noncompliance_usd_per_kwh=one.number("noncompliance_usd_per_kwh", 5.0, low=0),
        reward_usd_per_kwh=one.number("reward_usd_per_kwh", 0.0, low=0),
        baseline_kw=one.series("baseline_kw", len(chosen), 0.0),
        max_reduction_kw=_limit(one.optional_number("max_reduction_kw", low=0)),
    )


def _limit(value: float | None) -> float:
    return math.inf if value is None else value
