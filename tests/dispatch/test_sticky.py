"""Work that comes by name to processes that keep things."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from vibelux.dispatch.sticky import StickyProcesses, place_of

PARENT = """
import os, signal, sys, time
from vibelux.dispatch.sticky import StickyProcesses

if __name__ == "__main__":
    processes = StickyProcesses(1)
    print(processes.submit(0, os.getpid).result(), flush=True)
    processes.submit(0, time.sleep, 600)
    sys.stdin.read()
"""


def test_a_name_always_has_the_same_place():
    names = [f"plant-{n}" for n in range(100)]
    assert {place_of(name, 3) for name in names} == {0, 1, 2}
    assert [place_of(name, 3) for name in names] == [place_of(name, 3) for name in names]


def test_a_process_that_died_is_started_anew():
    processes = StickyProcesses(1)
    first = processes.submit(0, os.getpid).result()
    with pytest.raises(BrokenProcessPool):
        processes.submit(0, os._exit, 9).result()
    assert processes.submit(0, os.getpid).result() not in (first, os.getpid())
    processes.close()


def test_nothing_is_left_running_when_the_parent_is_killed_at_work(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        deadline = time.monotonic() + 15
        while _runs(worker):
            assert time.monotonic() < deadline, "the worker outlives its parent"
            time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
