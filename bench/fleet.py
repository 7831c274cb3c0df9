"""Fleets of varied plants re-planned at a new price: how the time grows with their number, and what is kept of each.

The plants are the generated ones of `tests/dispatch_cases/fleet_plants.py`; 250 different, then again under other
names. What the workers keep from the time before is made by themselves, once for each different plant, and copied for
the other names: first plans take long and are not what is measured. With DASK_SCHEDULER set the same goes over Dask.
Sizes come from the command line (default: 100 1000 10000).
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
from vibelux.dispatch import fleet as fleets
from vibelux.dispatch.case import Case
from vibelux.dispatch.case_reader import read_case
from vibelux.dispatch.fleet import Fleet
from vibelux.dispatch.foresight import Slopes, at_price
from vibelux.dispatch.planner import replan

DIFFERENT = 250


def begun(fleet: Fleet, cases: dict[str, Case]) -> None:
    """Has the workers keep a plan of each plant."""
    workers = fleet._workers
    shards = fleets.sharded(cases, workers.count)
    if isinstance(workers, fleets._Processes):
        waiting = [workers._processes.submit(place, keep_here, shard) for place, shard in enumerate(shards)]
    else:
        addresses = sorted(workers._client.scheduler_info(n_workers=-1)["workers"])
        waiting = [
            workers._client.submit(keep_on_dask, shard, workers=[address], pure=False)
            for address, shard in zip(addresses, shards, strict=True)
        ]
    for waits in waiting:
        waits.result()


def keep_here(cases: dict[str, Case]) -> None:
    """In a worker process."""
    keep(fleets._here, cases)


def keep_on_dask(cases: dict[str, Case]) -> None:
    """In a worker of the cluster."""
    from dask.distributed import get_worker

    *_, shard = get_worker().state.actors.values()
    keep(shard, cases)


def keep(shard: fleets.Shard, cases: dict[str, Case]) -> None:
    """Plans each different plant, and keeps a copy of its own for each name."""
    plans: dict[str, bytes] = {}
    for name, case in cases.items():
        if case.name not in plans:
            plans[case.name] = pickle.dumps(replan(case, seconds=0.0))
        shard._kept[name] = pickle.loads(plans[case.name])


def main() -> None:
    """Prints a line a size."""
    sizes = [int(text) for text in sys.argv[1:]] or [100, 1000, 10_000]
    plants = [read_case(plant(seed)) for seed in range(min(DIFFERENT, max(sizes)))]
    kept = len(pickle.dumps(replan(plants[0], seconds=0.0)))
    for size in sizes:
        cases = {f"{number}": plants[number % len(plants)] for number in range(size)}
        with Fleet(2, scheduler=os.environ.get("DASK_SCHEDULER")) as fleet:
            begun(fleet, cases)
            moved = {name: at_price(case, 0.01, Slopes()) for name, case in cases.items()}
            began = time.perf_counter()
            found = fleet.decide(moved)
            again = time.perf_counter() - began
        took = sorted(one.milliseconds for one in found.values())
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        over_dask = "DASK_SCHEDULER" in os.environ
        row = {
            "plants": size,
            "over": "dask" if over_dask else "2 processes",
            "seconds_at_a_new_price": round(again, 2),
            "plants_per_second": round(size / again, 1),
            "milliseconds_p50_p99": [round(took[len(took) // 2], 2), round(took[int(len(took) * 0.99)], 2)],
            "plants_failed": sum(one.error is not None for one in found.values()),
            "kilobytes_kept_of_a_plant": round(kept / 1024),
        } | ({} if over_dask else {"megabytes_of_the_largest_worker": round(children)})
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
