"""The real recordings, against numbers computed from the same bytes with the standard library alone."""

import csv
import gzip
import io
import json
import math
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shared_files import real
from vibelux.feeds import Payload, feed_named, read

CDT, CST = timedelta(hours=-5), timedelta(hours=-6)


def parsed_of(feed: str, path: str, **more):
    file = real(f"ercot/{path}")
    parsed = read(feed_named(feed), Payload(file.read_bytes(), name=file.name, **more))
    assert parsed.quarantined == []
    return parsed


def rows_of(feed: str, path: str, **more) -> list[dict]:
    (frame,) = parsed_of(feed, path, **more).frames.values()
    return frame.to_dicts()


def lines(path: str) -> list[dict[str, str]]:
    """The rows of a recorded CSV, whether plain, gzipped or alone in a zip; names and cells stripped."""
    body = real(f"ercot/{path}").read_bytes()
    if body.startswith(b"PK"):
        archive = zipfile.ZipFile(io.BytesIO(body))
        body = archive.read(archive.namelist()[0])
    elif body.startswith(b"\x1f\x8b"):
        body = gzip.decompress(body)
    reader = csv.DictReader(io.StringIO(body.decode()))
    return [{name.strip(): cell.strip() for name, cell in row.items()} for row in reader]


def local(moment: datetime, offset: timedelta) -> str:
    return f"{moment + offset:%m/%d/%Y %H:%M}"


def test_synthetic_quarter_hour_prices_keep_both_types_of_a_load_zone_before_the_repeated_hour() -> None:
    rows = rows_of("ercot/settlement-point-prices", "np6_905_synthetic/np6_905.synthetic.csv")

    assert [(row["node_type"], row["price_per_kwh"]) for row in rows] == [("LZ", 0.0305), ("LZEW", 0.03125)]
    assert {row["market_interval_start"] for row in rows} == {datetime(2025, 11, 2, 6, 0, tzinfo=UTC)}
    assert {(row["market"], row["price_type"]) for row in rows} == {("real-time-15min", "SPP")}


def test_prices_of_a_dispatch_run_equal_the_file() -> None:
    path = "np6_788_cd/cdr.00012300.20260625.004020.LMPSROSNODENP6788_excerpt_WZ.csv"
    rows = rows_of("ercot/settlement-point-prices", path)
    expected = {line["SettlementPoint"]: float(line["LMP"]) for line in lines(path)}

    assert len(rows) == len(expected) == 13
    assert {row["pricing_node"]: round(row["price_per_kwh"] * 1000, 6) for row in rows} == expected
    assert {row["market_interval_start"] for row in rows} == {datetime(2026, 6, 25, 5, 40, 18, tzinfo=UTC)}
    assert {(row["market"], row["price_type"]) for row in rows} == {("real-time-5min", "LMP")}


def cells_by_hand(workbook: bytes) -> Iterator[list[str]]:
    """The rows of all sheets, cut from their XML."""
    archive = zipfile.ZipFile(io.BytesIO(workbook))
    shared = re.findall(r"<t[^>]*>([^<]*)</t>", archive.read("xl/sharedStrings.xml").decode())
    for name in archive.namelist():
        if re.match(r"xl/worksheets/sheet\d+\.xml", name, re.IGNORECASE):
            for row in archive.read(name).decode().split("<row ")[1:]:
                cells = re.findall(r"<c ([^>]*)><v>([^<]*)</v>", row)
                yield [shared[int(value)] if 't="s"' in attributes else value for attributes, value in cells]


@pytest.mark.parametrize(
    ("path", "spring", "autumn"),
    [
        ("dam_spp_historical/rpt.00013060.0000000000000000.DAMLZHBSPP_2021.xlsx", "03/14/2021", "11/07/2021"),
        ("np4_180_er_dam_spp_year/NP4-180-ER_DAMLZHBSPP_2015.zip", "03/08/2015", "11/01/2015"),
    ],
)
def test_year_of_day_ahead_prices_equals_the_sheets_with_23_and_25_hours(path: str, spring: str, autumn: str) -> None:
    body = real(f"ercot/{path}").read_bytes()
    if path.endswith(".zip"):
        archive = zipfile.ZipFile(io.BytesIO(body))
        body = archive.read(archive.namelist()[0])
    table = [row for row in cells_by_hand(body) if row[0] != "Delivery Date"]
    frame = parsed_of("ercot/day-ahead-prices", path).frames["electricity-price"]

    assert frame.height == len(table)
    assert frame["price_per_kwh"].sum() == pytest.approx(math.fsum(float(row[4]) for row in table) / 1000, rel=1e-12)
    prices = {(r["pricing_node"], r["market_interval_start"]): r["price_per_kwh"] for r in frame.to_dicts()}
    for day, hours, offset in ((spring, 23, CDT), (autumn, 25, CST)):
        rows = [row for row in table if row[0] == day and row[3] == "HB_NORTH"]
        assert len(rows) == hours
        midnight = datetime.strptime(day, "%m/%d/%Y").replace(tzinfo=UTC) - (CST if day == spring else CDT)
        for count, (_, ending, flag, node, price) in enumerate(rows):
            start = midnight + timedelta(hours=count)  # the sheet lists the hours of a day as they pass
            assert prices[node, start] == pytest.approx(float(price) / 1000)
            if flag == "Y":
                assert (ending, local(start, CST)[-5:]) == ("02:00", "01:00")
        assert local(midnight + timedelta(hours=hours), offset)[-5:] == "00:00"


