"""CAISO's recordings beyond prices, checked against numbers computed with the standard library alone."""

import csv
import io
import json
import math
import re
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from shared_files import real
from vibelux.feeds import Payload, feed_named, read
from vibelux.market.errors import SchemaChanged

CHARTS = [
    ("load", "outlook_chart_demand/CAISO-demand-20200711.csv", 7),
    ("load", "outlook_chart_demand/CAISO-demand-20200712.csv", 7),
    ("load", "outlook_chart_netdemand/CAISO-netdemand-20180501.csv", 7),
    ("load", "outlook_chart_netdemand/CAISO-netdemand-20190102.csv", 8),
    ("load", "outlook_chart_netdemand/CAISO-netdemand-20200308.csv", 8),
    ("fuel-mix", "outlook_chart_supply/CAISO-supply-20180410.csv", 7),
    ("fuel-mix", "outlook_chart_renewables/CAISO-renewables-20180410.csv", 7),
    ("fuel-mix", "outlook_chart_batteries/CAISO-batteries-20180410.csv", 7),
    ("carbon-intensity", "outlook_chart_co2/CAISO-co2-20180410.csv", 7),
]
LOAD = {
    "Demand (5 min. avg.)": ("load", None),
    "Net demand": ("net-load", None),
    "Day ahead forecast": ("load-forecast", "Day ahead forecast"),
    "Hour ahead forecast": ("load-forecast", "Hour ahead forecast"),
}


def parsed(feed: str, path: str):
    file = real(path)
    body = file.read_bytes()
    result = read(feed_named(f"caiso/{feed}"), Payload(body, name=file.name))
    assert result.quarantined == []
    return body, result.frames


@pytest.mark.parametrize(("feed", "path", "behind"), CHARTS)
def test_a_recorded_chart_gives_the_numbers_that_are_in_it(feed, path, behind):
    body, frames = parsed(feed, f"caiso/{path}")
    frame = frames["series"]
    header, *rows = csv.reader(io.StringIO(body.decode()))
    scale, total = (1000.0, 0) if feed == "carbon-intensity" else (1.0, 0)
    for name, *cells in rows:
        variable, category = (
            LOAD.get(name, ("fuel-mix", name)) if feed != "carbon-intensity" else ("co2-emissions", None)
        )
        part = frame.filter((frame["variable"] == variable) & frame["category"].eq_missing(category))
        numbers = [float(cell) for cell in cells if cell]
        total += len(numbers)
        assert part.height == len(numbers)
        assert part["value"].sum() == pytest.approx(math.fsum(numbers) * scale)
        assert (part["value"][0], part["value"][-1]) == (numbers[0] * scale, numbers[-1] * scale)
    assert frame.height == total
    month, day, year = map(int, re.search(r"(\d+)/(\d+)/(\d+)", header[0]).groups())
    begin = datetime(year, month, day, tzinfo=UTC) + timedelta(hours=behind)
    assert frame["valid_start"].min() == begin
    assert frame["valid_start"].equals(frame["valid_end"])


def test_the_289th_column_is_midnight_of_the_next_day():
    _, frames = parsed("load", "caiso/outlook_chart_demand/CAISO-demand-20200711.csv")
    assert frames["series"]["valid_start"].max() == datetime(2020, 7, 12, 7, tzinfo=UTC)


def test_the_spring_day_has_no_value_in_the_hour_that_does_not_exist():
    _, frames = parsed("load", "caiso/outlook_chart_netdemand/CAISO-netdemand-20200308.csv")
    load = frames["series"].filter(frames["series"]["variable"] == "load")["valid_start"]
    begin = datetime(2020, 3, 8, 8, tzinfo=UTC)
    assert load.to_list() == [begin + n * timedelta(minutes=5) for n in range(23 * 12 + 1)]


def test_the_recorded_seven_days_give_load_and_its_forecast_by_their_dates():
    body, frames = parsed("load", "caiso/outlook_rtm_forecast_7day/20260311_rtm_forecast_7day.csv")
    frame = frames["series"]
    rows = list(csv.DictReader(io.StringIO(body.decode())))
    for column, variable in {
        "Demand": "load",
        "Net Demand": "net-load",
        "Day-ahead demand forecast": "load-forecast",
        "Day-ahead net demand forecast": "net-load-forecast",
    }.items():
        part = frame.filter(frame["variable"] == variable)
        assert part["value"].to_list() == [float(row[column]) for row in rows if row[column]]
    forecast = frame.filter(frame["variable"] == "load-forecast")
    assert set(forecast["issued_at"]) == {datetime(2026, 3, 11, 7, tzinfo=UTC)}
    assert forecast["valid_start"].max() == datetime(2026, 3, 19, 7, tzinfo=UTC)


