"""Price outlook: time for one facility and for 10,000, and errors on recorded histories against two naive forecasts.

JSON lines. `python bench/outlook.py --table` prints the errors as the table of docs/outlook.md instead.
Histories that do not lie beside the checkout are left out and said to be.
"""

import json
import os
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from vibelux.outlook.learn import History, Rules, learn
from vibelux.outlook.past import Series, utc_minutes, wall_minutes
from vibelux.outlook.price import expect
from vibelux.outlook.price_files import grid_of, read_history, with_day_ahead
from vibelux.outlook.scores import Score, score

REAL = Path(os.environ.get("VIBELUX_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "real"
NOW = datetime(2025, 7, 29, 20, 2, tzinfo=UTC)
FIRST = datetime(2025, 7, 1, 7, tzinfo=UTC)
FACILITIES, CHUNK = 10_000, 250
WORKBOOK = "ercot/dam_spp_historical/rpt.00013060.0000000000000000.DAMLZHBSPP_2021.xlsx"
SP15 = "caiso/history_tidy/SP15_dam_2025-08-01_2025-09-20.csv"
FILES: list[tuple[str, dict[str, str]]] = [
    *((WORKBOOK, {"node": node}) for node in ("HB_NORTH", "HB_WEST", "LZ_HOUSTON")),
    ("ercot/history_tidy/NP4-180-ER_DAM_SPP_2025-01_08.csv.gz", {"node": "HB_NORTH"}),
    *(
        (f"ercot/history_tidy/{hub}_{years}_hourly_dam_rtm_as.csv.gz", {})
        for hub in ("hb_houston", "hb_hubavg", "hb_north", "hb_west", "lz_houston")
        for years in ("2024", "2025-01_2025-08")
    ),
    *(("ercot/history_tidy/nbohr_node_hub_hourly_2023-07_2025-08.csv.gz", {"price": name}) for name in ("NODE", "HUB")),
    *((f"caiso/history_tidy/NP15_dam_{month}.csv", {}) for month in ("2024-01", "2025-01")),
    (SP15, {}),
    ("caiso/history_tidy/SP15_rtm5_2025-08-01_2025-09-20.csv.gz", {"day_ahead": SP15}),
    *((f"pjm/history_tidy/DOM_rt_hrl_{years}.csv.gz", {}) for years in ("2018_2019", "2020_2021")),
    ("pjm/history_tidy/PJM_da_hourly_2011-2018.csv.gz", {}),
    ("pjm/history_tidy/hub_rt5min_2026-01-31_2026-02-18.csv", {}),
    *(("nyiso/history_tidy/nyiso_rt_2019.csv.gz", {"node": zone}) for zone in ("NYC", "CAPITL", "WEST")),
]


def synthetic(nodes: int | None) -> History:
    """Four weeks of five-minute prices up to `NOW` and day-ahead prices beyond, a node each."""
    rules, rng = Rules.of("CAISO"), np.random.default_rng(1)
    shape = () if nodes is None else (nodes,)
    steps = np.arange(30 * 288)
    prices = 0.04 + 0.02 * np.sin(steps / 288 * 2 * np.pi) + rng.normal(0, 0.005, (*shape, len(steps)))
    prices[..., (utc_minutes(NOW) - utc_minutes(FIRST)) // 5 + 1 :] = np.nan
    first = int(wall_minutes(np.array([utc_minutes(FIRST)]), rules.zone_name)[0])
    ahead = 0.04 + 0.02 * np.sin(np.arange(30 * 24) / 24 * 2 * np.pi) + rng.normal(0, 0.002, (*shape, 30 * 24))
    return History(rules, "real-time-5min", Series.of(first, 5, prices), Series.of(first, 60, ahead))


def speed() -> dict[str, float]:
    """Seconds of the wall; the outlook of one facility is the median of 300."""
    one = synthetic(None)
    began = time.perf_counter()
    model = learn([one])
    learnt = time.perf_counter() - began
    times = []
    for _ in range(300):
        began = time.perf_counter()
        expect(model, NOW, one)
        times.append(time.perf_counter() - began)
    many = synthetic(CHUNK)
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(FACILITIES // CHUNK):
        expect(model, NOW, many)
    return {
        "learn_29_days_s": round(learnt, 3),
        "one_facility_ms": round(statistics.median(times) * 1000, 3),
        "one_facility_best_ms": round(min(times) * 1000, 3),
        "facilities": FACILITIES,
        "facilities_s": round(time.perf_counter() - began, 3),
        "facilities_cpu_s": round(time.process_time() - cpu, 3),
    }


def errors(file: str, said: dict[str, str]) -> tuple[History, list[Score]] | None:
    path = REAL / file
    if not path.is_file():
        return None
    node, price, beside = said.get("node"), said.get("price"), said.get("day_ahead")
    history = read_history(path, grid_of(Path("/", file)), node=node, price=price)
    if beside is not None:
        history = with_day_ahead(history, read_history(REAL / beside, history.rules.iso_region))
    return history, score(history)


def table() -> None:
    """The table of docs/outlook.md."""
    print(
        "| file | market | lead | steps | MAE | yesterday's | last week's | better by | RMSE | yesterday's |"
        " last week's | better by | p10-p90 holds |"
    )
    print("| --- | --- | --- |" + " ---: |" * 10)
    for file, said in FILES:
        found = errors(file, said)
        name = " ".join((Path(file).name, *(said.get(key, "") for key in ("node", "price")))).strip()
        if found is None:
            print(f"| {name} | not there |" + " |" * 11)
            continue
        history, scores = found
        for one in scores:
            print(
                f"| {name} | {history.market} | {one.lead} | {one.steps} | {one.mae:.2f} | {one.mae_yesterday:.2f} "
                f"| {one.mae_last_week:.2f} | {_percent(one.better_mae)} | {one.rmse:.2f} | {one.rmse_yesterday:.2f} "
                f"| {one.rmse_last_week:.2f} | {_percent(one.better_rmse)} | {one.coverage:.0%} |",
                flush=True,
            )


def _percent(better: float) -> str:
    return f"{better:.0%}" if better >= 0 else f"**{better:.1%}**"


def main() -> None:
    if "--table" in sys.argv:
        table()
        return
    print(json.dumps(speed()), flush=True)
    for file, said in FILES:
        found = errors(file, said)
        row = {"file": file, **said}
        if found is None:
            print(json.dumps(row | {"left_out": "not beside this checkout"}), flush=True)
            continue
        print(json.dumps(row | {"market": found[0].market, "leads": [one.as_json() for one in found[1]]}), flush=True)


if __name__ == "__main__":
    main()
