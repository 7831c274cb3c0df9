"""The ladder from a live price down to none; quality, freshness and confidence of each rung."""

import doctest
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from dispatch.plants import NOW, carbon, facility, gas, real_time
from vibelux.market.quality import Quality
from vibelux.outlook import conditions as conditions_module
from vibelux.outlook import site as site_module
from vibelux.outlook.carbon_intensity import GAS_AT_THE_MARGIN, CarbonIntensity, Intensity
from vibelux.outlook.conditions import Limits, MarketRows, conditions

SITE = facility()
DIRECT = facility(prices={"gas_hub": "FRPGE1", "carbon": "direct", "carbon_obligated_fraction": 0.5})


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def day_ahead(price: float) -> dict[str, object]:
    hour = NOW.replace(minute=0)
    return real_time(
        price,
        market="day-ahead-hourly",
        market_interval_start=hour,
        market_interval_end=hour + timedelta(hours=1),
    )


def fifteen(price: float) -> dict[str, object]:
    start = NOW.replace(minute=0)
    return real_time(
        price, market="real-time-15min", market_interval_start=start, market_interval_end=start + timedelta(minutes=15)
    )


def recent_days(*prices: float) -> list[dict[str, object]]:
    return [real_time(price, end=NOW + timedelta(minutes=3) - timedelta(days=n + 1)) for n, price in enumerate(prices)]


def test_the_documentation_in_the_modules_is_true():
    assert doctest.testmod(conditions_module).failed == 0
    assert doctest.testmod(site_module).failed == 0


def test_live_prices_pass_through_the_facilitys_contract():
    found = conditions(SITE, NOW, MarketRows(real_time=real_time(0.041), gas=gas(3.8), carbon=carbon(29.5)))
    assert found.market_conditions() | {"facilityPrices": None} == {
        "gridPrice": 0.041,
        "gasPrice": 3.8,
        "co2Price": 29.5,
        "timestamp": "2026-07-14T20:02:00Z",
        "region": "California",
        "isoRegion": "CAISO",
        "pricingNode": "NODE",
        "dataQuality": {"electricity": "good", "gas": "good", "carbon": "good"},
        "origin": {"electricity": "live", "gas": "live", "carbon": "live"},
        "rung": {"electricity": "live", "gas": "live", "carbon": "live"},
        "carbonIntensity": None,
        "source": {"electricity": "real-time-5min", "gas": "FRPGE1", "carbon": "California Cap-and-Trade"},
        "facilityPrices": None,
    }
    assert found.facility_prices() == pytest.approx(
        {"importPrice": 0.091, "exportPrice": 0.036, "gasPrice": 3.8, "carbonPrice": 0.0}
    )
    assert found.data_freshness() == {"electricity": 0.0, "gas": 72_000.0, "carbon": 14_400.0}
    assert found.confidence == 95
    assert found.notes == ()
    assert found.complete


@pytest.mark.parametrize(("age", "quality", "confidence"), [(900, "good", 95), (901, "stale", 60)])
def test_a_price_is_stale_over_its_limit_counted_from_the_end_of_its_interval(age, quality, confidence):
    found = conditions(SITE, NOW, MarketRows(real_time=real_time(0.05, end=ago(age)), gas=gas(3.8)))
    assert found.market_conditions()["dataQuality"]["electricity"] == quality
    assert found.data_freshness()["electricity"] == age
    assert found.confidence == confidence


def test_an_interval_that_still_runs_has_no_age():
    found = conditions(SITE, NOW, MarketRows(real_time=real_time(0.05, end=NOW + timedelta(minutes=4))))
    assert found.data_freshness()["electricity"] == 0.0


def test_a_slower_market_has_its_own_limit():
    rows = MarketRows(real_time=real_time(0.05, end=ago(1700)), gas=gas(3.8))
    assert conditions(SITE, NOW, rows, Limits(electricity=1800.0)).electricity.quality == "good"


