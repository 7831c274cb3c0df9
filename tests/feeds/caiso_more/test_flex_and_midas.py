"""Flex Alerts, the emergency ladder and MIDAS signals in small."""

import json
from datetime import UTC, datetime

import pytest

from vibelux.feeds import Ask, Payload, feed_named, read
from vibelux.market.errors import Corrupt, SchemaChanged
from vibelux.market.intervals import Interval

EVENTS, MOER = feed_named("caiso/demand-response"), feed_named("caiso/marginal-emissions")


def utc(hour: int, minute: int = 0, day: int = 14) -> datetime:
    return datetime(2026, 7, day, hour, minute, tzinfo=UTC)


def events(document: object, **payload):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read(EVENTS, Payload(body, **payload))


def alert(**changed: object) -> dict[str, object]:
    return {
        "ID": 7, "Title": "Flex alert", "StartDate": "07-14-2026 16:00", "EndDate": "07-14-2026 21:00",
        "Region": "CAISO Grid",
    } | changed  # fmt: skip


def flex(*active: object, future: tuple[object, ...] = ()) -> dict[str, object]:
    return {"IsFlexAlertActive": bool(active), "UpdatedOn": "2026-07-14T20:00:00Z", "Active": active, "Future": future}


def test_an_alert_is_a_moderate_event_of_its_hours():
    frame = events(flex(alert())).frames["dr-event"]
    assert frame.row(0, named=True) == {
        "program": "CAISO Flex Alert", "event_id": "7", "status": "active",
        "starts_at": utc(23), "ends_at": utc(4, day=15), "priority": None, "randomize_start_seconds": None,
        "targets": ["CAISO Grid"],
        "signals": [{"type": "level", "unit": "level", "intervals": [
            {"starts_at": "2026-07-14T23:00:00Z", "ends_at": "2026-07-15T04:00:00Z", "value": 1}]}],
        "source": "CAISO ActiveFlexAlertEvents",
    }  # fmt: skip


def test_a_future_alert_is_told_though_none_is_active_and_regions_split_at_either_mark():
    frame = events(flex(future=(alert(Region="Northern CA Region, VEA Region"),))).frames["dr-event"]
    assert frame["status"].to_list() == ["future"]
    assert frame["targets"].to_list() == [["Northern CA Region", "VEA Region"]]


def test_a_stamp_with_an_offset_is_taken_by_its_offset():
    frame = events(flex(alert(StartDate="2026-07-14T16:00:00Z"))).frames["dr-event"]
    assert frame["starts_at"].to_list() == [utc(16)]


def test_xml_is_the_same_events():
    rows = "".join(f"<{key}>{value}</{key}>" for key, value in alert().items())
    xml = (
        '<ActiveFlexAlertEventsDTO xmlns="http://schemas.datacontract.org/2004/07/Caiso.TodaysOutlook.Common.DTO">'
        f"<Active><FlexAlertEventDTO>{rows}</FlexAlertEventDTO></Active><Future />"
        "<IsFlexAlertActive>true</IsFlexAlertActive></ActiveFlexAlertEventsDTO>"
    )
    assert events(xml.encode()).frames["dr-event"].rows() == events(flex(alert())).frames["dr-event"].rows()
    quiet = b"<ActiveFlexAlertEventsDTO><Active /><Future /></ActiveFlexAlertEventsDTO>"
    assert events(quiet).rows == 0


@pytest.mark.parametrize(
    "bad",
    [
        alert(StartDate="soon"),
        alert(StartDate="11-01-2026 01:30"),
        alert(Region=None),
        alert(EndDate="07-14-2026 16:00"),
        {"ID": 1},
        "text",
    ],
)
def test_an_alert_that_cannot_be_read_is_set_aside_and_the_others_kept(bad):
    parsed = events(flex(bad, alert()))
    assert parsed.frames["dr-event"]["event_id"].to_list() == ["7"]
    assert [quarantined.place for quarantined in parsed.quarantined] == ["Active"]


@pytest.mark.parametrize(
    ("state", "level"),
    [("Restricted Maintenance Operations", 1), ("EEA Watch", 1), ("EEA 1", 2), ("EEA 3", 3), ("Something new", None)],
)
def test_a_state_of_the_grid_is_an_event_of_its_day_with_the_level_of_the_ladder(state, level):
    (event,) = (
        events({"slotDate": "07/14/2026 17:30:00", "gridstatus": [state, "Normal"]})
        .frames["dr-event"]
        .iter_rows(named=True)
    )
    assert (event["program"], event["event_id"]) == ("CAISO grid state", f"{state} 2026-07-14")
    assert (event["starts_at"], event["ends_at"]) == (utc(0, 30, day=15), utc(0, 45, day=15))
    values = [interval["value"] for signal in event["signals"] for interval in signal["intervals"]]
    assert values == ([] if level is None else [level])


