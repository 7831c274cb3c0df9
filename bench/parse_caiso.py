"""Parsing all-node OASIS files: ours against gridstatus' own path and against decompressing alone, in one run.

The files are synthetic in OASIS's form; a recorded day-ahead file is
used too where it lies beside the checkout.
"""

import io
import sys
import zipfile

import numpy as np

from side_by_side import SHARED, beside_gridstatus, ours, say

RECORDED = "caiso/PRC_LMP/20200101_20200101_PRC_LMP_DAM_20200630_22_50_44_v1.zip"
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
    for label, feed, body, market, day in files:
        result = ours(label, feed, body, value="price_per_kwh", scale=1000)
        say(beside_gridstatus(result, body, GRIDSTATUS, [market, "3", day]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
