"""NYISO's price files in small: signs, intervals, look-ahead rows, clock changes, bad input."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from feeds.caiso.payloads import zipped
from vibelux.feeds import Ask, Payload, feed_named, read
from vibelux.feeds.nyiso._dispatch import look_ahead
from vibelux.market.errors import Corrupt, NotYetPublished, SchemaChanged
from vibelux.market.intervals import Interval, local_day

REAL_TIME, DAY_AHEAD = feed_named("nyiso/real-time-pricing"), feed_named("nyiso/day-ahead-pricing")
HEADER = (
    '"Time Stamp","Name","PTID","LBMP ($/MWHr)","Marginal Cost Losses ($/MWHr)","Marginal Cost Congestion ($/MWHr)"'
)
ZONE = "America/New_York"


def row(stamp: str, price: float = 30.0, name: str = "N.Y.C.", ptid: int = 61761, rest: str = "1.5,-4.25") -> str:
    return f'"{stamp}","{name}",{ptid},{price},{rest}'


def csv_of(*rows: str, header: str = HEADER) -> bytes:
    return "\r\n".join([header, *rows, ""]).encode()


def prices(*rows: str, feed=REAL_TIME, **payload):
    return read(feed, Payload(csv_of(*rows), **payload)).frames["electricity-price"]


def stamps(*minutes: str) -> list[str]:
    return [f"07/14/2026 05:{minute}" if len(minute) == 5 else f"07/14/2026 05:{minute}:00" for minute in minutes]


def utc(hour: int, minute: int = 0, second: int = 0, day: int = 14, month: int = 7) -> datetime:
    return datetime(2026, month, day, hour, minute, second, tzinfo=UTC)


def test_a_row_becomes_a_record_whose_components_add_up_to_the_price():
    assert prices(row("07/14/2026 14:35:00")).row(0, named=True) == {
        "iso_region": "NYISO", "region": "New York", "pricing_node": "N.Y.C.", "market": "real-time-5min",
        "price_type": "zonal", "node_type": None, "price_per_kwh": 0.03, "energy_component": 0.02425,
        "congestion_component": 0.00425, "loss_component": 0.0015, "ghg_component": None, "currency": "USD",
        "market_interval_start": utc(18, 30), "market_interval_end": utc(18, 35),
        "data_source": "NYISO realtime_zone", "confidence_level": 100.0,
    }  # fmt: skip


def test_no_congestion_is_zero_and_not_minus_zero():
    (value,) = prices(row("07/14/2026 14:35:00", rest="1.5,0.00"))["congestion_component"].to_list()
    assert str(value) == "0.0"


def test_a_generator_is_nodal_even_under_the_ptid_of_none():
    assert prices(row("07/14/2026 14:35:00", name="NINE_MILE_2", ptid=23744))["price_type"].to_list() == ["nodal"]


@pytest.mark.parametrize("last", ['"Marginal Cost Congestion ($/MWH"', '"Marginal Cost Congestion ($/MWHr)" '])
def test_the_last_header_may_be_cut_short_as_it_was_before_2016(last):
    header = ",".join([*HEADER.split(",")[:5], last])
    frame = read(REAL_TIME, Payload(csv_of(row("07/14/2015 14:35:00"), header=header))).frames["electricity-price"]
    assert frame["congestion_component"].to_list() == [0.00425]


def test_an_extra_run_ends_one_interval_and_begins_the_next_and_a_gap_stretches_none():
    frame = prices(*[row(stamp) for stamp in stamps("30", "35", "37:12", "40", "55")])
    begins = [utc(9, 25), utc(9, 30), utc(9, 35), utc(9, 37, 12), utc(9, 50)]
    ends = [utc(9, 30), utc(9, 35), utc(9, 37, 12), utc(9, 40), utc(9, 55)]
    assert frame["market_interval_start"].to_list() == begins
    assert frame["market_interval_end"].to_list() == ends
    assert set(frame["market"]) == {"real-time-5min"}


def test_an_extra_run_of_one_node_does_not_cut_the_interval_of_another():
    frame = prices(
        row(stamps("35")[0]), row(stamps("37:12")[0]), row(stamps("40")[0]), row(stamps("40")[0], name="WEST")
    )
    other = frame.filter(frame["pricing_node"] == "WEST").row(0, named=True)
    assert (other["market_interval_start"], other["market_interval_end"]) == (utc(9, 35), utc(9, 40))


def test_future_quarter_hours_after_the_newest_dispatch_are_advisory_and_a_quarter_long():
    frame = prices(*[row(stamp) for stamp in stamps("35", "40", "45", "59:59")[:3]], row("07/14/2026 06:00:00"))
    assert frame["market"].to_list() == ["real-time-5min"] * 2 + ["advisory-15min"] * 2
    ahead = frame.filter(frame["market"] == "advisory-15min")
    assert ahead["market_interval_start"].to_list() == [utc(9, 30), utc(9, 45)]
    assert ahead["market_interval_end"].to_list() == [utc(9, 45), utc(10)]


@pytest.mark.parametrize(
    ("minutes", "received", "expected"),
    [
        ((5, 10, 15, 20, 25), None, 0),
        ((5, 10, 15), None, 0),
        ((5, 15), None, 1),
        ((5, 10, 15, 30, 45), None, 3),
        ((5, 10, 25, 40), None, 0),
        ((15,), None, 0),
        ((15, 30, 45), None, 2),
        ((55, 60), None, 0),
        ((55, 60), 54, 1),
        ((55, 60), 56, 0),
        ((), None, 0),
    ],
)
def test_only_what_follows_the_last_stamp_off_the_quarter_can_be_a_look_ahead(minutes, received, expected):
    begin = utc(9)
    series = pl.Series([begin + timedelta(minutes=m) for m in minutes], dtype=pl.Datetime("us", "UTC"))
    found = look_ahead(series, None if received is None else begin + timedelta(minutes=received))
    assert found.to_list() == series.to_list()[len(minutes) - expected :]


def test_the_last_stamp_of_a_day_is_midnight_of_the_next():
    (end,) = prices(row("07/15/2026 00:00:00"))["market_interval_end"].to_list()
    assert end == local_day(date(2026, 7, 14), ZONE).end


def test_day_ahead_stamps_are_starts_of_hours():
    frame = prices(row("07/14/2026 00:00"), row("07/14/2026 23:00"), feed=DAY_AHEAD)
    assert frame["market_interval_start"].to_list() == [utc(4), utc(3, day=15)]
    assert (frame["market_interval_end"] - frame["market_interval_start"]).unique().to_list() == [timedelta(hours=1)]
    assert set(frame["market"]) == {"day-ahead-hourly"}
    assert set(frame["data_source"]) == {"NYISO damlbmp_zone"}


def autumn(hours: list[int], *names: str) -> list[str]:
    return [row(f"11/01/2026 {hour:02d}:00", price=hour, name=name) for hour in hours for name in names]


def test_the_repeated_autumn_hour_is_told_by_the_order_in_each_series():
    parsed = read(DAY_AHEAD, Payload(csv_of(*autumn([0, 1, 1, 2], "N.Y.C.", "WEST"))))
    assert parsed.quarantined == []
    for name in ("N.Y.C.", "WEST"):
        frame = parsed.frames["electricity-price"]
        starts = frame.filter(frame["pricing_node"] == name)["market_interval_start"]
        assert starts.to_list() == [utc(hour, day=1, month=11) for hour in (4, 5, 6, 7)]


def test_a_repeated_hour_with_one_pass_is_refused_and_the_rest_of_the_day_kept():
    parsed = read(DAY_AHEAD, Payload(csv_of(*autumn([0, 1, 2], "N.Y.C."), *autumn([1, 1], "WEST"))))
    assert [(bad.reason, bad.place) for bad in parsed.quarantined] == [
        ("the time is none in New York, or one of two", "11/01/2026 01:00 N.Y.C. 61761")
    ]
    frame = parsed.frames["electricity-price"].sort("pricing_node", "market_interval_start")
    assert frame["market_interval_start"].to_list() == [utc(hour, day=1, month=11) for hour in (4, 7, 5, 6)]


def test_five_minute_stamps_of_the_repeated_hour_rise_through_both_passes():
    minutes = [f"11/01/2026 {hour:02d}:{minute:02d}:00" for hour in (1, 1) for minute in range(0, 60, 5)]
    frame = prices(row("11/01/2026 00:55:00"), *map(row, minutes), row("11/01/2026 02:00:00"))
    ends = frame["market_interval_end"]
    assert ends.to_list() == [utc(4, 55, day=1, month=11) + n * timedelta(minutes=5) for n in range(26)]
    assert (ends - frame["market_interval_start"]).unique().to_list() == [timedelta(minutes=5)]


def test_the_hour_that_spring_skips_is_refused():
    parsed = read(DAY_AHEAD, Payload(csv_of(row("03/08/2026 01:00"), row("03/08/2026 02:00"), row("03/08/2026 03:00"))))
    assert [bad.place for bad in parsed.quarantined] == ["03/08/2026 02:00 N.Y.C. 61761"]
    starts = parsed.frames["electricity-price"]["market_interval_start"].to_list()
    assert starts == [utc(6, day=8, month=3), utc(7, day=8, month=3)]


def test_a_monthly_archive_is_read_with_all_its_days_and_the_autumn_day_told_within_it():
    days = [
        csv_of(*[row(f"10/31/2026 {hour:02d}:00") for hour in range(24)]),
        csv_of(*autumn([0, 1, 1, *range(2, 24)], "N.Y.C.")),
    ]
    body = zipped(d20261031damlbmp_zone__csv=days[0], d20261101damlbmp_zone__csv=days[1])
    parsed = read(DAY_AHEAD, Payload(body, name="20261001damlbmp_zone_csv.zip"))
    starts = parsed.frames["electricity-price"]["market_interval_start"]
    assert parsed.quarantined == []
    assert starts.to_list() == [utc(4, day=31, month=10) + n * timedelta(hours=1) for n in range(49)]


def test_a_price_or_stamp_that_cannot_be_read_is_set_aside_with_its_place():
    parsed = read(
        REAL_TIME,
        Payload(csv_of(row("07/14/2026 14:35:00"), '"07/14/2026 14:40:00","WEST",61752,N/A,1,1', row("yesterday"))),
    )
    assert parsed.frames["electricity-price"].height == 1
    assert [(bad.reason, bad.place) for bad in parsed.quarantined] == [
        ("LBMP ($/MWHr) is not a number", "07/14/2026 14:40:00 WEST 61752"),
        ("the time is none in New York, or one of two", "yesterday N.Y.C. 61761"),
    ]


def test_a_missing_component_leaves_energy_unsaid_and_a_missing_price_is_no_price():
    parsed = read(
        REAL_TIME, Payload(csv_of(row("07/14/2026 14:35:00", rest="1.5,"), '"07/14/2026 14:40:00","WEST",1,,1,1'))
    )
    (record,) = parsed.frames["electricity-price"].iter_rows(named=True)
    assert (record["energy_component"], record["congestion_component"]) == (None, None)
    assert [bad.reason for bad in parsed.quarantined] == ["price_per_kwh is not a number"]


def test_negative_prices_pass_and_impossible_ones_do_not():
    frame = prices(row("07/14/2026 14:35:00", price=-999.7), row("07/14/2026 14:40:00", price=99_999))
    assert frame["price_per_kwh"].to_list() == [-0.9997]


def test_hourly_prices_are_refused_as_five_minute_ones_and_the_other_way_round():
    with pytest.raises(SchemaChanged, match="hourly prices where five-minute ones"):
        prices(row("07/14/2026 13:00:00"), row("07/14/2026 14:00:00"))
    with pytest.raises(SchemaChanged, match="stamps off the hour"):
        prices(row("07/14/2026 13:05"), feed=DAY_AHEAD)


def test_a_blank_first_line_and_a_byte_order_mark_are_no_header():
    body = b"\xef\xbb\xbf\n" + csv_of(row("07/14/2026 14:35:00"))
    assert read(REAL_TIME, Payload(body)).frames["electricity-price"].height == 1


def test_a_file_with_a_header_alone_is_a_good_answer_without_rows():
    for feed in (REAL_TIME, DAY_AHEAD):
        parsed = read(feed, Payload(csv_of()))
        assert (parsed.rows, parsed.quarantined) == (0, [])


@pytest.mark.parametrize(
    ("body", "error", "text"),
    [
        (b"<html><head><title>404 Not Found</title></head></html>", NotYetPublished, "no such file"),
        (b"<!DOCTYPE html><html><body>Maintenance</body></html>", Corrupt, "HTML where CSV"),
        (b"", Corrupt, "empty"),
        (b"PK\x03\x04 not really", Corrupt, "damaged or cut off"),
        (csv_of(header=HEADER.replace("LBMP", "Price")), SchemaChanged, "LBMP"),
    ],
)
def test_what_is_no_price_file_is_a_named_error(body, error, text):
    with pytest.raises(error, match=text):
        read(REAL_TIME, Payload(body, name="20260714realtime_zone.csv"))


def test_a_stamp_twice_beside_an_extra_run_is_two_prices_of_which_none_is_believed():
    given = [row(stamp) for stamp in stamps("30", "35", "37:12", "40")]
    whole = prices(*given)
    assert whole.height == 4
    twice = read(REAL_TIME, Payload(csv_of(*given, row("07/14/2026 05:40:00", 31.0))))
    assert twice.frames["electricity-price"].equals(whole.head(3))
    assert [refused.reason for refused in twice.quarantined] == [
        "the same interval occurs with two different values"
    ] * 2


HOURLY = feed_named("nyiso/real-time-hourly-pricing")


def test_the_hourly_price_of_the_real_time_market_is_told_by_its_start_also_in_autumn():
    hours = ("00:00", "01:00", "01:00", "02:00")
    found = prices(*(row(f"11/01/2026 {hour}", 30.0 + n) for n, hour in enumerate(hours)), feed=HOURLY)
    assert set(found["market"]) == {"real-time-hourly"}
    assert found["market_interval_start"].to_list() == [utc(hour, day=1, month=11) for hour in (4, 5, 6, 7)]
    assert found["price_per_kwh"].to_list() == [0.03, 0.031, 0.032, 0.033]
    assert set(found["market_interval_end"] - found["market_interval_start"]) == {timedelta(hours=1)}


def test_files_of_one_form_are_told_apart_by_their_name():
    body = csv_of(row("07/14/2026 05:00"))
    for feed, other in ((HOURLY, "damlbmp"), (DAY_AHEAD, "rtlbmp")):
        with pytest.raises(SchemaChanged, match=f"{other} where"):
            read(feed, Payload(body, name=f"20260714{other}_zone.csv"))
    with pytest.raises(SchemaChanged, match="off the hour"):
        read(HOURLY, Payload(csv_of(row("07/14/2026 05:05:00"))))


def test_hourly_prices_are_asked_for_by_the_day_with_generators_where_one_is_wanted():
    assert urls(HOURLY, utc(17), utc(18), "WEST") == ["csv/rtlbmp/20260714rtlbmp_zone.csv"]
    assert urls(HOURLY, utc(17), utc(18), "NINE_MILE_2") == [
        "csv/rtlbmp/20260714rtlbmp_zone.csv",
        "csv/rtlbmp/20260714rtlbmp_gen.csv",
    ]


def urls(feed, start: datetime, end: datetime, *nodes: str) -> list[str]:
    return [
        request.url.removeprefix("http://mis.nyiso.com/public/")
        for request in feed.requests(Ask(Interval(start, end), nodes))
    ]


def test_a_poll_asks_for_the_latest_interval_and_the_market_day():
    assert urls(REAL_TIME, utc(17), utc(18)) == [
        "realtime/realtime_zone_lbmp.csv",
        "csv/realtime/20260714realtime_zone.csv",
    ]
    assert urls(REAL_TIME, utc(3, 30), utc(4)) == [
        "realtime/realtime_zone_lbmp.csv",
        "csv/realtime/20260713realtime_zone.csv",
    ]


def test_generators_are_asked_for_only_where_one_is_wanted():
    assert urls(DAY_AHEAD, utc(4), utc(4, day=16), "N.Y.C.") == [
        "csv/damlbmp/20260714damlbmp_zone.csv",
        "csv/damlbmp/20260715damlbmp_zone.csv",
    ]
    assert urls(DAY_AHEAD, utc(4), utc(4, day=15), "WEST", "NINE_MILE_2") == [
        "csv/damlbmp/20260714damlbmp_zone.csv",
        "csv/damlbmp/20260714damlbmp_gen.csv",
    ]


def test_days_long_past_are_asked_for_by_the_month_and_those_since_by_the_day():
    found = urls(DAY_AHEAD, utc(4, day=28, month=4), utc(4, day=10, month=7), "WEST")
    assert found == [
        "csv/damlbmp/20260401damlbmp_zone_csv.zip",
        "csv/damlbmp/20260501damlbmp_zone_csv.zip",
        "csv/damlbmp/20260601damlbmp_zone_csv.zip",
        "csv/damlbmp/20260701damlbmp_zone_csv.zip",
        *(f"csv/damlbmp/202607{day:02d}damlbmp_zone.csv" for day in range(2, 10)),
    ]


def test_one_day_long_past_is_in_the_archive_of_its_month():
    window = Interval(utc(4, day=3, month=5), utc(4, day=4, month=5))
    (request,) = REAL_TIME.requests(Ask(window, ("WEST",), at=utc(12)))
    assert request.url.endswith("csv/realtime/20260501realtime_zone_csv.zip")


def test_a_file_cut_off_after_a_quote_is_corrupt():
    body = csv_of(row("07/14/2026 14:35:00"), row("07/14/2026 14:40:00")).rpartition(b"1.5,")[0] + b'1.5,"'
    with pytest.raises(Corrupt, match="not a CSV table"):
        read(REAL_TIME, Payload(body))
