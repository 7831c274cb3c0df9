"""Thousands of plants re-planned with one call: over processes of this machine, or over Dask.

Each plant belongs to one worker, which keeps its last plan, so that a new price costs a warm re-plan and only cases and
set-points travel. A plant that fails tells its error and stops no other.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures import as_completed as processes_as_completed
from dataclasses import dataclass, field
from multiprocessing import cpu_count
from types import TracebackType
from typing import Any, Protocol, Self

from vibelux.dispatch.case import Case
from vibelux.dispatch.planner import Plan, replan
from vibelux.dispatch.sticky import StickyProcesses, place_of
from vibelux.market.errors import UsageError

REACH_SECONDS = 10.0
"""How long a Dask scheduler may take to answer."""

_CHUNK = 64
"""Plants that go to a worker at once: few enough to show progress, enough that sending them costs little."""

Progress = Callable[[int, int], None]
"""Is told how many are done, and of how many."""


@dataclass(frozen=True, slots=True)
class SetPoint:
    """What a plant should do in its first step; `error` says why there is nothing else."""

    on: Mapping[str, bool] = field(default_factory=dict)
    power_kw: Mapping[str, float] = field(default_factory=dict)
    import_kw: float = 0.0
    export_kw: float = 0.0
    objective_usd: float = 0.0
    """Of the whole plan."""
    gap: float = 0.0
    """Against the linear relaxation: mostly too wide (`planner`)."""
    milliseconds: float = 0.0
    error: str | None = None


class Shard:
    """The plants of one worker, and their last plans."""

    def __init__(self) -> None:
        self._kept: dict[str, Plan] = {}

    def decide(self, cases: Mapping[str, Case], later_h: float, first_seconds: float) -> dict[str, SetPoint]:
        """A set-point for each case."""
        return {name: self._one(name, case, later_h, first_seconds) for name, case in cases.items()}

    def _one(self, name: str, case: Case, later_h: float, first_seconds: float) -> SetPoint:
        began = time.perf_counter()
        try:
            plan = replan(case, self._kept.get(name), later_h=later_h, seconds=first_seconds, haste=True)
        except Exception as error:  # one plant's fault must not stop the others
            return SetPoint(error=f"{type(error).__name__}: {error}")
        found = plan.solution
        if found.schedule is None:
            return SetPoint(error=found.reason)
        self._kept[name] = plan
        return SetPoint(
            on={engine: bool(run.on[0]) for engine, run in found.schedule.chp.items()},
            power_kw={engine: float(run.power_kw[0]) for engine, run in found.schedule.chp.items()},
            import_kw=float(found.schedule.import_kw[0]),
            export_kw=float(found.schedule.export_kw[0]),
            objective_usd=found.objective_usd,
            gap=found.gap,
            milliseconds=(time.perf_counter() - began) * 1000,
        )


class Workers(Protocol):
    """Where the shards live."""

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    def decide(
        self, chunks: list[tuple[int, dict[str, Case]]], later_h: float, first_seconds: float
    ) -> Iterator[dict[str, SetPoint]]:
        """Results as they come; each chunk names its shard."""
        ...

    def close(self) -> None:
        """Ends them."""
        ...


class Fleet:
    """Decides for many plants.

    Args:
        workers: processes on this machine; None: one a core.
        scheduler: the address of a Dask scheduler; None: processes.
        first_seconds: how long a plant without a last plan may be searched for beyond the quick way.

    Raises:
        UsageError: Dask is asked for and not installed, or its scheduler cannot be reached.
    """

    def __init__(self, workers: int | None = None, *, scheduler: str | None = None, first_seconds: float = 0.0) -> None:
        self._workers: Workers = _Dask(scheduler) if scheduler else _Processes(workers or cpu_count())
        self._first_seconds = first_seconds

    def decide(
        self, cases: Mapping[str, Case], *, later_h: float = 0.0, progress: Progress | None = None
    ) -> dict[str, SetPoint]:
        """A set-point for each plant, in the order of the cases.

        Args:
            cases: by the plants' names; what a worker keeps of a plant goes by its name.
            later_h: how many hours later than in the call before the cases begin.
            progress: by default a line on the terminal, none in a pipe.
        """
        shards = sharded(cases, self._workers.count)
        chunks = [(number, chunk) for number, shard in enumerate(shards) for chunk in _chunked(shard)]
        told, found = progress or _line, dict[str, SetPoint]()
        for some in self._workers.decide(chunks, later_h, self._first_seconds):
            found |= some
            told(len(found), len(cases))
        return {name: found[name] for name in cases}

    def close(self) -> None:
        """Ends the workers; what they keep is gone."""
        self._workers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def sharded(cases: Mapping[str, Case], count: int) -> list[dict[str, Case]]:
    """The plants of each worker."""
    shards: list[dict[str, Case]] = [{} for _ in range(count)]
    for name, case in cases.items():
        shards[place_of(name, count)][name] = case
    return shards


def _chunked(cases: dict[str, Case]) -> Iterator[dict[str, Case]]:
    names = list(cases)
    for start in range(0, len(names), _CHUNK):
        yield {name: cases[name] for name in names[start : start + _CHUNK]}


def _line(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total} plants", end="\n" if done == total else "", file=sys.stderr, flush=True)


class _Processes:
    """A process a shard, so that what it keeps is there at the next call."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._processes = StickyProcesses(count)

    def decide(
        self, chunks: list[tuple[int, dict[str, Case]]], later_h: float, first_seconds: float
    ) -> Iterator[dict[str, SetPoint]]:
        waiting: dict[Future[dict[str, SetPoint]], dict[str, Case]] = {}
        for number, cases in chunks:
            waiting[self._processes.submit(number, _decide_here, cases, later_h, first_seconds)] = cases
        for future in processes_as_completed(waiting):
            error = future.exception()
            if error is None:
                yield future.result()
            else:  # the worker died: its plants say so, the others go on
                yield dict.fromkeys(waiting[future], SetPoint(error=f"the worker is gone: {error}"))

    def close(self) -> None:
        self._processes.close()


