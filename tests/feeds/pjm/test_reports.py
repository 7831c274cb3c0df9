"""Reports without a recording, in the form in which PJM documents them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from feeds.pjm.payloads import envelope, parse
from vibelux.market.errors import SchemaChanged

HOUR = {"datetime_beginning_utc": "2026-07-14T04:00:00", "datetime_beginning_ept": "2026-07-14T00:00:00"}


def at(stamp: str, **cells: Any) -> dict[str, Any]:
    return HOUR | {"datetime_beginning_utc": stamp} | cells


def reserve(stamp: str, service: str = "SR", locale: str = "PJM_RTO", **cells: Any) -> dict[str, Any]:
    row = {"locale": locale, "service": service, "mcp": 3.25, "mcp_capped": 3.25, "reg_ccp": None, "reg_pcp": None}
    return at(stamp, **(row | {"as_req_mw": 1800.0, "total_mw": 2000.0} | cells))


def keyed(frame: Any) -> dict[tuple[str, str], tuple[Any, ...]]:
    columns = ("region", "product", "service", "market", "price_per_mw_hour")
    return {(row[0], row[1]): row[2:] for row in frame.select(columns).iter_rows()}


def test_real_time_reserves_are_five_minute_prices_by_locale_and_service():
    rows = [
        reserve("2026-07-14T04:05:00"),
        reserve("2026-07-14T04:05:00", locale="MAD", mcp=4.5),
        reserve("2026-07-14T04:05:00", "PR", mcp=1.0),
        reserve("2026-07-14T04:05:00", "30MIN", mcp=0.0),
        reserve("2026-07-14T04:05:00", "REG", mcp=30.0, reg_ccp=22.0, reg_pcp=8.0),
    ]
    frame = parse("ancillary-services", envelope(rows, "reserve_market_results")).frames["ancillary-price"]
    assert keyed(frame) == {
        ("PJM", "SR"): ("spinning", "real-time-5min", 3.25),
        ("MAD", "SR"): ("spinning", "real-time-5min", 4.5),
        ("PJM", "PR"): ("primary", "real-time-5min", 1.0),
        ("PJM", "30MIN"): ("operating-30min", "real-time-5min", 0.0),
        ("PJM", "REG"): ("regulation", "real-time-5min", 30.0),
        ("PJM", "reg_ccp"): ("regulation-capability", "real-time-5min", 22.0),
        ("PJM", "reg_pcp"): ("regulation-performance", "real-time-5min", 8.0),
    }
    assert set(frame["interval_end"] - frame["interval_start"]) == {timedelta(minutes=5)}


@pytest.mark.parametrize(
    ("stamps", "market"),
    [
        (["2022-08-31T04:00:00", "2022-08-31T05:00:00"], "real-time-hourly"),
        (["2022-08-31T04:00:00"], "real-time-hourly"),
        (["2026-07-14T04:00:00", "2026-07-14T05:00:00"], "real-time-hourly"),
        (["2026-07-14T04:00:00", "2026-07-14T04:05:00"], "real-time-5min"),
        (["2026-07-14T04:00:00"], "real-time-5min"),
    ],
)
def test_real_time_reserves_are_as_long_as_their_time_and_stamps_say(stamps: list[str], market: str):
    frame = parse("ancillary-services", [reserve(stamp) for stamp in stamps]).frames["ancillary-price"]
    assert set(frame["market"]) == {market}


def test_day_ahead_reserves_are_told_from_real_time_ones_by_what_they_lack():
    rows = [reserve("2026-07-15T04:00:00")]
    for column in ("reg_ccp", "reg_pcp"):
        del rows[0][column]
    frame = parse("ancillary-services", rows).frames["ancillary-price"]
    assert keyed(frame) == {("PJM", "SR"): ("spinning", "day-ahead-hourly", 3.25)}


def test_the_file_name_says_which_of_two_like_reports_it_is():
    body = (
        "datetime_beginning_utc,ancillary_service,unit,value,row_is_current,version_nbr\n"
        "7/14/2026 4:00:00 AM,RTO Synchronized Reserve,Price,2.5,True,1\n"
    )
    real_time = parse("ancillary-services", body, "ancillary_services.csv").frames["ancillary-price"]
    ahead = parse("ancillary-services", body, "da_ancillary_services_2026.csv").frames["ancillary-price"]
    assert (real_time["market"][0], ahead["market"][0]) == ("real-time-hourly", "day-ahead-hourly")


def test_regulation_prices_are_the_sum_and_its_two_parts():
    row = at(
        "2026-07-14T04:05:00",
        area="PJM RTO",
        market_clearing_price=30.0,
        capability_clearing_price=22.0,
        performance_clearing_price=8.0,
    )
    frame = parse("ancillary-services", [row]).frames["ancillary-price"]
    assert keyed(frame) == {
        ("PJM", "market_clearing_price"): ("regulation", "real-time-5min", 30.0),
        ("PJM", "capability_clearing_price"): ("regulation-capability", "real-time-5min", 22.0),
        ("PJM", "performance_clearing_price"): ("regulation-performance", "real-time-5min", 8.0),
    }


def test_named_ancillary_values_are_prices_where_their_unit_says_so():
    rows = [
        at(
            HOUR["datetime_beginning_utc"],
            ancillary_service=name,
            unit=unit,
            value=value,
            row_is_current=True,
            version_nbr=1,
        )
        for name, unit, value in (
            ("RTO Regulation Capability", "Price", 22.0),
            ("RTO Regulation Mileage", "Price", 3.0),
            ("RTO Synchronized Reserve", "Price", 2.5),
            ("MAD Non-Synchronized Reserve", "Price", 0.0),
            ("RTO Secondary Reserve", "Price", 0.1),
            ("RTO Mileage Ratio", "Ratio", 3.4),
        )
    ]
    result = parse("ancillary-services", envelope(rows, "ancillary_services"))
    assert keyed(result.frames["ancillary-price"]) == {
        ("PJM", "RTO Regulation Capability"): ("regulation-capability", "real-time-hourly", 22.0),
        ("PJM", "RTO Regulation Mileage"): ("regulation-performance", "real-time-hourly", 3.0),
        ("PJM", "RTO Synchronized Reserve"): ("spinning", "real-time-hourly", 2.5),
        ("MAD", "MAD Non-Synchronized Reserve"): ("non-spinning", "real-time-hourly", 0.0),
        ("PJM", "RTO Secondary Reserve"): ("operating-30min", "real-time-hourly", 0.1),
    }
    ratio = result.frames["series"].row(0, named=True)
    assert (ratio["variable"], ratio["category"], ratio["value"]) == (
        "regulation-mileage-ratio",
        "RTO Mileage Ratio",
        3.4,
    )


def test_replaced_ancillary_values_are_superseded():
    row = at(HOUR["datetime_beginning_utc"], ancillary_service="RTO Synchronized Reserve", unit="Price", value=2.5)
    rows = [
        row | {"row_is_current": False, "version_nbr": 1},
        row | {"value": 2.75, "row_is_current": True, "version_nbr": 2},
    ]
    result = parse("ancillary-services", rows)
    assert result.frames["ancillary-price"]["price_per_mw_hour"].to_list() == [2.75]
    assert result.superseded["ancillary-price"]["price_per_mw_hour"].to_list() == [2.5]


def test_instantaneous_load_is_an_instant_at_its_own_second():
    rows = [
        at("2026-07-14T04:00:17", area=area, instantaneous_load=mw)
        for area, mw in (("PJM RTO", 91234.5), ("DOM", 14000.0))
    ]
    frame = parse("load", rows).frames["series"]
    record = frame.row(0, named=True)
    assert record["valid_start"] == record["valid_end"] == datetime(2026, 7, 14, 4, 0, 17, tzinfo=UTC)
    assert frame.select("location", "value", "variable").rows() == [
        ("PJM RTO", 91234.5, "load"),
        ("DOM", 14000.0, "load"),
    ]


def test_past_load_forecasts_last_an_hour_each():
    row = {
        "evaluated_at_utc": "2026-07-13T09:45:00",
        "forecast_hour_beginning_utc": "2026-07-14T04:00:00",
        "forecast_area": "RTO",
        "forecast_load_mw": 99000,
    }
    record = parse("load-forecast", [row]).frames["series"].row(0, named=True)
    assert record["valid_end"] - record["valid_start"] == timedelta(hours=1)
    assert record["issued_at"] == datetime(2026, 7, 13, 9, 45, tzinfo=UTC)


def test_very_short_load_forecasts_are_five_minutes_long():
    row = {
        "evaluated_at_utc": "2026-07-14T03:55:00",
        "forecast_datetime_beginning_utc": "2026-07-14T04:00:00",
        "forecast_datetime_ending_utc": "2026-07-14T04:05:00",
        "forecast_area": "RTO",
        "forecast_load_mw": 99000,
    }
    frame = parse("load-forecast", [row]).frames["series"]
    assert frame["data_source"].to_list() == ["PJM Data Miner 2 very_short_load_frcst"]


@pytest.mark.parametrize(
    ("cells", "variable", "location", "length"),
    [
        ({"area": "WEST", "wind_generation_mw": 4321.5}, "wind-generation", "WEST", timedelta(hours=1)),
        ({"wind_generation_mw": 4321.5}, "wind-generation", "PJM", timedelta(0)),
        ({"solar_generation_mw": 4321.5}, "solar-generation", "PJM", timedelta(minutes=5)),
    ],
)
def test_wind_and_solar_generation_in_documented_form(
    cells: dict[str, Any], variable: str, location: str, length: timedelta
):
    record = parse("wind-solar", [at("2026-07-14T04:00:00", **cells)]).frames["series"].row(0, named=True)
    assert (record["variable"], record["location"], record["value"]) == (variable, location, 4321.5)
    assert record["valid_end"] - record["valid_start"] == length


@pytest.mark.parametrize(("minutes", "location"), [(60, "RTO"), (5, "PJM")])
def test_wind_forecasts_are_told_apart_by_their_length(minutes: int, location: str):
    row = at(
        "2026-07-14T04:00:00",
        datetime_ending_utc=f"2026-07-14T{4 + minutes // 60:02d}:{minutes % 60:02d}:00",
        evaluated_at_utc="2026-07-14T03:50:00",
        wind_forecast_mwh=2725.585,
    )
    frame = parse("wind-solar", [row]).frames["series"]
    assert frame.select("location", "value").rows() == [(location, 2725.585)]


def test_generation_by_area_off_the_hour_is_refused():
    with pytest.raises(SchemaChanged, match="wind_gen"):
        parse("wind-solar", [at("2026-07-14T04:05:00", area="WEST", wind_generation_mw=1.0)])


def test_storage_that_charges_is_below_zero():
    frame = parse("fuel-mix", [at("2026-07-14T04:00:00", fuel_type="Storage", mw=-120.0, is_renewable=False)])
    assert frame.frames["series"]["value"].to_list() == [-120.0]
