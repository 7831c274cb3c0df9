"""NYMEX natural gas contracts: their codes, their months, and the day on which each is traded for the last time.

A contract is one delivery month at the Henry Hub, 10,000 MMBtu in USD/MMBtu, coded NG, month letter, year: NGF27.
It is traded until the third last business day of the month before (CME Group, contract specifications of NG).
"""

import re
from datetime import date, timedelta
from functools import cache

from vibelux.market.errors import UsageError

PRODUCT = "NG"
MONTH_LETTERS = "FGHJKMNQUVXZ"
CALENDAR_FROM = date(2009, 1, 1)
"""Earlier last trading days were not checked against a list, so nothing is derived from them."""
_CODE = re.compile(rf"{PRODUCT}([{MONTH_LETTERS}])(\d\d)")
_DAY = timedelta(days=1)
_JUNETEENTH_FROM = 2022
_FRIDAY_AFTER_THANKSGIVING_UNTIL = 2010
"""Up to then that Friday was no business day: the December contracts of 2009 and 2010 ended on 24 November."""
_BEFORE_THE_MONTH = 3


def contract_code(month: date) -> str:
    """The code of the contract for delivery in a month.

    >>> contract_code(date(2027, 1, 1))
    'NGF27'
    """
    return f"{PRODUCT}{MONTH_LETTERS[month.month - 1]}{month.year % 100:02d}"


def delivery_month(code: str) -> date:
    """The first day of the month that a code stands for; years 90 to 99 are of the last century.

    >>> delivery_month("NGN26")
    datetime.date(2026, 7, 1)

    Raises:
        UsageError: it is no code of a natural gas contract.
    """
    match = _CODE.fullmatch(code)
    if match is None:
        raise UsageError(f"{code!r} is no natural gas contract; they are written NGF27")
    year = int(match[2])
    return date(year + (1900 if year >= 90 else 2000), MONTH_LETTERS.index(match[1]) + 1, 1)


def next_month(month: date, count: int = 1) -> date:
    """The first day of the month that lies `count` months after that of a day.

    >>> next_month(date(2026, 12, 17))
    datetime.date(2027, 1, 1)
    """
    years, index = divmod(month.month - 1 + count, 12)
    return date(month.year + years, index + 1, 1)


@cache
def last_trading_day(month: date) -> date:
    """The day on which the contract for delivery in a month is traded for the last time.

    >>> last_trading_day(date(2026, 1, 1))
    datetime.date(2025, 12, 29)
    """
    day = month.replace(day=1)
    for _ in range(_BEFORE_THE_MONTH):
        day = previous_business_day(day)
    return day


def front_month(day: date, nth: int = 1) -> date:
    """The delivery month of the contract that is the nth to expire on a day; on its last trading day it still counts.

    >>> front_month(date(2025, 12, 29)), front_month(date(2025, 12, 30))
    (datetime.date(2026, 1, 1), datetime.date(2026, 2, 1))
    """
    month = next_month(day)
    if last_trading_day(month) < day:
        month = next_month(month)
    return next_month(month, nth - 1)


def is_business_day(day: date) -> bool:
    """Whether NYMEX settles on a day: no weekend, none of its holidays."""
    return day.weekday() < 5 and day not in holidays(day.year)


def previous_business_day(day: date) -> date:
    """The last business day before a day."""
    day -= _DAY
    while not is_business_day(day):
        day -= _DAY
    return day


@cache
def holidays(year: int) -> frozenset[date]:
    """The days of a year, weekends apart, on which NYMEX does not settle."""
    thanksgiving = nth_weekday(year, 11, 3, 4)
    days = {
        nth_weekday(year, 1, 0, 3),  # Martin Luther King Day
        nth_weekday(year, 2, 0, 3),  # Presidents' Day
        _easter(year) - 2 * _DAY,
        _last_monday_of_may(year),
        _observed(date(year, 7, 4)),
        nth_weekday(year, 9, 0, 1),  # Labor Day
        thanksgiving,
        _observed(date(year, 12, 25)),
    }
    if date(year, 1, 1).weekday() != 5:  # New Year on a Saturday takes no day off the old year
        days.add(_observed(date(year, 1, 1)))
    if year >= _JUNETEENTH_FROM:
        days.add(_observed(date(year, 6, 19)))
    if year <= _FRIDAY_AFTER_THANKSGIVING_UNTIL:
        days.add(thanksgiving + _DAY)
    return frozenset(days)


def nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    """The nth such weekday (Monday is 0) of a month.

    >>> nth_weekday(2026, 2, 2, 3)
    datetime.date(2026, 2, 18)
    """
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _last_monday_of_may(year: int) -> date:
    """Memorial Day."""
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())


def _observed(day: date) -> date:
    """On a Saturday kept the day before, on a Sunday the day after."""
    return day + {5: -1, 6: 1}.get(day.weekday(), 0) * _DAY


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar, by the anonymous algorithm (Meeus, Astronomical Algorithms, ch. 8)."""
    century, of_century = divmod(year, 100)
    leap, rest = divmod(century, 4)
    moon_shift = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * (year % 19) + century - leap - moon_shift + 15) % 30
    weekday = (32 + 2 * rest + 2 * (of_century // 4) - epact - of_century % 4) % 7
    late = (year % 19 + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
