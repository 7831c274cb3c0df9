"""How far quick plans are from the optimum, and what they cost: a generated fleet, each plant against a proven bound.

The plants are those of `tests/dispatch_cases/fleet_plants.py`. Each is planned once, then all its prices move and it is
planned anew, from the last plan and without one; the optimum of what has moved is solved exactly. Where that is not
proven in time, the gap is told against the best bound that is, so it is never told too small. A bound that has been
found is kept in `--references`, a folder, for the next run. With `--search` the first plans are searched on from for so
many seconds where they may be far off, as the live service does between prices (`realtime/searches.py`).

    bench/gaps.py [PLANTS] [--from SEED] [--seconds S] [--search S] [--haste]
        [--references FOLDER] [--table]
"""

import argparse
import json
import pickle
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from dispatch_cases.fleet_plants import plant
from vibelux.dispatch.case import Case
from vibelux.dispatch.case_reader import read_case
from vibelux.dispatch.planner import Plan, replan
from vibelux.dispatch.solve import solve
from vibelux.realtime.searches import FAR

PROVEN = 1e-5
"""A reference within this gap counts as the optimum."""

GAPS = ("gap", "gap_with_search", "gap_without_a_last_plan")


@dataclass(frozen=True)
class Row:
    """One plant: gaps to its bound, processor time in ms, and what it is."""

    seed: int
    kinds: frozenset[str]
    proven: bool
    cold: float
    warm: float
    searched: float
    told: float
    cold_ms: float
    warm_ms: float
    kilobytes: float


def moved(case: Case, seed: int) -> Case:
    """The case after an hour's news: all prices a little higher or lower together, and each by itself."""
    rng = np.random.default_rng([seed, 7])
    bought, sold = case.prices.import_usd_per_kwh, case.prices.export_usd_per_kwh
    level = float(np.median(np.abs(bought)))
    change = level * (rng.normal(0, 0.05) + rng.normal(0, 0.05, case.steps))
    return replace(
        case, prices=replace(case.prices, import_usd_per_kwh=bought + change, export_usd_per_kwh=sold + change)
    )


def reference(case: Case, seconds: float, folder: Path | None) -> tuple[float, float]:
    """The best cost known and the bound that is proven, USD."""
    file = None if folder is None else folder / f"{case.name}-{seconds:g}.json"
    if file is not None and file.exists():
        cost, bound = json.loads(file.read_text("utf-8"))
    else:
        found = solve(case, time_limit=seconds, gap=1e-6)
        cost, bound = found.objective_usd, found.bound_usd
        if file is not None:
            file.write_text(json.dumps([cost, bound]), "utf-8")
    return cost, bound


def measured(seed: int, seconds: float, search: float, haste: bool, folder: Path | None) -> Row:
    """One plant, planned, moved and planned anew."""
    before = read_case(plant(seed))
    case = moved(before, seed)
    first = replan(before, seconds=0.0)
    cold, cold_ms = timed(case, None)
    warm, warm_ms = timed(case, first, haste)
    best, bound = reference(case, seconds, folder)
    cost = cold.solution.objective_usd, warm.solution.objective_usd
    searched = cost[1]
    if search > 0 and first.solution.gap > FAR:
        found = replan(case, replan(before, seconds=search), seconds=0.0, haste=haste)
        searched = min(searched, found.solution.objective_usd)
    scale = max(abs(min(best, searched, *cost)), 1e-3)
    return Row(
        seed=seed,
        kinds=kinds(case),
        proven=(best - bound) / scale <= PROVEN,
        cold=max(cost[0] - bound, 0.0) / scale,
        warm=max(cost[1] - bound, 0.0) / scale,
        searched=max(searched - bound, 0.0) / scale,
        told=warm.solution.gap,
        cold_ms=cold_ms,
        warm_ms=warm_ms,
        kilobytes=len(pickle.dumps(warm)) / 1024,
    )


def timed(case: Case, previous: Plan | None, haste: bool = False) -> tuple[Plan, float]:
    """A plan and the processor time it took, ms."""
    began = time.process_time()
    plan = replan(case, previous, seconds=0.0, haste=haste)
    return plan, (time.process_time() - began) * 1000


