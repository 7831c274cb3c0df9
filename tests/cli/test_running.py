"""How a running service hears of signals."""

import signal
import subprocess
import sys

BUSY = """
import asyncio
from vibelux.cli._running import stop_on_signals

async def main():
    stop = stop_on_signals()
    import polars as pl
    print("busy", flush=True)
    while not stop.is_set():
        pl.DataFrame({"a": range(50_000)}).lazy().group_by("a").agg(pl.len()).sort("a").collect()
        await asyncio.sleep(0)
    print("stopped", flush=True)

asyncio.run(main())
"""


def test_a_ctrl_c_amid_a_query_stops_the_service_and_is_raised_nowhere():
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True) as busy:
        assert busy.stdout is not None
        assert busy.stdout.readline() == "busy\n"
        busy.send_signal(signal.SIGINT)
        assert busy.communicate(timeout=60)[0] == "stopped\n"
    assert busy.returncode == 0
