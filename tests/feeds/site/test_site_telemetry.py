"""Recorded messages of a site's broker: what becomes of them, line by line."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from payloads.shelf import good
from vibelux.feeds import Parsed, Payload, feed_named, read
from vibelux.market.errors import Corrupt, FeedError, SchemaChanged

FEED = feed_named("site/telemetry")
AT = "2026-07-14T19:00:00.5Z"
NOON = datetime(2026, 7, 14, 19, tzinfo=UTC)


def line(topic: str, payload: Any, **more: Any) -> dict[str, Any]:
    return {"tst": AT, "topic": topic, "qos": 0, "retain": 0, "payload": payload} | more


def parsed(*lines: Any, **more: Any) -> Parsed:
    return read(FEED, Payload("\n".join(map(json.dumps, lines)).encode(), **more))


def reports(found: Parsed) -> list[dict[str, Any]]:
    return found.frames["operations"].to_dicts() if "operations" in found.frames else []


def test_what_mosquitto_sub_writes_is_read_whole():
    (body,) = good("site/telemetry").values()
    found = read(FEED, Payload(body))
    assert found.quarantined == []
    first = reports(found)[0]
    assert (first["facility_id"], first["timestamp"], first["grid_import_kw"]) == ("salinas-1", NOON, -650.25)
    assert first["units"] == [{"id": "engine-1", "on": True, "powerKw": 870.5, "heatKw": 1010.0, "fuelKwHhv": 2290.0}]
    series = found.frames["series"].select("variable", "location", "unit", "value").rows()
    assert set(series) == {
        ("grid-frequency", "salinas-1", "Hz", 59.98),
        ("grid-voltage", "salinas-1", "V", 480.5),
        ("grid-frequency", "salinas-1", "Hz", 60.01),
        ("grid-voltage", "delta-2", "V", 479.9),
    }


def test_a_report_may_be_text_or_json_and_stamped_by_its_line():
    body = {"storageKwh": 5}
    found = parsed(line("x/f/operations", json.dumps(body)), line("y/g/telemetry", body, tst="2026-07-14T19:00:01Z"))
    assert [(row["facility_id"], row["timestamp"].second) for row in reports(found)] == [("f", 0), ("g", 1)]
    later = parsed(line("x/f/operations", body, tst=None), received_at=NOON)
    assert reports(later)[0]["timestamp"] == NOON


def test_single_values_are_reports_with_what_was_known_a_minute_before():
    unit = "site/f/units/e/"
    found = parsed(
        line(f"{unit}powerKw", "870"),
        line(f"{unit}on", "ON", tst="2026-07-14T19:00:01Z"),
        line("site/f/readings/voltageV", 480, tst="2026-07-14T19:01:00.9Z"),
    )
    first, second = reports(found)
    assert first["units"] == [{"id": "e", "on": True, "powerKw": 870.0, "heatKw": None, "fuelKwHhv": None}]
    assert (second["voltage_v"], second["units"][0]["powerKw"]) == (480.0, None), "the power is over a minute old"


WRONG = {
    "a frequency of no grid": (line("a/f/operations", {"frequencyHz": 500}), "frequencyHz"),
    "an unknown member": (line("a/f/operations", {"storageKWh": 5}), "storageKWh"),
    "no number": (line("a/f/readings/voltageV", "much"), "'much' is not a number"),
    "out of range": (line("a/f/readings/voltageV", -5), "out of range"),
    "a topic of nothing": (line("a/f/readings/colour", "red"), "'colour' is nothing"),
    "a topic without facility": (line("voltageV", 480), "names no facility"),
    "a retained value": (line("a/f/readings/voltageV", 480, retain=1), "retained"),
    "a value without stamp": (line("a/f/readings/voltageV", 480, tst=None), "no stamp"),
    "a report without stamp": (line("a/f/operations", {"storageKwh": 5}, tst=None), "timestamp"),
    "a stamp that is none": (line("a/f/operations", {"storageKwh": 5}, tst="yesterday"), "'yesterday'"),
    "no message": ({"colour": "red"}, "topic and payload are missing"),
    "a list": ([1, 2], "topic and payload are missing"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_line_that_says_nothing_usable_is_set_aside_with_its_reason(case):
    wrong, said = WRONG[case]
    found = parsed(wrong, line("a/f/operations", {"storageKwh": 7}))
    (aside,) = found.quarantined
    assert said in aside.reason
    assert aside.place == "line 1"
    assert [row["storage_kwh"] for row in reports(found)] == [7.0]


def test_of_two_reports_of_one_moment_the_later_line_holds_and_the_other_is_set_aside():
    found = parsed(line("a/f/operations", {"storageKwh": 5}), line("a/f/operations", {"storageKwh": 6}))
    assert [row["storage_kwh"] for row in reports(found)] == [6.0]
    (aside,) = found.quarantined
    assert (aside.reason, aside.place) == ("a later report of the same moment", "f")
    again = parsed(line("a/f/operations", {"storageKwh": 5}), line("a/f/operations", {"storageKwh": 5}))
    assert again.quarantined == []


@pytest.mark.parametrize(
    ("body", "error"),
    [(b"", Corrupt), (b"<html></html>", Corrupt), (b'{"a": 1}\n', SchemaChanged), (b"x\n", FeedError)],
)
def test_what_is_no_recording_is_refused_by_name(body, error):
    with pytest.raises(error):
        read(FEED, Payload(body))
