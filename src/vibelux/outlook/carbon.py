"""What a ton of CO2 costs: in California, in RGGI, as a voluntary offset, and to one facility.

All prices are USD per metric ton CO2e. Auctions are quarterly: between them the last price is carried on with its age
and never interpolated. Rows are records of kind `carbon-price` in any order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from vibelux.market.clock import Clock
from vibelux.market.errors import NotYetPublished
from vibelux.market.intervals import local_date
from vibelux.market.quality import Quality, age_seconds, quality_of_age
from vibelux.market.units import GAS_KG_CO2_PER_MMBTU_HHV, carbon_usd_per_mmbtu
from vibelux.outlook.gas import ReadRows
from vibelux.outlook.quotes import Row, published_at

CALIFORNIA, RGGI = "California Cap-and-Trade", "RGGI"
_ZONES = {CALIFORNIA: "America/Los_Angeles", RGGI: "America/New_York"}
_STALE_AFTER_SECONDS = {"compliance": 110 * 86_400.0, "voluntary": 366 * 86_400.0}
_LOOK_BACK = timedelta(days=500)


@dataclass(frozen=True, slots=True)
class CarbonPrice:
    """The newest price of a market that is of use now."""

    market: str
    price: float
    vintage_year: int | None
    trading_date: date
    age_seconds: float
    quality: Quality
    source: str


def latest_price(market: str, rows: Iterable[Row], now: datetime) -> CarbonPrice:
    """The newest price of a market; of an auction's two vintages the current one, that can be surrendered now.

    Raises:
        NotYetPublished: none is known.
    """
    return _latest(market, (row for row in rows if row["market_name"] == market), now)


def latest_offset(rows: Iterable[Row], now: datetime) -> CarbonPrice:
    """The newest voluntary price of any market, as the operator entered it.

    Raises:
        NotYetPublished: none was entered.
    """
    return _latest("voluntary offset", (row for row in rows if row["market_type"] == "voluntary"), now)


def _latest(what: str, rows: Iterable[Row], now: datetime) -> CarbonPrice:
    zone_name = _ZONES.get(what, "UTC")
    today = local_date(now, zone_name)
    usable = [row for row in rows if row["trading_date"] <= today and not _is_advance(row)]
    row = max(usable, key=lambda row: (row["trading_date"], -(row["vintage_year"] or 0)), default=None)
    if row is None:
        raise NotYetPublished(f"no price of {what} is known")
    age = age_seconds(now, published_at(row, zone_name))
    return CarbonPrice(
        market=str(row["market_name"]),
        price=float(row["price_per_metric_ton"]),
        vintage_year=row["vintage_year"],
        trading_date=row["trading_date"],
        age_seconds=age,
        quality=quality_of_age(age, _STALE_AFTER_SECONDS[row["market_type"]]),
        source=str(row["data_source"]),
    )


def _is_advance(row: Row) -> bool:
    """An allowance of a later year cannot be surrendered yet."""
    return row["vintage_year"] is not None and row["vintage_year"] > row["trading_date"].year


@dataclass(frozen=True, slots=True)
class CarbonCost:
    """What a facility itself pays for its emission, beside its gas price."""

    usd_per_metric_ton: float | None
    """For each ton emitted; None where it pays and no price is known."""
    usd_per_mmbtu: float | None
    """For each MMBtu of gas burnt, HHV."""


def facility_cost(
    rule: Literal["direct", "embedded", "none"],
    price_per_metric_ton: float | None,
    *,
    obligated_fraction: float = 1.0,
    kg_per_mmbtu: float = GAS_KG_CO2_PER_MMBTU_HHV,
) -> CarbonCost:
    """The facility's own carbon cost, so that no ton is paid for twice.

    Args:
        rule: `direct`: it surrenders allowances itself; `embedded`: its gas price holds them already; `none`.
        price_per_metric_ton: of its market, None where unknown.
        obligated_fraction: the share of its emission that it must cover.
        kg_per_mmbtu: what its gas emits, HHV.

    >>> facility_cost("embedded", 29.27).usd_per_mmbtu
    0.0
    >>> round(facility_cost("direct", 29.27, obligated_fraction=0.5).usd_per_mmbtu or 0.0, 4)
    0.7765
    """
    if rule != "direct":
        return CarbonCost(0.0, 0.0)
    if price_per_metric_ton is None:
        return CarbonCost(None, None)
    paid = price_per_metric_ton * obligated_fraction
    return CarbonCost(paid, carbon_usd_per_mmbtu(paid, kg_per_mmbtu))


class CarbonMarketService:
    """The carbon prices of the brief, read from what is stored.

    Args:
        read: the records.
        clock: the service's.
    """

    def __init__(self, read: ReadRows, clock: Clock) -> None:
        self._read = read
        self._clock = clock

    async def california_carbon_price(self) -> CarbonPrice:
        """The newest of CAISO's daily index and of the current-vintage auction price.

        Raises:
            NotYetPublished: none is stored.
        """
        return latest_price(CALIFORNIA, await self._rows(market_name=CALIFORNIA), self._clock.now())

    async def rggi_price(self) -> CarbonPrice:
        """The newest clearing price of an auction, per metric ton (upstream prints short tons).

        Raises:
            NotYetPublished: none is stored.
        """
        return latest_price(RGGI, await self._rows(market_name=RGGI), self._clock.now())

    async def voluntary_offset_price(self) -> CarbonPrice:
        """The newest price that the operator entered; its source says where it was seen.

        Raises:
            NotYetPublished: none was entered.
        """
        return latest_offset(await self._rows(market_type="voluntary"), self._clock.now())

    async def _rows(self, **filters: str) -> Sequence[Row]:
        tomorrow = local_date(self._clock.now(), "UTC") + timedelta(days=1)
        return await self._read("carbon-price", start=tomorrow - _LOOK_BACK, end=tomorrow, filters=filters)