_here = Shard()
"""Of a worker process."""


def _decide_here(cases: dict[str, Case], later_h: float, first_seconds: float) -> dict[str, SetPoint]:
    return _here.decide(cases, later_h, first_seconds)


def reached(address: str) -> Any:
    """A client of a Dask scheduler that has workers.

    Raises:
        UsageError: Dask is not installed, or the scheduler cannot be reached or has no workers.
    """
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise UsageError("a Dask scheduler needs the extra: pip install 'vibelux[dask]'") from error
    try:
        client: Any = Client(address, timeout=REACH_SECONDS)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise UsageError(f"the Dask scheduler {address} cannot be reached: {error}") from error
    if not client.scheduler_info(n_workers=-1)["workers"]:
        client.close()
        raise UsageError(f"the Dask scheduler {address} has no workers")
    return client


class _Dask:
    """An actor a worker of the cluster."""

    def __init__(self, address: str) -> None:
        self._client = client = reached(address)
        self._shards: list[Any] = [
            client.submit(Shard, actor=True, workers=[worker], pure=False).result()
            for worker in sorted(client.scheduler_info(n_workers=-1)["workers"])
        ]
        self.count = len(self._shards)

    def decide(
        self, chunks: list[tuple[int, dict[str, Case]]], later_h: float, first_seconds: float
    ) -> Iterator[dict[str, SetPoint]]:
        waiting = [(cases, self._shards[number].decide(cases, later_h, first_seconds)) for number, cases in chunks]
        for cases, future in waiting:
            try:
                yield future.result()
            except Exception as error:  # a worker that is lost, whatever Dask calls it, takes only its own plants
                yield dict.fromkeys(cases, SetPoint(error=f"the worker is gone: {error}"))

    def close(self) -> None:
        self._client.close()