def test_tidy_csv_of_the_workbook_gives_the_same_rows() -> None:
    path = "history_tidy/NP4-180-ER_DAM_SPP_2025-01_08.csv.gz"
    table = lines(path)
    frame = parsed_of("ercot/day-ahead-prices", path).frames["electricity-price"]

    assert frame.height == len(table) == 87_465
    total = math.fsum(float(line["Settlement Point Price"]) for line in table)
    assert frame["price_per_kwh"].sum() == pytest.approx(total / 1000, rel=1e-12)
    last = frame.row(-1, named=True)
    assert last["pricing_node"] == table[-1]["Settlement Point"]
    assert last["price_per_kwh"] == pytest.approx(float(table[-1]["Settlement Point Price"]) / 1000)
    assert last["market_interval_end"] == datetime(2025, 9, 1, 5, 0, tzinfo=UTC)


def test_year_of_capacity_prices_equals_the_file_with_its_repeated_hour() -> None:
    path = "np4_181_er_dam_as_mcpc_year/NP4-181-ER_DAMASMCPC_2015.zip"
    table = lines(path)
    frame = parsed_of("ercot/ancillary-services", path).frames["ancillary-price"]

    assert frame.height == 4 * len(table)
    services = {"REGDN": "regulation-down", "REGUP": "regulation-up", "RRS": "spinning", "NSPIN": "non-spinning"}
    for product, service in services.items():
        part = frame.filter(frame["product"] == product)
        assert set(part["service"]) == {service}
        expected = math.fsum(float(line[product]) for line in table)
        assert part["price_per_mw_hour"].sum() == pytest.approx(expected, rel=1e-12)
    repeated = frame.filter(frame["interval_start"] == datetime(2015, 11, 1, 7, 0, tzinfo=UTC))
    flagged = next(line for line in table if line["Repeated Hour Flag"] == "Y")
    assert dict(zip(repeated["product"], repeated["price_per_mw_hour"], strict=True)) == {
        product: float(flagged[product]) for product in services
    }


@pytest.mark.parametrize(
    ("month", "first"),
    [
        ("202403", datetime(2024, 2, 29, 6, tzinfo=UTC)),
        ("202411", datetime(2024, 10, 31, 5, tzinfo=UTC)),
        ("202508", datetime(2025, 7, 31, 5, tzinfo=UTC)),
    ],
)
def test_month_of_load_has_each_hour_once_and_the_sums_of_the_file(month: str, first: datetime) -> None:
    path = f"np6_346_cd/NP6-346-CD_{month}.csv"
    table = lines(path)
    frame = parsed_of("ercot/load", path).frames["series"]

    assert frame.height == 5 * len(table)
    for column in ("NORTH", "SOUTH", "WEST", "HOUSTON", "TOTAL"):
        part = frame.filter(frame["location"] == ("ERCOT" if column == "TOTAL" else column)).sort("valid_start")
        assert part["value"].sum() == pytest.approx(math.fsum(float(line[column]) for line in table), rel=1e-12)
        assert part["valid_start"].to_list() == [first + timedelta(hours=n) for n in range(len(table))]
    assert set(frame["category"]) == {"forecast zone"}
    assert frame["issued_at"].null_count() == frame.height


def test_load_by_weather_zone_of_the_public_api_equals_its_row() -> None:
    rows = rows_of("ercot/load", "np6_345_cd/np6_345.sample.json")
    document = json.loads(real("ercot/np6_345_cd/np6_345.sample.json").read_text())
    names = [field["name"] for field in document["fields"]]
    expected = dict(zip(names, document["data"][0], strict=True))

    assert {row["location"]: row["value"] for row in rows} == {
        **{name: expected[name] for name in names[2:-2]},
        "ERCOT": expected["total"],
    }
    assert {row["valid_start"] for row in rows} == {datetime(2026, 8, 17, 5, tzinfo=UTC)}
    assert {(row["variable"], row["category"]) for row in rows} == {("load", "weather zone")}


