"""How a price moved: near zero, below it, in payloads of many intervals and names."""

import doctest
from datetime import date

import pytest

from store.samples import FIVE, NOON, carbon, frame, gas, price
from vibelux.realtime import moves, webhook
from vibelux.realtime.moves import CARBON, ELECTRICITY, GAS, Newest, Priced, change, newest_of

NODE = "TH_NP15_GEN-APND"


@pytest.mark.parametrize("module", [moves, webhook])
def test_the_examples_are_true(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("last", "now", "moved"),
    [
        (0.04, 0.042, 0.05),
        (0.04, 0.038, -0.05),
        (0.0, 0.0004, 0.04),  # 0.4 USD/MWh from nothing is no event
        (0.0, 0.0006, 0.06),
        (0.0001, 0.0004, 0.03),  # four times as much of almost nothing
        (-0.02, -0.01, 0.5),  # less is paid for taking it: dearer
        (-0.01, -0.02, -1.0),
        (-0.005, 0.005, 1.0),
        (0.005, -0.005, -1.0),
        (1.5, 1.5, 0.0),
    ],
)
def test_a_change_is_relative_to_the_last_price_but_never_to_less_than_the_floor(last, now, moved):
    assert change(last, now, ELECTRICITY.floor) == pytest.approx(moved)


def test_of_many_rows_the_newest_two_of_each_wanted_name_are_taken():
    rows = frame(
        "electricity-price",
        price(0.05, NOON + FIVE),
        price(0.04, NOON),
        price(0.03, NOON - FIVE),
        price(0.99, NOON + FIVE, "ELSEWHERE"),
        price(0.07, NOON + FIVE, "ONE"),
    )
    assert list(newest_of(ELECTRICITY, rows, {NODE, "ONE"})) == [
        Newest("ONE", "California", Priced(NOON + FIVE, 0.07), None),
        Newest(NODE, "California", Priced(NOON + FIVE, 0.05), Priced(NOON, 0.04)),
    ]


def test_only_the_grids_own_real_time_market_counts():
    rows = frame(
        "electricity-price",
        price(0.05),
        price(0.50, NOON + FIVE, market="advisory-5min"),
        price(0.60, NOON + 12 * FIVE, market="day-ahead-hourly"),
        price(0.02, NOON, "HB_NORTH", iso_region="ERCOT", region="Texas", market="real-time-15min"),
        price(0.03, NOON + FIVE, "HB_NORTH", iso_region="ERCOT", region="Texas", market="real-time-5min"),
    )
    found = {one.name: one.now.price for one in newest_of(ELECTRICITY, rows, None)}
    assert found == {NODE: 0.05, "HB_NORTH": 0.02}


def test_of_two_prices_under_one_name_the_one_that_the_reader_gives_is_taken():
    two = [price(value, NOON, "LZ_WEST", node_type=kind) for value, kind in ((0.06, "LZEW"), (0.05, "LZ"))]
    (found,) = newest_of(ELECTRICITY, frame("electricity-price", *two), None)
    assert found.now.price == 0.05


def test_gas_is_for_cash_and_carbon_of_the_earliest_vintage():
    rows = frame(
        "gas-price",
        gas(3.8),
        gas(4.9, contract_type="futures", contract="NGQ26", delivery_date=date(2026, 8, 1)),
        gas(9.9, contract_type="futures", hub_name="Henry Hub"),
    )
    assert [(one.name, one.now.price) for one in newest_of(GAS, rows, None)] == [("PG&E Citygate", 3.8)]
    rows = frame("carbon-price", carbon(30.0, vintage_year=2029), carbon(29.0, vintage_year=2026))
    assert [one.now.price for one in newest_of(CARBON, rows, None)] == [29.0]


def test_a_payload_without_anything_wanted_gives_nothing():
    assert list(newest_of(ELECTRICITY, frame("electricity-price", price(0.05)), set())) == []