def kinds(case: Case) -> frozenset[str]:
    """What is told apart."""
    engines = case.chp
    found = {f"engines: {len(engines)}"}
    found |= {"demand charge"} if case.demand_charges else set()
    found |= {"lamps" if group.dimmable else "lamps, on or off" for group in case.lights}
    found |= {"heat storage"} if case.heat_storage else set()
    found |= {"battery"} if case.battery else set()
    found |= {"CO2"} if case.co2 else set()
    found |= {"DR event"} if case.dr_events else set()
    found |= {"ramps"} if any(np.isfinite(engine.ramp_up_kw_per_h) for engine in engines) else set()
    found |= {"minimum times"} if any(max(one.min_up_h, one.min_down_h) > 0 for one in engines) else set()
    return frozenset(found)


def groups(rows: list[Row]) -> dict[str, list[Row]]:
    """All, those whose optimum is proven, and each kind."""
    found = {"all": rows, "optimum proven": [row for row in rows if row.proven]}
    for kind in sorted(frozenset[str]().union(*(row.kinds for row in rows))):
        found[kind] = [row for row in rows if kind in row.kinds]
    return {name: some for name, some in found.items() if some}


def summary(name: str, rows: list[Row]) -> dict[str, Any]:
    """Gaps and costs of some plants; four numbers are the median, p90, p99 and the largest."""
    warm = [row.warm for row in rows]
    return {
        "kind": name,
        "plants": len(rows),
        "within_1e-3": round(float(np.mean(np.array(warm) <= 1e-3)), 3),
        "gap": quantiles(warm),
        "gap_with_search": quantiles([row.searched for row in rows]),
        "gap_without_a_last_plan": quantiles([row.cold for row in rows]),
        "gap_told": quantiles([row.told for row in rows]),
        "ms_mean": [round(float(np.mean([row.warm_ms for row in rows])), 1)],
        "ms": quantiles([row.warm_ms for row in rows]),
        "ms_without_a_last_plan": quantiles([row.cold_ms for row in rows]),
        "kB": quantiles([row.kilobytes for row in rows]),
    }


def quantiles(values: list[float]) -> list[float]:
    """Median, p90, p99 and the largest, three digits."""
    return [float(f"{value:.2e}") for value in np.percentile(values, [50, 90, 99, 100])]


def table(lines: list[dict[str, Any]]) -> Iterator[str]:
    """The same for people."""
    heads = "".join(f"{head:>8}" for head in ("p50", "p90", "p99", "max"))
    yield f"{'':18}{'plants':>7}{'<=1e-3':>8}  {heads}  {heads} (with search)  {heads} (without a last plan)"
    for line in lines:
        gaps = "".join("  " + "".join(f"{gap:8.0e}" for gap in line[name]) for name in GAPS)
        yield f"{line['kind']:18}{line['plants']:7}{line['within_1e-3']:8.1%}{gaps}"
    for name in ("ms_mean", "ms", "ms_without_a_last_plan", "kB", "gap_told"):
        yield f"{name:24}" + "".join(f"{value:10.3g}" for value in lines[0][name])


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plants", type=int, nargs="?", default=40)
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="SEED")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each exact solve")
    parser.add_argument("--search", type=float, default=0.0, metavar="S", help="for each plan that may be far off")
    parser.add_argument("--haste", action="store_true", help="plan as for thousands of plants")
    parser.add_argument("--references", type=Path, metavar="FOLDER")
    parser.add_argument("--table", action="store_true", help="for people; else JSON lines")
    asked = parser.parse_args()
    if asked.references is not None:
        asked.references.mkdir(parents=True, exist_ok=True)
    replan(read_case(plant(asked.first)), seconds=0.0)
    seeds = range(asked.first, asked.first + asked.plants)
    rows = [measured(seed, asked.seconds, asked.search, asked.haste, asked.references) for seed in seeds]
    lines = [summary(name, some) for name, some in groups(rows).items()]
    print("\n".join(table(lines) if asked.table else map(json.dumps, lines)))
    worst = sorted(rows, key=lambda row: -row.warm)[:8]
    print(json.dumps({"worst": {row.seed: float(f"{row.warm:.1e}") for row in worst}}))


if __name__ == "__main__":
    main()
