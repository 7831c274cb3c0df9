"""Why a plan is the best: plain sentences with figures, all computed from the solution that they explain."""

from vibelux.dispatch.economics import Flow, Plan, Solution
from vibelux.dispatch.step import TOLERANCE_KW, Step
from vibelux.market.units import per_mwh

RELEASED = "A minimum running time is given up: no set-point keeps it within the site's limits."


def least_cost(step: Step, solution: Solution) -> list[str]:
    """The sentences of a least-cost decision, the most telling first."""
    best = solution.best
    sentences = [_verdict(solution)]
    sentences += _kept(solution)
    sentences += _starts(step, best)
    if step.engines:
        sentences.append(_break_even(solution))
    sentences += limits(step, best)
    if solution.released:
        sentences.append(RELEASED)
    return sentences


def heat_led(step: Step, flow: Flow) -> str:
    """The sentence of the heat-led rule."""
    what = f"run {_at(flow)}" if flow.running else "no engine fits"
    return f"Heat-led rule, since prices are missing: {what} for a heat demand of {step.heat_kw:.0f} kW."


def _verdict(solution: Solution) -> str:
    best = solution.best
    if best.running:
        if best.power_kw < TOLERANCE_KW:
            return f"Run {_at(best)} for its heat: that saves {_gain(solution, best):.2f} USD/h."
        return (
            f"Run {_at(best)}: power worth {per_mwh(_worth(solution, best))} USD/MWh costs {_account(solution, best)}. "
            f"That is worth {_gain(solution, best):.2f} USD/h against the plant without it."
        )
    runner = solution.runner
    if runner is None:
        return "Stop: no engine can run now."
    if runner.power_kw < TOLERANCE_KW:
        return f"Stop: {_at(runner)} would lose {-_gain(solution, runner):.2f} USD/h."
    return (
        f"Stop: at best ({_at(runner)}) power worth {per_mwh(_worth(solution, runner))} USD/MWh "
        f"would cost {_account(solution, runner)}."
    )


def _at(flow: Flow) -> str:
    return " and ".join(f"{unit.id} at {unit.power_kw:.0f} kW" for unit in flow.units if unit.on)


def _gain(solution: Solution, plan: Plan) -> float:
    """USD/h that a plan saves against all engines off."""
    return solution.without.operating_usd_per_h - plan.operating_usd_per_h


def _worth(solution: Solution, plan: Plan) -> float:
    """USD/kWh that the engines' power saves at the meter: imports not bought, exports sold."""
    return (solution.without.grid_usd_per_h - plan.grid_usd_per_h) / plan.power_kw


def _account(solution: Solution, plan: Plan) -> str:
    """What a MWh of the engines costs, in its parts: they add up, and worth less cost times power is the gain."""
    parts = {
        "gas": plan.gas_usd_per_h,
        "carbon": plan.carbon_usd_per_h,
        "O&M": plan.om_usd_per_h,
        "heat credit": plan.heat_usd_per_h - solution.without.heat_usd_per_h,
    }
    told = ", ".join(f"{name} {per_mwh(value / plan.power_kw)}" for name, value in parts.items() if value != 0)
    return f"{per_mwh(sum(parts.values()) / plan.power_kw)} to make ({told})"


def _kept(solution: Solution) -> list[str]:
    """What only the cost of switching keeps as it is."""
    best, free = solution.best, solution.unswitched
    if best.running == free.running:
        return []
    saving = best.operating_usd_per_h - free.operating_usd_per_h
    laid = free.switching_usd_per_h - best.switching_usd_per_h
    kept_on = [name for name in best.running if name not in free.running]
    kept_off = [name for name in free.running if name not in best.running]
    if kept_on and kept_off:
        what = f"{_and(kept_on)} stays on and {_and(kept_off)} off: changing over would save"
    elif kept_on:
        what = f"{_and(kept_on)} is kept running: stopping would save"
    else:
        what = f"{_and(kept_off)} is not started: running would gain"
    return [f"{what} {saving:.2f} USD/h, less than the {laid:.2f} USD/h that switching counts."]


def _starts(step: Step, best: Plan) -> list[str]:
    return [
        f"Starting {engine.id} counts {engine.start_usd_per_h:.2f} USD/h: half a start, over its minimum running time."
        for engine in step.engines
        if engine.id in best.running and engine.start_usd_per_h > 0
    ]


def _break_even(solution: Solution) -> str:
    price = solution.break_even
    if price is None:
        return "No market price would change that now."
    verb = "stop below" if solution.best.running else "run above"
    return f"Would {verb} a market price of {per_mwh(price)} USD/MWh."


def limits(step: Step, flow: Flow) -> list[str]:
    """Limits that the set-point meets, and demands that it cannot."""
    sentences = []
    if flow.dumped_kw > 0.5:
        sentences.append(
            f"The heat demand of {step.heat_kw:.0f} kW limits useful heat; {flow.dumped_kw:.0f} kW is dumped."
        )
    throttled = any(
        unit.on and unit.power_kw < engine.high_kw - TOLERANCE_KW
        for unit, engine in zip(flow.units, step.engines, strict=True)
    )
    if throttled and abs(flow.power_kw - step.power_kw) < TOLERANCE_KW:
        sentences.append(f"Power follows the own demand of {step.power_kw:.0f} kW.")
    elif throttled and flow.exported_kw > step.export_max_kw - TOLERANCE_KW:
        sentences.append(f"The export limit of {step.export_max_kw:.0f} kW holds the power down.")
    if flow.unserved_power_kw > TOLERANCE_KW:
        sentences.append(
            f"{flow.unserved_power_kw:.0f} kW of the power demand is not met: "
            f"import is at its limit of {step.import_max_kw:.0f} kW."
        )
    if flow.unserved_heat_kw > TOLERANCE_KW:
        sentences.append(
            f"{flow.unserved_heat_kw:.0f} kW of the heat demand is not met: the boilers are at their limits."
        )
    return sentences


def _and(names: list[str]) -> str:
    return " and ".join(names)
