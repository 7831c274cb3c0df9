"""Codes, months and last trading days of NYMEX gas, against days that the exchange listed or EIA reported."""

import doctest
import re
from datetime import date

import pytest

from vibelux.market import contracts
from vibelux.market.errors import UsageError

LISTED = """
09F 12/29 09G 01/28 09H 02/25 09J 03/27 09K 04/28 09M 05/27 09N 06/26 09Q 07/29 09U 08/27 09V 09/28 09X 10/28 09Z 11/24
10F 12/29 10G 01/27 10H 02/24 10J 03/29 10K 04/28 10M 05/26 10N 06/28 10Q 07/28 10U 08/27 10V 09/28 10X 10/27 10Z 11/24
"""
"""Last trading days of the deliveries of 2009 and 2010, as the exchange listed them in 2008."""
REPORTED = [  # EIA's Weekly Update: "the ... contract expired ..."
    ("NGH25", date(2025, 2, 26)),
    ("NGN25", date(2025, 6, 26)),
    ("NGZ25", date(2025, 11, 25)),
    ("NGF26", date(2025, 12, 29)),
]


def test_worked_examples_hold():
    assert doctest.testmod(contracts).failed == 0


@pytest.mark.parametrize(("contract", "day"), re.findall(r"(\d\d[A-Z]) (\S+)", LISTED))
def test_the_last_trading_day_is_the_one_that_the_exchange_listed(contract, day):
    month = contracts.delivery_month(f"NG{contract[2]}{contract[:2]}")
    assert f"{contracts.last_trading_day(month):%m/%d}" == day


@pytest.mark.parametrize(("code", "day"), REPORTED)
def test_the_last_trading_day_is_the_one_that_eia_reported(code, day):
    assert contracts.last_trading_day(contracts.delivery_month(code)) == day


def test_codes_and_months_are_each_others_inverse_through_thirteen_years():
    month = date(2026, 1, 1)
    for _ in range(13 * 12):
        assert contracts.delivery_month(contracts.contract_code(month)) == month
        month = contracts.next_month(month)


@pytest.mark.parametrize("code", ["NGA26", "NG26", "CLZ26", "NGZ2026", "ngz26", ""])
def test_what_is_no_code_is_refused(code):
    with pytest.raises(UsageError, match="NGF27"):
        contracts.delivery_month(code)


@pytest.mark.parametrize(
    ("day", "open_"),
    [
        (date(2024, 3, 29), False),  # Good Friday
        (date(2026, 4, 3), False),  # Good Friday
        (date(2026, 7, 3), False),  # Independence Day, a Saturday
        (date(2022, 12, 26), False),  # Christmas, a Sunday
        (date(2021, 12, 31), True),  # New Year, a Saturday
        (date(2021, 6, 18), True),  # Juneteenth, not yet
        (date(2022, 6, 20), False),  # Juneteenth, a Sunday
        (date(2025, 11, 28), True),  # the Friday after Thanksgiving
        (date(2026, 10, 12), True),  # Columbus Day
        (date(2026, 8, 23), False),  # a Sunday
    ],
)
def test_holidays_are_those_of_the_exchange(day, open_):
    assert contracts.is_business_day(day) is open_
