"""Every recording of a PJM feed: counts, sums and corner rows, computed here with the standard library alone."""

import csv
import gzip
import io
import json
import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from feeds.pjm.payloads import parse
from shared_files import real
from vibelux.market.intervals import local_day


def text_of(path: str) -> str:
    body = real(path).read_bytes()
    return (gzip.decompress(body) if path.endswith(".gz") else body).decode("utf-8-sig")


def csv_rows(path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(path), newline="")))


def json_rows(path: str) -> list[dict[str, Any]]:
    document = json.loads(text_of(path))
    return document if isinstance(document, list) else document["items"]


def us(text: str) -> datetime:
    form = "%m/%d/%Y %I:%M:%S %p" if text.endswith("M") else "%m/%d/%Y %H:%M"
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def iso(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def parsed(feed: str, path: str, **more: Any) -> Any:
    return parse(feed, real(path).read_bytes(), real(path).name, **more)


RTO_2024 = "pjm/rt_hrl_lmps/2024_PJM-RTO_rt_hrl_lmps.csv.gz"


def test_hourly_prices_of_2024_are_the_numbers_of_the_file():
    rows = [row for row in csv_rows(RTO_2024) if row["row_is_current"] == "True"]
    result = parsed("real-time-hourly-lmp", RTO_2024)
    frame = result.frames["electricity-price"]
    assert not result.quarantined
    assert frame.height == len(rows) == 8784
    for column, upstream in (
        ("price_per_kwh", "total_lmp_rt"),
        ("energy_component", "system_energy_price_rt"),
        ("congestion_component", "congestion_price_rt"),
        ("loss_component", "marginal_loss_price_rt"),
    ):
        assert frame[column].sum() * 1000 == pytest.approx(math.fsum(float(row[upstream]) for row in rows), abs=1e-6)
    for at in (0, -1, 5000):
        record = frame.row(at, named=True)
        assert record["market_interval_start"] == us(rows[at]["datetime_beginning_utc"])
        assert record["market_interval_end"] - record["market_interval_start"] == timedelta(hours=1)
        assert record["price_per_kwh"] == pytest.approx(float(rows[at]["total_lmp_rt"]) / 1000, abs=1e-12)
        assert (record["pricing_node"], record["node_type"], record["market"]) == (
            "PJM-RTO",
            "ZONE",
            "real-time-hourly",
        )
    assert frame["price_per_kwh"].min() == pytest.approx(-0.04031, abs=1e-5)


def test_components_add_up_to_the_price_in_every_hour_of_2024():
    frame = parsed("real-time-hourly-lmp", RTO_2024).frames["electricity-price"]
    rest = frame["price_per_kwh"] - frame["energy_component"] - frame["congestion_component"] - frame["loss_component"]
    assert rest.abs().max() <= 1e-5


def test_the_corrected_day_of_2024_keeps_its_first_version_apart():
    rows = csv_rows(RTO_2024)
    first = [row for row in rows if row["row_is_current"] == "False"]
    result = parsed("real-time-hourly-lmp", RTO_2024)
    superseded = result.superseded["electricity-price"]
    day = local_day(date(2024, 3, 5), "America/New_York")
    assert superseded.height == len(first) == 24
    assert (superseded["market_interval_start"].min(), superseded["market_interval_end"].max()) == (day.start, day.end)
    assert superseded["price_per_kwh"].sum() * 1000 == pytest.approx(sum(float(r["total_lmp_rt"]) for r in first))
    assert superseded.schema == result.frames["electricity-price"].schema


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2024, 3, 9), 24), (date(2024, 3, 10), 23), (date(2024, 11, 3), 25), (date(2024, 11, 4), 24)],
)
def test_days_of_2024_have_their_23_24_or_25_hours(day: date, hours: int):
    frame = parsed("real-time-hourly-lmp", RTO_2024).frames["electricity-price"]
    whole = local_day(day, "America/New_York")
    starts = frame.filter(frame["market_interval_start"].is_between(whole.start, whole.end, closed="left"))
    assert starts.height == hours
    assert starts["market_interval_start"].sort().diff().drop_nulls().unique().to_list() == [timedelta(hours=1)]


def test_hourly_prices_are_refused_as_five_minute_ones():
    from vibelux.market.errors import SchemaChanged

    with pytest.raises(SchemaChanged, match="rt_fivemin_hrl_lmps"):
        parsed("real-time-lmp", RTO_2024)


