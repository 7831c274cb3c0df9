"""A dispatch case: what is known of a plant and its prices over the horizon, as `vibelux dispatch` reads it.

The contract is `docs/dispatch.md`. Power in kW (mean over the step), energy in kWh, time in hours, money in USD, fuel
and efficiencies on the higher heating value. Arrays have one entry a step, shape (T,), where nothing else is said.
A case holds what was given and nothing derived from it, so that model and checker each derive on their own.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from vibelux.dispatch.document import Array, Field, Steps
from vibelux.market.errors import ConfigError
from vibelux.market.units import GAS_KG_CO2_PER_MMBTU_HHV

SCHEMA = "vibelux.dispatch.case/1"

LONG_AGO_H = 1e6
"""Hours in a state that bind nothing: what a case means that does not tell them."""


@dataclass(frozen=True)
class Prices:
    """What the site pays and gets."""

    import_usd_per_kwh: Array
    export_usd_per_kwh: Array
    gas_usd_per_mmbtu: Array
    carbon_usd_per_t: Array


@dataclass(frozen=True)
class Carbon:
    """Which emissions are paid for."""

    gas_kg_per_mmbtu: float
    obligated_fraction: float
    grid_kg_per_kwh: Array
    grid_obligated_fraction: float


@dataclass(frozen=True)
class Efficiencies:
    """At 100 % and at 50 % of rated power."""

    full: float
    half: float


@dataclass(frozen=True)
class Engine:
    """An entry of `chp`."""

    id: str
    rated_kw: float
    min_load: float
    electric: Efficiencies
    thermal: Efficiencies
    start_cost_usd: float
    om_usd_per_kwh: float
    om_usd_per_run_hour: float
    min_up_h: float
    min_down_h: float
    ramp_up_kw_per_h: float
    """Infinite where there is no limit."""
    ramp_down_kw_per_h: float
    availability: Array
    max_starts: int | None
    co2_usable_fraction: float
    initial_on: bool
    initial_hours: float
    initial_kw: float
    """0 where it is off."""

    @cached_property
    def outage(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """The steps in which it cannot run: the available power is below the least load, or nothing."""
        available = self.availability * self.rated_kw
        return (available < self.min_load * self.rated_kw) | (available <= 0)


@dataclass(frozen=True)
class Boiler:
    """An entry of `boiler`; `rated_kw` is heat."""

    id: str
    rated_kw: float
    efficiency: float
    om_usd_per_kwh: float
    availability: Array
    co2_usable_fraction: float


@dataclass(frozen=True)
class Storage:
    """`heat_storage` or `battery`."""

    capacity_kwh: float
    charge_max_kw: float
    discharge_max_kw: float
    charge_efficiency: float
    discharge_efficiency: float
    loss_per_h: float
    initial_kwh: float
    min_kwh: float
    terminal_min_kwh: float
    terminal_value_usd_per_kwh: float
    wear_usd_per_kwh: float


@dataclass(frozen=True)
class Target:
    """Light to deliver from `from_step` until before `to_step`."""

    from_step: int
    to_step: int
    energy_kwh: float
    max_energy_kwh: float
    """Infinite where there is no limit."""


@dataclass(frozen=True)
class Lights:
    """An entry of `lights`."""

    id: str
    max_kw: float
    allowed: Array
    dimmable: bool
    heat_fraction: float
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Co2:
    """What the crop takes, kg a step."""

    demand_kg: Array
    liquid_usd_per_kg: float
    liquid_max_kg_per_h: float


@dataclass(frozen=True)
class DemandCharge:
    """A price on the highest metered import in a window."""

    id: str
    usd_per_kw: float
    steps: Steps
    peak_so_far_kw: float
    ratchet_floor_kw: float
    interval_h: float | None
    elapsed_h: float
    elapsed_kwh: float


@dataclass(frozen=True)
class DrEvent:
    """A demand-response event; `baseline_kw` has one value a step of `steps`."""

    id: str
    steps: Steps
    import_max_kw: float
    noncompliance_usd_per_kwh: float
    reward_usd_per_kwh: float
    baseline_kw: Array
    max_reduction_kw: float


@dataclass(frozen=True)
class Penalties:
    """Prices of shortfalls."""

    power_usd_per_kwh: float = 10.0
    heat_usd_per_kwh: float = 2.0
    co2_usd_per_kg: float = 5.0
    light_usd_per_kwh: float = 5.0
    terminal_usd_per_kwh: float = 1.0
    spill_usd_per_kwh: float = 1.0


@dataclass(frozen=True)
class Case:
    """One problem. `vibelux.dispatch.solve` answers it."""

    name: str
    step_hours: Array
    prices: Prices
    carbon: Carbon
    power_kw: Array
    heat_kw: Array
    import_max_kw: Array
    export_max_kw: Array
    dump_max_kw: Array
    energy_adder_usd_per_kwh: Array
    chp: tuple[Engine, ...] = ()
    boiler: tuple[Boiler, ...] = ()
    lights: tuple[Lights, ...] = ()
    heat_storage: Storage | None = None
    battery: Storage | None = None
    co2: Co2 | None = None
    demand_charges: tuple[DemandCharge, ...] = ()
    dr_events: tuple[DrEvent, ...] = ()
    penalties: Penalties = field(default_factory=Penalties)

    @property
    def steps(self) -> int:
        """T."""
        return len(self.step_hours)

    @cached_property
    def starts_h(self) -> Array:
        """tau: when each step starts, hours after the first."""
        return np.concatenate(([0.0], np.cumsum(self.step_hours)[:-1]))

    @classmethod
    def from_json(cls, document: Any, *, must_read: Iterable[str] = ()) -> "Case":
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


_Unit = TypeVar("_Unit", Engine, Boiler, Lights)


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