def test_each_rung_of_the_ladder_is_taken_in_order_labelled_and_trusted_less():
    old = real_time(0.05, end=ago(1200))
    older = real_time(0.05, end=ago(6 * 3600))
    history = recent_days(0.02, 0.06, 0.04)
    ladder = [
        (MarketRows(real_time=real_time(0.05), same_hour=[fifteen(0.07)], history=history, gas=gas(3.8)), 0.05, "good"),
        (MarketRows(real_time=old, same_hour=[day_ahead(0.08), fifteen(0.07)], gas=gas(3.8)), 0.07, "estimated"),
        (MarketRows(real_time=old, same_hour=[day_ahead(0.08)], history=history, gas=gas(3.8)), 0.08, "estimated"),
        (MarketRows(real_time=old, history=history, gas=gas(3.8)), 0.05, "stale"),
        (MarketRows(real_time=older, history=history, gas=gas(3.8)), 0.04, "estimated"),
        (MarketRows(real_time=older, gas=gas(3.8)), 0.05, "stale"),
    ]
    found = [conditions(SITE, NOW, rows) for rows, _, _ in ladder]
    assert [one.electricity.value for one in found] == [price for _, price, _ in ladder]
    assert [one.electricity.quality.value for one in found] == [quality for _, _, quality in ladder]
    assert all(worse.confidence < better.confidence for better, worse in pairwise(found))
    assert [len(one.notes) for one in found] == [0, 1, 1, 1, 1, 1]
    assert [one.complete for one in found] == [True] * 5 + [False]
    assert found[-1].confidence == 0
    assert "20 min old: deciding on the real-time-15min price of now, 70.00 USD/MWh" in found[1].notes[0]
    assert "6 h old (50.00 USD/MWh): too old to decide on" in found[-1].notes[0]


def test_a_price_of_another_hour_never_stands_in():
    past = fifteen(0.07) | {"market_interval_end": NOW}
    assert conditions(SITE, NOW, MarketRows(same_hour=[past])).electricity.value is None


def test_the_estimate_from_recent_days_carries_its_band_and_needs_three_days():
    found = conditions(SITE, NOW, MarketRows(history=recent_days(0.02, 0.09, 0.04), gas=gas(3.8)))
    assert found.electricity.value == 0.04
    assert found.electricity.band == (0.02, 0.09)
    assert found.data_freshness()["electricity"] is None
    assert "the median of this hour on 3 days (20.00 to 90.00)" in found.notes[0]
    assert conditions(SITE, NOW, MarketRows(history=recent_days(0.02, 0.09))).electricity.value is None


def test_other_hours_of_recent_days_do_not_count():
    other = [
        row | {"market_interval_start": row["market_interval_start"] - timedelta(hours=2)} for row in recent_days(9, 9)
    ]
    rows = MarketRows(history=[*recent_days(0.02, 0.03, 0.04), *other])
    assert conditions(SITE, NOW, rows).electricity.band == (0.02, 0.04)


def test_missing_prices_are_null_and_named_never_zero():
    found = conditions(DIRECT, NOW, MarketRows())
    assert found.market_conditions()["gridPrice"] is None
    assert found.facility_prices() == {"importPrice": None, "exportPrice": None, "gasPrice": None, "carbonPrice": None}
    assert set(found.market_conditions()["dataQuality"].values()) == {"missing"}
    assert found.data_freshness() == {"electricity": None, "gas": None, "carbon": None}
    assert found.notes == (
        "No electricity price of NODE (CAISO) is known.",
        "No gas price of FRPGE1 is known.",
        "No carbon price is known.",
    )


def test_a_feed_without_its_key_says_which_to_set():
    found = conditions(SITE, NOW, MarketRows(gas=gas(3.8)), missing_keys={"electricity": "PJM_API_KEY"})
    assert found.notes == ("No electricity price of NODE (CAISO): its source needs a key, set PJM_API_KEY.",)


def test_carbon_is_paid_once_by_those_who_pay_it_themselves():
    rows = MarketRows(real_time=real_time(0.05), gas=gas(3.8), carbon=carbon(30.0))
    assert conditions(DIRECT, NOW, rows).prices.carbon_usd_per_t == 15.0
    assert conditions(SITE, NOW, rows).prices.carbon_usd_per_t == 0.0
    assert conditions(SITE, NOW, MarketRows(real_time=real_time(0.05), gas=gas(3.8))).complete
    assert not conditions(DIRECT, NOW, MarketRows(real_time=real_time(0.05), gas=gas(3.8))).complete


