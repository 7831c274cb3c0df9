"""The way of a price as spans: one trace a price, in the wall's time, and nothing at all where nobody asks for it."""

import sys
import time
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from otlp import attributes, collector
from store.samples import NOON
from vibelux.ingest.events import (
    CHP_DECISION_UPDATE,
    MARKET_DATA_UPDATED,
    DecisionMade,
    Events,
    MarketDataUpdated,
    Taken,
)
from vibelux.market.clock import VirtualClock
from vibelux.realtime.latency import Latency
from vibelux.realtime.traces import tracing
from vibelux.store.writer import Written

SECOND = timedelta(seconds=1)
FEED = "caiso/real-time-pricing"


def price(kind: str = "electricity-price", **other: Any) -> MarketDataUpdated:
    """Fetched at noon, read after six seconds of the clock, stored after twelve."""
    given: dict[str, Any] = {"taken": Taken(0.25, NOON + 6 * SECOND), "published_at": NOON - 20 * SECOND}
    return MarketDataUpdated(
        provider="caiso", data_type="real-time-pricing", region="California", feed=FEED, kind=kind,
        names=frozenset({"N"}), newest_end=NOON, received_at=NOON, written=Written(new=3), origin="live",
        stored_at=NOON + 12 * SECOND, **given | other,
    )  # fmt: skip


def decision_on(event: MarketDataUpdated, facility_id: str, clock: VirtualClock) -> DecisionMade:
    assert event.stored_at is not None
    latency = Latency(event.published_at, event.received_at, event.stored_at, event.stored_at + 6 * SECOND)
    decision = {"action": "run", "latency": latency.as_json(clock)}
    return DecisionMade(facility_id, {"decision": decision}, degraded=False)


def seconds(span: Any) -> float:
    return (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9


async def test_a_price_and_the_decision_that_it_causes_are_one_trace_of_real_durations() -> None:
    clock, events, event = VirtualClock(NOON + 24 * SECOND, speed=60), Events(), price()
    with collector() as kept:
        async with tracing(kept.url, events, clock):
            await events.emit(MARKET_DATA_UPDATED, event)
            await events.emit(CHP_DECISION_UPDATE, decision_on(event, "salinas-1", clock))
            assert kept.spans == []  # they are sent behind our back, the last ones at the end
        (trace,) = kept.traces()
    assert kept.services == {"vibelux"}
    root = trace.pop(f"price {FEED}")
    assert root.parent_span_id == b""
    assert {span.parent_span_id for span in trace.values()} == {root.span_id}
    assert list(trace) == ["fetch", "parse", "store", "decide", "push"]
    assert [seconds(trace[name]) for name in ("fetch", "parse", "store", "decide")] == pytest.approx(
        [0.25, 0.1, 0.1, 0.1], abs=0.05
    )
    assert abs(trace["push"].end_time_unix_nano / 1e9 - time.time()) < 60  # of the wall, not of the tape
    assert attributes(root) == {
        "vibelux.feed": FEED,
        "vibelux.kind": "electricity-price",
        "vibelux.published_at": "2026-07-14T18:59:40Z",
    }
    assert attributes(trace["push"]) == {"vibelux.facility": "salinas-1", "vibelux.action": "run"}


async def test_what_is_no_price_and_a_decision_that_no_price_has_caused_leave_no_trace() -> None:
    clock, events = VirtualClock(NOON + 24 * SECOND), Events()
    by_time = DecisionMade("salinas-1", {"decision": {"action": "run", "latency": None}}, degraded=False)
    with collector() as kept:
        async with tracing(kept.url, events, clock):
            await events.emit(MARKET_DATA_UPDATED, price("load"))
            await events.emit(CHP_DECISION_UPDATE, by_time)
            await events.emit(CHP_DECISION_UPDATE, decision_on(price(), "salinas-1", clock))
            await events.emit(MARKET_DATA_UPDATED, price(taken=None, published_at=None))
        (late,) = kept.traces()
    assert list(late) == ["store", f"price {FEED}"]


async def test_without_an_endpoint_nothing_listens_and_without_the_packages_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, events = VirtualClock(NOON), Events()
    async with tracing(None, events, clock) as provider:
        assert provider is None
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with capture_logs() as logs:
        async with tracing("http://127.0.0.1:1", events, clock) as provider:
            assert provider is None
    assert [line["event"] for line in logs] == ["no traces are sent: pip install 'vibelux[otel]'"]
