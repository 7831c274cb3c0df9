"""The decision: what the plant should do in this step, until when, worth how much, and why.

The ladder, best first: the first step of the best plan over the horizon (`foresight`); where no prices or demands
reach ahead, one step decided exactly (`economics.solve`), which leaves storages, lamps and demand charges alone and
says so; the heat-led rule, which needs no price; holding the last set-point, when not even the demand is known; then
`unavailable`, with what to do.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from vibelux.dispatch import dr_case, plan_reasons, reasons
from vibelux.dispatch.build import build_step, obligation, step_prices
from vibelux.dispatch.economics import Flow, Unit, solve
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.foresight import Slopes, Solve, exactly, foresee
from vibelux.dispatch.heat_led import heat_led
from vibelux.dispatch.horizon import build_case, stands_at
from vibelux.dispatch.loads import Load
from vibelux.dispatch.planned import Planned
from vibelux.dispatch.plant import Engine
from vibelux.dispatch.state import PlantState, UnitState
from vibelux.dispatch.step import StepPrices
from vibelux.market.dr_events import Event
from vibelux.market.intervals import floor_to, iso_z
from vibelux.market.regions import region_of
from vibelux.market.units import per_mwh
from vibelux.outlook.conditions import Conditions
from vibelux.outlook.demand import Demands
from vibelux.outlook.price import Outlook
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
    """`plan`, `break-even` (`again`), `least-cost`, `heat-led`, `hold` or `none`: the rung on which it was made."""
    valid_from: datetime
    valid_until: datetime
    units: tuple[Unit, ...]
    since: dict[str, datetime]
    """When each unit was, or is now, switched to what it does."""
    starts: dict[str, int]
    """How often each unit was started in this local day, this step's start with it."""
    flow: Flow | None
    """None where the demand is not known."""
    lighting_kw: float | None
    """0 for a site without lamps; None where nothing is said of them."""
    storage_kwh: float | None
    net_benefit_usd_per_h: float | None
    break_even: float | None
    confidence: int
    reasons: tuple[str, ...]
    basis: dict[str, Any]
    status: str
    gap: float | None = None
    planned: Planned | None = None
    """The plan that it is the first step of, None on a lower rung of the ladder."""
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
            "lightingKw": self.lighting_kw,
            "storageKwh": self.storage_kwh,
            "netBenefitUsdPerHour": _rounded(self.net_benefit_usd_per_h, 6),
            "breakEvenGridPrice": _rounded(self.break_even, 9),
            "confidence": self.confidence,
            "reasons": list(self.reasons),
            "basis": self.basis,
            "solve": {
                "status": self.status,
                "gap": self.gap,
                "milliseconds": round(self.milliseconds, 3),
            },
            **({} if self.planned is None else self.planned.figures()),
        }

    def _unit(self, unit: Unit) -> dict[str, Any]:
        return {
            "id": unit.id,
            "on": unit.on,
            "powerKw": _kw(unit.power_kw),
            "heatKw": _kw(unit.heat_kw),
            "fuelKwHhv": _kw(unit.fuel_kw),
            "since": iso_z(self.since[unit.id]),
            "startsToday": self.starts[unit.id],
        }


def _kw(value: float | None) -> float | None:
    return _rounded(value, 3)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits) + 0.0


@dataclass(frozen=True, slots=True)
class View:
    """What lies ahead of a facility, as far as it is known."""

    outlook: Outlook
    demands: Demands
    in_force: Mapping[str, bool] | None = None
    """What the plan made before has the engines do now; None where there is none."""
    planned: Solve = exactly
    events: tuple[Event, ...] = ()
    """Demand-response events in which the facility takes part."""


