"""The price to expect for each step of the next 48 hours, and of which kind it is.

What is known and what is forecast never share a column unseen: each step says its `kind`, a forecast has `p10`, `p50`
and `p90`, and its `price` is the p50. A step whose advisory or day-ahead price is out keeps that as its `price`; its
quantiles then say what real-time price is expected beside it.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vibelux.market.errors import UsageError
from vibelux.outlook.features import Known, features
from vibelux.outlook.learn import DAY_AHEAD, History, Model
from vibelux.outlook.past import Minutes, Series, utc_minutes, wall_minutes
from vibelux.outlook.sun import Array

_FINE, _MIDDLE, _COARSE = 5, 15, 60
_FINE_UNTIL, _MIDDLE_UNTIL, _END = 2 * 60, 12 * 60, 48 * 60


class Kind(StrEnum):
    """What a step's price is, most certain first."""

    REAL_TIME = "real-time"
    """Known: the real-time price of the whole step is out."""
    ADVISORY = "advisory"
    """The grid's own look-ahead, not binding."""
    DAY_AHEAD = "day-ahead"
    """Known: the day-ahead market has cleared. A facility that settles in real time gets another price."""
    FORECAST = "forecast"
    """Ours: p50 of what is expected."""
    MISSING = "missing"
    """Nothing is known and there is no past to forecast from."""


KINDS = tuple(Kind)


