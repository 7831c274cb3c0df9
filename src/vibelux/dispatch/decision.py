"""The decision: what the plant should do in this step, until when, worth how much, and why.

One step is decided exactly (`economics.solve`). What needs a view ahead (storage, battery, lights, demand charges) is
not used yet, and the reasons say so. When prices are missing the ladder goes on: the heat-led rule, which needs no
price; then holding the last set-point, when not even the demand is known; then `unavailable`, with what to do.
"""

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from vibelux.dispatch import reasons
from vibelux.dispatch.build import build_step, obligation, step_prices
from vibelux.dispatch.economics import Flow, Unit, solve
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.heat_led import heat_led
from vibelux.dispatch.loads import Load
from vibelux.dispatch.plant import Engine
from vibelux.dispatch.state import PlantState, UnitState
from vibelux.dispatch.step import StepPrices
from vibelux.market.intervals import floor_to, iso_z
from vibelux.market.regions import region_of
from vibelux.market.units import per_mwh
from vibelux.outlook.conditions import Conditions
from vibelux.outlook.quotes import Rung

_HEAT_LED_CONFIDENCE = 20
_HOLD_CONFIDENCE = 10
_MARKET_STEP = {"real-time-5min": timedelta(minutes=5), "real-time-15min": timedelta(minutes=15)}


class Action(StrEnum):
    """What to do."""

    RUN = "run"
    STOP = "stop"
    HOLD = "hold"
    """The last safe set-point is kept, because inputs are missing."""
    UNAVAILABLE = "unavailable"
    """Nothing can be said; the reasons tell what is missing."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Advice for one facility and one market step."""

    action: Action
    rule: str
    """`least-cost`, `heat-led`, `hold` or `none`: the rung on which the decision was made."""
    valid_from: datetime
    valid_until: datetime
    units: tuple[Unit, ...]
    since: dict[str, datetime]
    """When each unit was, or is now, switched to what it does."""
    flow: Flow | None
    """None where the demand is not known."""
    storage_kwh: float | None
    net_benefit_usd_per_h: float | None
    break_even: float | None
    confidence: int
    reasons: tuple[str, ...]
    basis: dict[str, Any]
    status: str
    milliseconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The contract's `decision`; powers in kW to the watt."""
        flow = self.flow
        return {
            "action": self.action.value,
            "rule": self.rule,
            "validFrom": iso_z(self.valid_from),
            "validUntil": iso_z(self.valid_until),
            "units": [self._unit(unit) for unit in self.units],
            "gridImportKw": _kw(flow.imported_kw if flow else None),
            "gridExportKw": _kw(flow.exported_kw if flow else None),
            "boilerKw": _kw(flow.boiler_kw if flow else None),
            "heatDumpKw": _kw(flow.dumped_kw if flow else None),
            "unservedPowerKw": _kw(flow.unserved_power_kw if flow else None),
            "unservedHeatKw": _kw(flow.unserved_heat_kw if flow else None),
            "lightingKw": 0.0 if flow else None,
            "storageKwh": self.storage_kwh,
            "netBenefitUsdPerHour": _rounded(self.net_benefit_usd_per_h, 6),
            "breakEvenGridPrice": _rounded(self.break_even, 9),
            "confidence": self.confidence,
            "reasons": list(self.reasons),
            "basis": self.basis,
            "solve": {
                "status": self.status,
                "gap": 0.0 if self.status == "optimal" else None,
                "milliseconds": round(self.milliseconds, 3),
            },
        }

    def _unit(self, unit: Unit) -> dict[str, Any]:
        return {
            "id": unit.id,
            "on": unit.on,
            "powerKw": _kw(unit.power_kw),
            "heatKw": _kw(unit.heat_kw),
            "fuelKwHhv": _kw(unit.fuel_kw),
            "since": iso_z(self.since[unit.id]),
        }


def _kw(value: float | None) -> float | None:
    return _rounded(value, 3)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits) + 0.0


def decide(facility: Facility, conditions: Conditions, state: PlantState, now: datetime) -> Decision:
    """What the facility should do in the market step that holds `now` (UTC).

    Never fails for want of a price: a missing one is named in the reasons, lowers `confidence` and moves the decision
    down the ladder; none is ever invented.
    """
    began = time.perf_counter()
    load = facility.load_at(now)
    prices = step_prices(facility, conditions)
    market_price = conditions.electricity.value
    case = _Case(facility, conditions, state, now, load)
    if load is None:
        decision = case.hold() if state.units else case.unavailable()
    elif prices is not None and market_price is not None:
        decision = case.least_cost(load, prices, market_price)
    elif _never_had_a_price(conditions, state):
        decision = case.unavailable()
    else:
        decision = case.heat_led(load)
    return replace(decision, milliseconds=(time.perf_counter() - began) * 1000)


def _never_had_a_price(conditions: Conditions, state: PlantState) -> bool:
    """Whether this is a fault of set-up (a key, a node's name) and no lapse of a service that ran before."""
    unknown = conditions.electricity.rung is Rung.NONE
    return unknown and ("electricity" in conditions.missing_keys or not state.units)