def test_a_normal_grid_has_no_event_and_a_state_without_a_time_has_that_of_the_fetch():
    assert events({"slotDate": "07/14/2026 17:30:00", "gridstatus": ["Normal"]}).rows == 0
    told = events({"slotDate": "now", "gridstatus": ["EEA 2"]}, received_at=utc(23))
    assert told.frames["dr-event"]["starts_at"].to_list() == [utc(23)]
    unknown = events({"gridstatus": ["EEA 2"]})
    assert (unknown.rows, len(unknown.quarantined)) == (0, 1)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html>moved</html>", Corrupt),
        (b"<Other />", SchemaChanged),
        (b"[]", SchemaChanged),
        (b'{"Active": 1}', SchemaChanged),
        (b"", Corrupt),
    ],
)
def test_what_is_none_of_these_documents_is_a_named_error(body, error):
    with pytest.raises(error):
        events(body, name="reply")


def midas(
    *rows: object, rate: str = "USCA-SGIP-MOER-SCE", at: str = "2026-07-14T20:02:00.1234567Z"
) -> dict[str, object]:
    return {"RateID": rate, "SystemTime_UTC": at, "ValueInformation": list(rows)}


def interval(start: str, end: str, value: object, unit: str = "g/kWh CO2") -> dict[str, object]:
    return {
        "DateStart": "2026-07-14",
        "DateEnd": "2026-07-14",
        "TimeStart": start,
        "TimeEnd": end,
        "Value": value,
        "Unit": unit,
    }


def emissions(document: object):
    return read(MOER, Payload(json.dumps(document).encode(), name="moer.json"))


def test_what_ended_before_the_reply_is_past_and_the_rest_a_forecast_issued_with_it():
    rows = [
        interval("19:55:00", "19:59:59", 400),
        interval("20:00:00", "20:04:59", 410.5),
        interval("20:05:00", "20:09:59", 0),
    ]
    frame = emissions(midas(*rows)).frames["series"]
    issued = datetime(2026, 7, 14, 20, 2, 0, 123456, tzinfo=UTC)
    assert frame.select("value", "valid_start", "valid_end", "issued_at").rows() == [
        (400.0, utc(19, 55), utc(20), None),
        (410.5, utc(20), utc(20, 5), issued),
        (0.0, utc(20, 5), utc(20, 10), issued),
    ]
    assert frame.select("location", "unit").unique().rows() == [("SCE", "kg/MWh")]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (midas(interval("20:00:00", "20:04:59", 1, "kg/kWh CO2")), "unit kg/kWh CO2"),
        (midas(rate="USCA-FLEX-ALRT-0000"), "no signal of marginal CO2"),
        (midas(interval("20:00:00", "20:04:59", None) | {"value": 1.0}), None),
        ({"detail": "RIN not found: USCA-SGIP-SGRT-PGE"}, "RIN not found"),
        (midas(at="today"), "SystemTime_UTC"),
        ([], "no MIDAS signal"),
    ],
)
def test_another_signal_unit_or_answer_is_refused_by_name(document, text):
    if text is None:
        assert len(emissions(document).quarantined) == 1
        return
    with pytest.raises(SchemaChanged, match=text):
        emissions(document)


def test_the_first_version_of_midas_is_refused_for_its_pacific_times():
    old = {"DateStart": "2026-03-19", "DateEnd": "2026-03-19", "TimeStart": "03:11", "TimeEnd": "03:11", "value": 0.2}
    with pytest.raises(SchemaChanged, match="version 1"):
        emissions(midas(old))


def test_an_interval_that_cannot_be_read_is_set_aside():
    parsed = emissions(midas(interval("20:00:00", "20:04:59", "much"), "row", interval("20:05:00", "20:09:59", 1)))
    assert parsed.rows == 1
    assert [bad.place for bad in parsed.quarantined] == ["ValueInformation[0]", "ValueInformation[1]"]


def test_flagged_hours_that_touch_are_one_event():
    rows = [interval(f"{h}:00:00", f"{h}:59:59", flag, "Event") for h, flag in ((19, 1), (20, 1), (21, 0), (22, 1))]
    frame = events(midas(*rows, rate="USCA-FLEX-ALRT-0000")).frames["dr-event"]
    assert frame.select("starts_at", "ends_at").rows() == [(utc(19), utc(21)), (utc(22), utc(23))]
    with pytest.raises(SchemaChanged, match="no Flex Alert"):
        events(midas())


def test_the_utilities_in_caiso_and_both_event_documents_are_asked_for():
    ask = Ask(Interval(utc(7), utc(8)))
    assert [request.url.partition("?")[2] for request in MOER.requests(ask)] == [
        f"ID=USCA-SGIP-MOER-{utility}&QueryType=realtime" for utility in ("PGE", "SCE", "SDGE")
    ]
    assert [request.url.rpartition("/")[2] for request in EVENTS.requests(ask)] == [
        "ActiveFlexAlertEvents",
        "stats.txt",
    ]
