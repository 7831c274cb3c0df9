"""The dispatch optimiser: exact solves against the bare solver and two peers (quick plans: `gaps.py`).

PyPSA and oemof-solph are not dependencies: name the Python of an environment that has one in PYPSA_PYTHON or
OEMOF_PYTHON; without it that ratio is left out and said to be. The comparable cases are what all can express: one
engine of constant efficiency with starts and minimum times, boiler, heat storage, battery, a grid both ways.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from highspy._core import _Highs

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from dispatch_cases.fleet_plants import MIXED_HOURS
from vibelux.dispatch.case_reader import read_case
from vibelux.dispatch.linear import Program
from vibelux.dispatch.model import build
from vibelux.dispatch.result import result
from vibelux.dispatch.solve import solve

PEERS = {"PyPSA": ("PYPSA_PYTHON", "pypsa_dispatch.py"), "oemof-solph": ("OEMOF_PYTHON", "oemof_dispatch.py")}
RUNS = 5


def comparable(name: str, hours: list[float], seed: int, *, up: int, down: int, cycling: bool) -> dict[str, Any]:
    """A case that the peers can express; `up` and `down` are minimum times in steps (of equal length)."""
    rng = np.random.default_rng(seed)
    steps = len(hours)
    tau = np.concatenate(([0.0], np.cumsum(hours)[:-1]))
    market = 0.075 + 0.03 * np.sin(tau / 24 * 6.28) + rng.normal(0, 0.03 if cycling else 0.015, steps)
    # oemof-solph keeps the first status for the minimum time; a price that asks for no start makes that the same.
    market[: max(up, down)] = 0.03
    step = hours[0]
    return {
        "schema": "vibelux.dispatch.case/1",
        "name": name,
        "time": {"step_hours": hours},
        "prices": {
            "import_usd_per_kwh": np.round(market + 0.01, 6).tolist(),
            "export_usd_per_kwh": np.round(market - 0.01, 6).tolist(),
            "gas_usd_per_mmbtu": 7.0,
        },
        "demand": {
            "power_kw": np.round(450 + 80 * np.sin(tau / 24 * 6.28) + rng.normal(0, 20, steps), 3).tolist(),
            "heat_kw": np.round(1300 + 700 * np.cos(tau / 24 * 6.28) + rng.normal(0, 40, steps), 3).tolist(),
        },
        "grid": {"import_max_kw": 4000, "export_max_kw": 3000},
        "chp": [
            {
                "id": "chp",
                "rated_kw": 1000,
                "min_load": 0.5,
                "electric_efficiency": {"full": 0.385},
                "thermal_efficiency": {"full": 0.43},
                "start_cost_usd": 8 if cycling else 40,
                "om_usd_per_kwh": 0.012,
                "min_up_h": up * step,
                "min_down_h": down * step,
                "min_up_steps": up,
                "min_down_steps": down,
            }
        ],
        "boiler": [{"id": "boiler", "rated_kw": 4000, "efficiency": 0.82}],
        "heat_storage": {
            "capacity_kwh": 3000 if cycling else 8000, "charge_max_kw": 2500, "discharge_max_kw": 2500,
            "charge_efficiency": 1.0, "discharge_efficiency": 1.0,
            "loss_per_h": 0.002, "initial_kwh": 1500, "wear_usd_per_kwh": 0.0,
        },
        "battery": {
            "capacity_kwh": 600, "charge_max_kw": 300, "discharge_max_kw": 300, "charge_efficiency": 0.95,
            "discharge_efficiency": 0.95, "loss_per_h": 0.0, "initial_kwh": 300, "wear_usd_per_kwh": 0.01,
        },
    }  # fmt: skip


def seconds(work: Callable[[], object], runs: int = RUNS) -> float:
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def peer(variable: str, script: str, document: dict[str, Any]) -> dict[str, Any] | None:
    python = os.environ.get(variable)
    if python is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "case.json"
        file.write_text(json.dumps(document), "utf-8")
        command = [python, str(Path(__file__).parent / "peers" / script), str(file), "3"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout.splitlines()[-1])
    return {"seconds": statistics.median(answer["seconds"]), "objective_usd": answer["objective_usd"]}


def solved_bare(program: Program) -> None:
    """The program as it is, in the solver as it comes."""
    solver = _Highs()  # the public class prints a banner to stdout
    for name, value in {"output_flag": False, "threads": 1, "mip_rel_gap": 1e-6}.items():
        solver.setOptionValue(name, value)
    solver.passModel(
        len(program.cost), len(program.row_lower), len(program.value), 2, 1, program.offset, program.cost,
        program.lower, program.upper, program.row_lower, program.row_upper, program.row_start, program.column,
        program.value, program.integer.astype(np.int32),
    )  # fmt: skip
    solver.run()


def exact(document: dict[str, Any]) -> None:
    """One case: everything from the document to the result, against the bare solver and the peers."""
    program = build(read_case(document)).program
    answer = result(solve(read_case(document)))
    ours = seconds(lambda: result(solve(read_case(document))))
    bare = seconds(lambda: solved_bare(program))
    row = {
        "case": document["name"],
        "objective_usd": answer["objective_usd"],
        "gap": answer["gap"],
        "ours_s": round(ours, 4),
        "bare_highspy_s": round(bare, 4),
        "ours_over_bare": round(ours / bare, 3),
    }
    for name, (variable, script) in PEERS.items():
        other = peer(variable, script, document)
        if other is None:
            row[name] = f"left out: {variable} is not set"
            continue
        row[name] = {
            "seconds": round(other["seconds"], 3),
            "times_ours": round(other["seconds"] / ours, 1),
            "cost_differs_by": abs(other["objective_usd"] - answer["objective_usd"]) / abs(answer["objective_usd"]),
        }
    print(json.dumps(row), flush=True)


def main() -> None:
    exact(comparable("mixed 48 h", MIXED_HOURS, 4, up=0, down=0, cycling=False))
    exact(comparable("cycling, 96 quarter hours", [0.25] * 96, 7, up=4, down=2, cycling=True))


if __name__ == "__main__":
    main()
