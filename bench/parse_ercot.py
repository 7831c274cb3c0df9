"""Parsing ERCOT's files: ours against gridstatus' own path and against decompressing alone, in one run.

The year of day-ahead prices is a recording, left out where it does not lie beside
the checkout; the day of quarter-hour prices is synthetic in ERCOT's form.
"""

import io
import sys
import zipfile

import numpy as np

from side_by_side import SHARED, beside_gridstatus, ours, say

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


def main() -> int:
    """Prints one JSON line a file."""
    files = [("day of quarter hours, 1,130 points", "day", "ercot/settlement-point-prices", day_of_quarter_hours())]
    recorded = SHARED / "real" / YEAR
    if recorded.exists():
        files.append(("day-ahead workbook of 2015", "year", "ercot/day-ahead-prices", recorded.read_bytes()))
    for label, kind, feed, body in files:
        result = ours(label, feed, body, value="price_per_kwh", scale=1000)
        say(beside_gridstatus(result, body, GRIDSTATUS, [kind, "3"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
