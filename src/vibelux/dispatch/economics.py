"""The cheapest way through one step, and the market price at which it would change."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vibelux.dispatch.candidates import candidates
from vibelux.dispatch.step import TOLERANCE_KW, Array, Costs, Flows, Step, StepPrices, costs, flows

Booleans = npt.NDArray[np.bool_]

_EQUAL_USD_PER_H = 1e-9


@dataclass(frozen=True, slots=True)
class Unit:
    """An engine in a plan."""

    id: str
    on: bool
    power_kw: float
    heat_kw: float
    fuel_kw: float
    """HHV."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One set-point of the whole plant, kW."""

    units: tuple[Unit, ...]
    imported_kw: float
    exported_kw: float
    boiler_kw: float
    dumped_kw: float
    unserved_power_kw: float
    unserved_heat_kw: float

    @property
    def running(self) -> tuple[str, ...]:
        """The engines that are on."""
        return tuple(unit.id for unit in self.units if unit.on)

    @property
    def power_kw(self) -> float:
        """What the engines make."""
        return sum(unit.power_kw for unit in self.units)


@dataclass(frozen=True, slots=True)
class Plan(Flow):
    """A set-point and what it costs, USD/h."""

    grid_usd_per_h: float
    """Import less export at the market price, and power that is lacking."""
    gas_usd_per_h: float
    carbon_usd_per_h: float
    om_usd_per_h: float
    """The last three of the engines alone."""
    heat_usd_per_h: float
    """Boilers, and heat that is lacking."""
    switching_usd_per_h: float
    """Shares of start costs; they rank plans, no money flows in this step."""

    @property
    def operating_usd_per_h(self) -> float:
        """What is paid in this step."""
        return (
            self.grid_usd_per_h + self.gas_usd_per_h + self.carbon_usd_per_h + self.om_usd_per_h + self.heat_usd_per_h
        )


@dataclass(frozen=True, slots=True)
class Solution:
    """The best plan and those that explain it."""

    best: Plan
    without: Plan
    """All engines off, whatever they are obliged to: what the CHP is compared with."""
    runner: Plan | None
    """The best plan with an engine on; None where none can be."""
    unswitched: Plan
    """The best plan if switching were free."""
    break_even: float | None
    """The market price at which run becomes stop, USD/kWh; None where no price changes that."""
    released: bool
    """Obligations to stay on were dropped, since no set-point keeps them within the limits."""


def solve(step: Step, prices: StepPrices, market_price: float) -> Solution:
    """The cheapest plan of a step, exactly: the best of all vertices (`candidates`).

    Of equal costs the plan with fewer engines on is taken.
    """
    released = False
    on, power = candidates(step)
    flow = flows(step, on, power)
    allowed = flow.allowed(step)
    if not allowed.any():
        released = True
        on, power = candidates(step, obliged=False)
        flow = flows(step, on, power)
        allowed = flow.allowed(step)
    cost = costs(step, prices, flow)
    total = np.where(allowed, cost.total(market_price), np.inf)
    best = _first_best(total)
    runs = on.any(axis=1)
    runner = _first_best(np.where(runs, total, np.inf)) if (runs & allowed).any() else None
    idle = flows(step, np.zeros((1, len(step.engines)), dtype=np.bool_), np.zeros((1, len(step.engines))))
    return Solution(
        best=_plan(step, flow, cost, best, market_price),
        without=_plan(step, idle, costs(step, prices, idle), 0, market_price),
        runner=None if runner is None else _plan(step, flow, cost, runner, market_price),
        unswitched=_plan(step, flow, cost, _first_best(total - cost.switching), market_price),
        break_even=_break_even(cost, runs & allowed, ~runs & allowed),
        released=released,
    )


def _first_best(total: Array) -> int:
    return int(np.argmax(total <= total.min() + _EQUAL_USD_PER_H))


def _break_even(cost: Costs, runs: Booleans, stops: Booleans) -> float | None:
    """Where the cheapest running plan costs as much as standing still.

    Every plan's cost is a straight line over the market price, `fixed + slope * price`, and standing still buys most
    from the grid, so its slope is the greatest. Running plan k is cheaper above (fixed_k - fixed_off) / (slope_off -
    slope_k); the lowest of these prices is the break-even. By hand, an engine whose 500 kW cost 20 USD/h more than
    the boiler alone, of which 200 kW replace imports with an adder of 0.06 and 300 kW earn the market price:
    (20 - 0.06 * 200) / 500 = 0.016 USD/kWh.
    """
    if not runs.any() or not stops.any():
        return None
    off = int(np.argmax(stops))
    dearer = cost.fixed[runs] - cost.fixed[off]
    saved_kw = cost.per_market_price[off] - cost.per_market_price[runs]
    moved = saved_kw > TOLERANCE_KW
    if (dearer[~moved] < 0).any() or not moved.any():
        return None
    return float((dearer[moved] / saved_kw[moved]).min())


def set_point(step: Step, on: Sequence[bool], power_kw: Sequence[float]) -> Flow:
    """What flows at one given set-point, without any price."""
    rows = np.array([on], dtype=np.bool_), np.array([power_kw], dtype=np.float64)
    return Flow(**_flow(step, flows(step, *rows), 0))


def keeps_limits(step: Step, flow: Flow) -> bool:
    """Whether a set-point keeps the limits of export and of thrown-away heat."""
    return flow.exported_kw <= step.export_max_kw + TOLERANCE_KW and flow.dumped_kw <= step.dump_max_kw + TOLERANCE_KW


def _flow(step: Step, flow: Flows, row: int) -> dict[str, Any]:
    units = tuple(
        Unit(
            id=engine.id,
            on=bool(flow.on[row, column]),
            power_kw=float(flow.power[row, column]),
            heat_kw=float(flow.heat[row, column]),
            fuel_kw=float(flow.fuel[row, column]),
        )
        for column, engine in enumerate(step.engines)
    )
    return {
        "units": units,
        "imported_kw": float(flow.imported[row]),
        "exported_kw": float(flow.exported[row]),
        "boiler_kw": float(flow.boiler_heat[row].sum()),
        "dumped_kw": float(flow.dumped[row]),
        "unserved_power_kw": float(flow.unserved_power[row]),
        "unserved_heat_kw": float(flow.unserved_heat[row]),
    }


def _plan(step: Step, flow: Flows, cost: Costs, row: int, market_price: float) -> Plan:
    grid = cost.grid_fixed[row] + cost.per_market_price[row] * market_price + cost.power_shortage[row]
    return Plan(
        **_flow(step, flow, row),
        grid_usd_per_h=float(grid),
        gas_usd_per_h=float(cost.gas[row]),
        carbon_usd_per_h=float(cost.carbon[row]),
        om_usd_per_h=float(cost.om[row]),
        heat_usd_per_h=float(cost.heat[row]),
        switching_usd_per_h=float(cost.switching[row]),
    )
