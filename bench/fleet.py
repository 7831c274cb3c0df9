"""Fleets of varied plants re-planned at a new price: how the time grows with their number, and what is kept of each.

The plants are the generated ones of `tests/dispatch_cases/fleet_plants.py`; 500 different, then again under other
names. With DASK_SCHEDULER set the same goes over Dask. Sizes come from the command line (default: 100 1000).
"""

import json
import os
import pickle
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from dispatch_cases.fleet_plants import plant
from vibelux.dispatch.case_reader import read_case
from vibelux.dispatch.fleet import Fleet
from vibelux.dispatch.foresight import Slopes, at_price
from vibelux.dispatch.planner import replan

DIFFERENT = 500


def main() -> None:
    """Prints a line a size."""
    sizes = [int(text) for text in sys.argv[1:]] or [100, 1000]
    plants = [read_case(plant(seed)) for seed in range(min(DIFFERENT, max(sizes)))]
    kept = len(pickle.dumps(replan(plants[0], seconds=0.0)))
    for size in sizes:
        cases = {f"{number}": plants[number % len(plants)] for number in range(size)}
        with Fleet(2, scheduler=os.environ.get("DASK_SCHEDULER")) as fleet:
            began = time.perf_counter()
            fleet.decide(cases)
            first = time.perf_counter() - began
            moved = {name: at_price(case, 0.01, Slopes()) for name, case in cases.items()}
            began = time.perf_counter()
            found = fleet.decide(moved)
            again = time.perf_counter() - began
        took = sorted(one.milliseconds for one in found.values())
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        row = {
            "plants": size,
            "over": "dask" if os.environ.get("DASK_SCHEDULER") else "2 processes",
            "seconds_first": round(first, 2),
            "seconds_at_a_new_price": round(again, 2),
            "plants_per_second": round(size / again, 1),
            "milliseconds_p50_p99": [round(took[len(took) // 2], 2), round(took[int(len(took) * 0.99)], 2)],
            "failed": sum(one.error is not None for one in found.values()),
            "kilobytes_kept_of_a_plant": round(kept / 1024),
            "megabytes_of_the_largest_worker": round(children),
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
