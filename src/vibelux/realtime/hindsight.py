"""How far off the outlooks were that were given out: they wait until what they told of has come."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vibelux.market.intervals import floor_to
from vibelux.outlook.learn import Rules
from vibelux.outlook.past import DAY, Minutes, Series, utc_minutes, wall_minutes
from vibelux.outlook.price import Outlook
from vibelux.outlook.scores import LEADS
from vibelux.outlook.sun import Array
from vibelux.store.forecast_scores import Sums

_HOUR = timedelta(hours=1)
_BEGIN = date(1970, 1, 1)
_PARTS = {name: bounds for name, bounds in LEADS.items() if name != "all"}


@dataclass(slots=True)
class _Waiting:
    """One outlook's steps; wall minutes, shape (steps,), and p10, p50, p90 and the naive two, shape (steps, 5)."""

    hour: datetime
    starts: Minutes
    ends: Minutes
    lead: Minutes
    told: Array
    open: NDArray[np.bool_]
    is_kept: bool = False

    @classmethod
    def unpacked(cls, hour: datetime, packed: bytes, scored_until: int) -> Self:
        """What `packed` gave; steps that end by a wall minute are scored."""
        columns = np.frombuffer(packed, dtype="<f8").reshape(-1, 8)
        starts, ends, lead = columns[:, :3].T.astype(np.int64)
        return cls(hour, starts, ends, lead, columns[:, 3:], ends > scored_until, is_kept=True)

    def packed(self) -> bytes:
        """Eight numbers a step, as the database keeps them."""
        return np.column_stack((self.starts, self.ends, self.lead, self.told)).astype("<f8").tobytes()


class Hindsight:
    """The outlooks of one node that wait for what comes: one an hour, for those between differ by little.

    Args:
        rules: of the node's grid.
    """

    def __init__(self, rules: Rules) -> None:
        self._zone_name = rules.zone_name
        self._waiting: list[_Waiting] = []
        self._noted: datetime | None = None

    def note(self, outlook: Outlook) -> None:
        """Keeps the steps that are forecast (also beside a published or advisory price), of the hour's first outlook.

        Steps without both naive forecasts are left out, so that all three are measured on the same.
        """
        hour = floor_to(outlook.at, _HOUR)
        if self._noted is not None and hour <= self._noted:
            return
        told = np.concatenate((outlook.quantiles[0], outlook.naive[0]), axis=-1)
        is_told = np.isfinite(told).all(axis=-1)
        if not is_told.any():
            return
        self._noted = hour
        starts, lengths = outlook.steps.starts[is_told], outlook.steps.lengths[is_told]
        wall = wall_minutes(starts, self._zone_name)
        lead = np.maximum(starts - utc_minutes(outlook.at), 0)
        self._waiting.append(_Waiting(hour, wall, wall + lengths, lead, told[is_told], np.ones(len(wall), dtype=bool)))

    def recall(self, kept: Sequence[tuple[datetime, bytes]], scored_until: int) -> None:
        """Takes up what an earlier process kept; where both know an hour, the earlier outlook counts.

        Args:
            kept: hours and steps.
            scored_until: wall minute up to which they are scored.
        """
        recalled = [_Waiting.unpacked(hour, packed, scored_until) for hour, packed in kept]
        hours = {one.hour for one in recalled}
        self._waiting = [*recalled, *(one for one in self._waiting if one.hour not in hours)]

    def to_keep(self) -> Iterator[tuple[datetime, bytes]]:
        """The hours and steps that are not kept yet; each once."""
        for one in self._waiting:
            if not one.is_kept:
                one.is_kept = True
                yield one.hour, one.packed()

    def scored(self, came: Series) -> Iterator[tuple[date, str, Sums]]:
        """The errors of the steps whose price has come, by day and range of leads; each step once.

        A step of whose price a part is missing is passed over.

        Args:
            came: the node's prices.
        """
        until = came.known_until
        for one in self._waiting:
            due = one.open & (one.ends <= until)
            if not due.any():
                continue
            one.open &= ~due
            price = came.mean(one.starts[due], one.ends[due], whole=True)
            there = np.isfinite(price)
            lead, day = one.lead[due][there], (one.starts[due] // DAY)[there]
            told, price = one.told[due][there], price[there]
            for number in np.unique(day):
                for name, (least, below) in _PARTS.items():
                    chosen = (day == number) & (lead >= least) & (lead < below)
                    if chosen.any():
                        yield _BEGIN + timedelta(days=int(number)), name, _sums(told[chosen], price[chosen])
        self._waiting = [one for one in self._waiting if one.open.any()]


def _sums(told: Array, price: Array) -> Sums:
    off = np.abs(told[:, 1:] - price[:, None]).sum(axis=0)
    within = (told[:, 0] <= price) & (price <= told[:, 2])
    return Sums(len(price), float(off[0]), float(off[2]), float(off[3]), int(within.sum()))