@dataclass(frozen=True, slots=True)
class _Case:
    """All that a decision is made of, and the four ways to make it."""

    facility: Facility
    conditions: Conditions
    state: PlantState
    now: datetime
    load: Load | None

    def least_cost(self, load: Load, prices: StepPrices, market_price: float) -> Decision:
        """Every price is known, or estimated with a label."""
        step, bound = build_step(self.facility, load, self.state, self.now, prices)
        solution = solve(step, prices, market_price)
        told = [*reasons.least_cost(step, solution), *bound, _price_sentence(prices, market_price)]
        confidence = self.conditions.confidence
        band = self.conditions.electricity.band
        if band is not None and solution.break_even is not None and band[0] <= solution.break_even <= band[1]:
            confidence //= 2
            told.append("That range holds the break-even price: run and stop may both be right.")
        return self._decided(
            solution.best,
            rule="least-cost",
            net_benefit=solution.without.operating_usd_per_h - solution.best.operating_usd_per_h,
            break_even=solution.break_even,
            confidence=confidence,
            told=told,
            status="optimal",
        )

    def heat_led(self, load: Load) -> Decision:
        """Prices are missing, the demands are known."""
        step, bound = build_step(self.facility, load, self.state, self.now, None)
        flow, released = heat_led(step)
        told = [reasons.heat_led(step, flow), *bound, *reasons.limits(step, flow)]
        if released:
            told.append(reasons.RELEASED)
        return self._decided(flow, rule="heat-led", confidence=_HEAT_LED_CONFIDENCE, told=told, status="heuristic")

    def hold(self) -> Decision:
        """Not even the demand is known: the plant stays as it is, within what its engines can do."""
        units = tuple(_held(engine, self.state.units.get(engine.id), self.now) for engine in self.facility.chp)
        running = [f"{unit.id} at {unit.power_kw:.0f} kW" for unit in units if unit.on] or ["all engines off"]
        return self._decision(
            Action.HOLD,
            units,
            rule="hold",
            confidence=_HOLD_CONFIDENCE,
            told=[self._no_demand(), f"The last set-point is kept: {', '.join(running)}."],
        )

    def unavailable(self) -> Decision:
        """Nothing can be said, and the reasons tell what is missing."""
        told = ["No decision: what it needs is missing."]
        if self.load is None:
            told.append(self._no_demand())
        return self._decision(Action.UNAVAILABLE, (), rule="none", confidence=0, told=told)

    def _no_demand(self) -> str:
        file = Path(self.facility.demand.file or "").name
        return f"{file} holds no demand for {iso_z(self.now)}."

    def _decided(self, flow: Flow, **more: Any) -> Decision:
        return self._decision(Action.RUN if flow.running else Action.STOP, flow.units, flow=flow, **more)

    def _decision(
        self,
        action: Action,
        units: tuple[Unit, ...],
        *,
        rule: str,
        confidence: int,
        told: list[str],
        flow: Flow | None = None,
        net_benefit: float | None = None,
        break_even: float | None = None,
        status: str = "none",
    ) -> Decision:
        step = _MARKET_STEP[region_of(self.facility.iso_region).real_time_market]
        unused = self.facility.unused()
        if unused and flow is not None:
            told = [*told, f"Not used yet, since one step alone is decided: {', '.join(unused)}."]
        return Decision(
            action=action,
            rule=rule,
            valid_from=self.now,
            valid_until=floor_to(self.now, step) + step,
            units=units,
            since={unit.id: _since(unit, self.state, self.now) for unit in units},
            flow=flow,
            storage_kwh=self.state.storage_kwh,
            net_benefit_usd_per_h=net_benefit,
            break_even=break_even,
            confidence=confidence,
            reasons=(*told, *self.conditions.notes),
            basis=self._basis(),
            status=status,
        )

    def _basis(self) -> dict[str, Any]:
        demand = None
        if self.load is not None:
            demand = {
                "powerKw": self.load.power_kw,
                "heatKw": self.load.heat_kw,
                "source": self.load.source,
            }
        return {**self.conditions.basis(), "demand": demand, "state": self.state.source}


def _held(engine: Engine, unit: UnitState | None, now: datetime) -> Unit:
    """An engine as it is, brought into its range; one in outage, or of unknown state, is off."""
    must, _ = obligation(engine, unit, now)
    if unit is None or not unit.on or must is False:
        return Unit(engine.id, on=False, power_kw=0.0, heat_kw=0.0, fuel_kw=0.0)
    low, high = engine.min_load * engine.rated_kw, engine.availability * engine.rated_kw
    power = low if unit.power_kw is None else min(max(unit.power_kw, low), high)
    return Unit(engine.id, on=True, power_kw=power, heat_kw=engine.heat.at(power), fuel_kw=engine.fuel.at(power))


def _since(unit: Unit, state: PlantState, now: datetime) -> datetime:
    before = state.units.get(unit.id)
    if before is None or before.on != unit.on or before.since is None:
        return now
    return before.since


def _price_sentence(prices: StepPrices, market_price: float) -> str:
    imported = market_price + prices.import_adder
    exported = prices.export_factor * market_price + prices.export_adder
    return (
        f"At a market price of {per_mwh(market_price)} USD/MWh an imported MWh costs {per_mwh(imported)} "
        f"and an exported one earns {per_mwh(exported)}; gas costs {prices.gas_usd_per_mmbtu:.2f} USD/MMBtu."
    )
