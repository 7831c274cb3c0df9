"""When the next thing of a feed is expected, how late it is, and in which words."""

import doctest
from datetime import UTC, datetime, timedelta

import pytest

from vibelux.feeds import all_feeds, feed_named
from vibelux.ingest import lateness as module
from vibelux.ingest.lateness import lateness
from vibelux.market.intervals import local_day

REAL_TIME = feed_named("caiso/real-time-pricing")
DAY_AHEAD = feed_named("caiso/day-ahead-pricing")
QUARTERS = feed_named("ercot/settlement-point-prices")
HENRY_HUB = feed_named("eia/henry-hub-spot")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


NOON = utc(2026, 7, 14, 19, 0)
"""Noon, Pacific."""


def test_the_documentation_is_true():
    assert doctest.testmod(module).failed == 0


def test_a_late_day_ahead_is_said_in_the_markets_own_time():
    known = local_day(NOON.date(), DAY_AHEAD.timezone).end
    found = lateness(DAY_AHEAD, NOON + timedelta(minutes=82), known)
    assert found.words == "expected 13:00 Pacific, late 22 min"
    assert (found.expected_at, found.late_seconds) == (utc(2026, 7, 14, 20), 22 * 60.0)


def test_what_is_there_is_not_late_and_the_next_is_named():
    known = local_day(NOON.date(), DAY_AHEAD.timezone).end
    found = lateness(DAY_AHEAD, NOON, known)
    assert found.as_json() == {
        "expectedAt": "2026-07-14T20:00:00Z",
        "lateSeconds": 0.0,
        "expected": "next expected 13:00 Pacific",
    }
    tomorrow = lateness(DAY_AHEAD, NOON + timedelta(hours=2), known + timedelta(days=1))
    assert tomorrow.words == "next expected 13:00 Pacific on 2026-07-15"


def test_a_five_minute_price_is_late_after_its_own_lag():
    assert lateness(REAL_TIME, NOON + timedelta(seconds=29), NOON).late_seconds == 0.0
    found = lateness(REAL_TIME, NOON + timedelta(minutes=12, seconds=30), NOON)
    assert (found.expected_at, found.words) == (NOON + timedelta(seconds=30), "expected 12:00:30 Pacific, late 12 min")
    assert lateness(REAL_TIME, NOON + timedelta(seconds=75), NOON).words == "expected 12:00:30 Pacific, due now"


def test_ercots_quarter_hour_is_expected_after_its_end():
    found = lateness(QUARTERS, utc(2026, 7, 14, 19, 40), utc(2026, 7, 14, 19, 15))
    assert found.expected_at == utc(2026, 7, 14, 19, 32, 10)
    assert found.words == "expected 14:32:10 Central, late 8 min"


def test_after_days_without_news_the_first_publication_that_failed_is_the_one_that_was_expected():
    known = local_day(utc(2026, 7, 11).date(), DAY_AHEAD.timezone).end
    found = lateness(DAY_AHEAD, NOON, known)
    assert found.words == "expected 13:00 Pacific on 2026-07-11, late 3 days"


def test_a_weekly_publication_is_expected_on_its_day():
    monday = local_day(utc(2026, 7, 6).date(), HENRY_HUB.timezone).end
    found = lateness(HENRY_HUB, utc(2026, 7, 15, 15, 0), monday)
    assert found.words == "expected 09:30 Central, late 30 min"
    assert lateness(HENRY_HUB, utc(2026, 7, 14, 15, 0), monday).late_seconds == 0.0


def test_before_anything_came_nothing_is_called_late():
    found = lateness(DAY_AHEAD, NOON, None)
    assert (found.late_seconds, found.words) == (None, "nothing has come yet, expected 13:00 Pacific")
    assert lateness(DAY_AHEAD, NOON, None, received_at=NOON).words == "next expected 13:00 Pacific"


@pytest.mark.parametrize("feed", all_feeds(), ids=lambda feed: feed.name)
@pytest.mark.parametrize("now", [NOON, utc(2026, 3, 8, 9, 30), utc(2026, 11, 1, 8, 15)], ids=str)
def test_for_each_feed_what_is_out_is_not_late_and_one_publication_behind_is(feed, now):
    publication = feed.publication
    known = publication.known_until(now)
    assert lateness(feed, now, known).late_seconds == 0.0
    moment, step = now, timedelta(seconds=feed.cadence_seconds)
    while (before := publication.known_until(moment)) == known:
        moment -= step
    found = lateness(feed, now, before)
    assert found.late_seconds is not None
    assert found.expected_at <= now
    assert publication.known_until(found.expected_at) > before
    assert publication.known_until(found.expected_at - timedelta(microseconds=1)) <= before
