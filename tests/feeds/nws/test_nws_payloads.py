"""What the weather service may send, in small: units, nulls, problems, gaps, and what is no forecast."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from vibelux.feeds import Ask, Payload, Request, feed_named, read
from vibelux.market.errors import Corrupt, SchemaChanged, Throttled, UpstreamError, UsageError
from vibelux.market.intervals import Interval

FORECAST, OBSERVATIONS = feed_named("nws/forecast"), feed_named("nws/observations")
PROBLEMS = "https://api.weather.gov/problems"
RECEIVED = datetime(2026, 1, 5, 10, 7, tzinfo=UTC)
WINDOW = Interval(datetime(2026, 1, 5, 10, tzinfo=UTC), datetime(2026, 1, 5, 11, tzinfo=UTC))


def utc(hour: int, day: int = 5) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


def body(document: object) -> bytes:
    return json.dumps(document).encode()


def grid(**properties: object) -> dict[str, object]:
    ring = [[-121.7, 36.6], [-121.7, 36.7], [-121.6, 36.7], [-121.6, 36.6], [-121.7, 36.6]]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"updateTime": "2026-01-05T08:00:00+00:00", **properties},
    }


def layer(*values: object, uom: object = "wmoUnit:degC") -> dict[str, object]:
    return {"uom": uom, "values": list(values)}


def entry(valid: str, value: object) -> dict[str, object]:
    return {"validTime": valid, "value": value}


HOUR = entry("2026-01-05T10:00:00+00:00/PT1H", 7.5)


def forecast(document: object, **payload):
    return read(FORECAST, Payload(document if isinstance(document, bytes) else body(document), **payload))


def rows(parsed) -> list[dict]:
    return parsed.frames["series"].to_dicts()


def test_a_record_of_the_grid_has_all_that_the_contract_wants():
    (row,) = rows(forecast(grid(temperature=layer(HOUR))))
    assert row == {
        "provider": "nws", "category": None, "variable": "temperature", "location": "36.65,-121.65", "unit": "degC",
        "value": 7.5, "valid_start": utc(10), "valid_end": utc(11), "issued_at": utc(8),
        "data_source": "NWS gridpoints",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("duration", "hours"), [("PT3H", 3), ("P1D", 24), ("P1DT6H", 30), ("PT30M", 0.5), ("PT1H30M", 1.5)]
)
def test_an_entry_of_many_hours_becomes_records_of_at_most_an_hour_that_fill_it(duration, hours):
    found = rows(forecast(grid(temperature=layer(entry(f"2026-01-05T10:00:00+00:00/{duration}", 3)))))
    assert found[0]["valid_start"] == utc(10)
    assert found[-1]["valid_end"] == utc(10) + timedelta(hours=hours)
    assert all(a["valid_end"] == b["valid_start"] for a, b in pairwise(found))
    assert max(row["valid_end"] - row["valid_start"] for row in found) <= timedelta(hours=1)
    assert {row["value"] for row in found} == {3.0}


@pytest.mark.parametrize(
    ("uom", "value", "speed"),
    [
        ("wmoUnit:km_h-1", 36, 10.0),
        ("unit:m_s-1", 10, 10.0),
        ("wmoUnit:m_s-1", "10", 10.0),
        ("http://codes.wmo.int/common/unit/km_h-1", 18, 5.0),
    ],
)
def test_wind_is_read_by_the_unit_that_stands_beside_it(uom, value, speed):
    (row,) = rows(forecast(grid(windSpeed=layer(entry("2026-01-05T10:00:00+00:00/PT1H", value), uom=uom))))
    assert (row["value"], row["unit"]) == (speed, "m/s")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (layer(HOUR, uom="wmoUnit:furlong"), "unit 'furlong'"),
        (layer(HOUR, uom=None), "unit None"),
        (layer(entry("2026-01-05T10:00:00+00:00/PT1H", "mild")), "not a number"),
        (layer(entry("2026-01-05T10:00:00+00:00/PT1H", [])), "not a number"),
        (layer(entry("2026-01-05T10:00:00+00:00/PT1H", True)), "not a number"),
        (layer(entry("2026-01-05T10:00:00+00:00/PT1H", 451)), "outside -90 to 60"),
        (layer(entry("2026-01-05T10:00:00/PT1H", 7)), "not a time with an offset"),
        (layer(entry("2026-01-05T10:00:00+00:00", 7)), "not a duration"),
        (layer(entry("2026-01-05T10:00:00+00:00/PT0H", 7)), "not a duration"),
        (layer(entry("2026-01-05T10:00:00+00:00/P99D", 7)), "not a duration"),
        (layer(entry("9999-12-31T23:00:00+00:00/PT1H", 7)), "out of reach"),
        (layer({"value": 7}), "no value with a time"),
        (layer("warm"), "no value with a time"),
    ],
)
def test_an_entry_that_cannot_be_used_is_set_aside_and_the_others_kept(bad, reason):
    parsed = forecast(grid(temperature=bad, skyCover=layer(HOUR, uom="wmoUnit:percent")))
    assert [row["variable"] for row in rows(parsed)] == ["cloud-cover"]
    (refused,) = parsed.quarantined
    assert reason in refused.reason


def test_a_null_and_a_layer_that_is_empty_or_left_out_give_no_record_and_no_zero():
    null = entry("2026-01-05T10:00:00+00:00/PT1H", None)
    number = entry("2026-01-05T11:00:00+00:00/PT1H", 7.5)
    document = grid(temperature=layer(null, number), skyCover={"values": []}, windGust={})
    parsed = forecast(document)
    assert [(row["variable"], row["valid_start"]) for row in rows(parsed)] == [("temperature", utc(11))]
    assert parsed.quarantined == []


def test_a_forecast_without_a_time_of_issue_has_that_of_the_fetch_and_without_both_is_refused():
    document = grid(temperature=layer(HOUR), updateTime=None)
    (row,) = rows(forecast(document, received_at=RECEIVED))
    assert row["issued_at"] == RECEIVED
    with pytest.raises(SchemaChanged, match="updateTime"):
        forecast(document)


@pytest.mark.parametrize(
    ("period", "found"),
    [
        ({"windSpeed": "5 to 10 mph"}, {"temperature": 10.0, "wind-speed": 3.3528}),
        ({"windSpeed": {"unitCode": "wmoUnit:km_h-1", "value": 36}}, {"temperature": 10.0, "wind-speed": 10.0}),
        (
            {"windSpeed": "15 km/h", "temperature": 10, "temperatureUnit": "C"},
            {"temperature": 10.0, "wind-speed": 4.166667},
        ),
        ({"temperature": None}, {}),
    ],
)
def test_periods_are_read_by_their_words_and_units(period, found):
    hour = {"startTime": "2026-01-05T02:00:00-08:00", "endTime": "2026-01-05T03:00:00-08:00", "isDaytime": True}
    document = grid(periods=[hour | {"temperature": 50, "temperatureUnit": "F"} | period])
    assert {row["variable"]: row["value"] for row in rows(forecast(document))} == found


@pytest.mark.parametrize("period", ["a period", {"startTime": "2026-01-05T02:00:00"}, {}])
def test_a_period_without_a_time_is_set_aside(period):
    parsed = forecast(grid(periods=[period]))
    assert (parsed.rows, len(parsed.quarantined)) == (0, 1)


@pytest.mark.parametrize("feed", [FORECAST, OBSERVATIONS])
@pytest.mark.parametrize(
    ("problem", "retryable"),
    [
        ({"type": f"{PROBLEMS}/ForecastGridExpired", "title": "Forecast Grid Expired", "status": 503}, True),
        ({"type": f"{PROBLEMS}/UnavailableWebService", "title": "Unavailable", "status": 503}, True),
        ({"type": "about:blank", "title": "Not Found", "status": 404}, False),
    ],
)  # fmt: skip
def test_a_problem_document_is_an_error_with_upstreams_code_and_its_worth_of_a_retry(feed, problem, retryable):
    with pytest.raises(UpstreamError) as caught:
        read(feed, Payload(body(problem)))
    assert caught.value.retryable is retryable
    assert caught.value.code == problem["type"].rsplit("/", 1)[-1]
    assert problem["title"] in str(caught.value)


def test_a_problem_of_too_many_requests_asks_for_patience():
    with pytest.raises(Throttled):
        forecast({"type": "https://api.weather.gov/problems/RateLimit", "title": "Too Many Requests", "status": 429})


@pytest.mark.parametrize("feed", [FORECAST, OBSERVATIONS])
@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (b"<!DOCTYPE html><html><body>Access Denied</body></html>", Corrupt),
        (b"", Corrupt),
        (b'{"type": "Feature", "proper', Corrupt),
        (b"[]", SchemaChanged),
        (b"{}", SchemaChanged),
        (b'{"properties": 3}', SchemaChanged),
        (b'{"features": {}}', SchemaChanged),
        (b'{"features": [1]}', SchemaChanged),
        (b'{"geometry": {"geometries": 3}, "properties": {"updateTime": "2026-01-05T08:00:00Z", "periods": []}}',
         SchemaChanged),
    ],
)  # fmt: skip
def test_what_is_no_such_document_is_a_named_error(feed, bad, error):
    with pytest.raises(error):
        read(feed, Payload(bad))


@pytest.mark.parametrize("corner", [[1e308, 36], [-121.7, 95], ["west", 36], [], None])
def test_a_cell_that_is_not_on_earth_is_refused(corner):
    document = grid(temperature=layer(HOUR))
    document["geometry"] = {"type": "Polygon", "coordinates": [[corner, corner]]}
    with pytest.raises(SchemaChanged, match="no cell"):
        forecast(document)


def test_a_byte_order_mark_is_passed_over_and_the_report_that_is_forced_has_to_be_it():
    document = body(grid(temperature=layer(HOUR)))
    assert forecast(b"\xef\xbb\xbf" + document, report="gridpoints").rows == 1
    with pytest.raises(SchemaChanged):
        forecast(document, report="forecast/hourly")


def observed(**changed: object) -> dict[str, object]:
    number = {"unitCode": "wmoUnit:degC", "value": 7.2, "qualityControl": "V"}
    properties = {
        "station": "https://api.weather.gov/stations/KSNS", "timestamp": "2026-01-05T09:53:00+00:00",
        "temperature": number,
    }  # fmt: skip
    return {"properties": properties | changed}


def test_an_observation_with_nulls_gives_the_numbers_that_it_has():
    null = {"unitCode": "wmoUnit:km_h-1", "value": None, "qualityControl": "Z"}
    wind = {"unitCode": "wmoUnit:km_h-1", "value": 18, "qualityControl": "C"}
    parsed = read(OBSERVATIONS, Payload(body({"features": [observed(windSpeed=wind, windGust=null, cloudLayers=[])]})))
    assert {row["variable"]: row["value"] for row in rows(parsed)} == {"temperature": 7.2, "wind-speed": 5.0}
    assert parsed.quarantined == []


@pytest.mark.parametrize(
    ("flag", "kept"), [("V", 1), ("qc:S", 1), ("Z", 1), (None, 1), ("X", 0), ("qc:Q", 0), ("B", 0)]
)
def test_a_number_that_failed_upstreams_checks_is_set_aside_with_its_flag(flag, kept):
    number = {"unitCode": "wmoUnit:degC", "value": 7.2, "qualityControl": flag}
    parsed = read(OBSERVATIONS, Payload(body(observed(temperature=number))))
    assert (parsed.rows, len(parsed.quarantined)) == (kept, 1 - kept)
    assert all("quality flag" in refused.reason for refused in parsed.quarantined)


@pytest.mark.parametrize(
    ("amounts", "cover"),
    [(["CLR"], 0.0), (["FEW", "SCT"], 43.75), (["BKN", "FEW"], 75.0), (["OVC"], 100.0), (["VV"], 100.0), (["?"], None),
     ([], None)],
)  # fmt: skip
def test_cloud_layers_are_one_cover_that_of_the_fullest(amounts, cover):
    layers = [{"amount": amount, "base": {}} for amount in amounts]
    found = rows(read(OBSERVATIONS, Payload(body(observed(cloudLayers=layers)))))
    assert {row["variable"]: row["value"] for row in found}.get("cloud-cover") == cover


@pytest.mark.parametrize("station", [None, "", "https://api.weather.gov/stations/"])
def test_an_observation_of_no_station_is_set_aside(station):
    parsed = read(OBSERVATIONS, Payload(body({"features": [observed(station=station), observed()]})))
    assert ([row["location"] for row in rows(parsed)], len(parsed.quarantined)) == (["KSNS"], 1)


def test_an_observation_without_a_time_is_set_aside():
    parsed = read(OBSERVATIONS, Payload(body({"features": [observed(timestamp="2026-01-05T09:53"), observed()]})))
    assert (parsed.rows, len(parsed.quarantined)) == (1, 1)


@pytest.mark.parametrize(
    ("node", "asked"),
    [("36.67,-121.65", "36.67,-121.65"), ("36.123456, -121.65000", "36.1235,-121.65"), ("40.0,-74.0", "40,-74")],
)
def test_places_are_asked_with_four_decimals_and_no_idle_zeros(node, asked):
    (request,) = FORECAST.requests(Ask(WINDOW, (node, node)))
    assert request == Request(f"https://api.weather.gov/points/{asked}", listing=True)


@pytest.mark.parametrize("node", ["TH_NP15_GEN-APND", "91,0", "10,181", "36.67", "36.67,-121.65,3", "nan,0"])
def test_a_node_that_is_no_place_is_wrong_usage(node):
    with pytest.raises(UsageError, match="latitude,longitude"):
        list(FORECAST.requests(Ask(WINDOW, (node,))))


def test_without_places_nothing_is_asked_and_a_forecast_leads_nowhere_else():
    assert list(FORECAST.requests(Ask(WINDOW))) == []
    assert (
        list(FORECAST.follow(Ask(WINDOW), Request("https://api.weather.gov/gridpoints/LOX/150,48"), Payload(b""))) == []
    )


@pytest.mark.parametrize("link", [None, 7, "https://elsewhere.example/", "https://api.weather.gov/gridpoints/../x"])
def test_a_place_whose_link_leads_elsewhere_is_refused(link):
    (lookup,) = FORECAST.requests(Ask(WINDOW, ("36.67,-121.65",)))
    with pytest.raises(SchemaChanged, match="forecastGridData"):
        list(FORECAST.follow(Ask(WINDOW), lookup, Payload(body({"properties": {"forecastGridData": link}}))))


def test_a_link_to_another_host_is_followed_on_upstreams_own_host_alone():
    (lookup,) = FORECAST.requests(Ask(WINDOW, ("36.67,-121.65",)))
    document = {"properties": {"forecastGridData": "https://evil.example/gridpoints/LOX/150,48"}}
    (request,) = FORECAST.follow(Ask(WINDOW), lookup, Payload(body(document)))
    assert request.url == "https://api.weather.gov/gridpoints/LOX/150,48"


def test_a_place_without_stations_is_refused():
    stations = Request("https://api.weather.gov/gridpoints/LOX/150,48/stations", listing=True)
    with pytest.raises(SchemaChanged, match="no station"):
        list(OBSERVATIONS.follow(Ask(WINDOW), stations, Payload(b'{"features": []}')))


@pytest.mark.parametrize("feed", [FORECAST, OBSERVATIONS])
def test_an_hourly_poll_is_content_with_what_stations_and_offices_have_given_out_by_then(feed):
    now = datetime(2026, 1, 5, 12, 5, tzinfo=UTC)
    newest = datetime(2026, 1, 12, tzinfo=UTC) if feed is FORECAST else datetime(2026, 1, 5, 11, 53, tzinfo=UTC)
    assert newest >= feed.publication.known_until(now)
    assert feed.publication.next_after(now) == datetime(2026, 1, 5, 13, 5, tzinfo=UTC)
    assert feed.nodal


def test_a_station_is_asked_by_its_id_without_looking_up_a_place():
    (place, station) = OBSERVATIONS.requests(Ask(WINDOW, ("KSNS", "36.67,-121.65", "KSNS")))
    assert place.url.endswith("/points/36.67,-121.65")
    assert station.url.endswith("/stations/KSNS/observations?start=2026-01-05T10:00:00Z&end=2026-01-05T13:00:00Z")
    assert not station.listing
