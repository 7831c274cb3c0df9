"""The price that came to count over a stretch of time, from price records as they are known now."""

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vibelux.dispatch.facility import Facility
from vibelux.market.intervals import floor_to

_HOUR = timedelta(hours=1)
_FIVE = timedelta(minutes=5)

Price = Mapping[str, Any]
"""An electricity-price record as the store gives it."""


@dataclass(frozen=True)
class Settled:
    """Means over a stretch of time."""

    market: float
    """USD/kWh; the known price where none came."""
    adder: float
    """What the tariff adds to a kWh imported."""
    complete: bool
    """Whether prices came for all of it."""
    rows: tuple[Price, ...]
    """Those that came."""


def settled(facility: Facility, prices: Sequence[Price], start: datetime, end: datetime, known: float) -> Settled:
    """The price of a stretch of time.

    Args:
        facility: whose tariff adds.
        prices: of its node in one market, by time.
        start: where the stretch begins.
        end: where it ends.
        known: what counts where none came, USD/kWh.
    """
    market = adder = 0.0
    rows, at = [], start
    complete = True
    while at < end:
        row = _at(prices, at)
        until = min(floor_to(at, _FIVE) + _FIVE if row is None else row["market_interval_end"], end)
        hours = (until - at) / _HOUR
        market += (known if row is None else row["price_per_kwh"]) * hours
        adder += facility.energy_adder_at(at) * hours
        complete &= row is not None
        rows += [] if row is None else [row]
        at = until
    hours = (end - start) / _HOUR
    return Settled(market / hours, adder / hours, complete, tuple(rows))


def _at(prices: Sequence[Price], at: datetime) -> Price | None:
    place = bisect.bisect_right(prices, at, key=lambda row: row["market_interval_start"]) - 1
    return prices[place] if place >= 0 and at < prices[place]["market_interval_end"] else None