def decide(
    facility: Facility, conditions: Conditions, state: PlantState, now: datetime, view: View | None = None
) -> Decision:
    """What the facility should do in the market step that holds `now` (UTC).

    Never fails for want of a price: a missing one is named in the reasons, lowers `confidence` and moves the decision
    down the ladder; none is ever invented.

    Args:
        facility: the plant and its contracts.
        conditions: the market now.
        state: of the plant, at `now` or before.
        now: the moment, UTC.
        view: what lies ahead; without it one step alone is decided.
    """
    began = time.perf_counter()
    state = stands_at(facility, state, now)
    load = facility.load_at(now)
    if load is None and view is not None and len(view.demands.power_kw):
        load = Load(float(view.demands.power_kw[0]), float(view.demands.heat_kw[0]), view.demands.source)
    prices = step_prices(facility, conditions)
    market_price = conditions.electricity.value
    case = _Case(facility, conditions, state, now, load)
    if prices is not None and view is not None and (ahead := case.plan(view)) is not None:
        return replace(ahead, milliseconds=(time.perf_counter() - began) * 1000)
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
    """All that a decision is made of, and the five ways to make it."""

    facility: Facility
    conditions: Conditions
    state: PlantState
    now: datetime
    load: Load | None

    def plan(self, view: View) -> Decision | None:
        """Prices and demands reach ahead; None where they do not, or no schedule keeps the hard rules."""
        facility, market_price = self.facility, self.conditions.electricity.value
        case = build_case(facility, self.conditions, view.outlook, view.demands, self.state, self.now)
        if case is None or market_price is None:
            return None
        asked = dr_case.with_events(case, facility, view.events, view.outlook.steps, view.planned)
        case = asked.case
        seen = foresee(
            case,
            market_price,
            Slopes(facility.prices.import_factor, facility.prices.export_factor),
            in_force=view.in_force or {name: unit.on for name, unit in self.state.units.items()},
            threshold_usd=facility.least_gain_usd,
            planned=view.planned,
        )
        if seen is None:
            return None
        planned = Planned(facility, self.state, view.outlook, seen)
        told = plan_reasons.sentences(seen, view.outlook.steps, facility.zone_name)
        told += [note for _, note in self._obligations() if note]
        told += dr_case.sentences(asked, seen.plan, facility, view.outlook.steps)
        told += view.demands.notes
        confidence, doubt = confident(self.conditions, seen.break_even)
        decision = self._decided(
            planned.flow(),
            rule="plan",
            net_benefit=planned.net_benefit_usd_per_h(),
            break_even=seen.break_even,
            confidence=confidence,
            told=[*told, *doubt],
            status=seen.plan.status,
            demand={
                "powerKw": float(case.power_kw[0]),
                "heatKw": float(case.heat_kw[0]),
                "source": view.demands.source,
                "quality": view.demands.quality,
            },
        )
        gap = seen.plan.gap_of_turnover
        return replace(decision, gap=gap if math.isfinite(gap) else None, planned=planned)

    def _obligations(self) -> list[tuple[bool | None, str]]:
        units, zone_name = self.state.units, self.facility.zone_name
        return [obligation(engine, units.get(engine.id), self.now, zone_name) for engine in self.facility.chp]

    def least_cost(self, load: Load, prices: StepPrices, market_price: float) -> Decision:
        """Every price is known, or estimated with a label."""
        step, bound = build_step(self.facility, load, self.state, self.now, prices)
        solution = solve(step, prices, market_price)
        told = [*reasons.least_cost(step, solution), *bound, _price_sentence(prices, market_price)]
        confidence, doubt = confident(self.conditions, solution.break_even)
        decision = self._decided(
            solution.best,
            rule="least-cost",
            net_benefit=solution.without.operating_usd_per_h - solution.best.operating_usd_per_h,
            break_even=solution.break_even,
            confidence=confidence,
            told=[*told, *doubt],
            status="optimal",
        )
        return replace(decision, gap=0.0)

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
        units = tuple(
            _held(engine, self.state.units.get(engine.id), must)
            for engine, (must, _) in zip(self.facility.chp, self._obligations(), strict=True)
        )
        running = [f"{unit.id} at {unit.power_kw:.0f} kW" for unit in units if unit.on] or ["all engines off"]
        return self._decision(
            Action.HOLD,
            units,
            rule="hold",
            confidence=_HOLD_CONFIDENCE,
            told=[self.facility.no_demand(self.now), f"The last set-point is kept: {', '.join(running)}."],
        )

    def unavailable(self) -> Decision:
        """Nothing can be said, and the reasons tell what is missing."""
        told = ["No decision: what it needs is missing."]
        if self.load is None:
            told.append(self.facility.no_demand(self.now))
        return self._decision(Action.UNAVAILABLE, (), rule="none", confidence=0, told=told)

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
        demand: dict[str, Any] | None = None,
    ) -> Decision:
        step = _MARKET_STEP[region_of(self.facility.iso_region).real_time_market]
        unused = self.facility.unused()
        if unused and flow is not None and rule != "plan":
            told = [*told, f"Left alone, since nothing is known of what lies ahead: {', '.join(unused)}."]
        return Decision(
            action=action,
            rule=rule,
            valid_from=self.now,
            valid_until=floor_to(self.now, step) + step,
            units=units,
            since={unit.id: self.state.since(unit.id, unit.on, self.now) for unit in units},
            starts={unit.id: self.state.starts(unit.id, unit.on) for unit in units},
            flow=flow,
            lighting_kw=None if self.facility.lights or flow is None else 0.0,
            storage_kwh=self.state.storage_kwh,
            net_benefit_usd_per_h=net_benefit,
            break_even=break_even,
            confidence=confidence,
            reasons=(*told, *self.conditions.notes),
            basis=self._basis(demand),
            status=status,
        )

    def _basis(self, demand: dict[str, Any] | None) -> dict[str, Any]:
        if demand is None and self.load is not None:
            demand = {
                "powerKw": self.load.power_kw,
                "heatKw": self.load.heat_kw,
                "source": self.load.source,
            }
        return {**self.conditions.basis(), "demand": demand, "state": self.state.source}


def confident(conditions: Conditions, break_even: float | None) -> tuple[int, list[str]]:
    """How sure a decision is, 0 to 100: half as sure where the price is a range that holds the break-even; and why."""
    band = conditions.electricity.band
    if band is None or break_even is None or not band[0] <= break_even <= band[1]:
        return conditions.confidence, []
    return conditions.confidence // 2, ["That range holds the break-even price: run and stop may both be right."]


def _held(engine: Engine, unit: UnitState | None, must: bool | None) -> Unit:
    """An engine as it is, brought into its range; one in outage, or of unknown state, is off."""
    if unit is None or not unit.on or must is False:
        return Unit(engine.id, on=False, power_kw=0.0, heat_kw=0.0, fuel_kw=0.0)
    low, high = engine.min_load * engine.rated_kw, engine.availability * engine.rated_kw
    power = low if unit.power_kw is None else min(max(unit.power_kw, low), high)
    return Unit(engine.id, on=True, power_kw=power, heat_kw=engine.heat.at(power), fuel_kw=engine.fuel.at(power))


def _price_sentence(prices: StepPrices, market_price: float) -> str:
    imported = prices.import_factor * market_price + prices.import_adder
    exported = prices.export_factor * market_price + prices.export_adder
    return (
        f"At a market price of {per_mwh(market_price)} USD/MWh an imported MWh costs {per_mwh(imported)} "
        f"and an exported one earns {per_mwh(exported)}; gas costs {prices.gas_usd_per_mmbtu:.2f} USD/MMBtu."
    )