def test_the_recorded_renewable_forecast_gives_every_hub_resource_and_hour():
    path = "caiso/SLD_REN_FCST/20250204_20250211_SLD_REN_FCST_DAM_20250214_04_52_10_v1.zip"
    body, frames = parsed("renewable-forecast", path)
    archive = zipfile.ZipFile(io.BytesIO(body))
    rows = [row for name in archive.namelist() for row in csv.DictReader(io.StringIO(archive.read(name).decode()))]
    frame = frames["series"]
    assert frame.height == len(rows)
    assert set(frame["issued_at"]) == {datetime(2025, 2, 14, 12, 52, 10, tzinfo=UTC)}
    assert set(frame["category"]) == {"RENEW_FCST_DA_MW"}
    for hub, resource in {(row["TRADING_HUB"], row["RENEWABLE_TYPE"]) for row in rows}:
        part = frame.filter((frame["location"] == hub) & (frame["variable"] == f"{resource.lower()}-forecast"))
        mine = [row for row in rows if (row["TRADING_HUB"], row["RENEWABLE_TYPE"]) == (hub, resource)]
        assert part["value"].to_list() == [float(row["MW"]) for row in mine]
        starts = [f"{start:%Y-%m-%dT%H:%M:%S}-00:00" for start in part["valid_start"]]
        assert starts == [row["INTERVALSTARTTIME_GMT"] for row in mine]


@pytest.mark.parametrize(
    ("feed", "path", "expected"),
    [
        (
            "load-forecast",
            "SLD_FCST/sld_forecast.xml",
            [
                ("SYS_FCST_15MIN_MW", "load-forecast", "CA ISO-TAC", 26723.0, "2014-05-08T19:15", "19:30"),
                ("SYS_FCST_5MIN_MW", "load-forecast", "CA ISO-TAC", 26755.0, "2014-05-08T18:55", "19:00"),
                ("SYS_FCST_5MIN_MW", "load-forecast", "PGE-TAC", 11530.0, "2014-05-08T19:05", "19:10"),
            ],
        ),
        (
            "renewable-forecast",
            "SLD_REN_FCST/sld_ren_forecast.xml",
            [
                ("RENEW_FCST_DA_MW", "solar-forecast", "NP15", 0.01, "2013-09-19T07:00", "08:00"),
                ("RENEW_FCST_DA_MW", "solar-forecast", "NP15", 0.0, "2013-09-19T08:00", "09:00"),
                ("RENEW_FCST_DA_MW", "wind-forecast", "NP15", 478.86, "2013-09-19T07:00", "08:00"),
                ("RENEW_FCST_DA_MW", "wind-forecast", "NP15", 580.83, "2013-09-20T06:00", "07:00"),
            ],
        ),
    ],
)
def test_recorded_oasis_xml_gives_its_rows(feed, path, expected):
    _, frames = parsed(feed, f"caiso/{path}")
    rows = [
        (
            *(row[name] for name in ("category", "variable", "location", "value")),
            f"{row['valid_start']:%Y-%m-%dT%H:%M}",
            f"{row['valid_end']:%H:%M}",
        )
        for row in frames["series"].iter_rows(named=True)
    ]
    assert rows == expected


def test_recorded_flex_alerts_are_events_in_pacific_time():
    body, frames = parsed("demand-response", "dr/caiso-flex-alert/flexalert-active.json")
    frame = frames["dr-event"]
    document = json.loads(body)
    listed = document["Active"] + document["Future"]
    assert frame["event_id"].to_list() == [str(alert["ID"]) for alert in listed]
    assert frame["status"].to_list() == ["active", "future", "future"]
    assert frame["starts_at"].to_list() == [
        datetime(2021, 6, 11, 16, tzinfo=UTC),
        datetime(2021, 6, 14, 23, tzinfo=UTC),
        datetime(2021, 6, 15, 22, tzinfo=UTC),
    ]
    assert frame["ends_at"].to_list() == [datetime(2021, 6, day, 4, tzinfo=UTC) for day in (12, 15, 16)]
    assert frame["targets"].to_list() == [["Northern California", "VEA Region"], ["Statewide"], ["Southern California"]]


def test_the_recorded_quiet_day_has_no_event():
    _, frames = parsed("demand-response", "dr/caiso-flex-alert/flexalert-inactive.json")
    assert frames["dr-event"].is_empty()


def test_the_recorded_copy_in_midas_is_an_event_of_the_flagged_hour():
    _, frames = parsed("demand-response", "dr/midas/flex-alert-response-sample_v2.json")
    assert frames["dr-event"].select("starts_at", "ends_at").rows() == [
        (datetime(2026, 3, 19, 9, tzinfo=UTC), datetime(2026, 3, 19, 10, tzinfo=UTC))
    ]


def test_the_recorded_first_version_of_midas_is_refused_by_name():
    file = real("dr/midas/flex-alert-response-sample_v1.json")
    with pytest.raises(SchemaChanged, match="MIDAS version 1"):
        read(feed_named("caiso/demand-response"), Payload(file.read_bytes(), name=file.name))


def test_recorded_marginal_emissions_are_kilograms_per_megawatt_hour_of_the_utility():
    body, frames = parsed("marginal-emissions", "carbon/midas/moer-realtime-sample_v2.json")
    frame = frames["series"]
    values = [row["Value"] for row in json.loads(body)["ValueInformation"]]
    assert frame["value"].to_list() == values
    begin = datetime(2026, 6, 22, 7, tzinfo=UTC)
    assert frame["valid_start"].to_list() == [begin + n * timedelta(minutes=5) for n in range(6)]
    assert frame["valid_end"].to_list() == [begin + n * timedelta(minutes=5) for n in range(1, 7)]
    assert frame.select("location", "unit", "variable", "issued_at").unique().rows() == [
        ("PGE", "kg/MWh", "carbon-intensity-marginal", None)
    ]
