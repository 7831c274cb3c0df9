"""What gas costs: spot with its age, basis, curve and roll, and a facility's contract."""

import doctest
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from shared_files import real
from vibelux.feeds import Payload, feed_named, read
from vibelux.market.clock import FrozenClock
from vibelux.market.contracts import delivery_month
from vibelux.market.errors import NotYetPublished, UsageError
from vibelux.market.quality import Quality
from vibelux.outlook import gas
from vibelux.outlook.gas import NaturalGasPriceService, curve, henry_hub, regional_basis
from vibelux.outlook.site import GasContract

Row = Mapping[str, Any]
FRIDAY = date(2026, 1, 9)
MONDAY_NOON = datetime(2026, 1, 12, 18, tzinfo=UTC)


def price(hub: str, day: date, value: float, **more: Any) -> Row:
    fixed = {"hub_name": hub, "region": "Louisiana", "price_per_mmbtu": value, "basis_differential": None,
             "trading_date": day, "delivery_date": None, "contract_type": "spot", "contract": None,
             "data_source": f"source of {hub}", "origin": "live"}  # fmt: skip
    return fixed | more


def future(contract: str, day: date, value: float) -> Row:
    month = delivery_month(contract)
    return price("Henry Hub", day, value, contract=contract, delivery_date=month, contract_type="futures")


def test_worked_examples_hold():
    assert doctest.testmod(gas).failed == 0


def test_fridays_price_is_carried_over_the_weekend_with_its_age():
    spot = henry_hub([price("Henry Hub", FRIDAY, 3.11), price("Henry Hub", date(2026, 1, 8), 3.4)], MONDAY_NOON)
    assert (spot.spot, spot.trading_date, spot.source) == (3.11, FRIDAY, "source of Henry Hub")
    assert spot.age_seconds == 2.5 * 86_400
    assert spot.quality is Quality.GOOD
    assert (spot.futures, spot.disagreement, spot.disagrees) == (None, None, False)


def test_a_price_of_last_week_is_stale_although_it_was_read_today():
    row = price("Henry Hub", date(2026, 1, 6), 2.85, known_at=MONDAY_NOON)
    assert henry_hub([row], MONDAY_NOON).quality is Quality.STALE


def test_tomorrows_trading_day_is_not_known_yet():
    rows = [price("Henry Hub", FRIDAY, 3.11), price("Henry Hub", date(2026, 1, 13), 9.0)]
    assert henry_hub(rows, MONDAY_NOON).spot == 3.11
    with pytest.raises(NotYetPublished, match="Henry Hub"):
        henry_hub(rows[1:], MONDAY_NOON)


def test_a_next_day_price_counts_where_it_is_newer_and_spot_where_both_are_of_one_day():
    older = price("Henry Hub", date(2026, 1, 8), 3.0)
    next_day = price("Henry Hub", FRIDAY, 3.2, contract_type="next-day")
    assert henry_hub([older, next_day], MONDAY_NOON).spot == 3.2
    assert henry_hub([next_day, price("Henry Hub", FRIDAY, 3.11)], MONDAY_NOON).spot == 3.11


def test_spot_is_checked_against_the_front_month_of_its_day():
    rows = [
        price("Henry Hub", FRIDAY, 3.11),
        future("NGG26", FRIDAY, 3.4),
        future("NGH26", FRIDAY, 3.0),
        future("NGG26", date(2026, 1, 8), 9.9),
    ]
    spot = henry_hub(rows, MONDAY_NOON)
    assert (spot.contract, spot.futures) == ("NGG26", 3.4)
    assert spot.disagreement == pytest.approx(3.11 / 3.4 - 1)
    assert not spot.disagrees


def test_spot_far_from_the_front_month_is_reported():
    rows = [price("Henry Hub", FRIDAY, 7.78), future("NGG26", FRIDAY, 3.91)]
    spot = henry_hub(rows, MONDAY_NOON)
    assert spot.disagreement == pytest.approx(0.99, abs=0.005)
    assert spot.disagrees


def test_an_old_settlement_is_no_check():
    rows = [price("Henry Hub", FRIDAY, 7.78), future("NGG26", date(2026, 1, 2), 3.91)]
    assert henry_hub(rows, MONDAY_NOON).futures is None


def test_the_basis_is_that_of_one_trading_day_and_never_mixes_two():
    rows = [
        price("Henry Hub", FRIDAY, 3.11),
        price("PG&E Citygate", date(2026, 1, 12), 2.3, contract_type="next-day"),
        price("PG&E Citygate", FRIDAY, 2.18, contract_type="next-day"),
    ]
    basis = regional_basis("California", rows, MONDAY_NOON)
    assert (basis.hub, basis.trading_date, basis.price) == ("PG&E Citygate", FRIDAY, 2.18)
    assert basis.differential == pytest.approx(-0.93)
    assert regional_basis("caiso", rows, MONDAY_NOON).differential == basis.differential
    assert regional_basis("PG&E Citygate", rows, MONDAY_NOON).differential == basis.differential


def test_a_differential_of_upstreams_own_counts_before_ours():
    row = price("Waha", FRIDAY, -2.5, basis_differential=-5.6, contract_type="next-day")
    assert regional_basis("Texas", [row, price("Henry Hub", FRIDAY, 3.0)], MONDAY_NOON).differential == -5.6


