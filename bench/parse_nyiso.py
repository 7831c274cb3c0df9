"""Parsing NYISO's monthly archives: ours against gridstatus' own path and against decompressing alone, in one run.

Price archives are synthetic in NYISO's form, as no recording is known; a
recorded month of load is used too where it lies beside the checkout.
"""

import io
import sys
import zipfile
from datetime import datetime, timedelta

import numpy as np

from side_by_side import SHARED, beside_gridstatus, ours, say

RECORDED = "nyiso/pal/20190701pal_csv.zip"
HEADER = (
    '"Time Stamp","Name","PTID","LBMP ($/MWHr)","Marginal Cost Losses ($/MWHr)","Marginal Cost Congestion ($/MWHr)"\r\n'
)
ZONES = [
    *("CAPITL", "CENTRL", "DUNWOD", "GENESE", "H Q", "HUD VL", "LONGIL", "MHK VL"),
    *("MILLWD", "N.Y.C.", "NORTH", "NPX", "O H", "PJM", "WEST"),
]
# gridstatus' own reading of the archive and of its prices; only the downloads are put in its place.
GRIDSTATUS = """
import io, json, re, sys, time, warnings, zipfile
from unittest import mock
import pandas as pd, requests
warnings.filterwarnings("ignore")
import gridstatus
from gridstatus.nyiso import NYISOLocationType
path, what, first, last, column, runs = sys.argv[1:7]
body = open(path, "rb").read()
class Reply:
    status_code, headers = 200, {}
    def __init__(self, content): self.content = content
    def raise_for_status(self): pass
def get(url, *args, **kwargs):
    archive = zipfile.ZipFile(io.BytesIO(body))
    day = re.search("([0-9]{8})[.]csv", url)
    if day is not None:
        return Reply(next(archive.read(name) for name in archive.namelist() if name.startswith(day[1])))
    header, *rows = archive.read(archive.namelist()[-1]).splitlines(keepends=True)
    return Reply(header + b"".join(row for row in rows if row[:21] == rows[-1][:21]))  # the latest interval alone
iso = gridstatus.NYISO()
first, last = (pd.Timestamp(day, tz="America/New_York") for day in (first, last))
times = []
with mock.patch.object(requests, "get", get):
    for _ in range(int(runs)):
        t = time.perf_counter()
        if what == "pal":
            frame = iso._download_nyiso_archive(first, end=last, dataset_name="pal")
        else:
            kind = NYISOLocationType.GENERATOR if what == "DAY_AHEAD_HOURLY" else NYISOLocationType.ZONE
            frame = iso._get_lmp(first, end=last, market=gridstatus.Markets(what), locations="ALL", location_type=kind)
        times.append(time.perf_counter() - t)
print(json.dumps({"seconds": times, "rows": len(frame), "sum": float(frame[column].sum())}))
"""


def archive(name: str, nodes: list[str], step: timedelta, by_end: bool) -> bytes:
    """January 2026 of `name` as NYISO zips it: a CSV a day, a row a node and interval."""
    rng = np.random.default_rng(11)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        for day in range(31):
            midnight = datetime(2026, 1, 1) + timedelta(days=day)  # noqa: DTZ001 (wall clock)
            lines = []
            for n in range(timedelta(days=1) // step):
                stamp = midnight + (n + by_end) * step
                text = f"{stamp:%m/%d/%Y %H:%M:%S}" if by_end else f"{stamp:%m/%d/%Y %H:%M}"
                prices, losses, congestion = (
                    rng.normal(*at, len(nodes)).round(2) for at in ((40, 25), (1, 1), (-3, 4))
                )
                lines += [
                    f'"{text}","{node}",{61752 + i},{prices[i]},{losses[i]},{congestion[i]}'
                    for i, node in enumerate(nodes)
                ]
            out.writestr(f"{midnight:%Y%m%d}{name}.csv", HEADER + "\r\n".join(lines) + "\r\n")
    return buffer.getvalue()


def main() -> int:
    """Prints one JSON line a file."""
    generators = [f"GENERATOR___{n:03d}" for n in range(600)]
    january, july = ("2026-01-01", "2026-01-31"), ("2019-07-01", "2019-07-31")
    price = ("LMP", "price_per_kwh")
    zones = archive("realtime_zone", ZONES, timedelta(minutes=5), by_end=True)
    gens = archive("damlbmp_gen", generators, timedelta(hours=1), by_end=False)
    files = [
        ("realtime_zone, a month", "nyiso/real-time-pricing", zones, "REAL_TIME_5_MIN", january, price, 1000.0),
        ("damlbmp_gen, a month of 600", "nyiso/day-ahead-pricing", gens, "DAY_AHEAD_HOURLY", january, price, 1000.0),
    ]
    recorded = SHARED / "real" / RECORDED
    if recorded.exists():
        body = recorded.read_bytes()
        files.append(("pal of July 2019, recorded", "nyiso/load", body, "pal", july, ("Load", "value"), 1.0))
    for label, feed, body, what, days, (theirs, value), scale in files:
        result = ours(label, feed, body, value=value, scale=scale)
        say(beside_gridstatus(result, body, GRIDSTATUS, [what, *days, theirs, "3"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