def test_daily_prices_age_from_their_publication_and_stale_ones_are_used_with_their_age():
    old = gas(3.8, trading_date=date(2026, 7, 8), known_at=datetime(2026, 7, 8, 16, tzinfo=UTC))
    found = conditions(SITE, NOW, MarketRows(real_time=real_time(0.05), gas=old))
    assert found.gas.quality == "stale"
    assert found.data_freshness()["gas"] == (6 * 24 + 4) * 3600 + 120
    assert found.complete
    assert found.confidence == 80
    assert found.notes == ("The gas price of FRPGE1 is 6 days old: used with its age.",)


def test_an_old_price_fetched_today_does_not_look_fresh():
    backfilled = gas(3.8, trading_date=date(2026, 3, 2), known_at=ago(60))
    found = conditions(SITE, NOW, MarketRows(real_time=real_time(0.05), gas=backfilled))
    assert found.data_freshness()["gas"] == (NOW - datetime(2026, 3, 3, 8, tzinfo=UTC)).total_seconds()
    assert found.gas.quality == "stale"
    assert found.prices.gas_usd_per_mmbtu is None
    assert "too old to decide on" in found.notes[0]


def test_what_is_not_live_is_said():
    rows = MarketRows(
        real_time=real_time(0.05, origin="synthetic"),
        gas=gas(3.8, origin="synthetic"),
        carbon=carbon(30, origin="rebuilt"),
    )
    assert conditions(SITE, NOW, rows).notes == ("Electricity and gas prices are synthetic, not live.",)
    assert "Carbon price is rebuilt, not live." in conditions(DIRECT, NOW, rows).notes


def test_a_fixed_gas_contract_needs_no_gas_feed_and_says_nothing_of_a_missing_one():
    site = facility(prices={"gas": {"kind": "fixed", "usd_per_mmbtu": 5.1}})
    found = conditions(site, NOW, MarketRows(real_time=real_time(0.041)))
    assert found.prices.gas_usd_per_mmbtu == 5.1
    assert found.complete
    assert found.confidence == 95
    assert found.market_conditions()["gasPrice"] is None
    assert found.market_conditions()["dataQuality"]["gas"] == "missing"
    assert not [note for note in found.notes if "gas" in note]


def test_a_gas_tariff_is_the_price_of_its_day_whatever_the_market_does():
    table = [{"first_day": "2026-01-01", "usd_per_mmbtu": 7.0}, {"first_day": "2026-07-14", "usd_per_mmbtu": 5.5}]
    site = facility(prices={"gas": {"kind": "table", "table": table}})
    rows = MarketRows(real_time=real_time(0.041), gas=gas(3.8))
    assert conditions(site, NOW, rows).prices.gas_usd_per_mmbtu == 5.5
    before = NOW - timedelta(days=1)
    assert conditions(site, before, rows).prices.gas_usd_per_mmbtu == 7.0
    early = conditions(site, NOW - timedelta(days=300), rows)
    assert early.prices.gas_usd_per_mmbtu is None
    assert not early.complete
    assert any("begins on 2026-01-01 only" in note for note in early.notes)


def test_the_intensity_of_the_grid_is_shown_beside_the_prices():
    known = CarbonIntensity(Intensity(0.21, Quality.GOOD, "CAISO", NOW), GAS_AT_THE_MARGIN)
    found = conditions(SITE, NOW, MarketRows(real_time=real_time(0.041), intensity=known))
    assert found.market_conditions()["carbonIntensity"] == {
        "average": {"kgPerKwh": 0.21, "quality": "good", "source": "CAISO", "at": "2026-07-14T20:02:00Z"},
        "marginal": {"kgPerKwh": 0.437, "quality": "estimated", "source": GAS_AT_THE_MARGIN.source, "at": None},
    }
