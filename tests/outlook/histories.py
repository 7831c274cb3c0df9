"""Small made-up price histories for the tests of the price outlook."""

from datetime import UTC, datetime

import numpy as np

from vibelux.outlook.learn import History, Rules
from vibelux.outlook.past import DAY, Series, utc_minutes

FIRST = utc_minutes(datetime(2025, 6, 2, tzinfo=UTC))
"""A Monday's midnight, read as wall minutes."""


def shape(days: int, step: int = 60) -> np.ndarray:
    """A daily wave between 20 and 60 USD/MWh, in USD/kWh."""
    minutes = np.arange(days * DAY // step) * step
    return 0.04 - 0.02 * np.cos(minutes / DAY * 2 * np.pi)


def noisy(days: int, seed: int = 1, step: int = 60, sigma: float = 0.004) -> np.ndarray:
    return shape(days, step) + np.random.default_rng(seed).normal(0, sigma, days * DAY // step)


def day_ahead(values: np.ndarray, iso_region: str = "ERCOT") -> History:
    return History(Rules.of(iso_region), "day-ahead-hourly", Series.of(FIRST, 60, values))


def real_time(values: np.ndarray, ahead: np.ndarray | None = None, step: int = 60) -> History:
    beside = None if ahead is None else Series.of(FIRST, 60, ahead)
    return History(Rules.of("ERCOT"), "real-time-15min", Series.of(FIRST, step, values), beside)
