"""A backtest: every strategy over one window, side by side where that is worth it."""

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vibelux.backtest import rules
from vibelux.backtest.accounts import Account, account, as_json
from vibelux.backtest.drive import Checkpoint, Tick, drive
from vibelux.backtest.known import Known, Learnt, learn_along
from vibelux.backtest.perfect import perfect
from vibelux.backtest.side_by_side import Progress, in_processes, one_by_one, over_dask
from vibelux.backtest.strategies import (
    ALWAYS_ON,
    GRID_ONLY,
    HEAT_LED,
    PERFECT,
    STATIC_THRESHOLD,
    VIBELUX,
    Live,
    Open,
    Planning,
    Ruled,
    is_memoryless,
)
from vibelux.backtest.window import HORIZON_MINUTES, Window, moment
from vibelux.dispatch.case import Case
from vibelux.dispatch.schedule import Schedule
from vibelux.dispatch.state import PlantState
from vibelux.market.intervals import iso_z
from vibelux.outlook.past import DAY
from vibelux.outlook.price import Steps

FORECAST, STABILITY, MISSING, ALL = "forecast", "stability", "missing_data", "all"
"""What may be taken away from `vibelux`, to see what it costs."""
_PLANNED_ANEW = 4 * 60
"""Minutes after which the lamps, storages and boilers of a baseline are planned anew: its engines need no plan."""
_WEEK_DAYS = 7
_WORTH_A_PROCESS = 2000
"""Steps of all runs together below which processes take longer to start than the work takes."""
_SAME = 1e-9


@dataclass(frozen=True)
class Run:
    """One strategy, or `vibelux` without one of the causes of its regret."""

    strategy: str
    without: str | None = None

    @property
    def name(self) -> str:
        """As checkpoints are called."""
        return self.strategy if self.without is None else f"{self.strategy}-without-{self.without}"


