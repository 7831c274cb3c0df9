"""ERCOT's load, wind, sun and conditions: what is measured, what is forecast and when, and clock changes."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from feeds.ercot.payloads import FORBIDDEN, reply, table, zipped
from shared_files import real
from vibelux.feeds import Payload, feed_named, read
from vibelux.market.errors import Corrupt, FeedError, SchemaChanged

LOAD, LOAD_FORECAST, WIND, SOLAR, FUEL_MIX, CONDITIONS = (
    feed_named(f"ercot/{name}")
    for name in ("load", "load-forecast", "wind-generation", "solar-generation", "fuel-mix", "system-conditions")
)
ZONES = "North,South,West,Houston,SystemTotal,DSTFlag    "
WEATHER = "OperDay,HourEnding,COAST,EAST,FAR_WEST,NORTH,NORTH_C,SOUTHERN,SOUTH_C,WEST,TOTAL,DSTFlag"
SOLAR_HEADER = (
    "DELIVERY_DATE,HOUR_ENDING,SYSTEM_WIDE_GEN,COP_HSL_SYSTEM_WIDE,STPPF_SYSTEM_WIDE,PVGRPP_SYSTEM_WIDE,"
    "SYSTEM_WIDE_HSL,DSTFlag"
)
PAGE = """<html><head><title>Real-Time System Conditions</title></head><body>
<div class="schedTime rightAlign">Last Updated: {updated}</div><table>
<tr><td class="headerValueClass" colSpan="2">Frequency</td></tr>
<td class="tdLeft">Current Frequency</td><td class="labelClassCenter">{frequency}</td></tr>
<td class="tdLeft">Total PVGR Output</td><td class="labelClassCenter">15,113</td></tr>
<td class="tdLeft">A Number Of Tomorrow</td><td class="labelClassCenter">7</td></tr></table></body></html>"""


def rows_of(feed, body: bytes, **more) -> list[dict]:
    return read(feed, Payload(body, **more)).frames["series"].to_dicts()


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def page(updated: str = "Jul 14, 2026 12:00:00", frequency: str = "59.994") -> bytes:
    return PAGE.format(updated=updated, frequency=frequency).encode()


def test_weather_and_forecast_zones_of_one_name_are_two_series() -> None:
    weather = rows_of(LOAD, table(WEATHER, "11/01/2026,02:00,1,2,3,4,5,6,7,8,36,Y"))
    forecast = rows_of(
        LOAD, table("OperDay,HourEnding,NORTH,SOUTH,WEST,HOUSTON,TOTAL,DSTFlag", "11/01/2026,02:00,1,2,3,4,10,Y")
    )

    zones = [row["location"] for row in weather]
    assert zones == ["COAST", "EAST", "FAR_WEST", "NORTH", "NORTH_C", "SOUTHERN", "SOUTH_C", "WEST", "ERCOT"]
    assert {row["valid_start"] for row in (*weather, *forecast)} == {utc(2026, 11, 1, 7)}
    assert {row["category"] for row in weather if row["location"] == "NORTH"} == {"weather zone"}
    assert {row["category"] for row in forecast if row["location"] == "NORTH"} == {"forecast zone"}


def test_two_issues_of_a_forecast_are_two_series_of_records() -> None:
    body = table(f"DeliveryDate,HourEnding,{ZONES}", "07/14/2026,1:00,1,2,3,4,10,N")
    names = [f"cdr.00012311.0000000000000000.20260714.{stamp}.LFCCONGESTNP3560.csv" for stamp in ("123000", "1330")]
    issued = [rows_of(LOAD_FORECAST, zipped((name, body)))[0]["issued_at"] for name in names]

    assert issued == [utc(2026, 7, 14, 17, 30), utc(2026, 7, 14, 18, 30)]


def test_forecast_without_a_stamp_is_issued_when_it_was_fetched() -> None:
    body = table(f"DeliveryDate,HourEnding,{ZONES}", "07/14/2026,1:00,1,2,3,4,10,N")
    fetched = utc(2026, 7, 14, 17, 31)

    assert {row["issued_at"] for row in rows_of(LOAD_FORECAST, body, received_at=fetched)} == {fetched}


@pytest.mark.parametrize("fetched", [utc(2026, 11, 1, 6, 31), utc(2026, 11, 1, 7, 31)])
def test_stamp_in_the_repeated_hour_is_told_by_the_fetch(fetched: datetime) -> None:
    body = table(f"DeliveryDate,HourEnding,{ZONES}", "11/01/2026,1:00,1,2,3,4,10,N")
    name = "cdr.00012311.0000000000000000.20261101.013000.LFCCONGESTNP3560.csv"

    assert rows_of(LOAD_FORECAST, body, name=name, received_at=fetched)[0]["issued_at"] == fetched - timedelta(
        minutes=1
    )


def test_forecast_by_weather_zone_is_told_from_that_by_model() -> None:
    zones = "Coast,East,FarWest,North,NorthCentral,SouthCentral,Southern,West,SystemTotal"
    numbers = "1,2,3,4,5,6,7,8,36"
    plain = rows_of(LOAD_FORECAST, table(f"DeliveryDate,HourEnding,{zones},DSTFlag", f"07/14/2026,01:00,{numbers},N"))
    models = rows_of(
        LOAD_FORECAST,
        table(
            f"DeliveryDate,HourEnding,{zones},Model,InUseFlag,DSTFlag",
            f"07/14/2026,1:00,{numbers},A3,N,N",
            f"07/14/2026,1:00,{numbers},E,Y,N",
        ),
    )

    assert {(row["data_source"], row["category"]) for row in plain} == {("ERCOT NP3-561-CD", "weather zone")}
    assert {(row["data_source"], row["category"]) for row in models} == {
        ("ERCOT NP3-565-CD", "A3"),
        ("ERCOT NP3-565-CD", "E"),
    }
    assert (len(plain), len(models)) == (9, 18)


def test_posting_time_in_the_repeated_hour_is_refused_as_no_flag_tells_it() -> None:
    fields = "postedDatetime deliveryDate hourEnding north south west houston systemTotal DSTFlag"
    body = reply(
        fields,
        ["2026-11-01T01:30:00", "2026-11-02", "01:00", 1, 2, 3, 4, 10, False],
        ["2026-11-01T02:30:00", "2026-11-02", "01:00", 1, 2, 3, 4, 10, False],
    )
    parsed = read(LOAD_FORECAST, Payload(body))

    assert set(parsed.frames["series"]["issued_at"]) == {utc(2026, 11, 1, 8, 30)}
    assert [("occurs twice" in refused.reason) for refused in parsed.quarantined] == [True]


def test_solar_of_future_hours_is_forecast_only_and_night_is_zero() -> None:
    body = table(
        SOLAR_HEADER, "11/01/2026,02,0,0,0,0,0,N", "11/01/2026,02,0,0,0,0,0,Y", "11/01/2026,14,,900,1000.5,800,,N"
    )
    rows = rows_of(SOLAR, body, name="cdr.00013483.0000000000000000.20261101.075509.PVGRHRLYAVGACTNP4737.csv")
    measured = [(row["valid_start"], row["value"]) for row in rows if row["variable"] == "solar-generation"]
    forecast = {row["category"]: row["value"] for row in rows if row["valid_start"] == utc(2026, 11, 1, 19)}

    assert measured == [(utc(2026, 11, 1, 6), 0), (utc(2026, 11, 1, 7), 0)]
    assert forecast == {"COP_HSL": 900, "STPPF": 1000.5, "PVGRPP": 800}
    assert {row["issued_at"] for row in rows if row["variable"] == "solar-forecast"} == {utc(2026, 11, 1, 13, 55, 9)}


def test_regions_of_wind_and_sun_are_locations_in_csv_and_public_api() -> None:
    wind = table(
        "DELIVERY_DATE,HOUR_ENDING,ACTUAL_SYSTEM_WIDE,STWPF_SYSTEM_WIDE,WGRPP_SYSTEM_WIDE,ACTUAL_PANHANDLE,DSTFlag",
        "03/08/2026,4,1,2,3,4,N",
    )
    solar = reply(
        "postedDatetime deliveryDate hourEnding genSystemWide STPPFSystemWide PVGRPPSystemWide genCenterWest "
        "COPHSLCenterWest HSLSystemWide DSTFlag",
        ["2026-03-08T00:55:00", "2026-03-08", 4, 1, 2, 3, 4, 5, 6, False],
    )
    winds, suns = rows_of(WIND, wind), rows_of(SOLAR, solar)

    assert [(r["variable"], r["category"], r["location"]) for r in winds] == [
        ("wind-generation", None, "ERCOT"),
        ("wind-forecast", "STWPF", "ERCOT"),
        ("wind-forecast", "WGRPP", "ERCOT"),
        ("wind-generation", None, "PANHANDLE"),
    ]
    assert [(r["variable"], r["category"], r["location"]) for r in suns] == [
        ("solar-generation", None, "ERCOT"),
        ("solar-forecast", "STPPF", "ERCOT"),
        ("solar-forecast", "PVGRPP", "ERCOT"),
        ("solar-generation", None, "CenterWest"),
        ("solar-forecast", "COP_HSL", "CenterWest"),
        ("solar-potential", "HSL", "ERCOT"),
    ]
    assert {row["valid_start"] for row in (*winds, *suns)} == {utc(2026, 3, 8, 8)}
    assert (winds[0]["data_source"], suns[0]["data_source"]) == ("ERCOT NP4-742-CD", "ERCOT NP4-745-CD")


def test_cell_that_is_no_number_is_set_aside_alone() -> None:
    parsed = read(SOLAR, Payload(table(SOLAR_HEADER, "07/14/2026,14,error,900,1000.5,800,950,N")))

    assert parsed.rows == 4
    assert [refused.reason for refused in parsed.quarantined] == ["value is not a number"]


def test_skipped_hour_of_spring_is_set_aside() -> None:
    parsed = read(LOAD, Payload(table(WEATHER, "03/08/2026,03:00,1,2,3,4,5,6,7,8,36,N")))

    assert parsed.rows == 0
    assert "does not exist" in parsed.quarantined[0].reason


def test_dashboard_keeps_the_repeated_hour_by_its_offsets() -> None:
    stamps = ("2026-11-01 01:30:00-0500", "2026-11-01 01:30:00-0600", "2026-11-01 01:35:00")
    data = {"2026-11-01": {stamp: {"Wind": {"gen": n}, "Sun": {"gen": None}} for n, stamp in enumerate(stamps)}}
    body = json.dumps({"lastUpdated": "2026-11-01 02:00:00-0600", "data": data}).encode()
    parsed = read(FUEL_MIX, Payload(body))

    assert parsed.frames["series"]["valid_start"].to_list() == [utc(2026, 11, 1, 6, 30), utc(2026, 11, 1, 7, 30)]
    assert [refused.place for refused in parsed.quarantined] == ["2026-11-01 01:35:00"]


def test_demand_that_the_dashboard_marks_as_forecast_is_no_measurement() -> None:
    rows = [
        {"demand": 70_000, "capacity": 80_000, "forecast": flag, "hourEnding": 12, "interval": 5 * flag}
        | {"timestamp": f"2026-07-14 12:0{5 * flag}:00-0500"}
        for flag in (0, 1)
    ]
    body = json.dumps({"lastUpdated": "2026-07-14 12:00:00-0500", "data": rows}).encode()
    found = rows_of(LOAD, body)

    assert [(row["variable"], row["issued_at"]) for row in found] == [
        ("load", None),
        ("load-forecast", utc(2026, 7, 14, 17)),
    ]


def test_ten_second_frequency_of_the_dashboards_is_read() -> None:
    row = {"currentFrequency": 60.015, "currentSystemInertia": 330_942, "dcE": 0}
    row |= {"timestamp": "2026-09-25 19:23:20-0500", "epoch": 1790382200000}
    body = json.dumps({"lastUpdated": "2026-09-25 19:23:12-0500", "data": [row]}).encode()

    assert [(r["variable"], r["unit"], r["value"], r["valid_start"]) for r in rows_of(CONDITIONS, body)] == [
        ("grid-frequency", "Hz", 60.015, utc(2026, 9, 26, 0, 23, 20)),
        ("system-inertia", "MW.s", 330_942, utc(2026, 9, 26, 0, 23, 20)),
    ]


def test_page_of_conditions_reads_thousands_and_labels_it_does_not_know() -> None:
    rows = rows_of(CONDITIONS, page())

    assert [(row["variable"], row["category"], row["value"]) for row in rows] == [
        ("grid-frequency", None, 59.994),
        ("solar-generation", "Total PVGR Output", 15_113),
        ("condition", "A Number Of Tomorrow", 7),
    ]
    assert {row["valid_start"] for row in rows} == {utc(2026, 7, 14, 17)}


@pytest.mark.parametrize("received", [utc(2026, 11, 1, 6, 31), utc(2026, 11, 1, 7, 31)])
def test_page_in_the_repeated_hour_is_told_by_the_fetch(received: datetime) -> None:
    rows = rows_of(CONDITIONS, page("Nov 1, 2026 01:30:40"), received_at=received)

    assert rows[0]["valid_start"] == received - timedelta(seconds=20)


@pytest.mark.parametrize("updated", ["Nov 1, 2026 01:30:40", "Mar 8, 2026 02:30:00", "yesterday"])
def test_page_whose_time_cannot_be_known_is_set_aside(updated: str) -> None:
    parsed = read(CONDITIONS, Payload(page(updated)))

    assert parsed.rows == 0
    assert len(parsed.quarantined) == 1


def test_frequency_that_is_no_number_is_set_aside_alone() -> None:
    parsed = read(CONDITIONS, Payload(page(frequency="--")))

    assert parsed.frames["series"]["variable"].to_list() == ["solar-generation", "condition"]
    assert parsed.quarantined[0].place == "Current Frequency"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (FORBIDDEN, Corrupt),
        (page().replace(b"Last Updated", b"Updated"), SchemaChanged),
        (page().replace(b"Current Frequency", b"Hz"), SchemaChanged),
        (b"", Corrupt),
        (b"<", Corrupt),
        (b'{"current_condition": {}}', SchemaChanged),
        (b"[]", SchemaChanged),
    ],
)
def test_page_that_is_another_says_so(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(CONDITIONS, Payload(body))


@pytest.mark.parametrize("feed", [LOAD, LOAD_FORECAST, WIND, SOLAR, FUEL_MIX])
@pytest.mark.parametrize(
    "body", [FORBIDDEN, b"", zipped(("a.csv", b"a,b\n1,2\n"))[:-9], b'{"lastUpdated": "2026', b"a,b\n1,2\n"]
)
def test_what_is_no_report_is_an_error_with_a_name(feed, body: bytes) -> None:
    with pytest.raises(FeedError):
        read(feed, Payload(body))


def test_dashboard_of_another_feed_is_refused_by_name() -> None:
    body = real("ercot/dashboard_energy_storage/storage_cut.json").read_bytes()
    with pytest.raises(SchemaChanged, match="energy-storage-resources where combine-wind-solar"):
        read(WIND, Payload(body))


@pytest.mark.parametrize(
    ("feed", "path"),
    [
        (feed_named("ercot/ancillary-services"), "archive_np3_911_er/20241018_np3-911-er.zip"),
        (LOAD, "np3_763_cd/np3_763.sample.json"),
        (CONDITIONS, "operations_messages/operations_messages.success.html"),
        (FUEL_MIX, "dashboard_generation_outages/20260721_generation-outages_cut.json"),
        (SOLAR, "mis_doc_list/solar_power_production_hourly_averaged_actual_and_forecasted_values_rtid.json"),
    ],
)
def test_recording_of_a_report_that_no_feed_reads_is_refused(feed, path: str) -> None:
    with pytest.raises(FeedError):
        read(feed, Payload(real(f"ercot/{path}").read_bytes()))
