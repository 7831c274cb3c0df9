"""Open-Meteo: recordings against the standard library, and its traps in small."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from shared_files import real
from vibelux.feeds import Ask, Payload, feed_named, read
from vibelux.market.errors import Corrupt, SchemaChanged, Throttled, UpstreamError, UsageError
from vibelux.market.intervals import Interval

FEED = feed_named("open-meteo/forecast")
RECEIVED = datetime(2026, 1, 5, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURLY = {
    "temperature_2m": ("temperature", None, 1.0, 0),
    "shortwave_radiation": ("irradiance-global", None, 1.0, 1),
    "direct_normal_irradiance": ("irradiance-direct", None, 1.0, 1),
    "direct_radiation": ("irradiance-direct-horizontal", None, 1.0, 1),
    "diffuse_radiation": ("irradiance-diffuse", None, 1.0, 1),
    "wind_speed_10m": ("wind-speed", None, 1 / 3.6, 0),
    "wind_speed_80m": ("wind-speed", "80m", 1 / 3.6, 0),
    "wind_speed_120m": ("wind-speed", "120m", 1 / 3.6, 0),
}
QUARTERS = {
    "temperature_2m": ("temperature", "minutely_15", 1.0),
    "relative_humidity_2m": ("relative-humidity", "minutely_15", 1.0),
    "cloud_cover": ("cloud-cover", "minutely_15", 1.0),
    "wind_speed_10m": ("wind-speed", "minutely_15", 1 / 3.6),
    "shortwave_radiation_instant": ("irradiance-global", "instant minutely_15", 1.0),
    "diffuse_radiation_instant": ("irradiance-diffuse", "instant minutely_15", 1.0),
    "direct_normal_irradiance_instant": ("irradiance-direct", "instant minutely_15", 1.0),
}


def recorded(path: str, **more):
    file = real(f"weather/open-meteo/{path}")
    parsed = read(FEED, Payload(file.read_bytes(), name=file.name, **more))
    assert parsed.quarantined == []
    return json.loads(file.read_bytes()), parsed.frames["series"]


def part(frame, variable: str, category: str | None):
    return frame.filter((frame["variable"] == variable) & frame["category"].eq_missing(category))


def test_the_recorded_hours_give_every_number_and_radiation_starts_an_hour_before_its_stamp():
    document, frame = recorded("forecast_hourly_52.52_13.42_20230101.json", received_at=RECEIVED)
    stamps = [datetime.fromisoformat(f"{text}+00:00") for text in document["hourly"]["time"]]
    for column, (variable, category, factor, hours) in HOURLY.items():
        found = part(frame, variable, category)
        assert found["value"].to_list() == pytest.approx([v * factor for v in document["hourly"][column]], abs=1e-6)
        assert found["valid_end"].to_list() == stamps
        assert found["valid_start"].to_list() == [stamp - hours * HOUR for stamp in stamps]
    assert frame.height == 48 * len(HOURLY)
    assert set(frame["location"]) == {"52.52,13.42"}
    assert frame["issued_at"].unique().to_list() == [RECEIVED]
    assert set(frame["unit"]) == {"degC", "W/m2", "m/s"}


def test_the_recorded_quarter_hours_in_paris_are_in_utc_and_instants():
    document, frame = recorded("forecast_minutely15_45.84_6.86.json")
    local = [datetime.fromisoformat(text) for text in document["minutely_15"]["time"]]
    stamps = [(stamp - timedelta(seconds=3600)).replace(tzinfo=UTC) for stamp in local]
    for column, (variable, category, factor) in QUARTERS.items():
        found = part(frame, variable, category)
        assert found["value"].to_list() == pytest.approx(
            [v * factor for v in document["minutely_15"][column]], abs=1e-6
        )
        assert found["valid_start"].to_list() == found["valid_end"].to_list() == stamps
    assert frame.height == 288 * len(QUARTERS)


def test_the_recorded_weather_codes_are_told_by_the_hour_and_by_the_quarter():
    document, frame = recorded("general_weather_code_berlin.json")
    for section, category in {"hourly": None, "minutely_15": "minutely_15"}.items():
        found = part(frame, "weather-code", category)
        assert found["value"].to_list() == document[section]["weather_code"]
    assert frame.height == 168 + 288


def test_the_recorded_refusal_is_upstreams_own_error():
    with pytest.raises(UpstreamError, match="winddiren_10m") as caught:
        recorded("error_400_bad_variable.json")
    assert not caught.value.retryable


def reply(
    columns: dict[str, object] | None = None, units: object = None, times: object = None, **changed: object
) -> bytes:
    hourly = {"time": times or ["2026-01-05T10:00", "2026-01-05T11:00"], **(columns or {"temperature_2m": [7.5, 8.5]})}
    units = units if units is not None else dict.fromkeys(hourly, "°C")
    place = {"latitude": 36.67, "longitude": -121.65, "utc_offset_seconds": 0, "timezone": "GMT"}
    return json.dumps(place | {"hourly_units": units, "hourly": hourly} | changed).encode()


def parsed(body: bytes, **more):
    return read(FEED, Payload(body, **more))


def starts(result) -> list[datetime]:
    return result.frames["series"]["valid_start"].to_list()


def utc(hour: int, day: int = 5, month: int = 1) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def test_hours_beyond_the_models_horizon_are_null_and_give_no_record():
    result = parsed(reply({"temperature_2m": [7.5, None]}))
    assert (starts(result), result.quarantined) == ([utc(10)], [])


def test_the_units_are_read_and_never_assumed():
    names = {"temperature_2m": "°F", "wind_speed_10m": "mp/h", "wind_speed_80m": "kn"}
    columns = {name: [50, 50] for name in names}
    frame = parsed(reply(columns, names)).frames["series"]
    assert frame["value"].to_list() == pytest.approx([10, 10, 22.352, 22.352, 25.722222, 25.722222])
    for units in ({}, {"temperature_2m": "K"}, None, 3, []):
        result = parsed(reply(hourly_units=units))
        assert (result.rows, len(result.quarantined)) == (0, 2)
        assert "unit" in result.quarantined[0].reason


@pytest.mark.parametrize(
    ("values", "reason"), [(["7.5", "mild"], "not a number"), ([7.5, 75], "outside"), ([7.5, {}], "not a number")]
)
def test_a_value_that_cannot_be_used_is_set_aside(values, reason):
    result = parsed(reply({"temperature_2m": values}))
    assert (starts(result), [reason in one.reason for one in result.quarantined]) == ([utc(10)], [True])


def test_one_offset_holds_for_the_whole_reply_also_beyond_a_change_of_clocks():
    times = [f"2026-03-08T{hour:02}:00" for hour in range(5)]
    result = parsed(
        reply({"temperature_2m": [1, 2, 3, 4, 5]}, {"temperature_2m": "°C"}, times, utc_offset_seconds=-28_800)
    )
    assert starts(result) == [utc(8 + hour, 8, 3) for hour in range(5)]


def test_local_times_without_an_offset_are_refused_unless_the_zone_tells_it():
    with pytest.raises(SchemaChanged, match="without an offset") as caught:
        parsed(reply(utc_offset_seconds=None, timezone=None))
    assert caught.value.missing == ("utc_offset_seconds",)
    assert starts(parsed(reply(utc_offset_seconds=None, timezone="America/Los_Angeles"))) == [utc(18), utc(19)]


def test_local_times_that_occur_twice_or_never_are_refused():
    for day in ("2026-11-01T01:00", "2026-03-08T02:00"):
        body = reply({"temperature_2m": [1]}, None, [day], utc_offset_seconds=None, timezone="America/Los_Angeles")
        with pytest.raises(SchemaChanged, match="Los_Angeles"):
            parsed(body)


def test_unix_times_are_utc_whatever_the_offset():
    body = reply(None, None, [1767607200, 1767610800], utc_offset_seconds=-28_800)
    assert starts(parsed(body)) == [utc(10), utc(11)]
    assert starts(parsed(reply(None, None, [1767607200, 1767610800], utc_offset_seconds=None, timezone=None))) == [
        utc(10),
        utc(11),
    ]


@pytest.mark.parametrize("stamp", ["soon", None, 10**18, "9999-12-31T23:00", 1e300])
def test_a_stamp_that_is_no_time_is_set_aside_with_its_row(stamp):
    result = parsed(reply(None, None, ["2026-01-05T10:00", stamp]))
    assert (starts(result), len(result.quarantined)) == ([utc(10)], 1)


def test_the_time_of_issue_is_the_fetch_else_the_day_in_the_files_name_else_unknown():
    def issued(**more):
        return parsed(reply(), **more).frames["series"]["issued_at"].to_list()[0]

    assert issued(received_at=RECEIVED, day=date(2026, 1, 4)) == RECEIVED
    assert issued(day=date(2026, 1, 4)) == utc(0, 4)
    assert issued() is None


def test_models_heights_instants_and_quarters_are_told_apart_by_category():
    columns = {
        "temperature_2m_gfs_seamless": [1, 1], "temperature_2m_icon_eu": [2, 2], "wind_speed_80m_icon_eu": [3, 3],
        "shortwave_radiation": [4, 4], "shortwave_radiation_instant": [5, 5], "cloud_cover_low": [6, 6], "rain": [7, 7],
    }  # fmt: skip
    units = {name: "°C" if "temp" in name else "m/s" if "wind" in name else "W/m²" for name in columns}
    frame = parsed(reply(columns, units)).frames["series"]
    assert dict(zip(frame["category"], frame["value"], strict=True)) == {
        "gfs_seamless": 1.0, "icon_eu": 2.0, "80m icon_eu": 3.0, None: 4.0, "instant": 5.0,
    }  # fmt: skip


def test_several_places_come_as_a_list():
    body = b"[" + reply() + b"," + reply(latitude=52.52, longitude=13.419998) + b"]"
    assert parsed(body).frames["series"]["location"].unique(maintain_order=True).to_list() == [
        "36.67,-121.65",
        "52.52,13.42",
    ]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html>502</html>", Corrupt),
        (b"", Corrupt),
        (b'{"hourly":', Corrupt),
        (b"3", SchemaChanged),
        (b"[null]", SchemaChanged),
        (b"{}", SchemaChanged),
        (reply(latitude=None), SchemaChanged),
        (reply(latitude=1e9), SchemaChanged),
        (reply({"temperature_2m": [1]}), SchemaChanged),
        (reply({"temperature_2m": 1}), SchemaChanged),
        (reply(hourly={"temperature_2m": [1]}), SchemaChanged),
    ],
)
def test_what_is_no_forecast_is_a_named_error(body, error):
    with pytest.raises(error):
        parsed(body)


@pytest.mark.parametrize(("word", "seconds"), [("Minutely", 60), ("Hourly", 3600), ("Daily", 86_400)])
def test_a_limit_of_the_free_service_asks_for_patience(word, seconds):
    body = json.dumps({"error": True, "reason": f"{word} API request limit exceeded. Please try again later."}).encode()
    with pytest.raises(Throttled) as caught:
        parsed(body)
    assert caught.value.retry_after_seconds == seconds


def test_each_place_is_asked_for_in_utc_and_metres_a_second():
    window = Interval(utc(10), utc(11))
    (request,) = FEED.requests(Ask(window, ("36.67,-121.65", "36.67,-121.65")))
    assert request.url.startswith("https://api.open-meteo.com/v1/forecast?latitude=36.67&longitude=-121.65&hourly=")
    for part_of in (
        "timezone=UTC",
        "wind_speed_unit=ms",
        "start_date=2026-01-05",
        "end_date=2026-01-09",
        "cloud_cover",
    ):
        assert part_of in request.url
    assert list(FEED.requests(Ask(window))) == []
    with pytest.raises(UsageError):
        list(FEED.requests(Ask(window, ("PJM-RTO",))))
