"""What natural gas costs: at the Henry Hub now, in a region against it, in the months to come, and at a facility.

All prices are USD/MMBtu on the higher heating value. Gas does not trade on weekends and holidays: the last price is
carried on and its age is told. Rows are records of kind `gas-price` in any order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from vibelux.market.clock import Clock
from vibelux.market.contracts import delivery_month, front_month, last_trading_day
from vibelux.market.errors import NotYetPublished, UsageError
from vibelux.market.intervals import local_date, local_day
from vibelux.market.quality import Quality, age_seconds, quality_of_age
from vibelux.outlook.quotes import Row
from vibelux.outlook.site import HENRY_HUB

_ZONE = "America/Chicago"
_STALE_AFTER_SECONDS = 96 * 3600.0
"""A price of Friday is carried over a long weekend, and not longer."""
_COMPARED_WITHIN = timedelta(days=4)
_DISAGREES_FROM = 0.25
"""Spot is today's gas and the front month next month's: a tenth apart is ordinary, a quarter wants a look."""
_LOOK_BACK = timedelta(days=45)
REGION_HUBS = {
    "california": ("PG&E Citygate", "SoCal Citygate", "SoCal Border", "California Composite"),
    "texas": ("Houston Ship Channel", "Waha"),
    "new york": ("Transco Zone 6 NY",),
    "pjm": ("TETCO-M3", "Eastern Gas South", "Tennessee Zone 4 Marcellus"),
    "northeast": ("Algonquin Citygate", "Transco Zone 6 NY", "TETCO-M3"),
    "new england": ("Algonquin Citygate",),
    "midwest": ("Chicago Citygate",),
    "southwest": ("El Paso San Juan",),
    "northwest": ("Northwest Sumas",),
    "louisiana": (HENRY_HUB,),
}
"""For each region its hubs, the one that stands for it first."""
_ALSO_CALLED = {"caiso": "california", "ercot": "texas", "nyiso": "new york"}


@dataclass(frozen=True, slots=True)
class HenryHub:
    """The spot price at the Henry Hub, and what the front month has to say about it."""

    spot: float
    trading_date: date
    age_seconds: float
    quality: Quality
    source: str
    futures: float | None = None
    """Settlement of the front month of the same day, or of one up to four days before; None where there is none."""
    contract: str | None = None
    disagreement: float | None = None
    """Spot less futures, as a fraction of futures."""

    @property
    def disagrees(self) -> bool:
        """Whether spot and front month are so far apart that one of them should be looked at."""
        return self.disagreement is not None and abs(self.disagreement) > _DISAGREES_FROM


@dataclass(frozen=True, slots=True)
class Basis:
    """What a region's gas costs more than the Henry Hub's on one trading day; less where negative."""

    region: str
    hub: str
    differential: float
    price: float
    trading_date: date
    age_seconds: float
    source: str


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The settlement of one contract month."""

    contract: str
    delivery: date
    price: float
    trading_date: date
    source: str


def henry_hub(rows: Iterable[Row], now: datetime) -> HenryHub:
    """The newest spot price known at a moment, checked against the front month.

    Raises:
        NotYetPublished: there is none.
    """
    known = [row for row in rows if _is_henry_hub(row) and row["trading_date"] <= local_date(now, _ZONE)]
    newest = _newest(row for row in known if row["contract_type"] in {"spot", "next-day"})
    if newest is None:
        raise NotYetPublished("no spot price at the Henry Hub is known")
    day, spot = newest["trading_date"], float(newest["price_per_mmbtu"])
    age = _age(now, day)
    front = _front(known, day)
    futures = None if front is None else float(front["price_per_mmbtu"])
    return HenryHub(
        spot=spot,
        trading_date=day,
        age_seconds=age,
        quality=quality_of_age(age, _STALE_AFTER_SECONDS),
        source=str(newest["data_source"]),
        futures=futures,
        contract=None if front is None else front["contract"],
        disagreement=(spot - futures) / futures if futures is not None and futures > 0 else None,
    )


def _age(now: datetime, day: date) -> float:
    """Seconds since a trading day ended: a source that is a week behind does not look fresh because it was read now."""
    return age_seconds(now, local_day(day, _ZONE).end)


def _front(rows: Sequence[Row], day: date) -> Row | None:
    """The settlement of the contract that was in front on its own trading day, on the day or shortly before."""
    return _newest(
        row
        for row in rows
        if row["contract_type"] == "futures"
        and timedelta(0) <= day - row["trading_date"] <= _COMPARED_WITHIN
        and row["delivery_date"] == front_month(row["trading_date"])
    )


def _newest(rows: Iterable[Row]) -> Row | None:
    """The newest trading day's row; of one day's rows the spot price before others."""
    return max(rows, key=lambda row: (row["trading_date"], row["contract_type"] == "spot"), default=None)


