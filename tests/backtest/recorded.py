"""Prices and windows for tests, small enough to reckon by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from dispatch.plants import GAS_AT_3_CENTS, body
from vibelux.backtest.gas import GasIndex
from vibelux.backtest.points import Points, Recorded
from vibelux.backtest.window import Window
from vibelux.dispatch.facility import Facility
from vibelux.outlook.learn import DAY_AHEAD, Rules
from vibelux.outlook.past import utc_minutes

START = datetime(2025, 7, 1, 7, tzinfo=UTC)
"""A local midnight in California."""
FIXED_GAS = {"gas": {"kind": "fixed", "usd_per_mmbtu": GAS_AT_3_CENTS}, "import_adder_usd_per_kwh": 0.05,
             "export_adder_usd_per_kwh": -0.005}  # fmt: skip
"""0.03 USD for a kWh of fuel."""


def site(**changes: Any) -> Facility:
    """The plant of `dispatch.plants` with a fixed gas price: no other file is needed."""
    return Facility.from_dict(body(**({"prices": FIXED_GAS} | changes)))


def stored(**changes: Any) -> Facility:
    """The same with a heat storage, lamps and a start cost: what one step does, the next one feels."""
    engine = body()["chp"][0] | {"start_cost_usd": 8.0, "min_up_h": 2, "min_down_h": 1}
    return site(
        **{
            "chp": [engine],
            "heat_storage": {
                "capacity_kwh": 4000, "charge_max_kw": 1000, "discharge_max_kw": 1000, "loss_per_h": 0.002,
                "initial_kwh": 1000,
            },
            "lights": [
                {"id": "lamps", "max_kw": 300, "photoperiod": {"start": "04:00", "end": "20:00"},
                 "energy_kwh_per_day": 2400, "heat_fraction": 0.5}
            ],
        }
        | changes
    )  # fmt: skip


def wave(hours: int, seed: int = 1) -> np.ndarray:
    """Hourly prices between 0 and 0.1 USD/kWh that rise and fall with the day, and jump."""
    hour = np.arange(hours)
    noise = np.random.default_rng(seed).normal(0, 0.012, hours)
    return np.asarray(0.05 - 0.035 * np.cos(hour / 24 * 2 * np.pi) + noise)


def recorded(
    values: Sequence[float] | np.ndarray,
    *,
    step: int = 60,
    start: datetime = START,
    market: str = "real-time-5min",
    ahead: np.ndarray | None = None,
    iso_region: str = "CAISO",
) -> Recorded:
    """Prices of a node from a moment on; NaN for what was not recorded."""
    at = utc_minutes(start) + step * np.arange(len(values))
    beside = None
    if ahead is not None:
        beside = Points(utc_minutes(start) + 60 * np.arange(len(ahead)), np.asarray(ahead, dtype=np.float64), 60)
    prices = np.asarray(values, dtype=np.float64)
    known = np.isfinite(prices)
    return Recorded("NODE", Rules.of(iso_region), market, Points(at[known], prices[known], step), beside)


def window(facility: Facility, prices: Recorded, **more: Any) -> Window:
    return Window.over(facility, prices, more.pop("gas", GasIndex()), **more)


def day_ahead(values: Sequence[float] | np.ndarray, **more: Any) -> Recorded:
    return recorded(values, market=DAY_AHEAD, **more)
