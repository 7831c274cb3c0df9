"""The stretch of the past that is played again: what was paid in each step, and the one problem of it all."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from vibelux.backtest.gas import GasIndex
from vibelux.backtest.points import Recorded
from vibelux.dispatch.case import Case
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.horizon import build_case
from vibelux.dispatch.state import PlantState
from vibelux.feeds import feed_named
from vibelux.market.errors import UsageError
from vibelux.market.intervals import iso_z, local_date
from vibelux.market.quality import Quality
from vibelux.outlook.climate import usual_place
from vibelux.outlook.conditions import Conditions, Limits, MarketRows, conditions
from vibelux.outlook.demand import Demands
from vibelux.outlook.past import DAY, Minutes, utc_minutes, wall_minutes
from vibelux.outlook.price import KINDS, Kind, Outlook, Steps, horizon
from vibelux.outlook.quotes import Quote, Rung
from vibelux.outlook.sun import Array
from vibelux.outlook.weather import Sources
from vibelux.outlook.weather_ahead import WeatherAhead

Bools = NDArray[np.bool_]

HORIZON_MINUTES = 48 * 60
_MOST_MISSING = 0.2
_EPOCH = date(1970, 1, 1)
_QUARTERS = feed_named("ercot/settlement-point-prices")
_LIMITS = Limits(slower={"real-time-15min": float(_QUARTERS.stale_after_seconds)})


@dataclass(frozen=True)
class Window:
    """What is played again. Arrays have one entry a step, shape (T,)."""

    facility: Facility
    recorded: Recorded
    gas: GasIndex
    carbon_usd_per_t: float | None
    start: int
    """UTC minutes; a whole number of steps up to `end`."""
    end: int
    settled: Array
    """USD/kWh that came to count in the market; where none was recorded, a straight line between its neighbours."""
    missing: Bools
    """Where none was recorded."""

    @classmethod
    def over(
        cls,
        facility: Facility,
        recorded: Recorded,
        gas: GasIndex,
        *,
        carbon_usd_per_t: float | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> "Window":
        """The window between two moments, as far as prices were recorded.

        Raises:
            UsageError: no prices, demands, gas or carbon price for it.
        """
        points = recorded.prices
        step = points.step
        first = int(points.starts[0]) if start is None else max(int(points.starts[0]), utc_minutes(start))
        last = points.end if end is None else min(points.end, utc_minutes(end))
        first = -(-first // step) * step
        last = first + (last - first) // step * step
        if last - first < 2 * step:
            told = f"{iso_z(moment(int(points.starts[0])))} to {iso_z(moment(points.end))}"
            raise UsageError(f"no prices of {recorded.node} in that time; there are some from {told}")
        starts = np.arange(first, last, step)
        prices = points.at(starts)
        missing = ~np.isfinite(prices)
        if missing.mean() > _MOST_MISSING:
            raise UsageError(f"{missing.mean():.0%} of the prices of {recorded.node} are missing: too many to judge by")
        prices[missing] = np.interp(starts[missing], starts[~missing], prices[~missing])
        window = cls(facility, recorded, gas, carbon_usd_per_t, first, last, prices, missing)
        window.check()
        return window

    @property
    def step(self) -> int:
        """Minutes."""
        return self.recorded.prices.step

    @property
    def starts(self) -> Minutes:
        """UTC minutes at which the steps begin."""
        return np.arange(self.start, self.end, self.step)

    def check(self) -> None:
        """Raises UsageError where something that has to be paid or served is not known throughout."""
        facility = self.facility
        if facility.prices.carbon == "direct" and self.carbon_usd_per_t is None:
            raise UsageError(f"{facility.id} pays for its carbon itself: give its price with --carbon USD_PER_TON")
        contract = facility.prices.contract
        for day in self.local_days():
            if self.gas.price(contract, day) is None:
                hub = f" of {contract.hub}" if contract.hub else ""
                begins = f"; the prices begin on {self.gas.days[0]}" if self.gas.days else ""
                raise UsageError(f"no gas price{hub} is known for {day}: give a file that has it with --gas{begins}")
        steps = Steps(self.starts, np.full(len(self.starts), self.step))
        known = len(self.demands(steps).power_kw)
        if known < len(self.starts):
            raise UsageError(facility.no_demand(moment(int(self.starts[known]))))

    def demands(self, steps: Steps) -> Demands:
        """What the facility needs on some steps; a greenhouse under the usual weather of its grid.

        Raises:
            UsageError: not even the first step's is known.
        """
        site, now, weather = self.facility, moment(int(steps.starts[0])), None
        if site.latitude is not None and site.longitude is not None:
            weather = WeatherAhead(now, site.latitude, site.longitude, Sources(), climate=site.iso_region)
        found = site.demands(steps, weather)
        if found is None:
            raise UsageError(site.no_demand(now))
        return found

    def local_days(self) -> list[date]:
        """The facility's local days that it touches."""
        first, last = (local_date(moment(at), self.facility.zone_name) for at in (self.start, self.end - 1))
        return [first + timedelta(days=day) for day in range((last - first).days + 1)]

    def notes(self) -> list[str]:
        """What a reader must know of the data, in sentences."""
        told = []
        if self.facility.greenhouse is not None:
            town = usual_place(self.facility.iso_region)
            told.append(
                f"The greenhouse's heat and light follow the usual weather around {town} under a usual cloud cover: "
                "a season, and no day that was."
            )
        if self.missing.any():
            edges = np.flatnonzero(np.diff(np.concatenate(([0], self.missing, [0]))))
            longest = int((edges[1::2] - edges[::2]).max()) * self.step / 60
            told.append(
                f"{int(self.missing.sum())} of {len(self.missing)} prices are missing ({longest:g} h at a stretch); "
                "all are settled at a straight line between their neighbours, and vibelux does not see these."
            )
        if self.gas.begins_late(self.local_days()[0]):
            told.append(f"The gas prices begin on {self.gas.days[0]}; until it is out, the first of them is taken.")
        return told

    def conditions(self, now: int, rows: MarketRows) -> Conditions:
        """The market at a UTC minute, by what was known of electricity."""
        site, at = self.facility, moment(now)
        day = local_date(at, site.zone_name)
        traded = self.gas.traded_before(day)
        gas = carbon = None
        if traded is not None:
            # A day later than it was traded: what may be old was said by the index.
            yesterday = day - timedelta(days=1)
            hub = site.prices.gas_market
            gas = {"hub_name": hub, "price_per_mmbtu": traded[1], "trading_date": yesterday, "published_at": at}
        if self.carbon_usd_per_t is not None:
            market = site.carbon_market or "carbon"
            ton = self.carbon_usd_per_t
            carbon = {"market_name": market, "price_per_metric_ton": ton, "trading_date": day, "published_at": at}
        return conditions(site, at, replace(rows, gas=gas, carbon=carbon), _LIMITS)

    def problem(self, now: int, steps: Steps, state: PlantState) -> Case:
        """The case of some steps in which every price is known beforehand.

        Args:
            now: where the steps begin, a UTC minute.
            steps: within the window.
            state: of the plant then.
        """
        demands, prices = self.demands(steps), self.mean(steps)
        case = self.case(now, steps, known_outlook(moment(now), steps, prices), demands, state, market=prices[0])
        if case is None:
            raise UsageError(f"{self.facility.id}: no problem can be made at {iso_z(moment(now))}")
        days = wall_minutes(steps.starts, self.facility.zone_name) // DAY
        contract = self.facility.prices.contract
        by_day = {day: self.gas.price(contract, _EPOCH + timedelta(days=int(day))) for day in np.unique(days)}
        gas = np.array([by_day[day] for day in days], dtype=np.float64)
        return replace(case, prices=replace(case.prices, gas_usd_per_mmbtu=gas))

    def case(
        self, now: int, steps: Steps, outlook: Outlook, demands: Demands, state: PlantState, *, market: float
    ) -> Case | None:
        """The case of some steps under an outlook, with a market price for the first."""
        known = self.conditions(now, MarketRows())
        quote = Quote(market, Quality.GOOD, Rung.LIVE)
        return build_case(
            self.facility, replace(known, electricity=quote), outlook, demands, state, moment(now), shortest_h=0
        )

    def mean(self, steps: Steps) -> Array:
        """The settled price of longer steps, shape (steps,)."""
        begin = (steps.starts - self.start) // self.step
        sums = np.concatenate(([0.0], np.cumsum(self.settled)))
        end = begin + np.maximum(steps.lengths // self.step, 1)
        return np.asarray((sums[end] - sums[begin]) / (end - begin))


def known_outlook(at: datetime, steps: Steps, prices: Array) -> Outlook:
    """An outlook in which all prices are known."""
    one = np.ones((1, len(prices), 1))
    return Outlook(
        at,
        steps,
        np.full((1, len(prices)), KINDS.index(Kind.REAL_TIME), dtype=np.int8),
        prices[None],
        np.nan * np.concatenate((one,) * 3, axis=-1),
        np.nan * np.concatenate((one,) * 2, axis=-1),
        dict.fromkeys(KINDS, "known"),
    )


def moment(minute: int) -> datetime:
    """A UTC minute as a moment."""
    return datetime.fromtimestamp(minute * 60, UTC)


def ahead(now: int, end: int, step: int) -> Steps:
    """The horizon of a plan: the outlook's steps of 5 minutes, quarters and hours, none shorter than the market's.

    It ends with the window, for every strategy alike, so that all leave the plant in the same state.
    """
    if step == 5:
        live = horizon(moment(now))
        found, at = live.starts, int(live.starts[-1] + live.lengths[-1])
    else:
        # Each part goes on to the next full hour.
        fine, at = (-(-(now + until) // 60) * 60 for until in (12 * 60, HORIZON_MINUTES))
        found = np.concatenate((np.arange(now, fine, max(step, 15)), np.arange(fine, at, 60)))
    found = found[found < end]
    return Steps(found, np.diff(found, append=min(at, end)))
