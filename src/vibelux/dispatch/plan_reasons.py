"""Why a plan does what it does now: sentences with figures, each taken from solutions that can be solved again.

Nothing here is a template that could contradict the plan: the verdict reckons with the plan's own flows at the site's
prices and the solution's own marginal worth of heat, the second sentence is the difference of two solved plans.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from vibelux.dispatch.case import Case
from vibelux.dispatch.foresight import Foresight
from vibelux.dispatch.limit_words import in_words
from vibelux.dispatch.model import fuel_cost, import_cost
from vibelux.dispatch.schedule import Schedule
from vibelux.dispatch.solve import Solution
from vibelux.market.intervals import local_time
from vibelux.market.units import KWH_PER_MMBTU, per_mwh
from vibelux.outlook.price import Steps

_SHOWN_KW = 0.5


@dataclass(frozen=True)
class Account:
    """What the engines do in the first step of a plan, USD/kWh of their power."""

    power_kw: float
    worth: float
    """What the power saves at the meter: imports not bought, exports sold."""
    gas: float
    carbon: float
    om: float
    heat_credit: float
    """The heat at its marginal worth in the plan."""
    co2_credit: float

    @property
    def cost(self) -> float:
        """To make a kWh, the credits taken off."""
        return self.gas + self.carbon + self.om - self.heat_credit - self.co2_credit


def account(case: Case, solution: Solution, seen: Foresight) -> Account | None:
    """The first step's account; None where the engines make no power."""
    schedule = solution.found
    engines = [(engine, schedule.chp[engine.id]) for engine in case.chp]
    power = sum(float(run.power_kw[0]) for _, run in engines)
    if power < _SHOWN_KW:
        return None
    fuel = sum(float(run.fuel_kw[0]) for _, run in engines)
    heat = sum(float(run.heat_kw[0]) for _, run in engines)
    kg_per_kwh = case.carbon.gas_kg_per_mmbtu / KWH_PER_MMBTU
    exhaust = sum(float(run.fuel_kw[0]) * engine.co2_usable_fraction for engine, run in engines) * kg_per_kwh
    om = sum(float(run.power_kw[0]) * engine.om_usd_per_kwh for engine, run in engines)
    om += sum(engine.om_usd_per_run_hour for engine, run in engines if run.on[0])
    gas = float(case.prices.gas_usd_per_mmbtu[0]) / KWH_PER_MMBTU
    net = float(schedule.import_kw[0] - schedule.export_kw[0])
    return Account(
        power_kw=power,
        worth=(_bill(case, net + power) - _bill(case, net)) / power,
        gas=gas * fuel / power,
        carbon=(float(fuel_cost(case)[0]) - gas) * fuel / power,
        om=om / power,
        heat_credit=seen.margin.heat_usd_per_kwh * heat / power,
        co2_credit=seen.margin.co2_usd_per_kg * exhaust / power,
    )


def bought_usd_per_kwh(case: Case) -> float:
    """What a kWh taken from the grid costs in the first step, an event's reward for leaving it counted in."""
    return float(import_cost(case)[0] + case.reward_usd_per_kwh[0])


def _bill(case: Case, net_kw: float) -> float:
    """USD/h for taking so much from the grid in the first step; negative for giving."""
    return net_kw * (bought_usd_per_kwh(case) if net_kw > 0 else float(case.prices.export_usd_per_kwh[0]))


@dataclass(frozen=True)
class Change:
    """When the plan next switches an engine."""

    at: datetime
    id: str
    on: bool


def next_change(seen: Foresight, steps: Steps) -> Change | None:
    """The first switch after the first step; None where the plan has none."""
    switches = []
    for name, run in seen.plan.found.chp.items():
        at = np.flatnonzero(run.on[1:] != run.on[:-1])
        if len(at):
            switches.append((int(at[0]) + 1, name, bool(run.on[at[0] + 1])))
    if not switches:
        return None
    step, name, on = min(switches)
    return Change(moment(steps, step), name, on)


def moment(steps: Steps, step: int) -> datetime:
    """When a step starts."""
    return datetime.fromisoformat(f"{steps.starts.astype('datetime64[m]')[step]}:00+00:00")


def sentences(seen: Foresight, steps: Steps, zone_name: str) -> list[str]:
    """The verdict; what the other action would cost; what comes next and what limits the plan."""
    told = [_verdict(seen)]
    told += _counterfactual(seen)
    told += _kept(seen)
    told += _switching(seen, steps, zone_name)
    told += _storage(seen)
    told += _limit(seen)
    if seen.other is not None and seen.break_even is not None:
        verb = "stop below" if seen.runs else "run above"
        told.append(f"Would {verb} a market price of {per_mwh(seen.break_even)} USD/MWh.")
    elif seen.case.chp:
        told.append("No market price would change that now.")
    return told


