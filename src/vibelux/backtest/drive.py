"""Carries a strategy out over a window, step by step: what it plans first is done, and the plant is as that left it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vibelux.backtest.carry import as_json, carried, from_json
from vibelux.backtest.strategies import Planner, Sight
from vibelux.backtest.window import Window, moment
from vibelux.dispatch.document import Array
from vibelux.dispatch.schedule import BoilerRun, Co2Run, EngineRun, Schedule, StorageRun
from vibelux.dispatch.state import PlantState
from vibelux.outlook.past import DAY

Tick = Callable[[int], None]
"""Told how many steps are done."""

_FRESH_DAYS = 7
"""So often a strategy begins anew and what is done is kept: an interrupted run then ends as any other."""

Flows = dict[str, Array]
"""Every flow of a schedule by a name of its own, shape (T,)."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a run is kept."""

    path: Path

    def load(self) -> tuple[int, Flows, PlantState] | None:
        """How many steps are done, their flows, and the plant after them; None where nothing is kept."""
        try:
            with np.load(self.path, allow_pickle=False) as kept:
                flows = {name: kept[name] for name in kept.files if not name.startswith("_")}
                return int(kept["_done"]), flows, from_json(json.loads(str(kept["_state"])))
        except FileNotFoundError:
            return None

    def save(self, done: int, flows: Flows, state: PlantState) -> None:
        """Keeps a run; a kill at any moment leaves the old or the new."""
        beside = self.path.with_suffix(".new.npz")
        kept: dict[str, Any] = {"_done": done, "_state": json.dumps(as_json(state)), **flows}
        np.savez(beside, **kept)
        beside.replace(self.path)


def drive(
    window: Window,
    planner: Planner,
    sight: Sight,
    *,
    follow_minutes: int = 0,
    kept: Checkpoint | None = None,
    tick: Tick = lambda _: None,
) -> Schedule:
    """The schedule that comes of carrying a strategy out over a window.

    Args:
        window: what is played again.
        planner: what is done.
        sight: what it sees.
        follow_minutes: how long a plan is followed before the next is made; at least one step.
        kept: where the run is kept, and taken up again.
        tick: told of the progress.

    Raises:
        VibeluxError: no schedule keeps the hard rules at some moment.
    """
    steps, step = len(window.settled), window.step
    flows: Flows = {}
    done, state = 0, PlantState(at=moment(window.start))
    if kept is not None and (before := kept.load()) is not None:
        done, flows, state = before
    fresh = _FRESH_DAYS * DAY // step
    while done < steps:
        if done % fresh == 0:
            planner.forget()
        now = window.start + done * step
        seen = sight.at(now, state)
        plan = planner.plan(seen).found
        # A plan is followed no further than its steps are the market's own, nor beyond a fresh beginning.
        own = int(np.argmin(np.append(np.isclose(seen.case.step_hours * 60, step), False)))
        most = max(min(follow_minutes // step, own, fresh - done % fresh, steps - done), 1)
        planned = flows_of(plan)
        for at in range(most):
            state = carried(window.facility, state, plan, at, step, now + at * step)
        for name, values in planned.items():
            flows.setdefault(name, np.zeros(steps))[done : done + most] = values[:most]
        done += most
        tick(done)
        if kept is not None and (done % fresh == 0 or done == steps):
            kept.save(done, flows, state)
    return schedule_of(flows)


def flows_of(schedule: Schedule) -> Flows:
    """A schedule as named arrays."""
    plain = ("import_kw", "export_kw", "spill_kw", "unserved_power_kw", "unserved_heat_kw", "heat_dump_kw")
    flows: Flows = {name: getattr(schedule, name) for name in plain}
    for kind, runs in (("chp", schedule.chp), ("boiler", schedule.boiler)):
        for name, run in runs.items():
            flows |= {
                f"{kind}|{name}|{part}": np.asarray(values, dtype=np.float64) for part, values in vars(run).items()
            }
    for kind, store in (("heat_storage", schedule.heat_storage), ("battery", schedule.battery)):
        if store is not None:
            flows |= {f"{kind}||{part}": values for part, values in vars(store).items()}
    flows |= {f"lights|{name}|kw": power for name, power in schedule.lights.items()}
    if schedule.co2 is not None:
        flows |= {f"co2||{part}": values for part, values in vars(schedule.co2).items()}
    return flows


def schedule_of(flows: Flows) -> Schedule:
    """The schedule of named arrays."""
    plain = {name: values for name, values in flows.items() if "|" not in name}
    parts: dict[str, dict[str, dict[str, Array]]] = {}
    for name, values in flows.items():
        if "|" in name:
            kind, rest = name.split("|", 1)
            unit, part = rest.rsplit("|", 1)
            parts.setdefault(kind, {}).setdefault(unit, {})[part] = values
    chp = {
        name: EngineRun(run["on"] > 0, run["power_kw"], run["heat_kw"], run["fuel_kw"])
        for name, run in parts.get("chp", {}).items()
    }
    stores = {kind: StorageRun(**parts[kind][""]) for kind in ("heat_storage", "battery") if kind in parts}
    return Schedule(
        **plain,
        chp=chp,
        boiler={name: BoilerRun(**run) for name, run in parts.get("boiler", {}).items()},
        heat_storage=stores.get("heat_storage"),
        battery=stores.get("battery"),
        lights={name: run["kw"] for name, run in parts.get("lights", {}).items()},
        co2=Co2Run(**parts["co2"][""]) if "co2" in parts else None,
    )
