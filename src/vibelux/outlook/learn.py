"""Learns from history how the price of a step follows from what was known before it.

For each bucket of lead and for steps with and without a published day-ahead price, z = x·w by ridge regression
towards a prior w0, reweighted so that it minimises absolute rather than squared errors:

    w = w0 + (XᵀDX + λ)⁻¹ XᵀD (z - Xw0),   λ = (20 days / days of history) · n · mean(D) · diag(mean x²)

so the prior counts as 20 days of history: a young model forecasts sensibly, an old one forgets the prior. What is
learnt is then mixed with yesterday's price, the more so the younger the model and the farther the step: two forecasts
that err in different ways err less together where neither rests on much.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vibelux.feeds import Daily, Rolling, feed_named
from vibelux.market.errors import UsageError
from vibelux.market.regions import region_of
from vibelux.outlook.bands import HOUR_BLOCKS, LEADS, QUANTILES, band, hour_block, lead_bucket, unlearnt
from vibelux.outlook.features import F, Features, Known, features
from vibelux.outlook.past import DAY, Minutes, Series
from vibelux.outlook.sun import Array

DAY_AHEAD = "day-ahead-hourly"
LEARN_DAYS = 365
BUCKETS = len(LEADS) + 1
FIRST_DAYS = 4
"""A history tells something from its fifth day on."""
_FEEDS = {
    "CAISO": ("caiso/real-time-pricing", "caiso/day-ahead-pricing"),
    "PJM": ("pjm/real-time-lmp", "pjm/day-ahead-lmp"),
    "ERCOT": ("ercot/settlement-point-prices", "ercot/day-ahead-prices"),
    "NYISO": ("nyiso/real-time-pricing", "nyiso/day-ahead-pricing"),
}
_PRIOR_DAYS = 20.0
_YESTERDAYS_PART, _FAR_HOURS = 0.8, 12.0
"""How much of yesterday's price there is far ahead in a model of no days; e-folding of that with the lead."""
_ROUNDS = 3
_LEAST_ERROR = 0.15
_LEAST_SQUARE = 0.2
_LEAST_SAMPLES = 20
_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Rules:
    """When a grid's prices become known."""

    iso_region: str
    zone_name: str
    real_time: Rolling
    day_ahead: Daily

    @classmethod
    def of(cls, iso_region: str) -> Self:
        """The rules of a grid, from the feeds' own publication times.

        Raises:
            UsageError: no such grid.
        """
        region = region_of(iso_region)
        real_time, day_ahead = (feed_named(name).publication for name in _FEEDS[region.iso_region])
        if not isinstance(real_time, Rolling) or not isinstance(day_ahead, Daily):
            raise UsageError(f"{iso_region}: its price feeds are not published interval by interval and daily")
        return cls(region.iso_region, region.timezone, real_time, day_ahead)

    def real_time_until(self, now: Minutes, step: int) -> Minutes:
        """The end of the newest whole step of so many minutes that is out at `now`; all wall minutes."""
        own, lag = self.real_time.step.total_seconds(), self.real_time.lag.total_seconds()
        seconds = np.floor((now * 60.0 - lag) / own) * own + own
        return np.asarray(np.floor(seconds / (60 * step)), dtype=np.int64) * step

    def day_ahead_until(self, now: Minutes) -> Minutes:
        """The end of the newest market day whose day-ahead prices are out at `now`; all wall minutes."""
        out = now % DAY >= self.day_ahead.at.hour * 60 + self.day_ahead.at.minute
        until: Minutes = (now // DAY + self.day_ahead.days_ahead + out) * DAY
        return until


@dataclass(frozen=True, slots=True)
class History:
    """The prices of one node as they came, USD/kWh on the wall clock."""

    rules: Rules
    market: str
    """Of `prices`: `day-ahead-hourly`, or a real-time market."""
    prices: Series
    day_ahead: Series | None = None
    """Beside real-time prices."""
    load: Series | None = None
    """Forecast load, best less wind and sun: it is read as known, so it must have been out 48 hours ahead."""
    load_of_day_ahead: bool = False
    """Its forecasts came out by the time of the day-ahead prices of their day instead, and count as known from then."""

    def known(self, now: Minutes) -> Known:
        """What was known at some moments (wall minutes, shape (moments,))."""
        out = self.rules.day_ahead_until(now)
        load_until = out if self.load_of_day_ahead else None
        if self.market == DAY_AHEAD:
            return Known(self.prices, out, load=self.load, load_until=load_until)
        until = self.rules.real_time_until(now, self.prices.step)
        day_ahead_until = out if self.day_ahead is not None else None
        return Known(self.prices, until, self.day_ahead, day_ahead_until, self.load, load_until)


@dataclass(frozen=True, slots=True)
class Samples:
    """Moments of history with the steps that then lay ahead; shape (moments, steps) where not said otherwise."""

    origins: Minutes
    """Shape (moments,)."""
    until: Minutes
    """Shape (moments, 1): the end of the newest price known then."""
    starts: Minutes
    ends: Minutes
    came: Array
    """The price that came, USD/kWh."""
    ahead: Features

    @property
    def bucket(self) -> NDArray[np.intp]:
        """The bucket of each step's lead."""
        return lead_bucket(self.starts - self.until)

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Whether there was something to forecast from, and a price came that was not known."""
        known = np.isfinite(self.came) & np.isfinite(self.ahead.newest_day) & np.isfinite(self.ahead.centre)
        return known & (self.starts >= self.until)


@dataclass(frozen=True, slots=True)
class Model:
    """What was learnt; without unit, for every node of one grid. Some kB as JSON."""

    iso_region: str
    market: str
    days: float
    """Of history that it was learnt from."""
    weights: Array = field(default_factory=lambda: np.array([[prior(p, b) for b in range(BUCKETS)] for p in (0, 1)]))
    """Shape (2, 10, 19): day-ahead price not out / out, bucket of lead, feature."""
    bands: Array = field(default_factory=lambda: np.tile(unlearnt(), (2, BUCKETS, 1, 1)))
    """Shape (2, 10, 6, 2): likewise, block of hours, quantile; in z."""

    @classmethod
    def at_start(cls, iso_region: str, market: str) -> Self:
        """What there is before any history: the prior."""
        return cls(iso_region, market, 0.0)

    @property
    def is_learnt(self) -> bool:
        """Whether it knows more than the prior."""
        return self.days > 0.0

    def quantiles(self, ahead: Features, starts: Minutes, until: Minutes) -> Array:
        """The forecast of each step: p10, p50 and p90 in USD/kWh, shape (rows, steps, 3); NaN without any past.

        Args:
            ahead: of the steps.
            starts: wall minutes, shape (moments, steps).
            until: wall minutes, shape (moments, 1).
        """
        case = ahead.published.astype(np.intp), lead_bucket(starts - until)
        middle = np.einsum("...f,...f->...", ahead.values, self.weights[case])
        middle = np.minimum(np.maximum(middle, ahead.low), ahead.high)
        off = self.bands[(*case, hour_block(starts))]
        low = np.maximum(middle + off[..., 0], ahead.low - 1.0)
        high = np.minimum(middle + off[..., 1], ahead.high + 1.0)
        return np.stack((ahead.price(low), ahead.price(middle), ahead.price(high)), axis=-1)

    def as_json(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self) | {"weights": self.weights.tolist(), "bands": self.bands.tolist()}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """The model of a JSON object.

        Raises:
            UsageError: it was written by another version.
        """
        weights, bands = np.asarray(document["weights"]), np.asarray(document["bands"])
        if weights.shape != (2, BUCKETS, len(F)) or bands.shape != (2, BUCKETS, HOUR_BLOCKS, len(QUANTILES)):
            raise UsageError("this price model is of another version: learn it again")
        return cls(**(document | {"weights": weights, "bands": bands}))


def prior(published: int, bucket: int) -> Array:
    """The weights before anything is learnt: mostly the newest same hour; where it is out, the day-ahead price."""
    hours, weights = _hours(bucket), np.zeros(len(F))
    if published:
        weights[[F.DAY_AHEAD, F.MEDIAN_14, F.SPREAD_DAY]] = 0.85, 0.15, 0.2
        weights[F.SPREAD_HOUR] = 0.4 * np.exp(-hours / 3.0)
    else:
        weights[[F.NEWEST_DAY, F.SAME_TYPE, F.WEEK, F.MEDIAN_14]] = 0.5, 0.1, 0.05, 0.35
        weights[F.LAST_HOUR] = 0.2 * np.exp(-hours / 3.0)
    return weights


def learn(histories: Sequence[History]) -> Model:
    """Learns from the last 365 days of one or several nodes of a grid.

    Raises:
        UsageError: no history, of several grids or markets, or of less than six days.
    """
    names = {(history.rules.iso_region, history.market) for history in histories}
    if len(names) != 1:
        raise UsageError("a price model is learnt from the histories of one grid and market")
    found = [samples(history, LEARN_DAYS) for history in histories]
    ((iso_region, market),) = names
    return fit(iso_region, market, [(one, one.usable) for one in found])


def samples(history: History, days: int | None = None) -> Samples:
    """Moments of a history every few hours, at full hours, each with the 48 hours that followed.

    Args:
        history: of one node.
        days: how many of its last days; None: all.
    """
    prices = history.prices
    first = max(prices.first + FIRST_DAYS * DAY, prices.known_until - (days or prices.days) * DAY)
    hours_between = 7 if prices.known_until - first > 60 * DAY else 3
    origins = np.arange(first, prices.known_until, hours_between * 60)
    if not len(origins):
        raise UsageError(f"a history of {prices.days} days tells nothing; at least {FIRST_DAYS + 1} are needed")
    lead, length = steps_ahead(prices.step)
    parts = []
    for at in range(0, len(origins), _CHUNK):
        now = origins[at : at + _CHUNK]
        starts = now[:, None] + lead
        ends = starts + length
        known = history.known(now)
        came = prices.mean(starts, ends)
        parts.append(Samples(now, known.until[:, None], starts, ends, came, features(known, starts, ends)))
    return _joined(parts)


def steps_ahead(least: int) -> tuple[Minutes, Minutes]:
    """The 48 hours after a full hour: starts and lengths in minutes; 5 for 2 h, 15 to 12 h, 60 beyond, or `least`."""
    found = [
        (start, length)
        for length, begin, end in ((max(5, least), 0, 120), (max(15, least), 120, 720), (60, 720, 2880))
        for start in range(begin, end, length)
    ]
    starts, lengths = np.array(found).T
    return starts, lengths


def _joined(parts: Sequence[Samples]) -> Samples:
    def one(name: str, of: Sequence[Samples | Features]) -> Any:
        return np.concatenate([getattr(part, name) for part in of])

    features_of = [part.ahead for part in parts]
    ahead = Features(**{each.name: one(each.name, features_of) for each in fields(Features)})
    plain = [each.name for each in fields(Samples) if each.name != "ahead"]
    return Samples(**{name: one(name, parts) for name in plain}, ahead=ahead)


def fit(iso_region: str, market: str, found: Sequence[tuple[Samples, NDArray[np.bool_]]]) -> Model:
    """The model of those steps of some samples that are marked."""
    days = max((float(np.ptp(one.ends[marked])) / DAY - 1.0 if marked.any() else 0.0) for one, marked in found)
    model = Model(iso_region, market, max(days, 0.5))
    columns = [
        (
            one.ahead.published[marked],
            one.bucket[marked],
            one.ahead.values[marked],
            one.ahead.z(one.came)[marked],
            hour_block(one.starts)[marked],
        )
        for one, marked in found
    ]
    published, bucket, values, came, blocks = (np.concatenate(column) for column in zip(*columns, strict=True))
    for case in np.ndindex(2, BUCKETS):
        here = (published == bool(case[0])) & (bucket == case[1])
        if np.count_nonzero(here) < _LEAST_SAMPLES:
            continue
        x, z = values[here], came[here]
        learnt = _regression(x, z, model.weights[case], _PRIOR_DAYS / model.days)
        model.weights[case] = learnt if case[0] else _mixed(learnt, case[1], model.days)
        model.bands[case] = band(z - x @ model.weights[case], blocks[here])
    return model


def _mixed(weights: Array, bucket: int, days: float) -> Array:
    """The weights with some of yesterday's price, for steps whose day-ahead price is not out."""
    far = 1.0 - np.exp(-_hours(bucket) / _FAR_HOURS)
    part = _YESTERDAYS_PART * far * _PRIOR_DAYS / (_PRIOR_DAYS + days)
    mixed: Array = (1.0 - part) * weights
    mixed[F.NEWEST_DAY] += part
    return mixed


def _hours(bucket: int) -> float:
    """The least lead of a bucket."""
    return float((0, *LEADS)[bucket]) / 60.0


def _regression(x: Array, z: Array, before: Array, shrinkage: float) -> Array:
    """Ridge towards `before`, in rounds in which each sample weighs by the inverse of its error."""
    penalty = shrinkage * len(z) * np.maximum(np.mean(x**2, axis=0), _LEAST_SQUARE)
    residual = z - x @ before
    weight = np.ones(len(z))
    columns = np.ascontiguousarray(x.T)
    for _ in range(_ROUNDS):
        weighted = columns * weight
        # Not `@`: threads of a BLAS that wait for each other on a busy machine hold up the whole process.
        normal = np.einsum("fs,gs->fg", weighted, columns) + np.diag(penalty * weight.mean())
        step = np.linalg.solve(normal, np.einsum("fs,s->f", weighted, residual))
        weight = 1.0 / np.maximum(np.abs(residual - x @ step), _LEAST_ERROR)
    return np.asarray(before + step)