def test_the_hub_that_stands_for_a_region_comes_first_and_carbon_adders_never():
    rows = [
        price("Henry Hub", FRIDAY, 3.0),
        price("FRPGE1", FRIDAY, 4.0, region="California"),
        price("FRPGE1GHG", FRIDAY, 5.5, region="California"),
    ]
    assert regional_basis("california", rows, MONDAY_NOON).hub == "FRPGE1"
    rows.append(price("SoCal Citygate", FRIDAY, 3.5, region="California"))
    assert regional_basis("california", rows, MONDAY_NOON).hub == "SoCal Citygate"


def test_an_unknown_region_and_one_without_a_common_day_are_told_apart():
    with pytest.raises(UsageError, match="atlantis"):
        regional_basis("atlantis", [], MONDAY_NOON)
    with pytest.raises(NotYetPublished, match="New England"):
        regional_basis("New England", [price("Algonquin Citygate", FRIDAY, 5.95)], MONDAY_NOON)


def test_the_curve_is_sorted_and_rolls_the_day_after_expiry():
    rows = [
        future("NGH26", date(2025, 12, 29), 3.9),
        future("NGF26", date(2025, 12, 29), 4.687),
        future("NGG26", date(2025, 12, 29), 4.4),
        future("NGF26", date(2025, 12, 26), 4.366),
        future("NGG26", date(2025, 12, 30), 3.972),
        price("Henry Hub", date(2025, 12, 29), 4.0),
    ]
    on_the_day = curve(rows, date(2025, 12, 29))
    assert [(point.contract, point.price) for point in on_the_day] == [("NGF26", 4.687), ("NGG26", 4.4), ("NGH26", 3.9)]
    after = curve(rows, date(2025, 12, 30))
    assert [(point.contract, point.price) for point in after] == [("NGG26", 3.972), ("NGH26", 3.9)]
    assert after[1].trading_date == date(2025, 12, 29)
    assert curve([], date(2025, 12, 30)) == ()


def test_recorded_spot_and_front_months_agree_as_they_did():
    spot = read(feed_named("eia/henry-hub-spot"), Payload(real("gas/eia-henry-hub/natural-gas-daily.xls").read_bytes()))
    export = real("gas/yahoo-chart/NG=F_yfinance_2025-09_2026-03.csv").read_bytes()
    futures = read(feed_named("nymex/gas-futures"), Payload(export))
    both = [row for part in (spot, futures) for row in part.frames["gas-price"].iter_rows(named=True)]
    rows = [row for row in both if row["trading_date"] < date(2026, 1, 8)]
    found = henry_hub(rows, datetime(2026, 1, 8, 12, tzinfo=UTC))
    assert (found.spot, found.trading_date, found.contract, found.futures) == (3.1, date(2026, 1, 7), "NGG26", 3.525)
    assert found.age_seconds == 6 * 3600


@pytest.mark.parametrize(
    ("contract", "index", "expected"),
    [
        (GasContract(hub="PG&E Citygate", adder_usd_per_mmbtu=0.95), 3.81, 4.76),
        (GasContract(hub="PG&E Citygate", adder_usd_per_mmbtu=0.95), None, None),
        (GasContract(kind="fixed", usd_per_mmbtu=6.2), None, 6.2),
        (GasContract(kind="table", table=[{"first_day": date(2026, 1, 1), "usd_per_mmbtu": 7.0},
                                          {"first_day": date(2026, 7, 1), "usd_per_mmbtu": 5.5}]), 3.81, 5.5),
        (GasContract(kind="table", table=[{"first_day": date(2026, 8, 1), "usd_per_mmbtu": 7.0}]), 3.81, None),
    ],
)  # fmt: skip
def test_a_contract_becomes_the_facilitys_gas_price(contract: GasContract, index: float | None, expected: float | None):
    assert contract.price(index, date(2026, 7, 14)) == pytest.approx(expected)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "fixed"},
        {"kind": "table"},
        {"hub": "Henry Hub", "addr": 1.0},
        {"kind": "table", "table": [{"first_day": date(2026, 8, 1), "usd_per_mmbtu": 7.0}] * 2},
        {"kind": "fixed", "usd_per_mmbtu": 6.2, "adder_usd_per_mmbtu": 0.9},
        {"hub": "Henry Hub", "usd_per_mmbtu": 6.2},
    ],
)
def test_a_contract_that_says_too_little_or_too_much_is_refused(body: dict[str, Any]):
    with pytest.raises(ValidationError):
        GasContract.model_validate(body)


async def test_the_service_reads_45_days_and_answers_the_three_questions_of_the_brief():
    rows = [
        price("Henry Hub", FRIDAY, 3.11),
        price("Houston Ship Channel", FRIDAY, 2.8, basis_differential=-0.31, contract_type="next-day"),
        future("NGG26", FRIDAY, 3.4),
    ]
    asked = []

    async def reading(kind: str, *, start: date, end: date, filters: Mapping[str, Any] | None = None) -> Sequence[Row]:
        asked.append((kind, start, end, dict(filters or {})))
        return [row for row in rows if all(row[name] == value for name, value in (filters or {}).items())]

    service = NaturalGasPriceService(reading, FrozenClock(MONDAY_NOON))
    assert (await service.current_henry_hub_price()).spot == 3.11
    assert (await service.regional_basis("texas")).differential == -0.31
    assert [point.contract for point in await service.curve()] == ["NGG26"]
    assert await service.curve(date(2026, 1, 8)) == ()
    window = (date(2025, 11, 28), date(2026, 1, 13))
    assert asked[0] == ("gas-price", *window, {"hub_name": "Henry Hub"})
    assert asked[1] == ("gas-price", *window, {})
