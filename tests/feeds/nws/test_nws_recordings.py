"""Recordings of api.weather.gov, checked against numbers computed from the same bytes with the standard library."""

import json
import math
import re
from datetime import UTC, datetime, timedelta

import pytest

from shared_files import real
from vibelux.feeds import Ask, Payload, Request, feed_named, read
from vibelux.market.errors import SchemaChanged, UpstreamError
from vibelux.market.intervals import Interval

FORECAST, OBSERVATIONS = feed_named("nws/forecast"), feed_named("nws/observations")
KM_H = 1 / 3.6
LAYERS = {
    "temperature": ("temperature", 1.0),
    "dewpoint": ("dew-point", 1.0),
    "relativeHumidity": ("relative-humidity", 1.0),
    "skyCover": ("cloud-cover", 1.0),
    "windSpeed": ("wind-speed", KM_H),
    "windGust": ("wind-gust", KM_H),
}
ASK = Ask(Interval(datetime(2026, 1, 5, 10, tzinfo=UTC), datetime(2026, 1, 5, 11, tzinfo=UTC)), ("34.0947,-118.4017",))


def series(feed, path: str):
    file = real(f"weather/nws/{path}")
    parsed = read(feed, Payload(file.read_bytes(), name=file.name))
    assert parsed.quarantined == []
    return json.loads(file.read_bytes()), parsed.frames["series"]


def hours_of(duration: str) -> int:
    days, hours = re.fullmatch(r"P(?:(\d+)D)?(?:T(\d+)H)?", duration).groups()
    return int(days or 0) * 24 + int(hours or 0)


def test_the_recorded_grid_gives_every_hour_of_every_layer():
    document, frame = series(FORECAST, "gridpoints_TAE_58_65_raw.json")
    properties = document["properties"]
    total = 0
    for layer, (variable, factor) in LAYERS.items():
        expected = {}
        for entry in properties[layer]["values"]:
            stamp, _, duration = entry["validTime"].partition("/")
            begin = datetime.fromisoformat(stamp)
            for hour in range(hours_of(duration)):
                expected[begin + timedelta(hours=hour)] = entry["value"] * factor
        part = frame.filter(frame["variable"] == variable)
        assert dict(zip(part["valid_start"], part["value"], strict=True)) == pytest.approx(expected, abs=1e-6)
        total += len(expected)
    assert frame.height == total == 1087
    assert (frame["valid_end"] - frame["valid_start"]).unique().to_list() == [timedelta(hours=1)]
    assert frame["issued_at"].unique().to_list() == [datetime(2022, 2, 4, 3, 15, 41, tzinfo=UTC)]
    assert dict(zip(frame["variable"], frame["unit"], strict=True)) == {
        "temperature": "degC", "dew-point": "degC", "relative-humidity": "%", "cloud-cover": "%",
        "wind-speed": "m/s", "wind-gust": "m/s",
    }  # fmt: skip
    corners = document["geometry"]["coordinates"][0][:4]
    latitude, longitude = map(float, frame["location"][0].split(","))
    assert latitude == pytest.approx(math.fsum(corner[1] for corner in corners) / 4, abs=1e-4)
    assert longitude == pytest.approx(math.fsum(corner[0] for corner in corners) / 4, abs=1e-4)


def test_an_entry_of_ten_hours_is_there_in_each_of_them():
    _, frame = series(FORECAST, "gridpoints_TAE_58_65_raw.json")
    night = [datetime(2022, 2, 4, hour, tzinfo=UTC) for hour in range(1, 11)]
    part = frame.filter((frame["variable"] == "temperature") & frame["valid_start"].is_in(night))
    assert part["value"].to_list() == pytest.approx([18.88888888888889] * 10)


def test_the_recorded_hourly_forecast_is_turned_from_fahrenheit_and_miles():
    document, frame = series(FORECAST, "gridpoints_forecast_hourly_us.json")
    periods = document["properties"]["periods"]
    part = frame.filter(frame["variable"] == "temperature")
    assert part["value"].to_list() == pytest.approx([(p["temperature"] - 32) / 1.8 for p in periods], abs=1e-6)
    assert part["valid_start"].to_list() == [datetime.fromisoformat(p["startTime"]) for p in periods]
    assert part["valid_end"].to_list() == [datetime.fromisoformat(p["endTime"]) for p in periods]
    for variable, value in {"wind-speed": 0.0, "dew-point": 5.0, "relative-humidity": 63.0}.items():
        assert frame.filter(frame["variable"] == variable)["value"].to_list() == [value] * len(periods)
    assert frame["issued_at"].unique().to_list() == [datetime(2019, 10, 14, 23, 16, 24, tzinfo=UTC)]


