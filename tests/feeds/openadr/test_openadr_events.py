"""Events of OpenADR 3 and 2.0b as records, and what is refused of them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from payloads.shelf import good
from shared_files import real
from vibelux.feeds import Ask, Parsed, Payload, Request, feed_named, read
from vibelux.feeds.openadr._durations import duration
from vibelux.feeds.openadr.events import asked
from vibelux.market.errors import Corrupt, FeedError, SchemaChanged, TimeRefused, UpstreamError
from vibelux.market.intervals import Interval

FEED = feed_named("openadr/events")
RECEIVED = datetime(2026, 7, 14, 20, tzinfo=UTC)
NOW = "2026-07-14T23:00:00Z"


def parsed(document: Any) -> Parsed:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read(FEED, Payload(body, "events", RECEIVED))


def records(document: Any) -> list[dict[str, Any]]:
    found = parsed(document)
    assert found.quarantined == []
    return list(found.frames["dr-event"].iter_rows(named=True))


def refusal(document: Any) -> str:
    found = parsed(document)
    assert found.frames["dr-event"].is_empty()
    (aside,) = found.quarantined
    return aside.reason


def event(*intervals: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [{"id": "e", "programID": "p", "intervals": list(intervals)} | more]


def interval(value: Any, kind: str = "PRICE", **period: str) -> dict[str, Any]:
    told: dict[str, Any] = {"id": 0, "payloads": [{"type": kind, "values": [value]}]}
    return told | ({"intervalPeriod": period} if period else {})


def spans(row: dict[str, Any], signal: int = 0) -> list[tuple[str, str | None, float]]:
    return [(one["starts_at"], one["ends_at"], one["value"]) for one in row["signals"][signal]["intervals"]]


def test_the_good_events_of_openadr_3_are_read_whole() -> None:
    priced, limited, gone = records(good("openadr/events")["events.json"])
    assert (priced["program"], priced["event_id"], priced["status"]) == ("cbp-day-ahead", "ev-17", "scheduled")
    assert (priced["priority"], priced["randomize_start_seconds"], priced["targets"]) == (1, 300, [])
    assert spans(priced) == [
        ("2026-07-14T23:00:00Z", "2026-07-15T00:00:00Z", 0.45),
        ("2026-07-15T00:00:00Z", "2026-07-15T01:00:00Z", 0.6),
    ]
    assert priced["ends_at"] == datetime(2026, 7, 15, 1, tzinfo=UTC)
    assert {one["type"]: one["intervals"][0]["value"] for one in limited["signals"]} == {
        "import-limit-kw": 400.0,
        "level": 2.0,
    }
    assert limited["starts_at"] == datetime(2026, 7, 15, 5, tzinfo=UTC)
    assert (gone["status"], gone["ends_at"], gone["signals"]) == ("cancelled", None, [])
    assert gone["starts_at"] == datetime(2026, 7, 14, 16, 30, tzinfo=UTC)


def test_targets_are_read_as_either_version_has_them() -> None:
    (row,) = records(good("openadr/events")["event.json"])
    assert row["targets"] == ["VEN-SALINAS", "salinas-1"]
    assert spans(row)[0][2] == 1.0


def test_the_good_document_of_openadr_2b_is_read_whole() -> None:
    (row,) = records(good("openadr/events")["oadrDistributeEvent.xml"])
    assert (row["program"], row["event_id"], row["status"]) == ("http://utility.example.com/bip", "bip-3", "far")
    assert (row["priority"], row["randomize_start_seconds"]) == (1, 600)
    assert row["targets"] == ["VEN-SALINAS", "salinas-1"]
    assert spans(row, 0) == [
        ("2026-07-14T23:00:00Z", "2026-07-15T00:00:00Z", 2.0),
        ("2026-07-15T00:00:00Z", "2026-07-15T01:00:00Z", 1.0),
    ]
    assert spans(row, 1) == [("2026-07-14T23:00:00Z", "2026-07-15T01:00:00Z", 0.55)]


def xml(**changes: str) -> bytes:
    body = good("openadr/events")["oadrDistributeEvent.xml"].decode()
    for old, new in changes.items():
        before, after = new.split(" -> ")
        assert before in body, old
        body = body.replace(before, after)
    return body.encode()


def test_a_2b_event_without_a_duration_lasts_until_further_notice() -> None:
    (row,) = records(xml(whole="<xcal:duration>PT2H</xcal:duration> -> <xcal:duration>PT0S</xcal:duration>"))
    assert row["ends_at"] is None
    assert spans(row, 0)[-1][1] is None


def test_a_cancelled_2b_event_is_a_cancelled_record() -> None:
    (row,) = records(xml(status=">far< -> >cancelled<"))
    assert row["status"] == "cancelled"


def test_a_2b_test_event_says_so() -> None:
    (row,) = records(xml(test="testEvent>false -> testEvent>true"))
    assert row["source"] == "OpenADR 2.0b, test event"


def test_of_two_versions_of_a_2b_event_the_higher_modification_holds() -> None:
    body = good("openadr/events")["oadrDistributeEvent.xml"].decode()
    begin, end = body.index("<oadr:oadrEvent>"), body.index("</oadr:oadrEvent>") + len("</oadr:oadrEvent>")
    older = body[begin:end].replace("modificationNumber>2", "modificationNumber>1").replace(">far<", ">near<")
    (row,) = records((body[:end] + older + body[end:]).encode())
    assert row["status"] == "far"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("<ei:value>2.0</ei:value> -> <ei:value>NaN</ei:value>", "not a number"),
        ("<ei:value>2.0</ei:value> -> <ei:value>2.5</ei:value>", "out of reach"),
        ("<ei:value>2.0</ei:value> -> <ei:value>high</ei:value>", "could not convert"),
        (">far< -> >soon<", "eventStatus 'soon'"),
        ("<ei:eventID>bip-3</ei:eventID> -> ", "eventID is missing"),
        ("2026-07-14T23:00:00Z</xcal:date-time> -> 2026-07-14T23:00:00</xcal:date-time>", "not a time with an offset"),
        ("itemUnits>USD -> itemUnits>EUR", "a price in EUR"),
        ("currencyPerKWh> -> currencyPerKW>", "not one of a kWh"),
        ("PT2H -> P1M", "as long as the calendar says"),
    ],
)
def test_a_2b_event_that_cannot_be_understood_is_set_aside_with_its_reason(change: str, why: str) -> None:
    assert why in refusal(xml(change=change))


def test_an_interval_without_a_start_follows_on_from_the_one_before() -> None:
    first, second = interval(0.1, start=NOW, duration="PT15M"), interval(0.2)
    (row,) = records(event(first, second, intervalPeriod={"start": NOW, "duration": "PT30M"}))
    assert spans(row) == [
        ("2026-07-14T23:00:00Z", "2026-07-14T23:15:00Z", 0.1),
        ("2026-07-14T23:15:00Z", "2026-07-14T23:45:00Z", 0.2),
    ]


def test_do_it_now_begins_when_the_event_was_written_and_lasts_until_further_notice() -> None:
    now = {"start": "0001-01-01T00:00:00Z", "duration": "P9999Y"}
    (row,) = records(event(interval(3, "SIMPLE"), intervalPeriod=now, createdDateTime="2026-07-14T18:05:00Z"))
    assert row["starts_at"] == datetime(2026, 7, 14, 18, 5, tzinfo=UTC)
    assert row["ends_at"] is None
    unknown = event(interval(3, "SIMPLE"), intervalPeriod=now, createdDateTime="12:22:12")
    assert "nothing says when it was written" in refusal(unknown)


def test_intervals_are_repeated_and_cut_to_the_duration_of_the_event() -> None:
    period = {"start": NOW, "duration": "PT1H"}
    (row,) = records(event(interval(0.1), interval(0.2), intervalPeriod=period, duration="PT3H30M"))
    assert [value for *_, value in spans(row)] == [0.1, 0.2, 0.1, 0.2]
    assert row["ends_at"] == datetime(2026, 7, 15, 2, 30, tzinfo=UTC)
    (row,) = records(event(interval(0.1), interval(0.2), intervalPeriod=period, duration="PT1H"))
    assert [value for *_, value in spans(row)] == [0.1]


def test_alerts_are_levels_and_other_payloads_keep_their_own_name() -> None:
    period = {"start": NOW, "duration": "PT1H"}
    (row,) = records(event(interval("stay calm", "ALERT_GRID_EMERGENCY"), intervalPeriod=period))
    assert (row["signals"][0]["type"], spans(row)[0][2]) == ("level", 3.0)
    (row,) = records(event(interval(80, "CHARGE_STATE_SETPOINT"), intervalPeriod=period))
    assert row["signals"][0]["type"] == "charge-state-setpoint"


HOUR = {"start": NOW, "duration": "PT1H"}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (event(interval(0.1), intervalPeriod={"start": NOW}), "no duration"),
        (event(interval(0.1), intervalPeriod={"start": NOW, "duration": "-PT1H"}), "runs backwards"),
        (event(interval(0.1), intervalPeriod={"start": "tomorrow", "duration": "PT1H"}), "not a time with an offset"),
        (event(interval(0.1)), "no start"),
        (event(interval("cheap"), intervalPeriod=HOUR), "one number is expected"),
        (event(interval(5, "SIMPLE"), intervalPeriod=HOUR), "out of reach"),
        (event(interval(1.5, "SIMPLE"), intervalPeriod=HOUR), "out of reach"),
        (event(interval(-1, "IMPORT_CAPACITY_LIMIT"), intervalPeriod=HOUR), "out of reach"),
        (event(interval(0.1), intervalPeriod=HOUR, duration="P9999Y"), "repeated without end"),
        (event(interval(0.1, **HOUR), interval(0.2, start="2026-07-14T23:30:00Z", duration="PT1H")), "overlap"),
        (
            event(
                interval(0.1),
                intervalPeriod=HOUR,
                payloadDescriptors=[{"payloadType": "PRICE", "units": "KWH", "currency": "EUR"}],
            ),
            "a price in EUR",
        ),
        (event(), "neither an interval nor a period"),
        ([{"programID": "p", "intervals": []}], "it has no id"),
        ([{"id": "e", "intervals": []}, *event()][::-1][:1], "neither an interval nor a period"),
    ],
)
def test_an_event_that_cannot_be_understood_is_set_aside_with_its_reason(told: Any, why: str) -> None:
    assert why in refusal(told)


def test_one_bad_event_does_not_take_the_good_ones_with_it() -> None:
    found = parsed([*event(), *event(interval(0.1), id="good", intervalPeriod=HOUR)])
    assert found.frames["dr-event"]["event_id"].to_list() == ["good"]
    assert [aside.place for aside in found.quarantined] == ["event e"]


def test_no_events_are_no_fault() -> None:
    assert records([]) == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"title": "Forbidden", "status": 403, "detail": "no such VEN"}', UpstreamError),
        (b'[{"programName": "CBP", "id": "p"}]', SchemaChanged),
        (b"[1, 2]", SchemaChanged),
        (b'[{"id": NaN}]', Corrupt),
        (b"<oadrPoll/>", SchemaChanged),
        (b"<oadrResponse><eiResponse><responseCode>459</responseCode></eiResponse></oadrResponse>", UpstreamError),
    ],
)
def test_what_is_no_list_of_events_is_a_named_error(body: bytes, error: type[FeedError]) -> None:
    with pytest.raises(error):
        parsed(body)


def test_a_full_page_leads_to_the_next_one_and_programmes_are_asked_for_by_name() -> None:
    window = Interval(RECEIVED, datetime(2026, 7, 14, 21, tzinfo=UTC))
    (first,) = FEED.requests(Ask(window, ("cbp 1",)))
    assert asked(first.url) == ("cbp 1", 0)
    assert FEED.follow is not None
    full = Payload(json.dumps(event(interval(0.1), intervalPeriod=HOUR) * 50).encode())
    (second,) = FEED.follow(Ask(window), Request(first.url), full)
    assert asked(second.url) == ("cbp 1", 50)
    assert list(FEED.follow(Ask(window), Request(second.url), Payload(b"[]"))) == []
    assert [asked(one.url)[0] for one in FEED.requests(Ask(window))] == [None]


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT9M", 540), ("P1DT2H", 93_600), ("PT1.5S", 1.5), ("P2W", 1_209_600), ("PT0S", 0)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    found = duration(text)
    assert found is not None
    assert found.total_seconds() == seconds


def test_a_duration_of_thousands_of_years_has_no_end_and_other_calendars_are_refused() -> None:
    assert duration("P9999Y") is None
    for text in ("P1Y", "P1M", "1H", "P", "PT", "-PT1H", "P99999999999999999999D"):
        with pytest.raises(TimeRefused):
            duration(text)


@pytest.mark.parametrize(
    ("file", "signals"),
    [
        ("openadr3/event_list_price.json", {"price"}),
        ("openadr3/user-guide/L1313_event_simpleEvent.json", {"level"}),
        ("openadr3/user-guide/L2158_event_capacity-limit-Event.json", {"import-limit-kw", "export-capacity-limit"}),
        ("openadr2b/oadrDistributeEvent.xml", {"load-control x-loadControlCapacity"}),
    ],
)
def test_the_specifications_own_examples_are_read(file: str, signals: set[str]) -> None:
    (row,) = records(real(f"dr/{file}").read_bytes())
    assert {one["type"] for one in row["signals"]} == signals
