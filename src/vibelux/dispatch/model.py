"""The case as a mixed-integer linear program: grid, balances, boilers, and the parts that other modules add.

Only engines (on or off), lamps that cannot be dimmed, and steps in which the grid or the battery could be cheated
by flowing both ways at once are integer. `docs/dispatch.md` has the equations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from vibelux.dispatch.case import Boiler, Case
from vibelux.dispatch.document import Array, Steps
from vibelux.dispatch.linear import Builder, Index, Program
from vibelux.dispatch.model_demands import add_co2, add_lights
from vibelux.dispatch.model_engines import add_engine
from vibelux.dispatch.model_parts import Common, EngineColumns, LightColumns, StorageColumns
from vibelux.dispatch.model_storage import add_storage
from vibelux.dispatch.model_tariff import add_demand_charges, add_dr_events
from vibelux.market.units import KG_PER_METRIC_TON, KWH_PER_MMBTU


@dataclass(frozen=True)
class Model:
    """A program and what its variables mean."""

    case: Case
    program: Program
    imported: Index
    exported: Index
    spill: Index
    unserved_power: Index
    unserved_heat: Index
    dump: Index
    importing: Index
    """1: may import, 0: may export; only for steps where export pays more than import costs."""
    engines: tuple[EngineColumns, ...]
    boilers: tuple[Index, ...]
    heat_storage: StorageColumns | None
    battery: StorageColumns | None
    lights: tuple[LightColumns, ...]
    liquid: Index | None
    unserved_co2: Index | None
    exclusive: Steps
    """The steps in which the battery's direction is a variable."""
    common: Common
    """Its balances, and what fuel costs."""
    rows: dict[str, Index] = field(default_factory=dict)
    """Rows of limits by the case's own names."""

    @property
    def integers(self) -> npt.NDArray[np.intp]:
        """Numbers of the integer columns."""
        return np.flatnonzero(self.program.integer)


def import_cost(case: Case) -> Array:
    """USD/kWh of an imported kWh: price, adder and grid carbon."""
    carbon = case.carbon
    grid_carbon = carbon.grid_kg_per_kwh * carbon.grid_obligated_fraction * case.prices.carbon_usd_per_t
    total: Array = case.prices.import_usd_per_kwh + case.energy_adder_usd_per_kwh + grid_carbon / KG_PER_METRIC_TON
    return total


def fuel_cost(case: Case) -> Array:
    """USD/kWh of fuel: gas and its carbon."""
    kg_per_kwh = case.carbon.gas_kg_per_mmbtu / KWH_PER_MMBTU
    paid_carbon = case.prices.carbon_usd_per_t * case.carbon.obligated_fraction * kg_per_kwh / KG_PER_METRIC_TON
    total: Array = case.prices.gas_usd_per_mmbtu / KWH_PER_MMBTU + paid_carbon
    return total


def held_first(model: Model, first: Mapping[str, bool]) -> Model | None:
    """The model with engines on, or off, in the first step as asked, by id; None where one cannot be so."""
    lower, upper = model.program.lower.copy(), model.program.upper.copy()
    for engine, columns in zip(model.case.chp, model.engines, strict=True):
        if engine.id in first:
            at, on = columns.on[0], float(first[engine.id])
            if not lower[at] <= on <= upper[at]:
                return None
            lower[at] = upper[at] = on
    return replace(model, program=replace(model.program, lower=lower, upper=upper)) if first else model


def both_ways_pay(case: Case) -> npt.NDArray[np.bool_]:
    """The steps in which export pays more than import costs."""
    pays = case.prices.export_usd_per_kwh > import_cost(case)
    found: npt.NDArray[np.bool_] = pays & (case.import_max_kw > 0) & (case.export_max_kw > 0)
    return found


