"""The strategies: what each sees at a moment, and what it plans from that.

`vibelux` plans as the live service does: the quick plan from the last one (`dispatch.planner`), kept or changed by the
stability rule (`dispatch.foresight`). Baselines lead their engines by a rule; what remains (boilers, storages, lamps,
CO2, grid) is planned for them with the same outlook, so that what is compared is the running of the engines alone.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from vibelux.backtest.known import Known
from vibelux.backtest.rules import Rule, first_held, ruled
from vibelux.backtest.window import Window, ahead, moment
from vibelux.dispatch.case import Case, Storage
from vibelux.dispatch.decision import decide
from vibelux.dispatch.document import Array
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.foresight import steadied
from vibelux.dispatch.horizon import SHORTEST_HOURS, build_case
from vibelux.dispatch.keeper import PlanKeeper
from vibelux.dispatch.planner import replan
from vibelux.dispatch.solve import Solution, solve
from vibelux.dispatch.state import PlantState
from vibelux.market.errors import VibeluxError
from vibelux.market.intervals import iso_z
from vibelux.outlook.conditions import Conditions
from vibelux.outlook.past import DAY, Minutes
from vibelux.outlook.price import Steps

GRID_ONLY, ALWAYS_ON, HEAT_LED = "grid-only", "always-on", "heat-led"
STATIC_THRESHOLD, VIBELUX, PERFECT = "static-threshold", "vibelux", "perfect-foresight"
STRATEGIES = (GRID_ONLY, ALWAYS_ON, HEAT_LED, STATIC_THRESHOLD, VIBELUX, PERFECT)


@dataclass(frozen=True)
class Seen:
    """What a strategy sees at a moment."""

    now: int
    """A UTC minute."""
    state: PlantState
    case: Case
    """The problem that lies ahead, as it is expected."""
    starts: Minutes
    """Of its steps, UTC minutes."""
    price: Array
    """What an imported kWh costs in each step, for who looks at no forecast: NaN where nothing was known."""
    conditions: Conditions | None = None
    """The market, where prices do not reach far enough for a plan: the case is then of the next steps only."""


class Sight(Protocol):
    """How far a strategy sees."""

    def at(self, now: int, state: PlantState) -> Seen:
        """What is seen at a UTC minute."""
        ...


class Planner(Protocol):
    """What a strategy plans."""

    def plan(self, seen: Seen) -> Solution:
        """The schedule from a moment on; its first steps are carried out."""
        ...

    def forget(self) -> None:
        """Begins anew, so that a run that was interrupted goes on as one that was not."""
        ...


@dataclass(frozen=True)
class Live:
    """Two days ahead, by what was known."""

    window: Window
    known: Known

    def at(self, now: int, state: PlantState) -> Seen:
        """What is seen at a UTC minute."""
        window, facility = self.window, self.window.facility
        steps = ahead(now, window.end, window.step)
        market, outlook = self.known.at(now, steps)
        demands = window.demands(steps)
        shortest = min(SHORTEST_HOURS, (window.end - now) / 60)
        case = None
        if market.complete:
            case = build_case(facility, market, outlook, demands, state, moment(now), shortest_h=shortest)
        lacks = case is None
        if case is None:
            blind = replace(outlook, quantiles=np.nan * outlook.quantiles, price=np.nan * outlook.price)
            price = market.electricity.value if market.complete else None
            case = window.case(now, steps, blind, demands, state, market=price or 0.0)
        if case is None:
            raise VibeluxError(f"{facility.id}: no problem can be made at {iso_z(moment(now))}")
        if lacks:
            case = replace(case, heat_storage=_kept(case.heat_storage), battery=_kept(case.battery))
        bought = case.prices.import_usd_per_kwh + case.energy_adder_usd_per_kwh
        bought[0] = _import_price(facility, self.known, np.array([now]), case.energy_adder_usd_per_kwh[:1])[0]
        return Seen(now, state, case, steps.starts[: case.steps], bought, market if lacks else None)


@dataclass(frozen=True)
class Open:
    """So many days ahead with every price that will come, in the market's own steps; rules still see only the known."""

    window: Window
    known: Known
    days: int

    def at(self, now: int, state: PlantState) -> Seen:
        """What is seen at a UTC minute."""
        window = self.window
        starts = np.arange(now, min(window.end, now + self.days * DAY), window.step)
        case = window.problem(now, Steps(starts, np.full(len(starts), window.step)), state)
        seen = _import_price(window.facility, self.known, starts, case.energy_adder_usd_per_kwh)
        return Seen(now, state, case, starts, seen)