@dataclass(frozen=True)
class Study:
    """Everything that a run needs."""

    window: Window
    learnt: Learnt
    threshold: Mapping[str, float]
    """By engine: what an imported kWh costs from which on it runs under `static-threshold`."""
    perfect_seconds: float
    proof_seconds: float = 0.0
    """How long each plan of `vibelux` may be searched for with proof; 0: the quick plan does, alike on any machine."""
    folder: Path | None = None
    """Where runs are kept."""

    @classmethod
    def of(
        cls,
        window: Window,
        *,
        learns: bool = True,
        threshold_usd_per_kwh: float | None = None,
        perfect_seconds: float = 120.0,
        proof_seconds: float = 0.0,
        folder: Path | None = None,
    ) -> "Study":
        """Learns what is needed beforehand.

        Args:
            window: what is played again.
            learns: whether a strategy looks ahead by forecasts.
            threshold_usd_per_kwh: for `static-threshold`; None: the break-even of each engine when the window begins.
            perfect_seconds: how long the one problem of the window may be solved.
            proof_seconds: how long each plan of `vibelux` may be searched for with proof.
            folder: where runs are kept; None: nowhere.
        """
        known = Known(window)
        learnt = learn_along(window, known) if learns else Learnt((window.start,), (known.first_model,))
        ends = min(window.end, window.start + HORIZON_MINUTES)
        starts = np.arange(window.start, ends, window.step)
        steps = Steps(starts, np.full(len(starts), window.step))
        first = window.problem(window.start, steps, PlantState(at=moment(window.start)))
        threshold = rules.break_even(window.facility, first)
        if threshold_usd_per_kwh is not None:
            threshold = dict.fromkeys(threshold, threshold_usd_per_kwh)
        return cls(window, learnt, threshold, perfect_seconds, proof_seconds, folder)

    def whole_case(self) -> Case:
        """The one problem of the whole window."""
        starts = self.window.starts
        steps = Steps(starts, np.full(len(starts), self.window.step))
        return self.window.problem(self.window.start, steps, PlantState(at=moment(self.window.start)))

    def carry_out(self, run: Run, tick: Tick = lambda _: None) -> tuple[Schedule, float | None, str]:
        """The schedule of a run; for perfect foresight with its bound and how it was found."""
        window, kept = self.window, self._checkpoint(run)
        if run.strategy == PERFECT:
            found = perfect(window, self.whole_case(), seconds=self.perfect_seconds, kept=kept, tick=tick)
            return found.schedule, found.bound_usd, found.how
        if run.strategy == VIBELUX:
            foreseen = run.without in {FORECAST, ALL}
            known = Known(window, self.learnt, whole=run.without == MISSING, foreseen=foreseen)
            planning = Planning(
                window.facility, steady=run.without not in {STABILITY, ALL}, proof_seconds=self.proof_seconds
            )
            return drive(window, planning, Live(window, known), kept=kept, tick=tick), None, ""
        known = Known(window, self.learnt)
        ruled = Ruled(self._rule(run.strategy))
        if is_memoryless(window.facility):
            sight = Open(window, known, _WEEK_DAYS)
            follow = _WEEK_DAYS * DAY
            return drive(window, ruled, sight, follow_minutes=follow, kept=kept, tick=tick), None, ""
        follow = 0 if run.strategy == STATIC_THRESHOLD else _PLANNED_ANEW
        return drive(window, ruled, Live(window, known), follow_minutes=follow, kept=kept, tick=tick), None, ""

    def _rule(self, strategy: str) -> rules.Rule:
        if strategy == STATIC_THRESHOLD:
            return rules.static_threshold(dict(self.threshold))
        return {GRID_ONLY: rules.grid_only, ALWAYS_ON: rules.always_on, HEAT_LED: rules.heat_led}[strategy]

    def _checkpoint(self, run: Run) -> Checkpoint | None:
        if self.folder is None:
            return None
        self.folder.mkdir(parents=True, exist_ok=True)
        return Checkpoint(self.folder / f"{run.name}-{self._digest()}.npz")

    def _digest(self) -> str:
        """Of everything that decides what a run comes to."""
        window, recorded = self.window, self.window.recorded
        told = json.dumps(
            {
                "facility": window.facility.as_dict(),
                "window": [recorded.node, recorded.market, window.start, window.end, window.carbon_usd_per_t],
                "gas": [[str(day) for day in window.gas.days], window.gas.values],
                "settings": [dict(self.threshold), self.proof_seconds, self.perfect_seconds],
            }
        )
        made = hashlib.sha256(told.encode())
        for points in (recorded.prices, recorded.day_ahead):
            if points is not None:
                made.update(points.starts.tobytes() + points.values.tobytes())
        return made.hexdigest()[:16]


@dataclass(frozen=True)
class Outcome:
    """What a backtest found."""

    study: Study
    case: Case
    accounts: dict[str, Account]
    """By strategy, in the order asked."""
    without: dict[str, float]
    """By cause, what `vibelux` costs without it."""
    how_perfect: str

    @property
    def savings_usd(self) -> dict[str, float]:
        """How much dearer each other strategy is than `vibelux`."""
        own = self.accounts.get(VIBELUX)
        if own is None:
            return {}
        return {name: one.usd - own.usd for name, one in self.accounts.items() if name != VIBELUX}

    @property
    def regret_usd(self) -> float | None:
        """How much dearer `vibelux` is than perfect foresight."""
        if VIBELUX not in self.accounts or PERFECT not in self.accounts:
            return None
        return self.accounts[VIBELUX].usd - self.accounts[PERFECT].usd

    def regret_parts(self) -> dict[str, float] | None:
        """The regret by cause, each from a run without it; `together` is what they do to each other."""
        regret = self.regret_usd
        if regret is None or ALL not in self.without:
            return None
        own = self.accounts[VIBELUX].usd
        parts = {cause: own - self.without.get(cause, own) for cause in (FORECAST, STABILITY, MISSING)}
        parts["horizon_and_model"] = self.without[ALL] - self.accounts[PERFECT].usd
        return parts | {"together": regret - math.fsum(parts.values())}

    def as_json(self) -> dict[str, Any]:
        """The contract's result."""
        window = self.study.window
        parts = self.regret_parts()
        return {
            "facility": window.facility.id,
            "node": window.recorded.node,
            "market": window.recorded.market,
            "forecast_of": "itself" if window.recorded.day_ahead is None else "real-time, with day-ahead prices",
            "from": iso_z(moment(window.start)),
            "to": iso_z(moment(window.end)),
            "steps": len(window.settled),
            "step_minutes": window.step,
            "strategies": {name: as_json(window, self.case, one) for name, one in self.accounts.items()},
            "savings_usd": self.savings_usd,
            "regret_usd": self.regret_usd,
            **({} if parts is None else {"regret_parts_usd": parts}),
            "assumptions": self.assumptions(),
            "notes": [*window.notes(), *self._doubts()],
        }

    def assumptions(self) -> dict[str, Any]:
        """What the figures rest on."""
        window = self.study.window
        told: dict[str, Any] = {
            "price_now": "the newest published" if window.step <= 15 else "the forecast of the running interval",
            "threshold_usd_per_kwh": dict(self.study.threshold),
            "storage_at_end": "at least as at the start, for every strategy; what lacks costs 1 USD/kWh",
        }
        return told | ({"perfect_foresight": self.how_perfect} if self.how_perfect else {})

    def _doubts(self) -> list[str]:
        return [f"{name}: {one.found.violations[0]}" for name, one in self.accounts.items() if one.found.violations]


