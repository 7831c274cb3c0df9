"""Today's Outlook in small: days, forms, clock changes, bad input."""

from datetime import UTC, date, datetime, timedelta

import pytest

from vibelux.feeds import Ask, Payload, feed_named, read
from vibelux.market.errors import Corrupt, SchemaChanged, TooLarge
from vibelux.market.intervals import Interval

LOAD, MIX, CARBON = (feed_named(f"caiso/{name}") for name in ("load", "fuel-mix", "carbon-intensity"))
HISTORY = "https://www.caiso.com/outlook/history/20260714/demand.csv"
CURRENT = "https://www.caiso.com/outlook/current/demand.csv"
HEADER = "Time,Day ahead forecast,Hour ahead forecast,Current demand,Demand response"


def utc(hour: int, minute: int = 0, day: int = 14, month: int = 7) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def table(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def series(body: bytes, feed=LOAD, **payload):
    parsed = read(feed, Payload(body, **payload))
    assert parsed.quarantined == []
    return parsed.frames["series"]


def test_a_row_gives_load_and_both_forecasts_and_empty_cells_give_nothing():
    frame = series(table("00:00,27000,26500,26000,", "00:05,27000,26400,,"), name=HISTORY)
    assert frame.select("variable", "category", "value", "valid_start", "issued_at").rows() == [
        ("load-forecast", "Day ahead forecast", 27000.0, utc(7), utc(7)),
        ("load-forecast", "Hour ahead forecast", 26500.0, utc(7), utc(7)),
        ("load", None, 26000.0, utc(7), None),
        ("load-forecast", "Day ahead forecast", 27000.0, utc(7, 5), utc(7)),
        ("load-forecast", "Hour ahead forecast", 26400.0, utc(7, 5), utc(7)),
    ]
    assert frame.select("provider", "location", "unit").unique().rows() == [("caiso", "CAISO", "MW")]


@pytest.mark.parametrize(
    "payload",
    [
        {"name": HISTORY},
        {"name": "CAISO-demand-20260714.csv"},
        {"name": "demand-2026-07-14.csv"},
        {"day": date(2026, 7, 14)},
    ],
)
def test_the_day_is_told_by_address_name_or_caller(payload):
    assert series(table("12:00,,,26000,"), **payload)["valid_start"].to_list() == [utc(19)]


@pytest.mark.parametrize(
    "payload", [{}, {"name": "demand.csv"}, {"name": "demand.csv", "received_at": utc(20)}, {"name": "20261399.csv"}]
)
def test_a_file_whose_day_nobody_says_is_refused(payload):
    with pytest.raises(SchemaChanged, match="without a day"):
        read(LOAD, Payload(table("12:00,,,26000,"), **payload))


def test_the_day_in_the_header_of_a_chart_goes_before_the_name():
    body = b"Demand 07/14/2026,12:00,12:05\nDemand (5 min. avg.),26000,26100\n"
    assert series(body, name="CAISO-demand-20200101.csv")["valid_start"].to_list() == [utc(19), utc(19, 5)]


@pytest.mark.parametrize(
    ("received", "newest", "expected"),
    [
        (utc(19, 2), "11:55", utc(18, 55)),
        (utc(7, 3), "23:55", utc(6, 55)),
        (utc(6, 58), "23:55", utc(6, 55)),
        (utc(19, 2), "12:05", utc(19, 5)),
    ],
)
def test_the_current_file_is_of_the_day_of_the_fetch_or_still_of_yesterday(received, newest, expected):
    body = table(f"{newest},27000,26500,26000,", "23:59,27000,,,")
    frame = series(body, name=CURRENT, received_at=received)
    assert frame.filter(frame["variable"] == "load")["valid_start"].to_list() == [expected]


def test_an_hour_ahead_forecast_of_the_future_was_issued_with_the_newest_measurement():
    body = table("12:00,,26500,26000,", "12:05,,26600,,", "13:00,,26700,,")
    frame = series(body, name=HISTORY)
    ahead = frame.filter(frame["category"] == "Hour ahead forecast")
    assert ahead["issued_at"].to_list() == [utc(19)] * 3


def test_midnight_at_the_end_is_the_next_day_and_at_the_beginning_is_not():
    frame = series(table("00:00,,,1,", "23:55,,,2,", "00:00,,,3,"), name=HISTORY)
    assert frame["valid_start"].to_list() == [utc(7), utc(6, 55, day=15), utc(7, day=15)]


def test_both_passes_of_the_autumn_hour_are_told_by_order_and_one_alone_is_refused():
    name = "CAISO-demand-20261101.csv"
    frame = series(
        table(*(f"{t},,,{n}," for n, t in enumerate(["00:55", "01:00", "01:30", "01:00", "01:30", "02:00"]))), name=name
    )
    begin = utc(7, 55, day=1, month=11)
    minutes = (0, 5, 35, 65, 95, 125)
    assert frame["valid_start"].to_list() == [begin + timedelta(minutes=n) for n in minutes]
    parsed = read(LOAD, Payload(table("00:55,,,1,", "01:00,,,2,", "02:00,,,3,"), name=name))
    assert parsed.frames["series"]["value"].to_list() == [1.0, 3.0]
    assert [bad.place for bad in parsed.quarantined] == ["2026-11-01 01:00"]
    assert "occurs twice" in parsed.quarantined[0].reason


def test_a_value_in_the_hour_that_spring_skips_is_set_aside_and_empty_cells_are_nothing():
    parsed = read(LOAD, Payload(table("02:00,,,1,", "02:05,,,,", "03:00,,,2,"), name="20260308/demand.csv"))
    assert parsed.frames["series"]["valid_start"].to_list() == [utc(10, day=8, month=3)]
    assert [bad.place for bad in parsed.quarantined] == ["2026-03-08 02:00"]
    assert "does not exist" in parsed.quarantined[0].reason


def test_cells_that_are_no_number_or_no_time_are_set_aside():
    parsed = read(LOAD, Payload(table("12:00,x,,26000,", "25:00,,,1,", "noon,,,1,"), name=HISTORY))
    assert parsed.frames["series"]["value"].to_list() == [26000.0]
    assert [(bad.reason, bad.place) for bad in parsed.quarantined] == [
        ("the value is not a number", "Day ahead forecast 2026-07-14 12:00"),
        ("the time is none", "2026-07-14 25:00"),
        ("the time is none", "2026-07-14 noon"),
    ]


def test_a_day_that_has_not_begun_is_a_good_answer_without_rows():
    assert series(table("00:00,,,,", "00:05,,,,"), name=CURRENT).is_empty()
    assert series(table(), name=CURRENT).is_empty()


def test_the_fuels_of_a_file_are_categories_under_their_own_names():
    frame = series(table("00:00,-68,3000,6000.5", header="Time,Solar,Wind,Natural Gas"), MIX, name=HISTORY)
    assert frame.select("category", "value").rows() == [("Solar", -68.0), ("Wind", 3000.0), ("Natural Gas", 6000.5)]
    assert frame.select("variable", "issued_at").unique().rows() == [("fuel-mix", None)]


def test_carbon_is_in_kilograms_an_hour_by_resource():
    frame = series(table("00:00, 82,-3.5", header="Time,Natural Gas CO2,Imports CO2"), CARBON, name=HISTORY)
    assert frame.select("category", "value", "unit", "variable").rows() == [
        ("Natural Gas", 82_000.0, "kg/h", "co2-emissions"),
        ("Imports", -3_500.0, "kg/h", "co2-emissions"),
    ]


@pytest.mark.parametrize(
    ("feed", "header"),
    [
        (LOAD, "Time,Solar,Wind"),
        (MIX, "Time,Natural Gas CO2"),
        (MIX, "Time,Current demand"),
        (CARBON, "Time,Natural Gas"),
    ],
)
def test_a_file_of_another_feed_is_refused(feed, header):
    row = "00:00" + ",1" * header.count(",")
    with pytest.raises(SchemaChanged, match=r"no curve|no series|not of CO2"):
        read(feed, Payload(table(row, header=header), name=HISTORY))


@pytest.mark.parametrize(
    ("body", "error", "text"),
    [
        (b"<!DOCTYPE html><html>Not here</html>", Corrupt, "HTML where CSV"),
        (b" \n", Corrupt, "empty"),
        (b"Something,else\nentirely,1\n", SchemaChanged, "no times beside values"),
        (b"Time" + b",a" * 20_000 + b"\n" + b"00:00,1\n" * 60, TooLarge, "columns"),
        (b'Time,Demand\n00:00,"' + b"1" * 200_000, Corrupt, "not a CSV table"),
    ],
)
def test_what_is_no_outlook_file_is_a_named_error(body, error, text):
    with pytest.raises(error, match=text):
        read(LOAD, Payload(body, name=HISTORY))


def urls(feed, start: datetime, end: datetime) -> list[str]:
    return [
        request.url.removeprefix("https://www.caiso.com/outlook/")
        for request in feed.requests(Ask(Interval(start, end)))
    ]


def test_a_poll_asks_for_the_current_file_and_a_longer_window_for_history():
    assert urls(LOAD, utc(18), utc(19)) == ["current/demand.csv"]
    assert urls(MIX, utc(7), utc(7, day=16)) == ["history/20260714/fuelsource.csv", "history/20260715/fuelsource.csv"]
    spring = Interval(utc(8, day=8, month=3), utc(7, day=9, month=3))
    assert urls(CARBON, spring.start, spring.end) == ["history/20260308/co2.csv"]
