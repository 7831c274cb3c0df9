"""NYISO's constraints, reserve prices, load and forecasts in small."""

from datetime import UTC, datetime, timedelta

import pytest

from vibelux.feeds import Ask, Payload, feed_named, read
from vibelux.market.errors import SchemaChanged
from vibelux.market.intervals import Interval

CONGESTION, RESERVES = feed_named("nyiso/transmission-congestion"), feed_named("nyiso/reserve-prices")
LOAD, FORECAST = feed_named("nyiso/load"), feed_named("nyiso/load-forecast")
LIMITS = '"Time Stamp","Time Zone","Limiting Facility","Facility PTID","Contingency","Constraint Cost($)"'
ZONAL = (
    '"Time Stamp","Time Zone","Name","PTID","10 Min Spinning Reserve ($/MWHr)",'
    '"10 Min Non-Synchronous Reserve ($/MWHr)","30 Min Operating Reserve ($/MWHr)","NYCA Regulation Capacity ($/MWHr)"'
)
MOVEMENT = ZONAL + ',"NYCA Regulation Movement ($/MW)"'
FIVE, HOUR = timedelta(minutes=5), timedelta(hours=1)


def csv_of(header: str, *rows: str) -> bytes:
    return "\r\n".join([header, *rows, ""]).encode()


def utc(hour: int, minute: int = 0, second: int = 0, day: int = 14) -> datetime:
    return datetime(2026, 7, day, hour, minute, second, tzinfo=UTC)


def limit(stamp: str, cost: float, facility: str = "CENTRAL EAST - VC", contingency: str = "BASE CASE") -> str:
    return f'"{stamp}","EDT","{facility}",25089,"{contingency}",{cost}'


def test_a_real_time_limit_costs_whatever_its_sign_and_lasts_until_the_next_run():
    rows = [limit(f"07/14/2026 14:{m}", cost) for m, cost in (("35:00", -20.26), ("37:12", 18.5), ("40:00", 0.0))]
    parsed = read(CONGESTION, Payload(csv_of(LIMITS, *rows), name="20260714LimitingConstraints.csv"))
    frame = parsed.frames["constraint"]
    assert frame["shadow_price"].to_list() == [20.26, 18.5, 0.0]
    assert frame["interval_start"].to_list() == [utc(18, 35), utc(18, 37, 12), utc(18, 40)]
    assert frame["interval_end"].to_list() == [utc(18, 37, 12), utc(18, 40), utc(18, 45)]
    assert frame.row(0, named=True) | {"interval_start": None, "interval_end": None} == {
        "iso_region": "NYISO", "constraint_name": "CENTRAL EAST - VC", "contingency": "BASE CASE",
        "market": "real-time-5min", "shadow_price": 20.26, "interval_start": None, "interval_end": None,
        "data_source": "NYISO LimitingConstraints",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "market"),
    [
        ({"name": "20260714DAMLimitingConstraints.csv"}, "day-ahead-hourly"),
        ({"name": "currentLimitingConstraints.csv"}, "real-time-5min"),
        ({"report": "DAMLimitingConstraints"}, "day-ahead-hourly"),
    ],
)
def test_name_or_report_tells_the_two_constraint_files_apart(payload, market):
    frame = read(CONGESTION, Payload(csv_of(LIMITS, limit("07/14/2026 14:00", 3)), **payload)).frames["constraint"]
    assert frame["market"].to_list() == [market]
    assert frame["interval_end"].to_list() == [utc(19) if market == "day-ahead-hourly" else utc(18, 5)]


def test_without_a_name_the_stamps_tell_them_apart_and_one_on_the_hour_tells_nothing():
    hourly, quick = [limit(f"07/14/2026 {h}:00", 1) for h in (13, 14)], [limit("07/14/2026 14:05:00", 1)]
    assert read(CONGESTION, Payload(csv_of(LIMITS, *hourly))).frames["constraint"]["market"][0] == "day-ahead-hourly"
    assert read(CONGESTION, Payload(csv_of(LIMITS, *quick))).frames["constraint"]["market"][0] == "real-time-5min"
    with pytest.raises(SchemaChanged, match="real-time or day-ahead"):
        read(CONGESTION, Payload(csv_of(LIMITS, hourly[0])))


