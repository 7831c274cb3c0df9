"""What a ton costs: newest usable vintage with its age, and a facility's rule that never counts it twice."""

import doctest
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared_files import real
from vibelux.feeds import Payload, feed_named, read
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import NotYetPublished
from vibelux.market.intervals import local_day
from vibelux.market.quality import Quality
from vibelux.outlook import carbon
from vibelux.outlook.carbon import (
    CALIFORNIA,
    RGGI,
    CarbonCost,
    CarbonMarketService,
    facility_cost,
    latest_offset,
    latest_price,
)

Row = Mapping[str, Any]
APRIL = datetime(2026, 4, 10, 19, tzinfo=UTC)
AUCTION = date(2026, 2, 18)


def price(day: date, value: float, vintage: int | None = None, **more: Any) -> Row:
    fixed = {"market_name": CALIFORNIA, "price_per_metric_ton": value, "vintage_year": vintage, "trading_date": day,
             "market_type": "compliance", "data_source": "a source"}  # fmt: skip
    return fixed | more


def test_worked_examples_hold():
    assert doctest.testmod(carbon).failed == 0


def test_of_an_auction_the_current_vintage_counts_and_is_carried_with_its_age():
    rows = [price(AUCTION, 27.9, 2029), price(AUCTION, 27.94, 2026), price(date(2025, 11, 19), 28.32, 2025)]
    found = latest_price(CALIFORNIA, rows, APRIL)
    assert (found.price, found.vintage_year, found.trading_date) == (27.94, 2026, AUCTION)
    day_end = local_day(AUCTION, "America/Los_Angeles").end
    assert found.age_seconds == (APRIL - day_end).total_seconds()
    assert found.quality is Quality.GOOD


def test_an_auctions_price_is_as_old_as_its_publication_a_week_later():
    out = local_day(AUCTION, "America/Los_Angeles").end + timedelta(days=7)
    assert latest_price(CALIFORNIA, [price(AUCTION, 27.94, 2026, known_at=out)], APRIL).age_seconds == (
        (APRIL - out).total_seconds()
    )


def test_caisos_daily_index_is_newer_than_the_auction():
    rows = [price(AUCTION, 27.94, 2026), price(date(2026, 4, 9), 29.27)]
    assert latest_price(CALIFORNIA, rows, APRIL).price == 29.27


def test_a_price_that_missed_its_next_auction_is_stale():
    assert latest_price(CALIFORNIA, [price(date(2025, 11, 19), 28.32, 2025)], APRIL).quality is Quality.STALE


def test_a_later_day_another_market_and_an_advance_vintage_are_no_price():
    rows = [
        price(date(2026, 5, 20), 30.0, 2026),
        price(AUCTION, 27.9, 2029),
        price(AUCTION, 20.0, market_name="RGGI (Future)"),
    ]
    with pytest.raises(NotYetPublished, match=CALIFORNIA):
        latest_price(CALIFORNIA, rows, APRIL)


def test_offsets_of_any_market_count_newest_first_and_say_where_they_are_from():
    entered = {"market_type": "voluntary", "data_source": "operator entered: quote"}
    rows = [
        price(date(2026, 3, 1), 7.25, 2023, market_name="CORSIA", **entered),
        price(date(2026, 1, 1), 4.0, None, market_name="N-GEO", **entered),
        price(AUCTION, 27.94, 2026),
    ]
    found = latest_offset(rows, APRIL)
    assert (found.market, found.price, found.source) == ("CORSIA", 7.25, "operator entered: quote")
    with pytest.raises(NotYetPublished):
        latest_offset(rows[2:], APRIL)


@pytest.mark.parametrize(
    ("rule", "ton", "fraction", "expected"),
    [
        ("direct", 30.0, 1.0, CarbonCost(30.0, 30.0 * 53.06 / 1000)),
        ("direct", 30.0, 0.25, CarbonCost(7.5, 7.5 * 53.06 / 1000)),
        ("direct", None, 1.0, CarbonCost(None, None)),
        ("embedded", 30.0, 1.0, CarbonCost(0.0, 0.0)),
        ("embedded", None, 1.0, CarbonCost(0.0, 0.0)),
        ("none", 30.0, 1.0, CarbonCost(0.0, 0.0)),
    ],
)
def test_only_a_site_that_pays_itself_has_a_carbon_cost(
    rule: Any, ton: float | None, fraction: float, expected: CarbonCost
):
    assert facility_cost(rule, ton, obligated_fraction=fraction) == expected


async def test_the_service_answers_the_three_questions_of_the_brief_from_recorded_auctions():
    rows: list[Row] = [
        row
        for name, path in (
            ("carb/auction-prices", "carb-auctions/california_joint_1-46.csv"),
            ("rggi/auction-prices", "rggi-auctions/rggi_auction_prices_1-70.csv"),
        )
        for row in read(feed_named(name), Payload(real(f"carbon/{path}").read_bytes()))
        .frames["carbon-price"]
        .iter_rows(named=True)
    ]
    rows.append(price(date(2026, 3, 1), 7.25, market_name="CORSIA", market_type="voluntary"))
    asked = []

    async def reading(kind: str, *, start: date, end: date, filters: Mapping[str, Any] | None = None) -> Sequence[Row]:
        asked.append((kind, end))
        wanted = [row for row in rows if start <= row["trading_date"] < end]
        return [row for row in wanted if all(row[name] == value for name, value in (filters or {}).items())]

    service = CarbonMarketService(reading, FrozenClock(APRIL))
    california, rggi = await service.california_carbon_price(), await service.rggi_price()
    assert (california.price, california.vintage_year) == (27.94, 2026)
    assert (rggi.market, rggi.price) == (RGGI, pytest.approx(26.73 / 0.90718474, abs=1e-6))
    assert (await service.voluntary_offset_price()).market == "CORSIA"
    assert set(asked) == {("carbon-price", date(2026, 4, 11))}
