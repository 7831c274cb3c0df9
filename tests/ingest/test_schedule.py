"""When a feed is asked: at its publication, soon when late, within half a minute of a fault if it is a price."""

from dataclasses import replace
from datetime import time, timedelta

import pytest

from ingest.fakes import NOON, PRICES
from vibelux.feeds import Daily, Feed
from vibelux.ingest.schedule import Schedule, sleep_until
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import AccessDenied, CircuitOpen, FeedError, Throttled, Unreachable
from vibelux.market.intervals import Interval

DAY_AHEAD = replace(PRICES, publication=Daily(at=time(13, 0), timezone="America/Los_Angeles", days_ahead=1))
GAS = replace(PRICES, kind="gas-price", publication=Daily(at=time(20, 0), timezone="America/Los_Angeles"))
LOAD = replace(PRICES, kind="series")
DUE = NOON + timedelta(minutes=5)  # 19:05:30


def seconds(schedule: Schedule, answers: int) -> list[float]:
    return [(schedule.late(NOON, NOON) - NOON).total_seconds() for _ in range(answers)]


def test_the_next_look_is_at_the_next_publication() -> None:
    assert Schedule(PRICES).came(NOON) == DUE
    assert Schedule(PRICES).came(NOON + timedelta(seconds=20)) == DUE


def test_a_late_price_is_looked_for_after_10_20_and_then_each_30_seconds() -> None:
    assert seconds(Schedule(PRICES), 5) == [10, 20, 30, 30, 30]


def test_late_data_that_are_no_price_are_looked_for_more_rarely() -> None:
    assert seconds(Schedule(LOAD), 4) == [30, 60, 120, 240]


def test_looking_for_a_late_interval_ends_at_the_next_publication() -> None:
    now = DUE - timedelta(seconds=3)
    assert Schedule(PRICES).late(NOON, now) == DUE


def test_late_daily_data_are_looked_for_ever_more_rarely_and_not_for_ever() -> None:
    looks = seconds(Schedule(DAY_AHEAD), 13)
    assert looks[:6] == [60, 120, 240, 480, 960, 1800]
    assert max(looks[:12]) == 1800
    assert looks[12] == (DAY_AHEAD.publication.next_after(NOON) - NOON).total_seconds()


def test_upstreams_own_word_on_when_it_comes_is_believed() -> None:
    assert Schedule(PRICES).late(NOON, NOON, NOON + timedelta(seconds=77)) == NOON + timedelta(seconds=77)


@pytest.mark.parametrize("error", [Unreachable("x"), AccessDenied("x"), Throttled("x"), FeedError("x")])
@pytest.mark.parametrize("feed", [PRICES, DAY_AHEAD])
def test_a_price_is_asked_for_within_30_seconds_of_any_fault(feed: Feed, error: FeedError) -> None:
    schedule = Schedule(feed)
    assert all(timedelta(0) < schedule.failed(NOON, error) - NOON < timedelta(seconds=30) for _ in range(20))


def test_what_is_no_price_is_left_alone_ever_longer_up_to_half_an_hour() -> None:
    schedule = Schedule(LOAD)
    waits = [(schedule.failed(NOON, Unreachable("x")) - NOON).total_seconds() for _ in range(12)]
    assert waits[:3] == [30, 60, 120]
    assert waits[-1] == 1800


def test_retry_after_and_an_open_circuit_say_themselves_when() -> None:
    schedule = Schedule(PRICES)
    assert schedule.failed(NOON, Throttled("x", retry_after_seconds=300)) == NOON + timedelta(seconds=300)
    assert schedule.failed(NOON, Throttled("x", retry_after_seconds=1e9)) == NOON + timedelta(hours=1)
    assert schedule.failed(NOON, CircuitOpen("x", retry_at=DUE)) == DUE


@pytest.mark.parametrize(
    ("feed", "pace", "expected"),
    [
        (PRICES, 300, 300),
        (PRICES, 60, 60),
        (PRICES, 0.01, 1),
        (PRICES, 600, 600),
        (LOAD, 60, 300),
        (GAS, 3_600, 3_600),
        (GAS, 60, 3_600),
        (GAS, 86_400, 8 * 3_600 - 30),
    ],
)
def test_the_operators_pace_holds_within_budget_and_publication(feed: Feed, pace: float, expected: float) -> None:
    assert (Schedule(feed, pace).came(NOON) - NOON).total_seconds() == expected


@pytest.mark.parametrize(("hours_known", "hours_asked"), [(0, 1), (5, 5), (99, 24)])
def test_the_window_is_the_newest_hour_or_since_the_newest_known_up_to_a_day(
    hours_known: int, hours_asked: int
) -> None:
    end = NOON.replace(second=0) + timedelta(minutes=5)
    window = Schedule(PRICES, newest_end=end - timedelta(hours=hours_known)).window(NOON)
    assert window == Interval(end - timedelta(hours=hours_asked), end)
    assert Schedule(PRICES).window(NOON) == Interval(end - timedelta(hours=1), end)


async def test_waiting_ends_at_the_moment_in_naps_of_a_minute_of_the_wall() -> None:
    naps = []

    class Watched(FrozenClock):
        async def sleep(self, seconds: float) -> None:
            naps.append(seconds)
            await super().sleep(seconds)

        def real_seconds(self, seconds: float) -> float:
            return seconds / 10

    clock = Watched(NOON)
    await sleep_until(clock, NOON + timedelta(hours=1))
    assert clock.now() == NOON + timedelta(hours=1)
    assert max(naps) <= 600
    assert len(naps) < 60