@dataclass(frozen=True, slots=True)
class Steps:
    """A horizon: starts in UTC minutes and lengths in minutes, both of shape (steps,)."""

    starts: Minutes
    lengths: Minutes

    @property
    def begin(self) -> datetime:
        """The moment at which the first one starts, UTC."""
        return datetime.fromtimestamp(int(self.starts[0]) * 60, UTC)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The prices to expect at some nodes; shape (nodes, steps) where not said otherwise, USD/kWh."""

    at: datetime
    steps: Steps
    kind: NDArray[np.int8]
    """The place in `KINDS`."""
    price: Array
    """The known price, or the p50 of a forecast; NaN where `MISSING`."""
    quantiles: Array
    """p10, p50 and p90, shape (nodes, steps, 3); NaN where the step's own price is known for good or `MISSING`."""
    naive: Array
    """What costs nothing to expect, shape (nodes, steps, 2): the newest known price of the same hour, and the one a
    whole number of weeks ago; NaN where there is none."""
    sources: dict[Kind, str]
    """Where the prices of each kind come from, in words."""

    @property
    def expected(self) -> Array:
        """What to plan on: the price where it is known for good, else the p50 (of a day-ahead step too)."""
        middle = self.quantiles[..., 1]
        return np.where(np.isfinite(middle), middle, self.price)

    def rows(self, node: int = 0) -> list[dict[str, Any]]:
        """The steps of one node as JSON objects, times in UTC; null where there is no number."""
        starts, ends = (
            np.datetime_as_string(minutes.astype("datetime64[m]")).tolist()
            for minutes in (self.steps.starts, self.steps.starts + self.steps.lengths)
        )
        columns = zip(
            starts,
            ends,
            self.kind[node].tolist(),
            self.price[node].tolist(),
            self.quantiles[node].tolist(),
            strict=True,
        )
        return [
            {
                "start": f"{start}:00Z",
                "end": f"{end}:00Z",
                "kind": KINDS[place].value,
                "price": _number(price),
                "p10": _number(p10),
                "p50": _number(p50),
                "p90": _number(p90),
                "source": self.sources[KINDS[place]],
            }
            for start, end, place, price, (p10, p50, p90) in columns
        ]


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def horizon(now: datetime) -> Steps:
    """The default steps: from the running five minutes 5 min for 2 h, 15 min to 12 h, hours to 48 h.

    Each part goes on to the next full quarter or hour, so that no step straddles two intervals of a market; 48 hours
    are always covered.

    >>> steps = horizon(datetime(2026, 7, 14, 20, 2, tzinfo=UTC))
    >>> len(steps.starts), int(steps.lengths.sum())
    (101, 2940)
    """
    end = -(-(utc_minutes(now) + _END) // _COARSE) * _COARSE
    return _steps(utc_minutes(now) // _FINE * _FINE, end)


@lru_cache(maxsize=16)
def _steps(start: int, end: int) -> Steps:
    """Those of one moment: many nodes are asked about at once."""
    quarters = -(-(start + _FINE_UNTIL) // _MIDDLE) * _MIDDLE
    hours = -(-(start + _MIDDLE_UNTIL) // _COARSE) * _COARSE
    parts = ((start, quarters, _FINE), (quarters, hours, _MIDDLE), (hours, end, _COARSE))
    starts = np.concatenate([np.arange(low, high, step) for low, high, step in parts])
    return Steps(starts, np.diff(starts, append=end))


def expect(
    model: Model, now: datetime, known: History, *, advisory: Series | None = None, steps: Steps | None = None
) -> Outlook:
    """The outlook of one node, or of many of one grid at once.

    Args:
        model: of this grid and market.
        now: the moment, UTC.
        known: what had been published at that moment and nothing else; four weeks suffice. With many nodes each of
            its series has the shape (nodes, steps), or (steps,) where they share it.
        advisory: the grid's look-ahead prices, on the same clock.
        steps: their grid; None: `horizon(now)`.

    Raises:
        UsageError: the model is of another grid or market.
    """
    if (model.iso_region, model.market) != (known.rules.iso_region, known.market):
        raise UsageError(
            f"the price model is of {model.iso_region} {model.market}, not of {known.rules.iso_region} {known.market}"
        )
    steps = steps or horizon(now)
    starts = wall_minutes(steps.starts, known.rules.zone_name)[None, :]
    ends = starts + steps.lengths
    until = np.array([known.prices.known_until])
    out = np.array([known.day_ahead.known_until]) if known.day_ahead is not None else None
    ahead = features(Known(known.prices, until, known.day_ahead, out, known.load), starts, ends)
    quantiles = model.quantiles(ahead, starts, until[:, None])
    # A level alone, without this hour's own past or a cleared price of it, is nothing to plan a night by.
    quantiles[np.isnan(ahead.newest_day) & ~ahead.published] = np.nan
    own = KINDS.index(Kind.DAY_AHEAD if known.market == DAY_AHEAD else Kind.REAL_TIME)
    price = quantiles[..., 1].copy()
    kind = np.where(np.isfinite(price), KINDS.index(Kind.FORECAST), KINDS.index(Kind.MISSING)).astype(np.int8)
    layers = (
        (known.day_ahead, KINDS.index(Kind.DAY_AHEAD)),
        (advisory, KINDS.index(Kind.ADVISORY)),
        (known.prices, own),
    )
    for series, place in layers:
        if series is None or series.known_until <= starts[0, 0]:
            continue
        begun = slice(int(np.searchsorted(starts[0], series.known_until)))
        found = series.rows(starts[:, begun], ends[:, begun], whole=True)
        there = np.isfinite(found)
        np.copyto(price[:, begun], found, where=there)
        kind[:, begun][there] = place
    quantiles[kind == own] = np.nan
    naive = np.broadcast_to(np.stack((ahead.newest_day, ahead.week), axis=-1), (*price.shape, 2))
    return Outlook(now, steps, kind, price, quantiles, naive, _sources(model, known))


def _sources(model: Model, known: History) -> dict[Kind, str]:
    beside = ", the spread of real-time to day-ahead prices" if known.day_ahead is not None else ""
    load = ", the forecast load" if known.load is not None else ""
    learnt = f"learnt from {model.days:.0f} days" if model.is_learnt else "not learnt yet: the weights of a start"
    return {
        Kind.REAL_TIME: f"{known.market}, published",
        Kind.ADVISORY: "the grid's look-ahead, not binding",
        Kind.DAY_AHEAD: "day-ahead-hourly, published",
        Kind.FORECAST: (
            f"forecast of {known.market}: same hours of the last 14 days, the newest prices{beside}{load}; {learnt}"
        ),
        Kind.MISSING: "no price of this hour of the day is known yet",
    }
