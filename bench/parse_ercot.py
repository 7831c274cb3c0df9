"""Parsing ERCOT's files: ours against gridstatus' own path and against decompressing alone, in one run.

gridstatus is not a dependency: name the Python of an environment that has it in GRIDSTATUS_PYTHON; without it that
ratio is left out and said to be. The year of day-ahead prices is a recording, left out where it does not lie beside
the checkout; the day of quarter-hour prices is synthetic in ERCOT's form.
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

SHARED = Path(os.environ.get("VIBELUX_SHARED", Path(__file__).resolve().parents[2] / "shared"))
YEAR = "ercot/np4_180_er_dam_spp_year/NP4-180-ER_DAMLZHBSPP_2015.zip"
SPP_HEADER = (
    "DeliveryDate,DeliveryHour,DeliveryInterval,SettlementPointName,SettlementPointType,SettlementPointPrice,DSTFlag\n"
)
# gridstatus' `get_dam_spp` and `read_doc` after the download, by its own method on the bytes of a file; what it adds
# from a list that it downloads (the kind of each point) is left out, to its favour.
GRIDSTATUS = """
import io, json, logging, sys, time, warnings, zipfile
warnings.filterwarnings("ignore")
import gridstatus, pandas as pd
logging.disable(logging.CRITICAL)
body, kind, runs = open(sys.argv[1], "rb").read(), sys.argv[2], int(sys.argv[3])
iso = gridstatus.Ercot()
def year():
    archive = zipfile.ZipFile(io.BytesIO(body))
    sheets = pd.read_excel(archive.open(archive.namelist()[0]), sheet_name=None)
    return iso.parse_doc(pd.concat(sheets.values()))
def day():
    return iso.parse_doc(pd.read_csv(io.BytesIO(body), compression="zip"))
times = []
for _ in range(runs):
    began = time.perf_counter()
    frame = {"year": year, "day": day}[kind]()
    times.append(time.perf_counter() - began)
print(json.dumps({"seconds": times, "rows": len(frame), "sum": float(frame.filter(regex="Price$").iloc[:, 0].sum())}))
"""


def day_of_quarter_hours(points: int = 1_130) -> bytes:
    """A day of settlement point prices in one zip: 96 quarter hours of all points."""
    values = np.random.default_rng(7).normal(40, 25, (96, points)).round(2)
    lines = [
        f"07/14/2026,{quarter // 4 + 1},{quarter % 4 + 1},POINT_{point:04d}_RN,RN,{value},N\n"
        for quarter, row in enumerate(values)
        for point, value in enumerate(row)
    ]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cdr.00012301.0000000000000000.20260715.000201.SPPHLZNP6905.csv", SPP_HEADER + "".join(lines))
    return buffer.getvalue()


def timed(action: Callable[[], object], runs: int = 5) -> float:
    """The median of some runs in seconds, after one that is not counted."""
    action()
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def decompress(body: bytes) -> int:
    """What anybody must do: unpack with the standard library, a workbook within a zip too."""
    archive = zipfile.ZipFile(io.BytesIO(body))
    contents = [archive.read(name) for name in archive.namelist()]
    return sum(decompress(content) if content.startswith(b"PK") else len(content) for content in contents)


def measure(label: str, kind: str, feed_name: str, body: bytes) -> dict[str, object]:
    """Our parse, decompressing alone and gridstatus on the same bytes."""
    feed = feed_named(feed_name)
    frame = read(feed, Payload(body)).frames["electricity-price"]
    ours, floor = timed(lambda: read(feed, Payload(body))), timed(lambda: decompress(body))
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
            [python, "-c", GRIDSTATUS, file.name, kind, "3"], capture_output=True, text=True, check=False
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
    files = [("day of quarter hours, 1,130 points", "day", "ercot/settlement-point-prices", day_of_quarter_hours())]
    recorded = SHARED / "real" / YEAR
    if recorded.exists():
        files.append(("day-ahead workbook of 2015", "year", "ercot/day-ahead-prices", recorded.read_bytes()))
    for file in files:
        print(json.dumps(measure(*file)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