METERED = [
    f"pjm/hrl_load_metered/DOM_{years}_hrl_load_metered.csv.gz"
    for years in ("18_19", "19_20", "21_22", "22_23", "24_25")
]


@pytest.mark.parametrize("path", [*METERED, "pjm/hrl_load_metered/DOM_25_hrl_load_metered.csv"])
def test_metered_load_saved_again_by_a_spreadsheet_is_the_numbers_of_the_file(path: str):
    rows = csv_rows(path)
    result = parsed("load", path)
    frame = result.frames["series"]
    assert not result.quarantined
    assert frame.height == len(rows)
    assert frame["value"].sum() == pytest.approx(math.fsum(float(row["mw"]) for row in rows), abs=1e-3)
    assert frame["valid_start"].to_list() == [us(row["datetime_beginning_utc"]) for row in rows]
    assert frame["valid_start"].sort().diff().drop_nulls().unique().to_list() == [timedelta(hours=1)]
    first = frame.row(0, named=True)
    assert (first["location"], first["variable"], first["unit"], first["issued_at"]) == ("DOM", "load", "MW", None)


@pytest.mark.parametrize("path", METERED)
def test_metered_load_without_its_utc_column_is_read_from_the_order_of_eastern_stamps(path: str):
    lines = [line.split(",", 1)[1] for line in text_of(path).splitlines()]
    result = parse("load", "\n".join(lines))
    assert not result.quarantined
    assert result.frames["series"].equals(parsed("load", path).frames["series"])


def test_load_forecast_as_a_bare_list_is_the_numbers_of_the_file():
    path = "pjm/load_frcstd_7_day/20250319_load_frcstd_7_day_download.json"
    rows = json_rows(path)
    frame = parsed("load-forecast", path).frames["series"]
    assert frame.height == len(rows) == 168
    assert frame["value"].sum() == sum(row["forecast_load_mw"] for row in rows)
    for at in (0, -1):
        record = frame.row(at, named=True)
        assert record["valid_start"] == iso(rows[at]["forecast_datetime_beginning_utc"])
        assert record["valid_end"] == iso(rows[at]["forecast_datetime_ending_utc"])
        assert record["issued_at"] == iso(rows[at]["evaluated_at_datetime_utc"])
        assert (record["location"], record["variable"]) == ("RTO_COMBINED", "load-forecast")


FORECASTS = [
    ("five_min_solar_power_forecast/20241001_five_min_solar_power_forecast.json.gz", "solar", 10368, "PJM"),
    ("hourly_solar_power_forecast/20250224_hourly_solar_power_forecast.json.gz", "solar", 1061, "RTO"),
    ("hourly_wind_power_forecast/20241001_hourly_wind_power_forecast.json.gz", "wind", 6072, "RTO"),
]


@pytest.mark.parametrize(("path", "source", "count", "location"), FORECASTS)
def test_wind_and_solar_forecasts_are_the_numbers_of_the_file(path: str, source: str, count: int, location: str):
    rows = json_rows(f"pjm/{path}")
    result = parsed("wind-solar", f"pjm/{path}")
    frame = result.frames["series"]
    grid = frame.filter(frame["category"].is_null())
    assert not result.quarantined
    assert grid.height == len(rows) == count
    assert set(frame["variable"]) == {f"{source}-forecast"}
    assert set(frame["location"]) == {location}
    assert grid["value"].sum() == pytest.approx(math.fsum(row[f"{source}_forecast_mwh"] for row in rows), abs=1e-3)
    assert grid["issued_at"].n_unique() == len({row["evaluated_at_utc"] for row in rows})
    for at in (0, -1):
        record = grid.row(at, named=True)
        assert record["valid_start"] == iso(rows[at]["datetime_beginning_utc"])
        assert record["valid_end"] == iso(rows[at]["datetime_ending_utc"])
        assert record["issued_at"] == iso(rows[at]["evaluated_at_utc"])
        assert record["value"] == rows[at][f"{source}_forecast_mwh"]
    behind = frame.filter(frame["category"] == "behind-the-meter")
    assert behind.height == (count if source == "solar" else 0)
    assert behind["value"].sum() == pytest.approx(math.fsum(row.get("solar_forecast_btm_mwh", 0.0) for row in rows))