def build(case: Case, exclusive: Steps | None = None) -> Model:
    """Builds the program.

    Args:
        case: what is known.
        exclusive: steps in which the battery must be kept from charging and discharging at once. It hardly ever
            gains by that, so the solver asks for them only where a first solution did it.
    """
    steps, hours = case.steps, case.step_hours
    builder = Builder(steps)
    exclusive = np.empty(0, dtype=np.intp) if exclusive is None else exclusive
    power = builder.rows(steps, lower=case.power_kw, upper=case.power_kw)
    heat = builder.rows(steps, lower=case.heat_kw, upper=case.heat_kw)

    imported = builder.columns(steps, cost=hours * import_cost(case), upper=case.import_max_kw)
    exported = builder.columns(steps, cost=-hours * case.prices.export_usd_per_kwh, upper=case.export_max_kw)
    spill = builder.columns(steps, cost=hours * case.penalties.spill_usd_per_kwh)
    unserved_power = builder.columns(steps, cost=hours * case.penalties.power_usd_per_kwh, upper=case.power_kw)
    unserved_heat = builder.columns(steps, cost=hours * case.penalties.heat_usd_per_kwh, upper=case.heat_kw)
    dump = builder.columns(steps, upper=case.dump_max_kw)
    for columns, sign in ((imported, 1.0), (exported, -1.0), (spill, -1.0), (unserved_power, 1.0)):
        builder.put(power, columns, sign)
    for columns, sign in ((unserved_heat, 1.0), (dump, -1.0)):
        builder.put(heat, columns, sign)

    rows: dict[str, Index] = {}
    co2 = add_co2(builder, case)
    common = Common(
        case=case,
        builder=builder,
        power=power,
        heat=heat,
        usable_co2=None if co2 is None else co2.balance,
        fuel_usd_per_kwh=fuel_cost(case),
        fuel_kg_per_kwh=case.carbon.gas_kg_per_mmbtu / KWH_PER_MMBTU,
    )
    engines = tuple(add_engine(common, engine, rows) for engine in case.chp)
    boilers = tuple(_add_boiler(common, boiler) for boiler in case.boiler)
    heat_storage = battery = None
    if case.heat_storage is not None:
        heat_storage = add_storage(common, case.heat_storage, heat)
    if case.battery is not None:
        battery = add_storage(common, case.battery, power, exclusive)
    lights = tuple(add_lights(common, group, rows) for group in case.lights)
    add_demand_charges(builder, case, imported, rows)
    add_dr_events(builder, case, imported, rows)
    importing = _keep_grid_one_way(builder, case, imported, exported)
    return Model(
        case=case,
        program=builder.program(),
        imported=imported,
        exported=exported,
        spill=spill,
        unserved_power=unserved_power,
        unserved_heat=unserved_heat,
        dump=dump,
        importing=importing,
        engines=engines,
        boilers=boilers,
        heat_storage=heat_storage,
        battery=battery,
        lights=lights,
        liquid=None if co2 is None else co2.liquid,
        unserved_co2=None if co2 is None else co2.unserved,
        exclusive=exclusive,
        common=common,
        rows=rows,
    )


def _add_boiler(common: Common, boiler: Boiler) -> Index:
    """A boiler: its column is heat, kW; it burns heat / efficiency."""
    case = common.case
    columns = common.builder.columns(
        case.steps, cost=case.step_hours * boiler.om_usd_per_kwh, upper=boiler.rated_kw * boiler.availability
    )
    common.builder.put(common.heat, columns, 1.0)
    common.put_fuel(columns, 1 / boiler.efficiency, boiler.co2_usable_fraction)
    return columns


def _keep_grid_one_way(builder: Builder, case: Case, imported: Index, exported: Index) -> Index:
    """Where export pays more than import costs, a binary lets only one of them flow; elsewhere both never pays.

    Export is limited to what the site can make, import to what it can use where spilling it would cost: the
    binary's coefficients are as small as that.
    """
    cost = import_cost(case)
    at = np.flatnonzero(both_ways_pay(case))
    making = np.zeros(case.steps) if case.battery is None else np.full(case.steps, case.battery.discharge_max_kw)
    for engine in case.chp:
        making += engine.rated_kw * engine.availability
    using = case.power_kw + (0.0 if case.battery is None else case.battery.charge_max_kw)
    for group in case.lights:
        using = using + group.max_kw * group.allowed
    using = np.where(cost + case.penalties.spill_usd_per_kwh >= 0, using, np.inf)
    importing = builder.columns(len(at), upper=1.0, integer=True, at=at)
    rows = builder.rows(len(at), upper=0.0, at=at)
    builder.put(rows, imported[at], 1.0)
    builder.put(rows, importing, -np.minimum(case.import_max_kw, using)[at])
    most = np.minimum(case.export_max_kw, making)[at]
    rows = builder.rows(len(at), upper=most, at=at)
    builder.put(rows, exported[at], 1.0)
    builder.put(rows, importing, most)
    return importing
