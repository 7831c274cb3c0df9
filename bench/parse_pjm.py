"""Parsing a full Data Miner page (50,000 rows) and CSV: ours against gridstatus' own path and JSON decoding alone.

The page is synthetic in Data Miner's form; the recorded CSV of a year is
used too where it lies beside the checkout (gridstatus reads no CSV of this form).
"""

import csv
import gzip
import io
import json
import sys
from datetime import datetime, timedelta

import numpy as np

from side_by_side import SHARED, beside_gridstatus, ours, say

RECORDED = "pjm/rt_hrl_lmps/2024_PJM-RTO_rt_hrl_lmps.csv.gz"
ROWS = 50_000
# gridstatus' `get_lmp_real_time_unverified_5_min` with its own pandas calls; the download and the pnode list,
# which it fetches beside the prices, are put in its place.
GRIDSTATUS = """
import json, sys, time, warnings
from unittest import mock
import pandas as pd
warnings.filterwarnings("ignore")
import gridstatus
body = open(sys.argv[1], "rb").read()
iso = gridstatus.PJM(api_key="none")
ids = sorted({row["pnode_id"] for row in json.loads(body)["items"]})
nodes = pd.DataFrame({"pnode_id": ids, "pnode_name": [f"NODE {i}" for i in ids], "voltage_level": None,
                      "pnode_short_name": [f"NODE {i}" for i in ids]})
times = []
with mock.patch.object(gridstatus.PJM, "get_pnode_ids", lambda self, **more: nodes), \\
     mock.patch.object(gridstatus.PJM, "_make_api_call", lambda self, *a, **more: json.loads(body)):
    for _ in range(int(sys.argv[2])):
        t = time.perf_counter()
        frame = iso.get_lmp_real_time_unverified_5_min("2026-07-14", locations="ALL")
        times.append(time.perf_counter() - t)
print(json.dumps({"seconds": times, "rows": len(frame), "sum": float(frame["LMP"].sum())}))
"""


def page() -> bytes:
    """One page of unverified five-minute prices, all columns that Data Miner has."""
    rng = np.random.default_rng(7)
    total, congestion, loss = rng.normal(40, 25, ROWS).round(6), rng.normal(0, 3, ROWS), rng.normal(0, 1, ROWS)
    items = []
    for row in range(ROWS):
        start = datetime(2026, 7, 14, 4) + timedelta(minutes=5 * (row // 5_000))  # noqa: DTZ001 (as PJM prints it)
        items.append(
            {
                "datetime_beginning_utc": start.isoformat(),
                "datetime_beginning_ept": (start - timedelta(hours=4)).isoformat(),
                "pnode_id": 40_000 + row % 5_000,
                "pnode_name": f"NODE {row % 5_000}",
                "type": "GEN",
                "total_lmp_rt": float(total[row]),
                "congestion_price_rt": round(float(congestion[row]), 6),
                "marginal_loss_price_rt": round(float(loss[row]), 6),
                "occ_check": True,
                "ref_caseid_used_multi_interval": False,
            }
        )
    link = {"rel": "self", "href": "https://api.pjm.com/api/v1/rt_unverified_fivemin_lmps?rowCount=50000&startRow=1"}
    return json.dumps({"links": [link], "items": items, "searchSpecification": {}, "totalRows": ROWS}).encode()


def main() -> int:
    """Prints one JSON line a file."""
    body = page()
    result = ours(
        "50,000 five-minute prices, JSON", "pjm/real-time-lmp", body, lambda: json.loads(body),
        value="price_per_kwh", scale=1000,
    )  # fmt: skip
    say(beside_gridstatus(result, body, GRIDSTATUS, ["4"]))
    recorded = SHARED / "real" / RECORDED
    if recorded.exists():
        packed = recorded.read_bytes()

        def rows() -> int:
            return sum(1 for _ in csv.reader(io.StringIO(gzip.decompress(packed).decode())))

        label = "hourly prices of 2024, CSV"
        say(ours(label, "pjm/real-time-hourly-lmp", packed, rows, value="price_per_kwh", scale=1000))
    return 0


if __name__ == "__main__":
    sys.exit(main())
