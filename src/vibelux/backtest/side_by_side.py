"""Runs of a backtest at the same time: one after the other, in processes of this machine, or over Dask."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any, Protocol, TypeVar

from vibelux.backtest.drive import Tick
from vibelux.dispatch.fleet import reached
from vibelux.market.errors import VibeluxError

Progress = Callable[[int, int, str], None]
"""Told how many steps of how many are done, and what is being done."""

_LOOK_SECONDS = 0.5


class Named(Protocol):
    """A run."""

    @property
    def name(self) -> str:
        """For the progress."""
        ...


R = TypeVar("R", bound=Named)
T = TypeVar("T")
Work = Callable[[R, Tick], T]
"""Carries a run out; can be pickled."""


def one_by_one(work: Work[R, T], runs: Sequence[R], steps: int, progress: Progress) -> list[T]:
    """Here, run after run.

    Args:
        work: carries a run out, and tells how many steps are done.
        runs: what to do.
        steps: of each run.
        progress: told of it.
    """
    found = []
    for at, run in enumerate(runs):

        def tick(done: int, at: int = at, name: str = run.name) -> None:
            progress(at * steps + done, steps * len(runs), name)

        tick(0)
        found.append(work(run, tick))
    return found


def in_processes(work: Work[R, T], runs: Sequence[R], steps: int, count: int, progress: Progress) -> list[T]:
    """In so many processes, begun in the order given; what one raises ends all."""
    context = multiprocessing.get_context("spawn")
    done = context.Array("q", len(runs), lock=False)
    with ProcessPoolExecutor(count, context, _begin, (work, done)) as pool:
        waiting: list[Future[T]] = []
        try:
            waiting = [pool.submit(_one, run, at) for at, run in enumerate(runs)]
            pending = set(waiting)
            while pending:
                ended, pending = wait(pending, _LOOK_SECONDS, FIRST_COMPLETED)
                for future in ended:
                    future.result()
                progress(sum(done), steps * len(runs), f"{len(runs) - len(pending)} of {len(runs)} runs")
        except BaseException:
            for future in waiting:
                future.cancel()
            for process in multiprocessing.active_children():
                process.terminate()
            raise
        return [future.result() for future in waiting]


_here: dict[str, Any] = {}
"""In a process: its work, and where it tells how far it is."""


def _begin(work: Any, done: Any) -> None:
    _here.update(work=work, done=done)


def _one(run: Any, at: int) -> Any:
    def tick(steps: int) -> None:
        _here["done"][at] = steps

    return _here["work"](run, tick)


def over_dask(work: Work[R, T], runs: Sequence[R], steps: int, scheduler: str, progress: Progress) -> list[T]:
    """On the workers of a cluster; progress is told as runs end.

    Raises:
        UsageError: Dask is not installed, or its scheduler cannot be reached.
        VibeluxError: a worker was lost, again and again.
    """
    client = reached(scheduler)
    try:
        from distributed import KilledWorker, as_completed

        waiting = [client.submit(work, run, _silent, pure=False) for run in runs]
        progress(0, steps * len(runs), f"{len(runs)} runs over Dask")
        for ended, future in enumerate(as_completed(waiting), 1):  # type: ignore[no-untyped-call]
            future.result()
            progress(ended * steps, steps * len(runs), f"{ended} of {len(runs)} runs")
        return [future.result() for future in waiting]
    except KilledWorker as error:
        raise VibeluxError(f"the Dask scheduler {scheduler} lost a worker: {error}") from error
    finally:
        client.close()


def _silent(_: int) -> None:
    """Nobody near is told."""