def test_the_recorded_half_days_give_the_highest_of_the_day_and_the_lowest_of_the_night():
    _, frame = series(FORECAST, "gridpoints_forecast_us.json")
    numbers = {row["variable"]: row["value"] for row in frame.iter_rows(named=True)}
    assert numbers["temperature-max"] == pytest.approx((41 - 32) / 1.8)
    assert numbers["temperature-min"] == pytest.approx((68 - 32) / 1.8)
    assert "temperature" not in numbers
    winds = frame.filter(frame["variable"] == "wind-speed")["value"].to_list()
    assert winds == pytest.approx([10 * 0.44704, 2.5 * 0.44704])  # "0 to 5 mph" is its middle


@pytest.mark.parametrize(
    ("path", "wind", "cloud"),
    [("stations_observations_KFLL.json", 1.0, 1.5), ("stations_observations_latest_KFLL.json", KM_H, 6.0)],
)
def test_recorded_observations_give_each_number_in_the_unit_that_it_says(path, wind, cloud):
    document, frame = series(OBSERVATIONS, path)
    (properties,) = [one["properties"] for one in document.get("features", [document])]
    expected = {"cloud-cover": 100 * cloud / 8}
    for name, (variable, factor) in LAYERS.items():
        value = properties.get(name, {}).get("value")
        if value is not None:
            expected[variable] = value * (wind if factor != 1.0 else 1.0)
    assert dict(zip(frame["variable"], frame["value"], strict=True)) == pytest.approx(expected, abs=1e-6)
    assert frame["valid_start"].unique().to_list() == [datetime.fromisoformat(properties["timestamp"])]
    assert frame["valid_end"].equals(frame["valid_start"])
    assert frame["issued_at"].null_count() == frame.height
    assert set(frame["location"]) == {"KFLL"}


@pytest.mark.parametrize("feed", [FORECAST, OBSERVATIONS])
@pytest.mark.parametrize(
    ("path", "code", "retryable"),
    [
        ("error_404_invalid_point.json", "InvalidPoint", False),
        ("error_500_unexpected_problem.json", "UnexpectedProblem", True),
    ],
)
def test_a_recorded_problem_is_upstreams_own_error(feed, path, code, retryable):
    with pytest.raises(UpstreamError) as caught:
        series(feed, path)
    assert (caught.value.code, caught.value.retryable) == (code, retryable)


@pytest.mark.parametrize("path", ["alerts_active_zone.json", "gridpoints_stations.json", "points_30_-85.json"])
@pytest.mark.parametrize("feed", [FORECAST, OBSERVATIONS])
def test_a_recording_of_another_document_is_refused(feed, path):
    with pytest.raises(SchemaChanged):
        series(feed, path)


@pytest.mark.parametrize(
    ("path", "cell"), [("points_34.0947_-118.4017_LOX.json", "LOX/150,48"), ("points_30_-85.json", "TAE/58,65")]
)
def test_a_recorded_place_leads_to_its_grid_and_its_stations(path, cell):
    payload = Payload(real(f"weather/nws/{path}").read_bytes())
    (lookup,) = FORECAST.requests(ASK)
    assert lookup == Request("https://api.weather.gov/points/34.0947,-118.4017", listing=True)
    assert list(FORECAST.follow(ASK, lookup, payload)) == [Request(f"https://api.weather.gov/gridpoints/{cell}")]
    assert list(OBSERVATIONS.follow(ASK, lookup, payload)) == [
        Request(f"https://api.weather.gov/gridpoints/{cell}/stations", listing=True)
    ]


def test_recorded_stations_lead_to_what_the_nearest_one_measured():
    payload = Payload(real("weather/nws/gridpoints_stations.json").read_bytes())
    stations = Request("https://api.weather.gov/gridpoints/ILN/85,81/stations", listing=True)
    (request,) = OBSERVATIONS.follow(ASK, stations, payload)
    window = "start=2026-01-05T10:00:00Z&end=2026-01-05T13:00:00Z"
    assert request == Request(f"https://api.weather.gov/stations/KCMH/observations?{window}")