def briefly(seen: Foresight, before: float) -> list[str]:
    """The same for a plan that was made at another market price of its first step, USD/kWh (`again`)."""
    doing = f"Run {_set_points(seen.plan)}" if seen.runs else "Stop"
    now, then = per_mwh(seen.market_price), per_mwh(before)
    if seen.break_even is None:
        told = [f"{doing}: no market price would change that now, neither {then} nor {now} USD/MWh."]
    else:
        side = "above" if seen.market_price > seen.break_even else "below"
        even = per_mwh(seen.break_even)
        told = [f"{doing}: the market price, {now} USD/MWh after {then}, is {side} the break-even of {even}."]
    return [*told, *_counterfactual(seen), *_kept(seen), "The whole plan follows."]


def _verdict(seen: Foresight) -> str:
    if seen.runs:
        found = account(seen.case, seen.plan, seen)
        if found is None:
            return f"Run {_set_points(seen.plan)}."
        return (
            f"Run {_set_points(seen.plan)}: power is worth {per_mwh(found.worth)} USD/MWh, "
            f"making it costs {_cost(found)}."
        )
    if seen.other is None:
        return "Stop: no engine can run now."
    found = account(seen.case, seen.other, seen)
    if found is None:
        return "Stop: running now would make the plan dearer."
    return (
        f"Stop: power is worth {per_mwh(found.worth)} USD/MWh, "
        f"making it ({_set_points(seen.other)}) would cost {_cost(found)}."
    )


def _cost(found: Account) -> str:
    """The cost and its parts; they add up."""
    parts = {"gas": found.gas, "carbon": found.carbon, "O&M": found.om}
    told = [f"{name} {per_mwh(value)}" for name, value in parts.items() if abs(value) >= 5e-6]
    credited = {"heat": found.heat_credit, "CO2": found.co2_credit}
    told += [f"less {per_mwh(value)} of {name} credit" for name, value in credited.items() if abs(value) >= 5e-6]
    return f"{per_mwh(found.cost)} ({', '.join(told)})"


def _set_points(solution: Solution) -> str:
    runs = solution.found.chp.items()
    return " and ".join(f"{name} at {run.power_kw[0]:.0f} kW" for name, run in runs if run.on[0])


def _counterfactual(seen: Foresight) -> list[str]:
    """What the plan with the other action costs more, and how much of that are starts."""
    if seen.other is None or seen.other.audit is None or seen.plan.audit is None:
        return []
    dearer = seen.other.objective_usd - seen.plan.objective_usd
    starts = seen.other.audit.cost["starts"] - seen.plan.audit.cost["starts"]
    doing = "Stopping" if seen.runs else "Running"
    more = f", {starts:.2f} of it for starts" if starts > 0.005 else ""
    hours = seen.case.step_hours.sum()
    if dearer < 0.005:
        return [f"{doing} now instead would cost the same over {hours:.0f} h."]
    return [f"{doing} now instead would cost {dearer:.2f} USD more over {hours:.0f} h{more}."]


def _kept(seen: Foresight) -> list[str]:
    if seen.kept_for_usd is None:
        return []
    return [f"The plan in force is kept: changing it now would gain only {seen.kept_for_usd:.2f} USD."]


def _switching(seen: Foresight, steps: Steps, zone_name: str) -> list[str]:
    change = next_change(seen, steps)
    if change is None:
        return []
    verb = "starts" if change.on else "stops"
    return [f"Next, {change.id} {verb} at {local_time(change.at, moment(steps, 0), zone_name)}."]


def _storage(seen: Foresight) -> list[str]:
    told: list[str] = []
    schedule, case = seen.plan.found, seen.case
    for what, storage, run in (
        ("heat storage", case.heat_storage, schedule.heat_storage),
        ("battery", case.battery, schedule.battery),
    ):
        if storage is None or run is None:
            continue
        net = float(run.charge_kw[0] - run.discharge_kw[0])
        if abs(net) < _SHOWN_KW:
            continue
        doing = "is filled with" if net > 0 else "gives"
        held = f"it holds {storage.initial_kwh:.0f} of {storage.capacity_kwh:.0f} kWh"
        told.append(f"The {what} {doing} {abs(net):.0f} kW; {held}.")
    return told


def _limit(seen: Foresight) -> list[str]:
    """What is not served, else the limit whose loosening would save most."""
    lacking = [*_lacking(seen.plan.found), *_dark(seen)]
    limit = next((one for one in seen.margin.limits if "targets" not in one.name), None)
    if lacking or limit is None:
        return lacking
    return [f"Limited by {in_words(limit.name)}: one more unit would save {limit.shadow_price:.3f} {limit.unit}."]


def _dark(seen: Foresight) -> list[str]:
    """Lamps that cannot give today's light any more."""
    missing = {} if seen.plan.audit is None else seen.plan.audit.light_missing_kwh
    return [
        f"{name} will lack {lacks[0]:.0f} kWh of today's light." for name, lacks in missing.items() if lacks[0] > 0.5
    ]


def _lacking(schedule: Schedule) -> list[str]:
    flows = (("power", schedule.unserved_power_kw), ("heat", schedule.unserved_heat_kw))
    told = [f"{flow[0]:.0f} kW of the {name} demand is not met." for name, flow in flows if flow[0] > _SHOWN_KW]
    if schedule.heat_dump_kw[0] > _SHOWN_KW:
        told.append(f"{schedule.heat_dump_kw[0]:.0f} kW of heat is dumped.")
    return told
