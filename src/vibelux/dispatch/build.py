"""From a facility, its state and its prices to the problem of one step."""

import math
from datetime import datetime, timedelta

from vibelux.dispatch.facility import Facility
from vibelux.dispatch.loads import Load
from vibelux.dispatch.plant import Boiler, Engine
from vibelux.dispatch.state import PlantState, UnitState
from vibelux.dispatch.step import BoilerStep, EngineStep, Step, StepPrices
from vibelux.market.intervals import local_time
from vibelux.outlook.conditions import Conditions


def step_prices(facility: Facility, conditions: Conditions) -> StepPrices | None:
    """What the facility pays in this step, None when a price is missing."""
    gas, carbon = conditions.prices.gas_usd_per_mmbtu, conditions.prices.carbon_usd_per_t
    if not conditions.complete or gas is None or carbon is None:
        return None
    rules = facility.prices
    return StepPrices(
        import_adder=rules.import_adder_usd_per_kwh + facility.energy_adder_at(conditions.at),
        export_factor=rules.export_factor,
        export_adder=rules.export_adder_usd_per_kwh,
        gas_usd_per_mmbtu=gas,
        carbon_usd_per_t=carbon,
        import_factor=rules.import_factor,
    )


def build_step(
    facility: Facility, load: Load, state: PlantState, now: datetime, prices: StepPrices | None
) -> tuple[Step, list[str]]:
    """The problem of the step that holds `now`, and what binds its engines, in sentences.

    Without prices boilers stand by efficiency, with prices by the cost of their heat.
    """
    engines, notes = [], []
    for engine in facility.chp:
        unit = state.units.get(engine.id)
        must, note = obligation(engine, unit, now, facility.zone_name)
        engines.append(_engine(engine, unit, must))
        if note:
            notes.append(note)
    fuel = prices.gas_usd_per_kwh + prices.carbon_usd_per_kwh if prices is not None else 1.0

    def heat_cost(boiler: Boiler) -> float:
        return fuel / boiler.efficiency + (boiler.om_usd_per_kwh if prices is not None else 0.0)

    dump = facility.heat.dump_max_kw
    step = Step(
        engines=tuple(engines),
        boilers=tuple(
            BoilerStep(boiler.id, boiler.rated_kw * boiler.availability, boiler.efficiency, boiler.om_usd_per_kwh)
            for boiler in sorted(facility.boiler, key=heat_cost)
        ),
        power_kw=load.power_kw,
        heat_kw=load.heat_kw,
        import_max_kw=facility.grid.import_max_kw,
        export_max_kw=facility.grid.export_max_kw,
        dump_max_kw=math.inf if dump is None else dump,
    )
    return step, notes


def obligation(engine: Engine, unit: UnitState | None, now: datetime, zone_name: str) -> tuple[bool | None, str]:
    """Whether an engine has to be on (True) or off (False) now, and why.

    An outage (available power below minimum load) comes before the minimum times. Without knowing since when an
    engine stands as it does, no minimum time binds.
    """
    available = engine.availability * engine.rated_kw
    if available <= 0 or available < engine.min_load * engine.rated_kw:
        return False, f"{engine.id} is not available."
    if unit is None or unit.since is None:
        return None, ""
    hours = engine.min_up_h if unit.on else engine.min_down_h
    until = unit.since + timedelta(hours=hours)
    if now >= until:
        return None, ""
    verb, kind = ("run", "running") if unit.on else ("rest", "down")
    when = local_time(until, now, zone_name)
    return unit.on, f"{engine.id} has to {verb} until {when}: its minimum {kind} time is {hours:g} h."


def _engine(engine: Engine, unit: UnitState | None, must: bool | None) -> EngineStep:
    """A start is paid once in a cycle of start and stop: half of it is laid on the start, half on the stop.

    Each half is spread over the minimum time that follows, one hour at least: with 15 USD, 2 h up and 0 h down a
    start has to earn 15 / 2 / 2 = 3.75 USD/h, and a stop to save 15 / 2 / 1 = 7.50 USD/h. Neither counts for an
    engine whose state is unknown.
    """
    half = engine.start_cost_usd / 2
    return EngineStep(
        id=engine.id,
        low_kw=engine.min_load * engine.rated_kw,
        high_kw=engine.availability * engine.rated_kw,
        fuel=engine.fuel,
        heat=engine.heat,
        om_usd_per_kwh=engine.om_usd_per_kwh,
        om_usd_per_h=engine.om_usd_per_run_hour,
        must=must,
        start_usd_per_h=half / max(engine.min_up_h, 1.0) if unit is not None and not unit.on else 0.0,
        stop_usd_per_h=half / max(engine.min_down_h, 1.0) if unit is not None and unit.on else 0.0,
    )
