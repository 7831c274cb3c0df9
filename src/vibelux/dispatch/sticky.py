"""Worker processes to which work comes by name: what a worker keeps of a plant is there at the next call.

They end with the process that started them, however that ends.
"""

import signal
import threading
import zlib
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import Any


def place_of(name: str, count: int) -> int:
    """Where, of so many places, the work of a name goes: always the same."""
    return zlib.crc32(name.encode()) % count


class StickyProcesses:
    """So many processes, started when the first work comes.

    Args:
        count: of processes.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._pools = [_one() for _ in range(count)]

    def submit(self, place: int, work: Any, *args: Any) -> Future[Any]:
        """Has a function called in the process of a place. A process that died is started anew, without what it kept.

        Args:
            place: of 0 to `count` - 1.
            work: a function of a module.
            args: what it takes; it is sent by pickle.
        """
        try:
            return self._pools[place].submit(work, *args)
        except BrokenProcessPool:
            self._pools[place] = _one()
            return self._pools[place].submit(work, *args)

    def close(self, *, wait_for_work: bool = True) -> None:
        """Ends them; what they keep is gone."""
        for pool in self._pools:
            pool.shutdown(wait=wait_for_work, cancel_futures=True)


def _one() -> ProcessPoolExecutor:
    # A service has threads, and threads and fork do not go together.
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """In the worker: Ctrl-C is the parent's to hear, and without it nothing is left to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        signal.raise_signal(signal.SIGKILL)
