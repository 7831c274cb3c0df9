"""What is said to sites and understood of them, without a broker: set-points, savings, topics, pictures."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from realtime.test_desk import facility as facility_body
from vibelux.config_telemetry import MqttSettings, SetPoints
from vibelux.dispatch.facility import Facility
from vibelux.market.errors import UsageError
from vibelux.market.intervals import iso_z
from vibelux.market.picture import Picture
from vibelux.market.targets import Target
from vibelux.realtime.savings import SavingsToday
from vibelux.realtime.set_points import set_points
from vibelux.realtime.topics import Topics

NOON = datetime(2026, 7, 14, 19, tzinfo=UTC)
"""Noon in California."""
RULES = SetPoints(facility="salinas-1", dead_man_seconds=600)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def decision(on: bool = True, power: float = 870.0, minutes: float = 0, **more: Any) -> dict[str, Any]:
    units = [{"id": "engine-1", "on": on, "powerKw": power}]
    return {"validFrom": iso_z(at(minutes)), "validUntil": iso_z(at(minutes + 5)), "units": units} | more


def said(
    minutes: float, last: dict[str, Any] | None, rules: SetPoints = RULES, **engine: Any
) -> list[tuple[float, bool]]:
    body = facility_body()
    body["chp"][0] |= engine
    points = set_points(Facility.from_dict(body), rules, last, at(minutes), NOON)
    return [(point.power_kw, point.is_safe) for point in points]


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (decision(), 870.0),
        (decision(power=1500.0), 1000.0),
        (decision(power=100.0), 500.0),
        (decision(on=False), 0.0),
    ],
)
def test_a_set_point_is_the_decision_within_the_engines_range(last, expected):
    assert said(1, last) == [(expected, False)]


def test_an_engine_that_can_make_less_is_asked_for_no_more():
    assert said(1, decision(power=1000.0), availability=0.7) == [(700.0, False)]
    assert said(1, decision(power=1000.0), availability=0.3) == [(0.0, False)], "below its minimum it is off"


def test_after_the_loss_of_decisions_the_safe_set_point_is_said():
    assert said(15, decision()) == [(870.0, False)], "the dead man's time counts from when the decision ran out"
    assert said(15.1, decision()) == [(0.0, True)]
    safe = RULES.model_copy(update={"safe_kw": 300.0})
    assert said(15.1, decision(), safe) == [(500.0, True)], "a safe set-point keeps the limits too"


def test_before_the_first_decision_nothing_is_said_until_it_is_missed():
    assert said(10, None) == []
    assert said(10.1, None) == [(0.0, True)]


def test_an_engine_that_the_decision_does_not_know_is_kept_safe():
    assert said(1, decision() | {"units": []}) == [(0.0, True)]


def test_savings_are_the_worth_of_each_decision_over_the_time_for_which_it_held():
    today = SavingsToday("America/Los_Angeles", [decision(minutes=-10, netBenefitUsdPerHour=6.0)])
    today.decided(decision(minutes=0, netBenefitUsdPerHour=12.0))
    assert today.at(at(0)) == pytest.approx(0.5), "the five minutes of the first; the five after it are nobody's"
    assert today.at(at(2.5)) == pytest.approx(1.0)
    today.decided(decision(minutes=0, netBenefitUsdPerHour=12.0))
    assert today.at(at(2.5)) == pytest.approx(1.0), "the same decision, told again"
    today.decided(decision(minutes=2.5, netBenefitUsdPerHour=-24.0))
    assert today.at(at(5)) == pytest.approx(0.0)
    today.decided(decision(minutes=5, netBenefitUsdPerHour=None))
    assert today.at(at(60)) == pytest.approx(0.0)


def test_savings_begin_anew_with_the_local_day():
    today = SavingsToday("America/Los_Angeles", [decision(minutes=0, netBenefitUsdPerHour=12.0)])
    assert today.at(at(10)) == pytest.approx(1.0)
    assert today.at(at(12 * 60 + 1)) == 0.0


TOPICS = Topics(
    MqttSettings.model_validate(
        {
            "values": [
                {"topic": "site/{facility}/units/{unit}/{member}"},
                {"topic": "a/+/b.c/#", "facility": "f", "field": "frequencyHz", "unit": "mHz"},
                {"topic": "p", "facility": "f", "field": "units.e.powerKw", "scale": 10.0, "on_above": 5},
                {"topic": "on", "facility": "f", "field": "units.e.on"},
            ]
        }
    )
)


def test_topics_are_subscribed_to_with_wildcards():
    assert TOPICS.subscriptions == ("site/+/operations", "site/+/units/+/+", "a/+/b.c/#", "p", "on")


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        ("site/x/units/e.1/heatKw", b"12.5", [("units.e.1.heatKw", 12.5)]),
        ("a/1/b.c/d/e", b"60010", [("frequencyHz", pytest.approx(60.01))]),
        ("p", b" 0.6\n", [("units.e.powerKw", 6.0), ("units.e.on", 1.0)]),
        ("p", b"0.4", [("units.e.powerKw", 4.0), ("units.e.on", 0.0)]),
        ("on", b"ON", [("units.e.on", 1.0)]),
        ("on", b'"off"', [("units.e.on", 0.0)]),
        ("on", b"true", [("units.e.on", 1.0)]),
        ("on", b"0", [("units.e.on", 0.0)]),
    ],
)
def test_a_message_is_a_value_of_a_facility_by_its_topic(topic, payload, expected):
    told = TOPICS.read(topic, payload, NOON)
    assert told.facility_id == ("x" if topic.startswith("site") else "f")
    assert list(told.values) == [(Target.named(name), value) for name, value in expected]


@pytest.mark.parametrize(
    ("topic", "payload", "said"),
    [
        ("a/1/bXc/d", b"60", "no entry of the topic map"),
        ("p", b"", "'' is not a number"),
        ("p", b"inf", "not a number"),
        ("on", b"perhaps", "'perhaps' is not a number"),
        ("site/x/operations", b"[" * 100_000, "not JSON"),
        ("site/x/operations", b'{"storageKwh": NaN}', "not JSON"),
        ("site/x/operations", b" " * 300_000, "at most 262144"),
        ("site/x/operations", b"{}", "nothing is measured"),
    ],
)
def test_a_message_that_says_nothing_is_refused_with_its_reason(topic, payload, said):
    with pytest.raises(UsageError, match=said):
        TOPICS.read(topic, payload, NOON)


def test_a_report_without_a_stamp_is_of_the_moment_at_which_it_came():
    (report,) = TOPICS.read("site/x/operations", b'{"storageKwh": 5}', NOON).reports
    assert report.timestamp == NOON
    both = TOPICS.read("site/x/operations", b'[{"storageKwh": 5}, {"voltageV": 480}]', NOON)
    assert len(both.reports) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"values": [{"topic": "a/b"}]}, "facility"),
        ({"values": [{"topic": "{facility}/b"}]}, "field"),
        ({"values": [{"topic": "x{facility}/{member}"}]}, "a level of a topic"),
        ({"values": [{"topic": "{facility}/{colour}/{member}"}]}, "may hold"),
        ({"operations": [{"topic": "#/{facility}"}]}, "should be a topic"),
        ({"set_points": [{"facility": "f", "topic": "all/engines"}]}, "each engine needs its own"),
    ],
)
def test_a_topic_map_that_makes_no_sense_is_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        MqttSettings.model_validate(wrong)


def test_a_picture_is_what_is_known_at_its_newest_value():
    picture = Picture(timedelta(seconds=60))
    assert picture.report() is None
    picture.put(Target.named("units.e.powerKw"), 870.0, at(0), "a")
    assert picture.report() is None, "whether the engine runs is not known, and nothing else is"
    picture.put(Target.named("units.e.on"), 1.0, at(0.5), "b")
    picture.put(Target.named("storageKwh"), 5.0, at(0.25), "a")
    report = picture.report()
    assert report is not None
    assert (report.timestamp, report.storage_kwh) == (at(0.5), 5.0)
    assert (report.units[0].on, report.units[0].power_kw, report.units[0].heat_kw) == (True, 870.0, None)
    assert picture.source == "a, b"
    assert picture.report() is None, "nothing came since"
    picture.put(Target.named("voltageV"), 480.0, at(1.3), "a")
    picture.put(Target.named("voltageV"), 470.0, at(1.2), "a")
    later = picture.report()
    assert later is not None
    assert (later.voltage_v, later.storage_kwh) == (480.0, None), "an older value changes nothing; an old one goes"
    assert (later.units[0].on, later.units[0].power_kw) == (True, None)
