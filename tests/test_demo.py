"""`vibelux demo` as its user meets it: a process that is started, killed, and started again."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psycopg
import pytest

from vibelux.store.embedded import url_of_running

BANNER = re.compile(r"Vibelux demo\s+(\S+)\s+facility\s+(\S+)\s+API key\s+(vlx_\S+)")


class Demo:
    """A demo in a process of its own."""

    def __init__(self, folder: Path, speed: float = 240) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "vibelux", "demo", "--headless", "--port", "0", "--speed", str(speed)]
        self.process = subprocess.Popen(
            [*command, "--data-dir", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        told = ""
        deadline = time.monotonic() + 60
        while not BANNER.search(told):
            assert time.monotonic() < deadline, told
            line = self.process.stdout.readline()
            assert line, f"the demo ended early: {told}"
            told += line
        self.url, self.facility, self.key = BANNER.search(told).groups()

    def get(self, path: str) -> dict:
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.key}"})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)

    def decision(self) -> dict:
        return self.get(f"api/chp/decision?facilityId={self.facility}")

    def wait_for_price(self) -> dict:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            answer = self.decision()
            if answer["marketConditions"]["gridPrice"] is not None:
                return answer
            time.sleep(0.2)
        raise AssertionError("no price within 30 s")

    def end(self, number: signal.Signals) -> float:
        """Sends a signal; how long the process took to go."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        self.process.stdout.close()
        return time.monotonic() - began


def processes_of(folder: Path) -> list[str]:
    """The processes whose command line names the folder, but for this one."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in line and int(entry.name) != os.getpid():
            found.append(line)
    return found


def wait_until_gone(folder: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (left := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []


def stored(folder: Path) -> set[tuple[str, str, str]]:
    """All stored prices of a running demo."""
    (data,) = folder.glob("synthetic-*")
    url = asyncio.run(url_of_running(data))
    with psycopg.connect(url) as connection:
        query = "SELECT pricing_node, market, market_interval_start::text FROM real_time_electricity_prices"
        return set(connection.execute(query).fetchall())


@pytest.mark.xdist_group("demo")
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_a_killed_demo_leaves_nothing_behind_loses_nothing_and_goes_on_where_it_was(tmp_path):
    folder = tmp_path / "demo"
    demo = Demo(folder)
    before = demo.wait_for_price()
    time.sleep(3)
    rows = stored(folder)
    at = demo.decision()["timestamp"]
    assert rows
    demo.end(signal.SIGKILL)
    wait_until_gone(folder, 15)

    again = Demo(folder)
    after = again.wait_for_price()
    assert again.key == demo.key
    assert after["timestamp"] >= before["timestamp"]
    assert after["timestamp"][:13] >= at[:13]
    assert rows <= stored(folder)
    assert again.end(signal.SIGINT) < 15, "5 s are promised; a loaded machine is given more"
    wait_until_gone(folder, 5)