def test_an_hour_without_a_binding_limit_is_a_good_answer():
    assert read(CONGESTION, Payload(csv_of(LIMITS))).rows == 0


def test_one_facility_under_two_contingencies_is_two_records():
    rows = [limit("07/14/2026 14:05:00", 1), limit("07/14/2026 14:05:00", 2, contingency="Y49")]
    assert read(CONGESTION, Payload(csv_of(LIMITS, *rows))).frames["constraint"].height == 2


def test_the_label_tells_the_passes_of_the_repeated_hour_and_a_false_label_is_refused():
    rows = [
        '"11/01/2026 01:00:00","EDT","WEST",61752,1000',
        '"11/01/2026 01:00:00","EST","WEST",61752,1001',
        '"07/14/2026 12:00:00","EST","WEST",61752,1002',
        '"03/08/2026 02:30:00","EST","WEST",61752,1003',
        '"07/14/2026 12:00:00","AKDT","WEST",61752,1004',
    ]
    parsed = read(LOAD, Payload(csv_of('"Time Stamp","Time Zone","Name","PTID","Load"', *rows)))
    begin = datetime(2026, 11, 1, 5, tzinfo=UTC)
    assert parsed.frames["series"]["valid_start"].to_list() == [begin, begin + HOUR]
    assert len(parsed.quarantined) == 3


def test_real_time_reserves_are_a_record_a_zone_and_product_by_the_end_of_their_interval():
    rows = [
        f'"07/14/2026 14:35:00","EDT","{name}",{ptid},5.5,4,3,8.25,0.3' for name, ptid in (("WEST", 1), ("N.Y.C.", 2))
    ]
    frame = read(RESERVES, Payload(csv_of(MOVEMENT, *rows))).frames["ancillary-price"]
    assert frame.height == 10
    west = frame.filter(frame["region"] == "WEST")
    assert dict(zip(west["product"], zip(west["service"], west["price_per_mw_hour"], strict=True), strict=True)) == {
        "10 Min Spinning Reserve": ("spinning", 5.5),
        "10 Min Non-Synchronous Reserve": ("non-spinning", 4.0),
        "30 Min Operating Reserve": ("operating-30min", 3.0),
        "NYCA Regulation Capacity": ("regulation", 8.25),
        "NYCA Regulation Movement": ("regulation-movement", 0.3),
    }
    assert west.select("market", "interval_start", "interval_end", "data_source").unique().rows() == [
        ("real-time-5min", utc(18, 30), utc(18, 35), "NYISO rtasp")
    ]


def test_day_ahead_reserves_are_hours_by_their_start():
    rows = [f'"07/14/2026 {hour:02d}:00","EDT","WEST",61752,5.5,4,3,8.25' for hour in (0, 1)]
    frame = read(RESERVES, Payload(csv_of(ZONAL, *rows))).frames["ancillary-price"]
    assert frame.height == 8
    assert set(frame["market"]) == {"day-ahead-hourly"}
    assert sorted(set(frame["interval_start"])) == [utc(4), utc(5)]
    assert (frame["interval_end"] - frame["interval_start"]).unique().to_list() == [HOUR]


