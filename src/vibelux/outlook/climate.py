"""What the weather usually is, for who knows nothing better: a month's mean temperature and an even daily swing.

One town stands for each grid, with about its monthly means of recent decades, rounded to a degree and taken from no
record: they tell a season and no day, and whoever uses them has to say so.
"""

from datetime import UTC, datetime

import numpy as np

from vibelux.outlook.sun import Array

_MONTHS = {
    "CAISO": ("Sacramento", (9, 11, 13, 15, 19, 22, 24, 24, 22, 18, 12, 9)),
    "PJM": ("Harrisburg", (0, 1, 5, 12, 17, 22, 25, 24, 20, 13, 7, 2)),
    "ERCOT": ("Dallas", (8, 10, 15, 19, 24, 28, 30, 30, 26, 20, 14, 9)),
    "NYISO": ("Albany", (-4, -3, 2, 9, 15, 20, 23, 22, 18, 11, 5, -1)),
}
"""Celsius, January to December."""
_SWING_K = 5.0
"""From the day's mean to its warmest and coldest hour."""
_WARMEST_HOUR = 15.0
"""By the sun."""
_DAY = 86_400.0
_YEAR = 365.25 * _DAY
_MID_MONTHS = (np.arange(12) + 0.5) * _YEAR / 12
_NEW_YEAR = datetime(2000, 1, 1, tzinfo=UTC).timestamp()


def usual_place(iso_region: str) -> str:
    """The town whose months stand for a grid."""
    return _MONTHS[iso_region][0]


def usual_temperature(iso_region: str, edges: Array, longitude: float) -> Array:
    """The usual temperature of each step, Celsius, shape (steps,).

    Args:
        iso_region: the grid.
        edges: seconds since 1970, UTC; one more than there are steps.
        longitude: degrees east.

    >>> noon = datetime(2026, 1, 16, 21, tzinfo=UTC).timestamp()       # 15:00 by the sun at 90° west
    >>> round(float(usual_temperature("NYISO", np.array([noon, noon]), -90.0)[0]), 1)
    1.0
    """
    middle = (edges[:-1] + edges[1:]) / 2
    mean = np.interp((middle - _NEW_YEAR) % _YEAR, _MID_MONTHS, _MONTHS[iso_region][1], period=_YEAR)
    hour = (middle / 3600.0 + longitude / 15.0) % 24.0
    return np.asarray(mean + _SWING_K * np.cos((hour - _WARMEST_HOUR) / 24.0 * 2.0 * np.pi))
