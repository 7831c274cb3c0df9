"""The way of a price to its decision: kept with the decision, and counted by stage."""

from dataclasses import replace
from datetime import timedelta

from prometheus_client import CollectorRegistry

from store.samples import NOON
from vibelux.market.clock import FrozenClock, VirtualClock
from vibelux.realtime.latency import Latency
from vibelux.realtime.metrics import DeskMetrics

SECOND = timedelta(seconds=1)
ARRIVED = Latency(published_at=NOON, fetched_at=NOON + 20 * SECOND, stored_at=NOON + 26 * SECOND)


def test_each_stage_is_told_in_real_seconds_but_for_the_wait_for_the_upstream() -> None:
    decided = replace(ARRIVED, decided_at=NOON + 32 * SECOND)
    assert decided.as_json(VirtualClock(NOON, speed=60)) == {
        "publishedAt": "2026-07-14T19:00:00Z",
        "fetchedAt": "2026-07-14T19:00:20Z",
        "storedAt": "2026-07-14T19:00:26Z",
        "decidedAt": "2026-07-14T19:00:32Z",
        "seconds": {"publishedToFetched": 20.0, "fetchedToStored": 0.1, "storedToDecided": 0.1},
    }


def test_what_is_not_known_is_left_out() -> None:
    unknown = Latency(None, NOON, None, NOON + SECOND)
    assert unknown.stages(VirtualClock(NOON, speed=1)) == {}
    assert unknown.as_json(FrozenClock(NOON))["publishedAt"] is None


def test_a_decision_that_is_pushed_is_counted_by_stage_and_one_without_a_price_is_not() -> None:
    registry = CollectorRegistry()
    metrics = DeskMetrics(registry)
    metrics.passed(None, FrozenClock(NOON))
    metrics.passed(replace(ARRIVED, decided_at=NOON + 32 * SECOND), FrozenClock(NOON + 33 * SECOND))

    def count(stage: str) -> float | None:
        return registry.get_sample_value("vibelux_decision_latency_seconds_count", {"stage": stage})

    assert [count(stage) for stage in ("publishedToFetched", "fetchedToStored", "storedToDecided")] == [1, 1, 1]
    assert count("decidedToPushed") == 1
