"""Parsing all-node OASIS files: ours against gridstatus' own path and against decompressing alone, in one run.

gridstatus is not a dependency: name the Python of an environment that has it in GRIDSTATUS_PYTHON; without it
that ratio is left out and said to be. The files are synthetic in OASIS's form; a recorded day-ahead file is
used too where it lies beside the checkout.
"""

import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vibelux.feeds import Payload, feed_named, read

RECORDED = "caiso/PRC_LMP/20200101_20200101_PRC_LMP_DAM_20200630_22_50_44_v1.zip"
SHARED = Path(os.environ.get("VIBELUX_SHARED", Path(__file__).resolve().parents[2] / "shared"))
ITEMS = {"LMP": "LMP_PRC", "MCC": "LMP_CONG_PRC", "MCE": "LMP_ENE_PRC", "MCL": "LMP_LOSS_PRC", "MGHG": "LMP_GHG_PRC"}
HEADER = (
    "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,OPR_INTERVAL,NODE_ID_XML,NODE_ID,NODE,MARKET_RUN_ID,"
    "LMP_TYPE,XML_DATA_ITEM,PNODE_RESMRID,GRP_TYPE,POS,{value},GROUP\n"
)
# gridstatus' `_get_oasis` after the download, with its own pandas calls, then its `_get_lmp` pivot.
GRIDSTATUS = """
import io, sys, time, json, warnings
from unittest import mock
import requests, pandas as pd
warnings.filterwarnings("ignore")
import gridstatus
body = open(sys.argv[1], "rb").read()
market, runs = sys.argv[2], int(sys.argv[3])
class Reply:
    status_code = 200
    headers = {"Content-Disposition": "inline; filename=x.csv.zip;"}
    content = body
iso = gridstatus.CAISO()
times = []
with mock.patch.object(requests, "get", lambda *a, **k: Reply()), mock.patch.object(time, "sleep", lambda s: None):
    for _ in range(runs):
        t = time.perf_counter()
        frame = iso._get_lmp(sys.argv[4], market=market, locations="ALL", sleep=0)
        times.append(time.perf_counter() - t)
print(json.dumps({"seconds": times, "rows": len(frame), "sum": float(frame["LMP"].sum())}))
"""


def all_node_file(kind: str, nodes: int = 16_000) -> bytes:
    """A real-time hour (12 intervals, a member a component) or a day-ahead day (24 hours, one member)."""
    rng = np.random.default_rng(7)
    real_time = kind == "real-time"
    steps, minutes = (12, 5) if real_time else (24, 60)
    start = np.datetime64("2026-07-14T07:00:00")
    names = [f"NODE_{n:05d}_{n % 7}_N{n % 999:03d}" for n in range(nodes)]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        parts = []
        for group, (label, item) in enumerate(ITEMS.items()):
            lines = []
            for step in range(steps):
                begin = start + np.timedelta64(step * minutes, "m")
                end = begin + np.timedelta64(minutes, "m")
                hour, interval, run = (1, step + 1, "RTM") if real_time else (step + 1, 0, "DAM")
                for name, value in zip(names, rng.normal(40, 25, nodes).round(5), strict=True):
                    lines.append(
                        f"{begin}-00:00,{end}-00:00,2026-07-14,{hour},{interval},{name},{name},{name},{run},{label},"
                        f"{item},{name},ALL,{step},{value},{group}"
                    )
            parts.append((label, "\n".join(lines) + "\n"))
        if real_time:
            for label, text in parts:
                archive.writestr(f"20260714_PRC_INTVL_LMP_RTM_{label}_v3.csv", HEADER.format(value="VALUE") + text)
        else:
            text = HEADER.format(value="MW") + "".join(text for _, text in parts)
            archive.writestr("20260714_PRC_LMP_DAM_v12.csv", text)
    return buffer.getvalue()


def timed(action: Callable[[], object], runs: int = 5) -> list[float]:
    """Seconds of each run, after one that is not counted."""
    action()
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - began)
    return seconds


def decompress(body: bytes) -> int:
    """What anybody must do: unpack with the standard library."""
    archive = zipfile.ZipFile(io.BytesIO(body))
    return sum(len(archive.read(name)) for name in archive.namelist())


def measure(label: str, feed_name: str, body: bytes, market: str, day: str) -> dict[str, object]:
    """Our parse, decompressing alone and gridstatus on the same bytes."""
    feed = feed_named(feed_name)
    frame = read(feed, Payload(body)).frames["electricity-price"]
    ours = statistics.median(timed(lambda: read(feed, Payload(body))))
    floor = statistics.median(timed(lambda: decompress(body)))
    result: dict[str, object] = {
        "file": label, "bytes": len(body), "rows": frame.height, "ours_seconds": round(ours, 3),
        "decompress_alone_seconds": round(floor, 3), "ours_over_decompress_alone": round(ours / floor, 2),
    }  # fmt: skip
    python = os.environ.get("GRIDSTATUS_PYTHON")
    if python is None:
        return result | {"gridstatus": "not measured: set GRIDSTATUS_PYTHON"}
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        file.write(body)
        file.flush()
        done = subprocess.run(
            [python, "-c", GRIDSTATUS, file.name, market, "3", day], capture_output=True, text=True, check=False
        )
    if done.returncode:
        return result | {"gridstatus": f"failed: {done.stderr.strip().splitlines()[-1]}"}
    theirs = json.loads(done.stdout.strip().splitlines()[-1])
    seconds = statistics.median(theirs["seconds"])
    return result | {
        "gridstatus_seconds": round(seconds, 3),
        "gridstatus_over_ours": round(seconds / ours, 2),
        "gridstatus_rows": theirs["rows"],
        "largest_difference_of_sums_usd_per_mwh": abs(theirs["sum"] - float(frame["price_per_kwh"].sum()) * 1000),
    }


def main() -> int:
    """Prints one JSON line a file."""
    real_time, day_ahead = "caiso/real-time-pricing", "caiso/day-ahead-pricing"
    files = [
        ("real-time, 16,000 nodes x 12", real_time, all_node_file("real-time"), "REAL_TIME_5_MIN", "2026-07-14"),
        ("day-ahead, 16,000 nodes x 24", day_ahead, all_node_file("day-ahead"), "DAY_AHEAD_HOURLY", "2026-07-14"),
    ]
    recorded = SHARED / "real" / RECORDED
    if recorded.exists():
        told = "day-ahead of 2020-01-01, recorded"
        files.append((told, day_ahead, recorded.read_bytes(), "DAY_AHEAD_HOURLY", "2020-01-01"))
    for file in files:
        print(json.dumps(measure(*file)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
