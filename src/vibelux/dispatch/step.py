"""One step of a plant: what can be switched, what flows then, what that costs.

Flows and costs are computed for many candidate set-points at once: arrays have one row a candidate and, where they
are two-dimensional, one column an engine or boiler. There is no other arithmetic of flows in this room, so that
what is ranked is what is reported.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vibelux.dispatch.plant import Line
from vibelux.market.units import KWH_PER_MMBTU, carbon_usd_per_mmbtu

Array = npt.NDArray[np.float64]

UNSERVED_POWER_USD_PER_KWH = 10.0
UNSERVED_HEAT_USD_PER_KWH = 2.0
"""What a shortfall counts, as in a dispatch case: demands are met wherever the plant can."""

TOLERANCE_KW = 1e-6


@dataclass(frozen=True, slots=True)
class EngineStep:
    """What an engine can do in this step."""

    id: str
    low_kw: float
    high_kw: float
    """Its range while on."""
    fuel: Line
    heat: Line
    om_usd_per_kwh: float = 0.0
    om_usd_per_h: float = 0.0
    must: bool | None = None
    """True: has to be on; False: has to be off; None: free."""
    start_usd_per_h: float = 0.0
    """Laid on being on, where it is off now."""
    stop_usd_per_h: float = 0.0
    """Laid on being off, where it is on now."""


@dataclass(frozen=True, slots=True)
class BoilerStep:
    """What a boiler can do in this step."""

    id: str
    high_kw: float
    efficiency: float
    om_usd_per_kwh: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """The problem of one step. Boilers stand in the order in which they are used, cheapest heat first."""

    engines: tuple[EngineStep, ...]
    boilers: tuple[BoilerStep, ...]
    power_kw: float
    heat_kw: float
    import_max_kw: float
    export_max_kw: float = 0.0
    dump_max_kw: float = math.inf


@dataclass(frozen=True, slots=True)
class StepPrices:
    """What the site pays, USD; the market price itself comes as an argument, so that it can be varied."""

    import_adder: float
    export_factor: float
    export_adder: float
    gas_usd_per_mmbtu: float
    carbon_usd_per_t: float
    import_factor: float = 1.0

    @property
    def gas_usd_per_kwh(self) -> float:
        """Fuel, HHV.

        >>> round(StepPrices(0, 1, 0, 4.75, 0).gas_usd_per_kwh, 6)   # 4.75 / 293.07107
        0.016208
        """
        return self.gas_usd_per_mmbtu / KWH_PER_MMBTU

    @property
    def carbon_usd_per_kwh(self) -> float:
        """The emission of a kWh of fuel.

        >>> round(StepPrices(0, 1, 0, 4.75, 29.27).carbon_usd_per_kwh, 6)   # 29.27 * 53.06 / 1000 / 293.07107
        0.005299
        """
        return carbon_usd_per_mmbtu(self.carbon_usd_per_t) / KWH_PER_MMBTU


@dataclass(frozen=True, slots=True)
class Flows:
    """What flows at each candidate, kW."""

    on: npt.NDArray[np.bool_]
    power: Array
    heat: Array
    fuel: Array
    boiler_heat: Array
    boiler_fuel: Array
    imported: Array
    exported: Array
    dumped: Array
    unserved_power: Array
    unserved_heat: Array

    def allowed(self, step: Step) -> npt.NDArray[np.bool_]:
        """Which candidates keep the limits of export and of thrown-away heat."""
        within: npt.NDArray[np.bool_] = (self.exported <= step.export_max_kw + TOLERANCE_KW) & (
            self.dumped <= step.dump_max_kw + TOLERANCE_KW
        )
        return within


def flows(step: Step, on: npt.NDArray[np.bool_], power: Array) -> Flows:
    """What flows when the engines stand so; demand first, the grid and the boilers balance.

    Power: import - export + engines + unserved = demand, import and export never both.
    Heat: engines + boilers - dumped + unserved = demand. Boilers never burn for the dump.
    Source: the dispatch case, "Balances in every step", without storage, lights and spill.
    """
    heat = np.zeros_like(power)
    fuel = np.zeros_like(power)
    for column, engine in enumerate(step.engines):
        heat[:, column] = np.where(on[:, column], engine.heat.fixed + engine.heat.slope * power[:, column], 0.0)
        fuel[:, column] = np.where(on[:, column], engine.fuel.fixed + engine.fuel.slope * power[:, column], 0.0)
    lacking_power = step.power_kw - power.sum(axis=1)
    imported = np.clip(lacking_power, 0.0, step.import_max_kw)
    lacking_heat = step.heat_kw - heat.sum(axis=1)
    rest = np.maximum(lacking_heat, 0.0)
    boiler_heat = np.zeros((len(power), len(step.boilers)))
    for column, boiler in enumerate(step.boilers):
        boiler_heat[:, column] = np.minimum(rest, boiler.high_kw)
        rest = rest - boiler_heat[:, column]
    return Flows(
        on=on,
        power=power,
        heat=heat,
        fuel=fuel,
        boiler_heat=boiler_heat,
        boiler_fuel=boiler_heat / np.array([boiler.efficiency for boiler in step.boilers]),
        imported=imported,
        exported=np.maximum(-lacking_power, 0.0),
        dumped=np.maximum(-lacking_heat, 0.0),
        unserved_power=np.maximum(lacking_power, 0.0) - imported,
        unserved_heat=rest,
    )


@dataclass(frozen=True, slots=True)
class Costs:
    """What each candidate costs, USD/h: `fixed + per_market_price * market price`, and the parts of it."""

    grid_fixed: Array
    per_market_price: Array
    """kWh that are paid at the market price: weighted import less weighted export."""
    power_shortage: Array
    gas: Array
    carbon: Array
    om: Array
    """The last three of the engines alone."""
    heat: Array
    """Boilers, and heat that is lacking."""
    switching: Array
    """Shares of start costs; they rank, but no money flows in this step."""

    @property
    def fixed(self) -> Array:
        """All that does not depend on the market price, switching included."""
        return self.grid_fixed + self.power_shortage + self.gas + self.carbon + self.om + self.heat + self.switching

    def total(self, market_price: float) -> Array:
        """What ranks the candidates."""
        return self.fixed + self.per_market_price * market_price


def costs(step: Step, prices: StepPrices, flow: Flows) -> Costs:
    """What flows cost.

    Source: the dispatch case, "Objective", a step of one hour: import price * import - export price * export
    + (gas + carbon) * fuel + O&M + shortfalls.
    """
    engines = step.engines
    burnt = flow.fuel.sum(axis=1)
    om_kwh = np.array([engine.om_usd_per_kwh for engine in engines])
    om_hour = np.array([engine.om_usd_per_h for engine in engines])
    starts = np.array([engine.start_usd_per_h for engine in engines])
    stops = np.array([engine.stop_usd_per_h for engine in engines])
    boiler_om = np.array([boiler.om_usd_per_kwh for boiler in step.boilers])
    fuel_price = prices.gas_usd_per_kwh + prices.carbon_usd_per_kwh
    return Costs(
        grid_fixed=prices.import_adder * flow.imported - prices.export_adder * flow.exported,
        per_market_price=prices.import_factor * flow.imported - prices.export_factor * flow.exported,
        power_shortage=UNSERVED_POWER_USD_PER_KWH * flow.unserved_power,
        gas=prices.gas_usd_per_kwh * burnt,
        carbon=prices.carbon_usd_per_kwh * burnt,
        om=flow.power @ om_kwh + flow.on @ om_hour,
        heat=fuel_price * flow.boiler_fuel.sum(axis=1)
        + flow.boiler_heat @ boiler_om
        + UNSERVED_HEAT_USD_PER_KWH * flow.unserved_heat,
        switching=flow.on @ starts + ~flow.on @ stops,
    )
