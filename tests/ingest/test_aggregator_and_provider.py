"""The faces of the brief: the aggregator with its cache and events, and the provider without a database."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ingest.fakes import NOON, PRICES, STEP, MemoryKeeper, PatientClock, csv_of, hour_before, metrics, upstream_to
from ingest.stand_in import Answer, Asked, StandIn
from vibelux.feeds import Ask
from vibelux.ingest.aggregator import MarketDataAggregator
from vibelux.ingest.collector import Collector
from vibelux.ingest.events import MARKET_DATA_UPDATED, PROVIDER_ERROR, Events
from vibelux.ingest.journal import Journal
from vibelux.ingest.provider import MarketData, MarketDataProvider, provider
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import AccessDenied, FeedError, SchemaChanged, UsageError


@dataclass
class World:
    clock: FrozenClock
    there: StandIn
    keeper: MemoryKeeper
    collector: Collector
    aggregator: MarketDataAggregator


@asynccontextmanager
async def world(tmp_path: Path, answer: Callable[[Asked], Answer]) -> AsyncIterator[World]:
    clock, keeper, events = FrozenClock(NOON), MemoryKeeper(), Events()
    async with StandIn(clock, answer) as there, upstream_to(there.url, clock) as upstream:
        collector = Collector(clock, upstream, keeper, events, Journal(tmp_path), metrics=metrics(clock))
        aggregator = MarketDataAggregator(clock, collector, keeper, events, [PRICES])
        yield World(clock, there, keeper, collector, aggregator)


async def test_a_price_comes_from_upstream_once_and_then_from_memory(tmp_path: Path) -> None:
    async with world(tmp_path, lambda _: Answer(body=hour_before(NOON))) as w:
        first = await w.aggregator.get_latest_price("California")
        w.keeper.away = True
        again = await w.aggregator.get_latest_price("caiso", "real-time")
    assert first == again
    assert (first["pricing_node"], first["quality"], first["age_seconds"]) == ("NODE", "good", 0.0)
    assert len(w.there.asked) == 1


async def test_what_is_stored_and_fresh_is_not_asked_for(tmp_path: Path) -> None:
    async with world(tmp_path, lambda _: Answer(500)) as w:
        w.keeper.rows["NODE", NOON.replace(second=0)] = 0.042
        assert (await w.aggregator.get_latest_price("CAISO"))["price_per_kwh"] == 0.042
        assert not w.there.asked


async def test_memory_ends_after_its_time_and_with_the_interval(tmp_path: Path) -> None:
    async with world(tmp_path, lambda asked: Answer(body=hour_before(asked.at))) as w:
        await w.aggregator.get_latest_price("CAISO")
        w.clock.move(280)  # the interval is over, 300 s are not
        price = await w.aggregator.get_latest_price("CAISO")
        assert price["market_interval_start"] == NOON.replace(second=0)
        assert price["age_seconds"] == pytest.approx(10, abs=5)
        w.clock.move(1_000)
        price = await w.aggregator.get_latest_price("CAISO")
        assert price["market_interval_start"] == NOON.replace(second=0) + 4 * STEP


async def test_a_new_price_takes_the_place_of_the_remembered_one(tmp_path: Path) -> None:
    async with world(tmp_path, lambda _: Answer(body=csv_of(NOON.replace(second=0), 1, price=0.1))) as w:
        await w.aggregator.get_latest_price("CAISO")
        w.there.answer = lambda _: Answer(body=csv_of(NOON.replace(second=0), 1, price=0.2))
        await w.collector.poll(PRICES, Ask(PRICES.publication.window(NOON)))
        assert (await w.aggregator.get_latest_price("CAISO"))["price_per_kwh"] == 0.2


async def test_an_old_price_is_better_than_none_and_says_so(tmp_path: Path) -> None:
    async with world(tmp_path, lambda _: Answer(500)) as w:
        w.keeper.rows["NODE", NOON - timedelta(hours=2)] = 0.03
        price = await w.aggregator.get_latest_price("CAISO")
    assert (price["price_per_kwh"], price["quality"]) == (0.03, "stale")
    assert price["age_seconds"] > 6_000


async def test_without_any_price_the_reason_is_raised(tmp_path: Path) -> None:
    async with world(tmp_path, lambda _: Answer(500)) as w:
        with pytest.raises(FeedError, match="HTTP 500"):
            await w.aggregator.get_latest_price("CAISO")


@pytest.mark.parametrize(
    ("region", "price_type", "words"),
    [
        ("Atlantis", "real-time", "no grid"),
        ("CAISO", "tomorrow", "no price type"),
        ("CAISO", "day-ahead", "no enabled feed"),
        ("PJM", "real-time", "no enabled feed"),
    ],
)
async def test_what_cannot_be_asked_for_is_said(tmp_path: Path, region: str, price_type: str, words: str) -> None:
    async with world(tmp_path, lambda _: Answer(500)) as w:
        with pytest.raises(UsageError, match=words):
            await w.aggregator.get_latest_price(region, price_type)


async def test_events_reach_plain_and_async_callbacks_until_they_are_cancelled(tmp_path: Path) -> None:
    heard: list[str] = []

    async def later(event: object) -> None:
        await asyncio.sleep(0)
        heard.append(type(event).__name__)

    def fails(_: object) -> None:
        raise ZeroDivisionError

    async with world(tmp_path, lambda _: Answer(body=csv_of(NOON, 1))) as w:
        w.aggregator.on(MARKET_DATA_UPDATED, fails)
        subscription = w.aggregator.on(MARKET_DATA_UPDATED, later)
        w.aggregator.on(PROVIDER_ERROR, lambda event: heard.append(event.error.outcome))
        ask = Ask(PRICES.publication.window(NOON))
        with capture_logs() as logs:
            await w.collector.poll(PRICES, ask)
        assert logs[0]["event"] == "a listener failed"
        w.there.answer = lambda _: Answer(body=b"no table")
        with pytest.raises(SchemaChanged):
            await w.collector.poll(PRICES, ask)
        subscription.cancel()
        subscription.cancel()
        w.there.answer = lambda _: Answer(body=csv_of(NOON, 2))
        with capture_logs():
            await w.collector.poll(PRICES, ask)
        with pytest.raises(UsageError, match="no event"):
            w.aggregator.on("price", print)
    assert heard == ["MarketDataUpdated", "schema_changed"]


async def test_the_caiso_provider_is_as_the_brief_says() -> None:
    caiso = provider("caiso")
    assert (caiso.name, caiso.region, caiso.update_frequency) == ("CAISO", "California", 300)
    assert {"real-time-pricing", "day-ahead-pricing"} <= set(caiso.data_types)
    await caiso.authenticate()
    with pytest.raises(UsageError, match="no data type"):
        await caiso.fetch_latest_data("tea-leaves")
    with pytest.raises(UsageError, match="no data type"):
        caiso.subscribe_to_updates("tea-leaves", print)
    await caiso.close()


def test_an_unknown_provider_is_named() -> None:
    with pytest.raises(UsageError, match="no provider is called 'enron'"):
        provider("enron")


async def test_a_provider_fetches_without_a_database() -> None:
    clock = FrozenClock(NOON)
    async with StandIn(clock, lambda _: Answer(body=hour_before(NOON))) as there, upstream_to(there.url, clock) as up:
        data = await MarketDataProvider([PRICES], clock, up).fetch_latest_data("real-time-pricing")
    records = data.records()
    assert (len(records), data.newest_end, data.origin) == (12, NOON.replace(second=0) + STEP, "live")
    assert records[-1]["kind"] == "electricity-price"
    assert records[-1]["market_interval_start"] == "2026-07-14T19:00:00Z"


async def test_a_provider_without_its_key_says_which() -> None:
    clock = FrozenClock(NOON)
    async with upstream_to("http://127.0.0.1:9", clock) as upstream:
        with pytest.raises(AccessDenied, match="PJM_API_KEY"):
            await MarketDataProvider([replace(PRICES, auth="pjm")], clock, upstream).authenticate()


async def test_a_provider_by_name_has_the_keys_and_the_address_that_the_environment_sets(monkeypatch) -> None:
    clock = FrozenClock(NOON)
    monkeypatch.setenv("PJM_API_KEY", "key-of-the-environment")
    async with StandIn(clock, lambda _: Answer(500)) as there:
        monkeypatch.setenv("PJM_BASE_URL", there.url)
        pjm = provider("pjm", clock=clock)
        await pjm.authenticate()
        with capture_logs(), pytest.raises(FeedError):
            await pjm.fetch_latest_data("real-time-lmp")
        await pjm.close()
    assert there.asked[0].headers["ocp-apim-subscription-key"] == "key-of-the-environment"


async def test_a_subscriber_hears_each_new_answer_once_and_survives_faults() -> None:
    clock, heard = PatientClock(NOON), []
    bodies = iter([csv_of(NOON, 1), csv_of(NOON, 1), b"no table", csv_of(NOON, 2)])

    def listen(data: MarketData) -> None:
        heard.append(data.parsed.rows)
        if len(heard) == 2:
            done.set()

    done = asyncio.Event()
    async with (
        StandIn(clock, lambda _: Answer(body=next(bodies, b"no table"))) as there,
        upstream_to(there.url, clock) as upstream,
    ):
        prices = MarketDataProvider([PRICES], clock, upstream)
        prices.subscribe_to_updates("real-time-pricing", listen)
        async with asyncio.timeout(10):
            await done.wait()
        await prices.close()
    assert heard == [1, 2]