def test_the_old_form_with_a_column_a_region_is_read_with_its_cut_headers():
    header = (
        '"Time Stamp","Time Zone","East 10 Min Spinning Reserve ($/MWHr","East 10 Min Non-Synchronous Reserve",'
        '"West 30 Min Operating Reserve ($/MWH)","West Regulation ($/MWHr)","NYCA Regulation Movement ($/MW)"'
    )
    body = csv_of(header, '"07/14/2014 14:35:00","EDT",5,4,3,2,1')
    frame = read(RESERVES, Payload(body)).frames["ancillary-price"]
    assert sorted(frame.select("region", "product", "service", "price_per_mw_hour").rows()) == [
        ("East", "10 Min Non-Synchronous Reserve", "non-spinning", 4.0),
        ("East", "10 Min Spinning Reserve", "spinning", 5.0),
        ("NYCA", "NYCA Regulation Movement", "regulation-movement", 1.0),
        ("West", "30 Min Operating Reserve", "operating-30min", 3.0),
        ("West", "Regulation", "regulation", 2.0),
    ]
    assert set(frame["interval_end"] - frame["interval_start"]) == {FIVE}


def test_without_their_name_the_prices_of_zones_are_not_taken_for_those_of_the_state():
    renamed = ZONAL.replace('"Name"', '"Zone Name"')
    with pytest.raises(SchemaChanged, match="Name"):
        read(RESERVES, Payload(csv_of(renamed, '"07/14/2026 00:00","EDT","WEST",61752,5.5,4,3,8.25')))


def test_a_reserve_file_that_lacks_a_product_is_refused_by_its_name():
    lacking = ZONAL.replace("30 Min Operating Reserve", "60 Min Operating Reserve")
    with pytest.raises(SchemaChanged, match="30 Min Operating Reserve"):
        read(RESERVES, Payload(csv_of(lacking, '"07/14/2026 00:00","EDT","WEST",61752,5.5,4,3,8.25')))


def test_a_reserve_file_without_a_product_that_is_known_is_refused():
    with pytest.raises(SchemaChanged, match="10 Min Spinning Reserve"):
        read(RESERVES, Payload(csv_of('"Time Stamp","Time Zone","Name","PTID","20 Min Reserve ($/MWHr)"')))


ZONES = "Capitl,Centrl,Dunwod,Genese,Hud Vl,Longil,Mhk Vl,Millwd,N.Y.C.,North,West,NYISO"


def forecast(*stamps: str):
    return read(FORECAST, Payload(csv_of(f"Time Stamp,{ZONES}", *(f"{stamp},{'1,' * 11}11" for stamp in stamps))))


def test_a_forecast_through_the_repeated_hour_is_told_by_order_or_refused():
    both = forecast("11/01/2026 00:00", "11/01/2026 01:00", "11/01/2026 01:00", "11/01/2026 02:00")
    total = both.frames["series"].filter(both.frames["series"]["location"] == "NYISO")
    begin = datetime(2026, 11, 1, 4, tzinfo=UTC)
    assert total["valid_start"].to_list() == [begin + n * HOUR for n in range(4)]
    assert set(total["issued_at"]) == {begin}
    one = forecast("11/01/2026 00:00", "11/01/2026 01:00", "11/01/2026 02:00")
    assert [bad.place for bad in one.quarantined] == ["11/01/2026 01:00"]
    assert one.frames["series"].height == 24


def test_each_feed_asks_for_its_files_of_the_day():
    ask = Ask(Interval(utc(17), utc(18)))
    names = {
        "nyiso/load": ["pal/20260714pal.csv"],
        "nyiso/load-forecast": ["isolf/20260714isolf.csv"],
        "nyiso/fuel-mix": ["rtfuelmix/20260714rtfuelmix.csv"],
        "nyiso/reserve-prices": ["rtasp/20260714rtasp.csv", "damasp/20260714damasp.csv"],
        "nyiso/transmission-congestion": [
            "DAMLimitingConstraints/20260714DAMLimitingConstraints.csv",
            "LimitingConstraints/20260714LimitingConstraints.csv",
            "ExternalLimitsFlows/20260714ExternalLimitsFlows.csv",
        ],
    }
    for name, expected in names.items():
        found = [request.url for request in feed_named(name).requests(ask)]
        assert found == [f"http://mis.nyiso.com/public/csv/{file}" for file in expected]
