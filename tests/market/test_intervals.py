from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibelux.market.errors import TimeRefused, UsageError
from vibelux.market.intervals import (
    Interval,
    floor_to,
    hours_of_day,
    iso_z,
    local_day,
    moment_argument,
    parse_utc,
    sequence_to_utc,
    to_utc,
)

PACIFIC, EASTERN, CENTRAL = "America/Los_Angeles", "America/New_York", "America/Chicago"
SPRING = {2024: date(2024, 3, 10), 2025: date(2025, 3, 9), 2026: date(2026, 3, 8), 2027: date(2027, 3, 14)}
AUTUMN = {2024: date(2024, 11, 3), 2025: date(2025, 11, 2), 2026: date(2026, 11, 1), 2027: date(2027, 11, 7)}


@pytest.mark.parametrize("zone", [PACIFIC, EASTERN, CENTRAL])
@pytest.mark.parametrize(("days", "hours"), [(SPRING, 23), (AUTUMN, 25), ({0: date(2026, 7, 14)}, 24)])
def test_a_market_day_has_as_many_hours_as_its_clock_changes_leave(zone, days, hours):
    for day in days.values():
        whole = local_day(day, zone)
        assert whole.end - whole.start == timedelta(hours=hours)
        parts = hours_of_day(day, zone)
        assert len(parts) == hours
        assert all(a.end == b.start for a, b in pairwise(parts))


def test_a_summer_and_a_winter_stamp_differ_by_an_hour_of_offset():
    assert to_utc(datetime(2026, 7, 14, 0), PACIFIC) == datetime(2026, 7, 14, 7, tzinfo=UTC)
    assert to_utc(datetime(2026, 1, 14, 0), PACIFIC) == datetime(2026, 1, 14, 8, tzinfo=UTC)


def test_the_repeated_hour_is_refused_unless_the_flag_says_which():
    twice = datetime(2026, 11, 1, 1, 30)
    with pytest.raises(TimeRefused, match="occurs twice"):
        to_utc(twice, PACIFIC)
    assert to_utc(twice, PACIFIC, repeated=False) == datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
    assert to_utc(twice, PACIFIC, repeated=True) == datetime(2026, 11, 1, 9, 30, tzinfo=UTC)


def test_a_flag_on_an_ordinary_hour_and_a_skipped_hour_are_refused():
    with pytest.raises(TimeRefused, match="marked as a repeated hour"):
        to_utc(datetime(2026, 7, 14, 1), PACIFIC, repeated=True)
    with pytest.raises(TimeRefused, match="does not exist"):
        to_utc(datetime(2026, 3, 8, 2, 30), PACIFIC)


def test_an_unknown_zone_is_refused():
    with pytest.raises(TimeRefused, match="unknown time zone 'Mars/Olympus'"):
        to_utc(datetime(2026, 7, 14), "Mars/Olympus")


def five_minute_day(day: date, zone: str) -> list[datetime]:
    whole = local_day(day, zone)
    count = int((whole.end - whole.start) / timedelta(minutes=5))
    return [whole.start + timedelta(minutes=5 * n) for n in range(count)]


def as_printed(moments: list[datetime], zone: str) -> list[datetime]:
    from zoneinfo import ZoneInfo

    return [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) for moment in moments]


@pytest.mark.parametrize("zone", [PACIFIC, EASTERN, CENTRAL])
@pytest.mark.parametrize("year", list(AUTUMN))
def test_a_whole_day_without_offsets_is_told_by_its_order(zone, year):
    for day, count in ((SPRING[year], 276), (AUTUMN[year], 300)):
        moments = five_minute_day(day, zone)
        assert len(moments) == count
        assert sequence_to_utc(as_printed(moments, zone), zone) == moments


@given(st.integers(0, 2**32), st.floats(0.0, 0.9))
def test_rows_dropped_from_the_autumn_day_give_the_right_time_or_a_refusal(seed, share):
    moments = five_minute_day(AUTUMN[2026], EASTERN)
    random = Random(seed)
    kept = [moment for moment in moments if random.random() > share]
    try:
        result = sequence_to_utc(as_printed(kept, EASTERN), EASTERN)
    except TimeRefused:
        return
    assert result == kept


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-12T06:00:00-00:00", datetime(2024, 3, 12, 6, tzinfo=UTC)),
        ("2026-07-14T07:00:00Z", datetime(2026, 7, 14, 7, tzinfo=UTC)),
        ("2025-08-01 00:05:00+00:00", datetime(2025, 8, 1, 0, 5, tzinfo=UTC)),
        ("2024-01-01 00:00:00-08:00", datetime(2024, 1, 1, 8, tzinfo=UTC)),
    ],
)
def test_stamps_with_an_offset_are_read(text, expected):
    assert parse_utc(text) == expected


@pytest.mark.parametrize("text", ["2026-07-14T07:00:00", "2026-07-14T07:00:00 PST", "2026-13-01T00:00:00Z", "", "noon"])
def test_stamps_without_an_offset_are_refused(text):
    with pytest.raises(TimeRefused):
        parse_utc(text)


def test_an_interval_is_half_open_and_goes_forwards():
    start, end = datetime(2026, 7, 14, 7, tzinfo=UTC), datetime(2026, 7, 14, 8, tzinfo=UTC)
    hour = Interval(start, end)
    assert hour.contains(start)
    assert not hour.contains(end)
    with pytest.raises(TimeRefused, match="must end after it starts"):
        Interval(end, start)
    with pytest.raises(TimeRefused, match="kept in UTC"):
        Interval(start.replace(tzinfo=None), end)


def test_arguments_and_prints_are_utc():
    assert moment_argument("2026-07-14") == datetime(2026, 7, 14, tzinfo=UTC)
    with pytest.raises(UsageError, match="is not a time"):
        moment_argument("yesterday")
    assert iso_z(datetime(2026, 7, 14, 7, tzinfo=UTC)) == "2026-07-14T07:00:00Z"
    assert floor_to(datetime(2026, 7, 14, 7, 9, 59, tzinfo=UTC), timedelta(minutes=5)).minute == 5
