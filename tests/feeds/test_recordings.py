"""Every recording of gas, carbon and weather: it parses to its numbers, is refused by name, or is no feed's."""

from pathlib import Path

import polars as pl
import pytest

from shared_files import real
from vibelux.feeds import Payload, feed_named, read
from vibelux.market.errors import AccessDenied, FeedError, SchemaChanged, UpstreamError

HENRY_HUB, REGIONAL, FUTURES = "eia/henry-hub-spot", "eia/regional-gas-prices", "nymex/gas-futures"
CALIFORNIA, OFFSETS = "carb/auction-prices", "offsets/voluntary-prices"
FORECAST, MEASURED, MODEL = "nws/forecast", "nws/observations", "open-meteo/forecast"

NUMBERS: dict[str, tuple[str, int, float, float, float]] = {
    "gas/cme-settlements/empty_weekend.json": (FUTURES, 0, 0.0, 0.0, 0.0),
    "gas/eia-futures/RNGC1d.xls": (FUTURES, 7546, 2.194, 2.077, 30346.995),
    "gas/eia-henry-hub/daily.csv": (HENRY_HUB, 7436, 3.82, 2.82, 30300.22),
    "gas/eia-henry-hub/natural-gas-daily.xls": (HENRY_HUB, 7436, 3.82, 2.82, 30300.22),
    "gas/eia_rngwhhd/Henry_Hub_Natural_Gas_Spot_Price.csv": (HENRY_HUB, 6518, 7.2, 3.82, 27613.92),
    "gas/eia-ngwu/ngwu_2024-04-11_excerpt.txt": (REGIONAL, 6, 1.86, 1.42, 10.59),
    "gas/eia-ngwu/ngwu_2025-04-10_excerpt.txt": (REGIONAL, 6, 4.05, 3.26, 20.79),
    "gas/eia-ngwu/ngwu_2026-01-08_excerpt.txt": (REGIONAL, 4, 3.96, 5.95, 31.78),
    "gas/eia-v2/pri_rescom_N3010DC3_monthly.json": (REGIONAL, 1, 7.22973, 7.22973, 7.22973),
    "gas/yahoo-chart/NG=F_yfinance_2025-09_2026-03.csv": (FUTURES, 124, 3.09, 3.003, 466.435),
    "carbon/carb-auctions/ca_auction_prices_2012-2025.csv": (CALIFORNIA, 106, 10.09, 29.61, 2077.68),
    "carbon/carb-auctions/california_joint_1-46.csv": (CALIFORNIA, 92, 12.1, 27.94, 1949.99),
    "carbon/midas/moer-realtime-sample_v2.json": ("caiso/marginal-emissions", 6, 643.194, 633.5256, 3830.159),
    "carbon/rggi-auctions/rggi_auction_prices_1-70.csv": ("rggi/auction-prices", 70, 3.384096, 29.464781, 561.0875),
    "weather/cpc-degree-days/Population.Heating_2026_excerpt.txt": ("noaa/degree-days", 24, 22.7778, 1.6667, 178.3333),
    "weather/cpc-degree-days/forecast_7day_heating_excerpt.txt": ("noaa/degree-days", 2, 1.6667, 2.2222, 3.8889),
    "weather/nws/gridpoints_TAE_58_65_raw.json": (FORECAST, 1087, 22.7778, 3.086667, 29445.8522),
    "weather/nws/gridpoints_forecast_hourly_us.json": (FORECAST, 8, 25.5556, 63.0, 186.5556),
    "weather/nws/gridpoints_forecast_us.json": (FORECAST, 8, 5.0, 63.0, 166.588),
    "weather/nws/stations_observations_KFLL.json": (MEASURED, 6, 10.0, 18.75, 68.75),
    "weather/nws/stations_observations_latest_KFLL.json": (MEASURED, 5, 22.8, 75.0, 193.9708),
    "weather/open-meteo/forecast_hourly_52.52_13.42_20230101.json": (MODEL, 384, 15.9, 8.6389, 3322.4722),
    "weather/open-meteo/forecast_minutely15_45.84_6.86.json": (MODEL, 2016, -15.4, 0.0, 128344.2944),
    "weather/open-meteo/general_weather_code_berlin.json": (MODEL, 456, 2.0, 61.0, 11571.0),
}
"""Feed, how many records, the first and the last number, and the sum of all."""
REFUSED: dict[str, tuple[str, type[FeedError], str]] = {
    "gas/eia-henry-hub/monthly.csv": (HENRY_HUB, SchemaChanged, "a monthly series where the daily one was promised"),
    "gas/eia-v2/electricity_rto_with_nulls.json": (HENRY_HUB, SchemaChanged, "a hourly series"),
    "gas/eia-v2/error_403_api_key_missing.json": (HENRY_HUB, AccessDenied, "API_KEY_MISSING"),
    "gas/eia-v2/pri_fut_RNGC4_weekly.json": (HENRY_HUB, SchemaChanged, "a weekly series"),
    "gas/fred/DHHNGSP.csv": (HENRY_HUB, SchemaChanged, "31 days apart where the daily series was promised"),
    "gas/yahoo-chart/chart_ESH24_1d.json": (FUTURES, SchemaChanged, "a future of another product"),
    "carbon/cca-secondary/cca_futures_2011-2018.csv": (CALIFORNIA, SchemaChanged, "column auction_date is missing"),
    "carbon/offsets-db/arb_issuance.csv": (OFFSETS, SchemaChanged, "no prices"),
    "carbon/offsets-db/climate-action-reserve_issuances.csv": (OFFSETS, SchemaChanged, "no prices"),
    "carbon/offsets-db/verra_transactions.csv": (OFFSETS, SchemaChanged, "no prices"),
    "carbon/watttime/historical.json": ("caiso/marginal-emissions", SchemaChanged, "no MIDAS signal"),
    "carbon/watttime/signal-index.json": ("caiso/marginal-emissions", SchemaChanged, "no MIDAS signal"),
    "weather/nws/alerts_active_zone.json": (FORECAST, SchemaChanged, "no forecast"),
    "weather/nws/error_404_invalid_point.json": (FORECAST, UpstreamError, "InvalidPoint, 404"),
    "weather/nws/error_500_unexpected_problem.json": (FORECAST, UpstreamError, "UnexpectedProblem, 500"),
    "weather/nws/gridpoints_stations.json": (FORECAST, SchemaChanged, "no forecast"),
    "weather/nws/points_30_-85.json": (FORECAST, SchemaChanged, "no forecast"),
    "weather/nws/points_34.0947_-118.4017_LOX.json": (FORECAST, SchemaChanged, "no forecast"),
    "weather/open-meteo/error_400_bad_variable.json": (MODEL, UpstreamError, "invalid String value"),
}
"""Feed, error and what it says: errors, other products, and steps on the way to a forecast."""
NO_FEEDS = (
    "carbon/avert/",
    "carbon/factors/",
    "weather/crn/",
    "weather/nsrdb/",
    "weather/pvgis/",
    "weather/solcast/",
    "weather/surfrad/",
    "weather/tmy3/",
)
"""Factors and past weather: references that formulas and tests are held to, no upstream of a feed."""
_VALUE = {"gas-price": "price_per_mmbtu", "carbon-price": "price_per_metric_ton", "series": "value"}


def payload(path: str) -> Payload:
    file = real(path)
    return Payload(file.read_bytes(), name=file.name)


@pytest.mark.parametrize("path", NUMBERS)
def test_a_recording_parses_to_its_numbers(path: str) -> None:
    feed, count, first, last, total = NUMBERS[path]
    ((kind, frame),) = read(feed_named(feed), payload(path)).frames.items()
    values = frame[_VALUE[kind]].cast(pl.Float64)
    assert len(values) == count
    if count:
        found = (values[0], values[-1], values.sum())
        assert found == pytest.approx((first, last, total), rel=1e-4)


@pytest.mark.parametrize("path", REFUSED)
def test_a_recording_that_is_no_answer_is_refused_by_name(path: str) -> None:
    feed, error, said = REFUSED[path]
    with pytest.raises(error, match=said):
        read(feed_named(feed), payload(path))


def test_no_recording_is_left_out() -> None:
    root = real("gas").parent
    files = {str(file.relative_to(root)) for top in ("gas", "carbon", "weather") for file in _files(root / top)}
    assert {file for file in files if not file.startswith(NO_FEEDS)} == {*NUMBERS, *REFUSED}


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]