def regional_basis(region: str, rows: Iterable[Row], now: datetime) -> Basis:
    """The newest basis of a region (or of a hub by its own name) to the Henry Hub of the same trading day.

    A differential that upstream itself gives counts first; else both prices must be there for one day. Prices of
    different days are never subtracted.

    Raises:
        UsageError: no such region.
        NotYetPublished: no day has both prices.
    """
    rows = [row for row in rows if row["trading_date"] <= local_date(now, _ZONE) and row["contract_type"] != "futures"]
    hubs = _hubs(region, rows)
    spot_last = sorted(rows, key=lambda row: row["contract_type"] == "spot")
    at_henry_hub = {row["trading_date"]: float(row["price_per_mmbtu"]) for row in spot_last if _is_henry_hub(row)}
    known = [
        (row["trading_date"], -hubs.index(row["hub_name"]), differential, row)
        for row in rows
        if row["hub_name"] in hubs
        for differential in [_differential(row, at_henry_hub)]
        if differential is not None
    ]
    if not known:
        raise NotYetPublished(f"no trading day is known with a price of {region} and one of the Henry Hub")
    day, _, differential, row = max(known, key=lambda one: one[:2])
    return Basis(
        region=region,
        hub=str(row["hub_name"]),
        differential=differential,
        price=float(row["price_per_mmbtu"]),
        trading_date=day,
        age_seconds=_age(now, day),
        source=str(row["data_source"]),
    )


def _is_henry_hub(row: Row) -> bool:
    return bool(row["hub_name"] == HENRY_HUB)


def _hubs(region: str, rows: Sequence[Row]) -> tuple[str, ...]:
    """The hubs of a region, best first: those that stand for it, then others that upstream places there.

    CAISO's fuel regions whose name ends in GHG are left out: their price holds a carbon adder.
    """
    name = region.strip().casefold()
    name = _ALSO_CALLED.get(name, name)
    known = sorted(
        {str(row["hub_name"]) for row in rows if name in {row["region"].casefold(), row["hub_name"].casefold()}}
    )
    first = REGION_HUBS.get(name, ())
    hubs = (*first, *(hub for hub in known if hub not in first and (not first or not hub.endswith("GHG"))))
    if not hubs:
        raise UsageError(f"no gas region or hub is called {region!r}; regions: {', '.join(REGION_HUBS)}")
    return hubs


def _differential(row: Row, at_henry_hub: Mapping[date, float]) -> float | None:
    given = row.get("basis_differential")
    if given is not None:
        return float(given)
    henry = at_henry_hub.get(row["trading_date"])
    return None if henry is None else round(float(row["price_per_mmbtu"]) - henry, 6)


def curve(rows: Iterable[Row], as_of: date) -> tuple[CurvePoint, ...]:
    """The contracts still traded on a day, nearest first, each with its newest settlement of on or before that day.

    On its last trading day a contract is still in the curve; on the day after, the next one leads it.
    """
    newest: dict[str, Row] = {}
    for row in rows:
        code = row.get("contract")
        if code is None or row["contract_type"] != "futures" or row["trading_date"] > as_of:
            continue
        if last_trading_day(delivery_month(code)) < as_of:
            continue
        if code not in newest or row["trading_date"] > newest[code]["trading_date"]:
            newest[code] = row
    points = [
        CurvePoint(
            code, delivery_month(code), float(row["price_per_mmbtu"]), row["trading_date"], str(row["data_source"])
        )
        for code, row in newest.items()
    ]
    return tuple(sorted(points, key=lambda point: point.delivery))


class ReadRows(Protocol):
    """How services read records: all of a kind whose trading date lies in [start, end), as mappings."""

    async def __call__(
        self, kind: str, *, start: date, end: date, filters: Mapping[str, Any] | None = None
    ) -> Sequence[Row]:
        """The records; a filter is a value or a list of values of a field."""
        ...


class NaturalGasPriceService:
    """The gas prices of the brief, read from what is stored.

    Args:
        read: the records.
        clock: the service's.
    """

    def __init__(self, read: ReadRows, clock: Clock) -> None:
        self._read = read
        self._clock = clock

    async def current_henry_hub_price(self) -> HenryHub:
        """The newest spot price with its age, checked against the front month.

        Raises:
            NotYetPublished: none of the last 45 days is known.
        """
        return henry_hub(await self._rows(hub_name=HENRY_HUB), self._clock.now())

    async def regional_basis(self, region: str) -> Basis:
        """The newest basis of a region or hub to the Henry Hub, USD/MMBtu.

        Raises:
            UsageError: no such region.
            NotYetPublished: no day of the last 45 has both prices.
        """
        return regional_basis(region, await self._rows(), self._clock.now())

    async def curve(self, as_of: date | None = None) -> tuple[CurvePoint, ...]:
        """The futures curve of a day (today by default), nearest contract first; empty where none is stored."""
        day = as_of or local_date(self._clock.now(), _ZONE)
        return curve(await self._rows(until=day, hub_name=HENRY_HUB, contract_type="futures"), day)

    async def _rows(self, *, until: date | None = None, **filters: str) -> Sequence[Row]:
        last = until or local_date(self._clock.now(), _ZONE)
        return await self._read("gas-price", start=last - _LOOK_BACK, end=last + timedelta(days=1), filters=filters)
