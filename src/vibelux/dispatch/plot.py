"""A schedule as one page: panels of step lines, drawn as SVG here, with nothing fetched from anywhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from vibelux.dispatch.document import Array
from vibelux.dispatch.shortfalls import shortfalls
from vibelux.dispatch.solve import Solution

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 960, 220, 64, 28, 24
_COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#c98a00", "#6a4c93", "#00798c", "#7f5539", "#555b6e")

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1d2330 }}
svg {{ width: 100%; height: auto; display: block }} text {{ font-size: 12px; fill: #4a5264 }}
h2 {{ font-size: 1rem; margin: 1.4rem 0 .2rem }} .key {{ display: inline-block; margin-right: 1rem }}
.key i {{ display: inline-block; width: 1.2em; height: .25em; margin-right: .4em; vertical-align: middle }}
table {{ border-collapse: collapse }} td {{ padding: .1rem 1rem .1rem 0 }} td + td {{ text-align: right }}
</style></head><body><h1>{title}</h1>
<p>{summary}</p>{reasons}{panels}<h2>Cost, USD</h2><table>{costs}</table></body></html>
"""


@dataclass(frozen=True)
class Curve:
    """A named series; `instants`: values at step ends (levels) and not means over steps."""

    name: str
    values: Array
    instants: bool = False


def page(solution: Solution) -> str:
    """The page of a solution that has a schedule."""
    schedule, found, case = solution.schedule, solution.audit, solution.case
    if schedule is None or found is None:
        return _PAGE.format(title=escape(case.name), summary=escape(solution.reason), reasons="", panels="", costs="")
    edges = np.concatenate((case.starts_h, [case.starts_h[-1] + case.step_hours[-1]]))
    lit = sum(schedule.lights.values(), np.zeros(case.steps))
    power = [
        Curve("demand and lights", case.power_kw + lit),
        Curve("import", schedule.import_kw),
        Curve("export", schedule.export_kw),
        *(Curve(name, run.power_kw) for name, run in schedule.chp.items()),
    ]
    if schedule.battery is not None:
        power.append(Curve("battery, out less in", schedule.battery.discharge_kw - schedule.battery.charge_kw))
    heat = [
        Curve("demand", case.heat_kw),
        *(Curve(name, run.heat_kw) for name, run in schedule.chp.items()),
        *(Curve(name, run.heat_kw) for name, run in schedule.boiler.items()),
        Curve("dumped", schedule.heat_dump_kw),
        Curve("unserved", schedule.unserved_heat_kw),
    ]
    levels = [
        Curve(name, run.level_kwh, instants=True)
        for name, run in (("heat storage", schedule.heat_storage), ("battery", schedule.battery))
        if run is not None
    ]
    prices = [
        Curve("import, with adder", (case.prices.import_usd_per_kwh + case.energy_adder_usd_per_kwh) * 1000),
        Curve("export", case.prices.export_usd_per_kwh * 1000),
    ]
    panels = [
        _panel("Prices, USD/MWh", edges, prices),
        _panel("Power, kW", edges, power),
        _panel("Heat, kW", edges, heat),
        *([_panel("Stored, kWh", edges, levels)] if levels else []),
    ]
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in shortfalls(case, schedule, found))
    gap = f"proven to {solution.gap:.1g}" if np.isfinite(solution.gap) else "not proven"
    return _PAGE.format(
        title=escape(case.name or "Dispatch"),
        summary=f"{found.objective_usd:,.2f} USD over {edges[-1]:g} h, {solution.status}, {gap}.",
        reasons=f"<ul>{reasons}</ul>" if reasons else "",
        panels="".join(panels),
        costs="".join(
            f"<tr><td>{name.replace('_', ' ')}</td><td>{usd:,.2f}</td></tr>" for name, usd in found.cost.items()
        ),
    )


def _panel(title: str, edges: Array, curves: Sequence[Curve]) -> str:
    low = min(0.0, *(float(curve.values.min()) for curve in curves))
    high = max(low + 1e-9, *(float(curve.values.max()) for curve in curves))
    high = low + (high - low) * 1.05
    x = _LEFT + (edges - edges[0]) / (edges[-1] - edges[0]) * (_WIDTH - _LEFT - 12)

    def y(values: Array) -> Array:
        scaled: Array = _TOP + (high - values) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)
        return scaled

    lines = [
        f'<polyline fill="none" stroke="{_COLOURS[at % len(_COLOURS)]}" stroke-width="1.6" '
        f'points="{_points(x, y, curve)}">'
        f"<title>{escape(curve.name)}</title></polyline>"
        for at, curve in enumerate(curves)
    ]
    for value in np.linspace(low, high, 5):
        at = float(y(np.array([value]))[0])
        lines.append(f'<line x1="{_LEFT}" x2="{_WIDTH - 12}" y1="{at:.1f}" y2="{at:.1f}" stroke="#dde1e8"/>')
        lines.append(f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{value:,.0f}</text>')
    for hour in np.linspace(edges[0], edges[-1], 9):
        at = _LEFT + (hour - edges[0]) / (edges[-1] - edges[0]) * (_WIDTH - _LEFT - 12)
        lines.append(f'<text x="{at:.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{hour:.3g} h</text>')
    keys = "".join(
        f'<span class="key"><i style="background:{_COLOURS[at % len(_COLOURS)]}"></i>{escape(curve.name)}</span>'
        for at, curve in enumerate(curves)
    )
    return (
        f"<h2>{escape(title)}</h2><div>{keys}</div>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(lines)}</svg>'
    )


def _points(x: Array, y: Callable[[Array], Array], curve: Curve) -> str:
    heights = y(curve.values)
    if curve.instants:
        pairs = zip(x[1:], heights, strict=True)
    else:
        pairs = zip(np.repeat(x, 2)[1:-1], np.repeat(heights, 2), strict=True)
    return " ".join(f"{at:.1f},{height:.1f}" for at, height in pairs)
