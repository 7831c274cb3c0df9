"""How far off a forecast may be: quantiles of what it was off by, by lead and hour of the day."""

import numpy as np
from numpy.typing import NDArray

from vibelux.outlook.past import DAY, Minutes
from vibelux.outlook.sun import Array

LEADS = np.array([15, 30, 60, 120, 240, 480, 960, 1440, 2160])
"""Minutes between the end of the newest known price and the start of a step; ten buckets in all."""
QUANTILES = (0.1, 0.9)
HOUR_BLOCKS = 6
_UNLEARNT = (-0.7, 0.7)
_LEAST = 60
"""Fewer residuals tell no quantile."""
_BORROWED = 60.0
"""So many residuals of the whole bucket stand beside those of a block of hours."""


def lead_bucket(minutes: Minutes) -> NDArray[np.intp]:
    """The bucket of each lead.

    >>> lead_bucket(np.array([0, 15, 100, 3000]))
    array([0, 1, 3, 9])
    """
    return np.searchsorted(LEADS, minutes, side="right")


def hour_block(starts: Minutes) -> Minutes:
    """Which four hours of the wall clock a step starts in, 0-5."""
    return starts % DAY // (DAY // HOUR_BLOCKS)


def unlearnt() -> Array:
    """The band of a bucket without history, shape (6, 2), in z."""
    return np.broadcast_to(np.array(_UNLEARNT), (HOUR_BLOCKS, len(QUANTILES))).copy()


def band(residuals: Array, blocks: Minutes) -> Array:
    """The quantiles of a bucket's residuals (in z) for each block of hours, shape (6, 2).

    A block's own quantiles are shrunk towards those of the whole bucket, and none excludes the median forecast.
    """
    found = unlearnt()
    if len(residuals) < _LEAST:
        return found
    whole = np.quantile(residuals, QUANTILES)
    for block in range(HOUR_BLOCKS):
        own = residuals[blocks == block]
        weight = len(own) / (len(own) + _BORROWED)
        found[block] = weight * np.quantile(own, QUANTILES) + (1.0 - weight) * whole if len(own) else whole
    return np.stack((np.minimum(found[:, 0], 0.0), np.maximum(found[:, 1], 0.0)), axis=-1)
