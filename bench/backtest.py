"""Backtests: decisions a second of one core, by plant and step, and what a year of them takes; growth with both.

JSON lines. Each decision looks 48 hours ahead. A week of hours and a day of five minutes are measured, the year is
reckoned from them. Prices are made up (a daily wave and noise), demands are those of the files; nothing is read but
examples/.
"""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from vibelux.backtest.gas import GasIndex
from vibelux.backtest.points import Points, Recorded
from vibelux.backtest.strategies import ALWAYS_ON, GRID_ONLY, HEAT_LED, VIBELUX
from vibelux.backtest.study import Study, backtest
from vibelux.backtest.window import Window
from vibelux.dispatch.facility import load_facilities
from vibelux.outlook.learn import Rules
from vibelux.outlook.past import utc_minutes

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PLANTS = ("study/small", "study/medium", "study/greenhouse")
START = datetime(2024, 8, 1, 5, tzinfo=UTC)
HISTORY = timedelta(days=30)
DAYS = {60: 7, 5: 1}
"""By minutes of a step."""
FACILITIES = (1, 4, 16)
WORKERS = (1, 2)


def window(plant: str, step: int, days: int) -> Window:
    """Some days of a plant, a month of prices before them."""
    facility = load_facilities(EXAMPLES / f"{plant}.toml")[0]
    first, last = utc_minutes(START - HISTORY), utc_minutes(START + timedelta(days=days))
    at = np.arange(first, last, step)
    noise = np.random.default_rng(1).normal(0, 0.01, len(at))
    prices = Points(at, 0.04 - 0.02 * np.cos(at / 1440 * 2 * np.pi) + noise, step)
    market = "real-time-hourly" if step == 60 else "real-time-5min"
    gas = GasIndex.of((START.date() - timedelta(days=day), 2.5) for day in range(60))
    recorded = Recorded(facility.pricing_node, Rules.of(facility.iso_region), market, prices)
    return Window.over(facility, recorded, gas, start=START)


def main() -> int:
    """Prints a line a plant and step, then one for each number of facilities, then one for each number of workers."""
    for plant in PLANTS:
        for step, days in DAYS.items():
            decisions = days * 1440 // step
            seconds = played(window(plant, step, days))
            told = {"plant": plant, "step_minutes": step, "decisions": decisions, "seconds": round(seconds, 2)}
            rate = {"decisions_per_core_second": round(decisions / seconds, 1)}
            print(json.dumps(told | rate | {"year_core_minutes": round(365 / days * seconds / 60, 1)}), flush=True)
    for count in FACILITIES:
        seconds = sum(played(window(PLANTS[at % len(PLANTS)], 60, 1)) for at in range(count))
        decisions = 24 * count
        told = {"facilities": count, "decisions": decisions, "seconds": round(seconds, 2)}
        print(json.dumps(told | {"decisions_per_core_second": round(decisions / seconds, 1)}), flush=True)
    study = Study.of(window("study/medium", 60, 2 * DAYS[60]))
    for workers in WORKERS:
        began = time.perf_counter()
        backtest(study, [VIBELUX, HEAT_LED, ALWAYS_ON, GRID_ONLY], workers=workers)
        seconds = time.perf_counter() - began
        print(json.dumps({"strategies": 4, "workers": workers, "seconds": round(seconds, 2)}), flush=True)
    return 0


def played(past: Window) -> float:
    """Seconds of one core that a window takes `vibelux`, learning and judging included."""
    began = time.perf_counter()
    backtest(Study.of(past), [VIBELUX], workers=1)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