@pytest.mark.parametrize(("path", "source", "count", "location"), FORECASTS)
def test_forecast_reports_with_the_same_columns_are_told_apart_without_any_name(
    path: str, source: str, count: int, location: str
):
    frame = parse("wind-solar", json_rows(f"pjm/{path}")).frames["series"]
    assert frame.filter(frame["category"].is_null()).height == count
    assert set(frame["location"]) == {location}


def test_solar_generation_is_the_numbers_of_the_file():
    path = "pjm/solar_gen/solar_gen-20191215121639.csv"
    rows = csv_rows(path)
    frame = parsed("wind-solar", path).frames["series"]
    assert frame.height == len(rows)
    assert frame["value"].sum() == pytest.approx(math.fsum(float(row["solar_generation_mw"]) for row in rows))
    for area in {row["area"] for row in rows}:
        mine = frame.filter(frame["location"] == area)
        assert mine["value"].max() == max(float(row["solar_generation_mw"]) for row in rows if row["area"] == area)
    for at in (0, -1):
        assert frame.row(at, named=True)["valid_start"] == us(rows[at]["datetime_beginning_utc"])
        assert frame.row(at, named=True)["location"] == rows[at]["area"]


@pytest.mark.parametrize(
    ("path", "market", "count"),
    [
        ("rt_marginal_value/20240902_rt_marginal_value.json", "real-time-5min", 578),
        ("da_marginal_value/20240902_da_marginal_value.json", "day-ahead-hourly", 210),
    ],
)
def test_marginal_values_are_the_numbers_of_the_file_turned_positive(path: str, market: str, count: int):
    rows = json_rows(f"pjm/{path}")
    frame = parsed("congestion", f"pjm/{path}").frames["constraint"]
    assert frame.height == len(rows) == count
    assert frame["shadow_price"].sum() == pytest.approx(-math.fsum(row["shadow_price"] for row in rows))
    assert frame["shadow_price"].min() > 0
    assert set(frame["market"]) == {market}
    for at in (0, -1):
        record = frame.row(at, named=True)
        assert record["interval_start"] == iso(rows[at]["datetime_beginning_utc"])
        assert record["interval_end"] == iso(rows[at]["datetime_ending_utc"])
        assert record["constraint_name"] == rows[at]["monitored_facility"]
        assert record["contingency"] == rows[at]["contingency_facility"]


def test_constraints_without_a_price_are_refused_by_their_name():
    from vibelux.market.errors import SchemaChanged

    with pytest.raises(SchemaChanged, match="da_transconstraints"):
        parsed("congestion", "pjm/da_transconstraints/20240902_da_transconstraints.json")


def test_fuel_mix_is_the_numbers_of_the_file():
    path = "pjm/gen_by_fuel/20250209_gen_by_fuel.json"
    rows = json_rows(path)
    frame = parsed("fuel-mix", path).frames["series"]
    assert frame.height == len(rows) == 220
    assert frame["value"].sum() == sum(row["mw"] for row in rows)
    assert set(frame["category"]) == {row["fuel_type"] for row in rows}
    for at in (0, -1):
        record = frame.row(at, named=True)
        assert (record["category"], record["value"]) == (rows[at]["fuel_type"], rows[at]["mw"])
        assert record["valid_start"] == iso(rows[at]["datetime_beginning_utc"])
        assert (record["variable"], record["location"]) == ("fuel-mix", "PJM")


def test_regulation_results_are_the_numbers_of_the_file():
    path = "pjm/reg_market_results/20250101_reg_market_results.csv"
    rows = csv_rows(path)
    result = parsed("ancillary-services", path)
    frame = result.frames["series"]
    assert set(result.frames) == {"series"}
    requirement = frame.filter(frame["variable"] == "regulation-requirement")
    assert requirement["value"].to_list() == [float(row["requirement"]) for row in rows]
    assert requirement["valid_start"].to_list() == [us(row["datetime_beginning_utc"]) for row in rows]
    for column in ("total_mw", "rega_procure", "regd_procure", "rega_ssmw", "regd_ssmw", "rega_hourly", "regd_mileage"):
        assert frame.filter(frame["category"] == column)["value"].to_list() == [float(row[column]) for row in rows]


def test_a_legacy_page_is_refused():
    from vibelux.market.errors import Corrupt

    with pytest.raises(Corrupt, match="markup"):
        parsed("load-forecast", "pjm/legacy_html/ForecastedLoadHistory.html")