def test_load_forecast_by_model_carries_its_posting_time_and_model() -> None:
    rows = rows_of("ercot/load-forecast", "np3_565_cd/np3_565.sample.json")

    assert len(rows) == 9
    assert sum(row["value"] for row in rows) == 936 + sum(range(101, 109))
    assert {(row["category"], row["variable"]) for row in rows} == {("A3", "load-forecast")}
    assert {row["issued_at"] for row in rows} == {datetime(2026, 8, 18, 11, 30, tzinfo=UTC)}
    assert {row["valid_start"] for row in rows} == {datetime(2026, 8, 18, 5, tzinfo=UTC)}


def test_load_forecast_by_forecast_zone_equals_the_file_and_is_issued_by_its_name() -> None:
    path = "np3_560_load_forecast_fzone/load_forecast_specific_reportid.zip"
    table = lines(path)
    frame = parsed_of("ercot/load-forecast", path).frames["series"]

    assert frame.height == 5 * len(table)
    for column in ("North", "South", "West", "Houston", "SystemTotal"):
        part = frame.filter(frame["location"] == ("ERCOT" if column == "SystemTotal" else column))
        assert part["value"].to_list() == [float(line[column]) for line in table]
        stamps = [f"{line['DeliveryDate']} {int(line['HourEnding'].split(':')[0]) - 1:02}:00" for line in table]
        assert [local(start, CDT) for start in part["valid_start"]] == stamps
    assert set(frame["issued_at"]) == {datetime(2025, 3, 13, 17, 30, tzinfo=UTC)}


def test_wind_actuals_and_forecasts_equal_the_file_and_blank_hours_are_no_records() -> None:
    path = "np4_732_wind/wind_specific_reportid.zip"
    table = lines(path)
    frame = parsed_of("ercot/wind-generation", path).frames["series"]

    cells = [
        cell for line in table for name, cell in line.items() if name not in {"DELIVERY_DATE", "HOUR_ENDING", "DSTFlag"}
    ]
    assert frame.height == sum(cell != "" for cell in cells) < len(cells)
    issued = datetime(2025, 3, 13, 18, 55, 9, tzinfo=UTC)
    for column, variable, category, location in (
        ("SYSTEM_WIDE_GEN", "wind-generation", None, "ERCOT"),
        ("GEN_LZ_WEST", "wind-generation", None, "LZ_WEST"),
        ("STWPF_SYSTEM_WIDE", "wind-forecast", "STWPF", "ERCOT"),
        ("WGRPP_LZ_SOUTH_HOUSTON", "wind-forecast", "WGRPP", "LZ_SOUTH_HOUSTON"),
        ("COP_HSL_LZ_NORTH", "wind-forecast", "COP_HSL", "LZ_NORTH"),
        ("SYSTEM_WIDE_HSL", "wind-potential", "HSL", "ERCOT"),
    ):
        part = [
            row
            for row in frame.to_dicts()
            if (row["variable"], row["category"], row["location"]) == (variable, category, location)
        ]
        expected = [
            (f"{line['DELIVERY_DATE']} {int(line['HOUR_ENDING']) - 1:02}:00", float(line[column]))
            for line in table
            if line[column]
        ]
        assert [(local(row["valid_start"], CDT), row["value"]) for row in part] == expected
        assert {row["issued_at"] for row in part} == ({issued} if variable == "wind-forecast" else {None})


@pytest.mark.parametrize("path", ["20241124_fuel-mix.json.gz", "20260721_fuel-mix_cut.json"])
def test_fuel_mix_of_either_form_equals_the_file(path: str) -> None:
    body = real(f"ercot/dashboard_fuel_mix/{path}").read_bytes()
    document = json.loads(gzip.decompress(body) if path.endswith(".gz") else body)
    expected = {
        (fuel, datetime.fromisoformat(stamp)): numbers["gen"]
        for day in document["data"].values()
        for stamp, fuels in day.items()
        for fuel, numbers in fuels.items()
    }
    rows = rows_of("ercot/fuel-mix", f"dashboard_fuel_mix/{path}")

    assert {(row["category"], row["valid_start"]): row["value"] for row in rows} == expected
    assert len(rows) == len(expected)
    assert {(row["variable"], row["location"], row["unit"]) for row in rows} == {("fuel-mix", "ERCOT", "MW")}
    assert all(row["valid_start"] == row["valid_end"] for row in rows)