def backtest(
    study: Study,
    strategies: Sequence[str],
    *,
    causes: bool = True,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Progress = lambda *_: None,
) -> Outcome:
    """Carries out the strategies.

    Args:
        study: what they need.
        strategies: their names.
        causes: whether `vibelux` is also run without each cause of its regret.
        workers: processes; None: one for each core, where that is worth it.
        scheduler: the address of a Dask scheduler; None: processes of this machine.
        progress: told of it.

    Raises:
        UsageError: the Dask scheduler cannot be reached.
        VibeluxError: a run found no schedule that keeps the hard rules.
    """
    runs = [Run(name) for name in strategies]
    if causes and {VIBELUX, PERFECT} <= set(strategies):
        gone = [FORECAST, STABILITY, *([MISSING] if study.window.missing.any() else []), ALL]
        runs += [Run(VIBELUX, cause) for cause in gone]
    found = _carried_out(study, runs, workers, scheduler, progress)
    case = study.whole_case()
    done = [account(case, run.name, schedule, bound) for run, (schedule, bound, _) in zip(runs, found, strict=True)]
    accounts = {run.strategy: one for run, one in zip(runs, done, strict=True) if run.without is None}
    if PERFECT in accounts:
        accounts[PERFECT] = _perfected(accounts[PERFECT], done)
    without = {run.without: one.usd for run, one in zip(runs, done, strict=True) if run.without is not None}
    return Outcome(study, case, accounts, without, next((told for _, _, told in found if told), ""))


def _perfected(own: Account, others: Sequence[Account]) -> Account:
    """What another run did could have been done with foresight: foresight is as cheap as the cheapest."""
    sound = [one for one in others if not one.found.violations]
    best = min(sound, key=lambda one: one.usd, default=own)
    if best.usd >= own.usd - _SAME:
        return own
    return replace(best, name=PERFECT, bound_usd=own.bound_usd)


def _carried_out(
    study: Study, runs: Sequence[Run], workers: int | None, scheduler: str | None, progress: Progress
) -> list[tuple[Schedule, float | None, str]]:
    """The longest first, so that all cores end together."""
    steps = len(study.window.settled)
    order = sorted(runs, key=lambda run: run.strategy not in {VIBELUX, PERFECT})
    worth = steps * len(runs) >= _WORTH_A_PROCESS
    count = min(workers or (os.cpu_count() if worth else 1) or 1, len(runs))
    if scheduler is not None:
        found = over_dask(study.carry_out, order, steps, scheduler, progress)
    elif count > 1:
        found = in_processes(study.carry_out, order, steps, count, progress)
    else:
        found = one_by_one(study.carry_out, order, steps, progress)
    by_run = dict(zip(order, found, strict=True))
    return [by_run[run] for run in runs]
