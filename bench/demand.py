"""Demands ahead of a lit greenhouse from its weather: time for one facility and for 10,000. One JSON line."""

import json
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from vibelux.dispatch.facility import load_facilities
from vibelux.outlook.greenhouse import Greenhouse, Houses, Screen, demand
from vibelux.outlook.price import horizon
from vibelux.outlook.weather import Sources, Steps, expected, sources
from vibelux.outlook.weather_ahead import WeatherAhead

NOW = datetime(2026, 1, 14, 18, 2, tzinfo=UTC)
FACILITIES, CHUNK = 10_000, 250


def known() -> Sources:
    """Three days of hourly temperature, cloud and wind."""
    rows: list[dict[str, Any]] = []
    for hour in range(-24, 60):
        start = NOW.replace(minute=0) + timedelta(hours=hour)
        values = {"temperature": 8 + 6 * np.cos((hour - 3) / 24 * 2 * np.pi), "cloud-cover": 40.0, "wind-speed": 3.0}
        rows += [
            {
                "provider": "nws",
                "category": None,
                "variable": variable,
                "location": "36.66,-121.64",
                "value": float(value),
                "valid_start": start,
                "valid_end": start + timedelta(hours=1),
                "issued_at": NOW,
            }
            for variable, value in values.items()
        ]
    return sources(rows)


def main() -> None:
    """Milliseconds of the wall for one (median of 300), seconds for all."""
    (site,) = load_facilities(Path(__file__).parents[1] / "examples" / "greenhouse.toml")
    steps, weather = horizon(NOW), WeatherAhead(NOW, 36.67, -121.65, known())
    times = []
    for _ in range(300):
        began = time.perf_counter()
        site.demands(steps, weather)
        times.append(time.perf_counter() - began)
    areas = np.random.default_rng(1).uniform(1e3, 1e5, FACILITIES)
    houses = [
        Greenhouse(area_m2=float(area), screens=(Screen(saving=0.4),), target_dli=15, lamp_w_per_m2=60)
        for area in areas
    ]
    began = time.perf_counter()
    for first in range(0, FACILITIES, CHUNK):
        calendar = Steps.over(steps.starts, steps.lengths, "America/Los_Angeles")
        outside = expected([weather.known] * CHUNK, calendar, [36.67] * CHUNK, [-121.65] * CHUNK)
        demand(Houses.of(houses[first : first + CHUNK]), outside, calendar)
    print(
        json.dumps(
            {
                "one_facility_ms": round(statistics.median(times) * 1000, 3),
                "one_facility_best_ms": round(min(times) * 1000, 3),
                "facilities": FACILITIES,
                "facilities_s": round(time.perf_counter() - began, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