@pytest.mark.parametrize("path", ["20251009_energy-storage-resources.json", "storage_cut.json"])
def test_storage_dashboard_equals_the_file(path: str) -> None:
    document = json.loads(real(f"ercot/dashboard_energy_storage/{path}").read_bytes())
    expected = {
        (field, datetime.fromisoformat(row["timestamp"])): row[field]
        for day in ("previousDay", "currentDay")
        for row in document[day]["data"]
        for field in ("totalCharging", "totalDischarging", "netOutput")
        if row[field] is not None
    }
    rows = rows_of("ercot/fuel-mix", f"dashboard_energy_storage/{path}")

    assert {(row["category"], row["valid_start"]): row["value"] for row in rows} == expected


@pytest.mark.parametrize("feed", ["ercot/wind-generation", "ercot/solar-generation", "ercot/fuel-mix"])
def test_wind_and_solar_dashboard_tells_measured_from_planned_and_zero_from_nothing(feed: str) -> None:
    rows = rows_of(feed, "dashboard_combine_wind_solar/20260721_combine-wind-solar_cut.json")
    start, issued = datetime(2026, 7, 21, 5, tzinfo=UTC), datetime(2026, 7, 21, 9, 55, 29, tzinfo=UTC)
    first = {row["category"]: row for row in rows if row["valid_start"] == start}

    assert len(rows) == 14
    assert (first["actualWind"]["value"], first["actualWind"]["issued_at"]) == (17_473, None)
    assert (first["stwpfDayAhead"]["value"], first["stwpfDayAhead"]["issued_at"]) == (16_491, issued)
    assert (first["actualSolar"]["variable"], first["actualSolar"]["value"]) == ("solar-generation", 0)
    assert [row["category"] for row in rows if row["valid_start"] > start] == [
        "stwpf",
        "copHslWind",
        "stppf",
        "copHslSolar",
    ]


@pytest.mark.parametrize("feed", ["ercot/load", "ercot/load-forecast", "ercot/fuel-mix"])
def test_load_dashboard_equals_the_file(feed: str) -> None:
    path = "dashboard_load_forecast_comparison/20241125_loadForecastVsActual.json"
    document = json.loads(real(f"ercot/{path}").read_bytes())
    expected = {
        (field, datetime.fromisoformat(row["timestamp"]) - timedelta(hours=1)): row[field]
        for day in ("previousDay", "currentDay", "nextDay")
        for row in document.get(day, {}).get("data", ())
        for field in ("systemLoad", "currentLoadForecast", "dayAheadForecast")
        if row.get(field) is not None
    }
    rows = rows_of(feed, path)

    assert {(row["category"], row["valid_start"]): row["value"] for row in rows} == expected
    issued = datetime(2024, 11, 25, 8, 15, 2, tzinfo=UTC)
    assert {(row["variable"], row["issued_at"]) for row in rows} == {("load", None), ("load-forecast", issued)}


def test_supply_and_demand_dashboard_gives_load_now_and_forecast() -> None:
    rows = rows_of("ercot/load", "dashboard_supply_demand/20260721_supply-demand_cut.json")

    assert [(row["variable"], row["category"], row["value"]) for row in rows] == [
        ("load", "demand", 66_933),
        ("load-forecast", "forecastedDemand", 68_217),
    ]
    assert [row["valid_start"] for row in rows] == [
        datetime(2026, 7, 21, 5, tzinfo=UTC),
        datetime(2026, 7, 22, 5, tzinfo=UTC),
    ]


def test_system_conditions_give_the_frequency_and_all_other_numbers_of_the_page() -> None:
    path = "real_time_system_conditions/real_time_system_conditions.html"
    rows = rows_of("ercot/system-conditions", path)
    page = real(f"ercot/{path}").read_text()
    expected = re.findall(r'class="tdLeft">([^<]+)</td>\s*<td class="labelClassCenter">([^<]+)<', page)

    assert [row["value"] for row in rows] == [float(value) for _, value in expected]
    assert {row["valid_start"] for row in rows} == {datetime(2016, 4, 14, 23, 38, 40, tzinfo=UTC)}
    frequency = rows[0]
    assert (frequency["variable"], frequency["unit"], frequency["value"]) == ("grid-frequency", "Hz", 59.998)
    assert {row["location"]: row["value"] for row in rows if row["variable"] == "dc-tie-flow"}["DC_E (East)"] == -31


def test_grid_conditions_give_the_emergency_level_and_the_reserve() -> None:
    rows = rows_of("ercot/system-conditions", "dashboard_daily_prc/daily-prc_cut.json")

    assert [(row["variable"], row["value"]) for row in rows] == [
        ("eea-level", 0),
        ("physical-responsive-capability", 13_820),
    ]
    assert {row["valid_start"] for row in rows} == {datetime.fromtimestamp(1_787_218_726, UTC)}