def _import_price(facility: Facility, known: Known, starts: Minutes, adder: Array) -> Array:
    rules = facility.prices
    price: Array = rules.import_factor * known.newest(starts) + rules.import_adder_usd_per_kwh + adder
    return price


@dataclass(frozen=True)
class Ruled:
    """Engines by a rule."""

    rule: Rule

    def plan(self, seen: Seen) -> Solution:
        """The rest at its cheapest."""
        found = ruled(seen.case, seen.price, self.rule)
        return found if found.schedule is not None else _must(solve(seen.case), seen)

    def forget(self) -> None:
        """There is nothing to forget."""


class Planning:
    """As the live service plans.

    Args:
        facility: whose rules of stability and slopes count.
        steady: whether the stability rule holds.
        proof_seconds: how long each plan may be searched for with proof, as the live service does for a few
            facilities; 0: the quick plan does.
    """

    def __init__(self, facility: Facility, *, steady: bool = True, proof_seconds: float = 0.0) -> None:
        self._facility = facility
        self._steady = steady
        self._proof_seconds = proof_seconds
        self.forget()

    def forget(self) -> None:
        """The next plan is made anew."""
        self._keeper = PlanKeeper(first_seconds=0.0)
        self._followed: Solution | None = None
        self._starts: Minutes = np.empty(0, dtype=np.int64)
        self._end = 0.0

    def plan(self, seen: Seen) -> Solution:
        """The plan, or the one in force where a new one gains too little."""
        if seen.conditions is not None:
            return self._alone(seen, seen.conditions)
        planned = self._keeper.at(moment(seen.now), proof_seconds=self._proof_seconds)
        threshold = self._facility.least_gain_usd if self._steady else lambda _: -np.inf
        found, *_ = steadied(seen.case, self._in_force(seen), threshold, planned)
        self._followed = _must(found, seen)
        self._starts, self._end = seen.starts, float(seen.starts[0] + seen.case.step_hours.sum() * 60)
        return found

    def _in_force(self, seen: Seen) -> dict[str, bool]:
        """What the last plan has the engines do now; without one, how they stand."""
        if self._followed is not None and seen.now < self._end:
            step = int(np.searchsorted(self._starts, seen.now, side="right")) - 1
            return {name: bool(run.on[step]) for name, run in self._followed.found.chp.items()}
        return {name: unit.on for name, unit in seen.state.units.items()}

    def _alone(self, seen: Seen, market: Conditions) -> Solution:
        """One step decided as the live service does where nothing reaches ahead; lamps and storages go on by habit."""
        self.forget()
        decision = decide(self._facility, market, seen.state, moment(seen.now))
        units = {unit.id: (unit.on, unit.power_kw) for unit in decision.units}
        off = {engine.id: (False, 0.0) for engine in seen.case.chp}
        found = first_held(seen.case, off | units)
        return found if found.schedule is not None else _must(solve(seen.case), seen)


@dataclass(frozen=True)
class Searched:
    """The best schedule of what is seen that is found in some seconds, from the quick plan on."""

    seconds: float

    def plan(self, seen: Seen) -> Solution:
        """The best schedule."""
        return _must(replan(seen.case, seconds=self.seconds).solution, seen)

    def forget(self) -> None:
        """There is nothing to forget."""


def _must(found: Solution, seen: Seen) -> Solution:
    if found.schedule is None:
        raise VibeluxError(f"{seen.case.name} at {iso_z(moment(seen.now))}: {found.reason or 'no schedule is found'}")
    return found


def _kept(storage: Storage | None) -> Storage | None:
    """A storage that need not be filled by the end of a step: it may stay as it is."""
    if storage is None:
        return None
    return replace(storage, terminal_min_kwh=min(storage.terminal_min_kwh, storage.initial_kwh))


def is_memoryless(facility: Facility) -> bool:
    """Whether no step's best depends on another's once its engines are given: nothing is stored, lit or peaked."""
    kept = (facility.heat_storage, facility.battery, *facility.lights, *facility.tariff.demand_charges)
    return all(one is None for one in kept)
