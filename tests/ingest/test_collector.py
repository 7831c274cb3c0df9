"""From bytes to committed rows and events; and what happens when upstream, feed or store fail."""

import asyncio
import hashlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from psycopg import sql
from structlog.testing import capture_logs

from ingest.fakes import (
    NOON,
    OTHER,
    PRICES,
    STEP,
    MemoryKeeper,
    PatientClock,
    csv_of,
    hour_before,
    metrics,
    upstream_to,
    zipped,
)
from ingest.stand_in import Answer, Asked, StandIn
from vibelux.feeds import Ask, Feed, Payload, Request, feed_named
from vibelux.ingest import intake
from vibelux.ingest.client import Upstream
from vibelux.ingest.collector import Collector
from vibelux.ingest.credentials import Credentials
from vibelux.ingest.events import MARKET_DATA_UPDATED, PROVIDER_ERROR, Events, MarketDataUpdated, ProviderFailed
from vibelux.ingest.journal import Journal
from vibelux.ingest.keeper import DatabaseKeeper
from vibelux.ingest.schedule import Schedule
from vibelux.market.clock import Clock, FrozenClock
from vibelux.market.errors import Corrupt, FeedError, SchemaChanged, Throttled, UpstreamError
from vibelux.store.database import Database
from vibelux.store.reader import feed_status, newest_price_of_region

CAISO = feed_named("caiso/real-time-pricing")


@dataclass
class World:
    """A collector with everything around it."""

    clock: Clock
    there: StandIn
    keeper: MemoryKeeper
    journal: Journal
    collector: Collector
    updates: list[MarketDataUpdated]
    failures: list[ProviderFailed]
    sample: Callable[..., float | None]


@asynccontextmanager
async def world(
    tmp_path: Path, answer: Callable[[Asked], Answer], clock: Clock | None = None, **more: Any
) -> AsyncIterator[World]:
    clock = clock or FrozenClock(NOON)
    keeper, events, counted = MemoryKeeper(), Events(), metrics(clock)
    updates: list[MarketDataUpdated] = []
    failures: list[ProviderFailed] = []
    events.on(MARKET_DATA_UPDATED, updates.append)
    events.on(PROVIDER_ERROR, failures.append)
    journal = Journal(tmp_path)
    async with StandIn(clock, answer) as there, upstream_to(there.url, clock, metrics=counted) as upstream:
        collector = Collector(clock, upstream, keeper, events, journal, metrics=counted, **more)
        yield World(clock, there, keeper, journal, collector, updates, failures, counted.registry.get_sample_value)


def ask(feed: Feed = PRICES, nodes: tuple[str, ...] = ()) -> Ask:
    return Ask(feed.publication.window(NOON), nodes)


def running(collector: Collector, *feeds: Feed) -> AbstractAsyncContextManager[None]:
    return beside(collector.run(feeds))


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """One task alone where the clock counts: each sleeper of a patient clock moves it."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_poll_journals_stores_and_tells_what_is_new(tmp_path: Path) -> None:
    body = hour_before(NOON)
    async with world(tmp_path, lambda _: Answer(body=body)) as w:
        written = await w.collector.poll(PRICES, ask())
        assert (written.new, written.unchanged) == (12, 0)
        receipt = w.keeper.receipts[0]
        assert receipt.sha256 == hashlib.sha256(body).hexdigest()
        assert (tmp_path / "journal" / str(receipt.file)).read_bytes() == body
        assert receipt.file == f"caiso/real-time-pricing/2026-07-14/{receipt.sha256}.csv"
        (update,) = w.updates
        assert (update.feed, update.region, update.kind) == (PRICES.name, "California", "electricity-price")
        assert update.names == {"NODE"}
        assert update.newest_end == NOON.replace(second=0) + STEP
        assert update.origin == "live"


async def test_the_same_again_tells_nothing_and_a_correction_does(tmp_path: Path) -> None:
    async with world(tmp_path, lambda _: Answer(body=csv_of(NOON, 2))) as w:
        await w.collector.poll(PRICES, ask())
        await w.collector.poll(PRICES, ask())
        assert len(w.updates) == 1
        w.there.answer = lambda _: Answer(body=csv_of(NOON, 2, price=0.07))
        written = await w.collector.poll(PRICES, ask())
        assert written.corrected == 2
        assert len(w.updates) == 2


async def test_bytes_are_on_disk_before_anybody_reads_them(tmp_path: Path) -> None:
    found: list[Path] = []

    def parse(_: Payload) -> Any:
        found.extend((tmp_path / "journal").rglob("*.csv"))
        raise SchemaChanged("a column is gone", missing=("price",))

    async with world(tmp_path, lambda _: Answer(body=b"moved,columns\n")) as w:
        with pytest.raises(SchemaChanged):
            await w.collector.poll(replace(PRICES, parse=parse), ask())
        assert [path.read_bytes() for path in found] == [b"moved,columns\n"]
        receipt, error = w.keeper.failures[0]
        assert isinstance(error, SchemaChanged)
        assert receipt.bytes == len(b"moved,columns\n")
        assert [failure.error for failure in w.failures] == [error]
        labels = {"provider": "caiso", "data_type": "real-time-pricing", "error": "schema_changed"}
        assert w.sample("api_errors_total", labels) == 1


OASIS_ERROR = (
    b'<?xml version="1.0"?><m:OASISReport xmlns:m="http://www.caiso.com/soa/OASISReport_v1.xsd"><m:MessagePayload>'
    b"<m:RTO><m:ERROR><m:ERR_CODE>1001</m:ERR_CODE><m:ERR_DESC>Invalid parameters</m:ERR_DESC></m:ERROR></m:RTO>"
    b"</m:MessagePayload></m:OASISReport>"
)


@pytest.mark.parametrize(
    ("body", "outcome", "words"),
    [
        (zipped("INVALID_REQUEST.xml", OASIS_ERROR), "upstream_error", "Invalid parameters"),
        (zipped("INVALID_REQUEST.xml", OASIS_ERROR)[:-40], "corrupt", "cut off"),
        (zipped("bomb.csv", b"\0" * 30_000_000), "too_large", "200 times"),
        (b"<!DOCTYPE html><html>We are sorry</html>", "corrupt", "HTML"),
        (b"", "corrupt", "empty"),
        (b"<html>CAISO Acceptable Use Policy Violation</html>", "throttled", "Acceptable Use"),
    ],
    ids=["error document", "truncated zip", "zip bomb", "page", "nothing", "throttle sentence"],
)
async def test_a_200_that_holds_no_data_is_its_own_error(tmp_path: Path, body: bytes, outcome: str, words: str) -> None:
    async with world(tmp_path, lambda _: Answer(body=body)) as w:
        with pytest.raises(FeedError, match=words) as caught:
            await w.collector.poll(CAISO, ask(nodes=("N",)))
        assert caught.value.outcome == outcome
        assert len(w.failures) == len(w.keeper.failures) == 1


async def test_a_throttle_sentence_in_a_200_slows_down_the_next_request(tmp_path: Path) -> None:
    page = b"<html>CAISO Acceptable Use Policy Violation</html>"
    slow = replace(CAISO, service=replace(CAISO.service, seconds_between=0.5))
    async with world(tmp_path, lambda _: Answer(body=page), PatientClock(NOON)) as w:
        for _ in range(2):
            with pytest.raises(Throttled):
                await w.collector.poll(slow, ask(nodes=("N",)))
        assert w.there.asked[1].at - w.there.asked[0].at >= timedelta(seconds=5)


async def test_a_request_that_fails_does_not_keep_the_others_of_its_ask_from_being_stored(tmp_path: Path) -> None:
    two = replace(PRICES, requests=lambda _: [Request("https://prices.test/bad"), Request("https://prices.test/good")])
    answer = lambda asked: Answer(body=b"no table" if asked.path == "/bad" else csv_of(NOON, 1))  # noqa: E731
    async with world(tmp_path, answer) as w:
        with pytest.raises(SchemaChanged):
            await w.collector.poll(two, ask())
        assert len(w.keeper.rows) == 1


async def test_what_a_half_failed_ask_brought_counts_as_fresh(tmp_path: Path) -> None:
    two = replace(PRICES, requests=lambda _: [Request("https://prices.test/bad"), Request("https://prices.test/good")])
    answer = lambda asked: Answer(body=b"no table" if asked.path == "/bad" else hour_before(NOON))  # noqa: E731
    labels = {"provider": "caiso", "data_type": "real-time-pricing"}
    async with world(tmp_path, answer) as w, running(w.collector, two):
        await until(lambda: w.sample("market_data_age_seconds", labels) is not None)


async def test_a_position_from_the_future_is_not_believed(tmp_path: Path) -> None:
    async with world(tmp_path, lambda _: Answer(500)) as w:
        w.keeper.held[PRICES.name] = NOON + timedelta(days=400)
        with capture_logs():
            async with running(w.collector, PRICES):
                await until(lambda: w.there.asked)
        assert w.sample("market_data_age_seconds", {"provider": "caiso", "data_type": "real-time-pricing"}) is None


async def test_pages_and_listings_are_followed(tmp_path: Path) -> None:
    def follow(_: Ask, request: Request, payload: Payload) -> list[Request]:
        if request.listing:
            return [Request(f"https://prices.test/{name}") for name in payload.body.decode().split()]
        return []

    feed = replace(PRICES, requests=lambda _: [Request("https://prices.test/list", listing=True)], follow=follow)
    bodies = {"/list": b"a b", "/a": csv_of(NOON, 1, "A"), "/b": csv_of(NOON, 1, "B")}
    async with world(tmp_path, lambda asked: Answer(body=bodies[asked.path])) as w:
        written = await w.collector.poll(feed, ask())
        assert written.new == 2
        assert len(w.keeper.receipts) == 2


async def test_pages_without_end_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vibelux.ingest.asking.MOST_REQUESTS", 5)
    endless = replace(PRICES, follow=lambda _ask, request, _payload: [request])
    async with world(tmp_path, lambda _: Answer(body=csv_of(NOON, 1))) as w:
        with pytest.raises(Corrupt, match="do not end"):
            await w.collector.poll(endless, ask())
        assert len(w.there.asked) == 5


async def test_a_reader_that_never_comes_back_is_given_up_and_blocks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forever = threading.Event()
    stuck = replace(OTHER, parse=lambda _: forever.wait())  # type: ignore[arg-type,return-value]
    monkeypatch.setattr("vibelux.ingest.threads.READ_SECONDS", 0.2)
    async with world(tmp_path, lambda _: Answer(body=csv_of(NOON, 1))) as w:
        slow = asyncio.create_task(w.collector.poll(stuck, ask()))
        assert (await w.collector.poll(PRICES, ask())).new == 1
        with pytest.raises(FeedError, match="not read within"):
            await slow
    forever.set()


async def test_a_reader_with_a_fault_is_a_named_error(tmp_path: Path) -> None:
    faulty = replace(PRICES, parse=lambda _: {}["price"])
    async with world(tmp_path, lambda _: Answer(body=csv_of(NOON, 1))) as w:
        with capture_logs(), pytest.raises(Corrupt, match="KeyError"):
            await w.collector.poll(faulty, ask())


async def test_missing_intervals_and_unknown_nodes_are_said_and_not_invented(tmp_path: Path) -> None:
    lines = hour_before(NOON).splitlines(keepends=True)
    body = b"".join(lines[:4] + lines[6:])
    async with world(tmp_path, lambda _: Answer(body=body)) as w:
        with capture_logs() as logs:
            written = await w.collector.poll(PRICES, ask(nodes=("NODE", "NOWHERE")))
        assert written.new == 10
        assert w.sample("vibelux_missing_intervals", {"feed": PRICES.name}) == 2
        assert {"count": 2, "first": "2026-07-14T18:20:00Z"}.items() <= logs[0].items()
        assert logs[1]["nodes"] == ("NOWHERE",)


async def test_a_metric_tells_the_age_of_a_feed(tmp_path: Path) -> None:
    clock = FrozenClock(NOON)
    async with world(
        tmp_path, lambda _: Answer(body=csv_of(NOON.replace(second=0) - 2 * STEP, 2, price=0.1)), clock
    ) as w:
        labels = {"provider": "caiso", "data_type": "real-time-pricing"}
        async with running(w.collector, PRICES):
            await until(lambda: w.sample("market_data_age_seconds", labels) is not None)
        before = w.sample("market_data_age_seconds", labels)
        clock.move(700)
        after = w.sample("market_data_age_seconds", labels)
        assert before is not None
        assert after is not None
        assert after - before == pytest.approx(700)


async def test_a_failing_feed_never_stops_another(tmp_path: Path) -> None:
    answer = lambda asked: Answer(500) if asked.path == "/other" else Answer(body=hour_before(asked.at))  # noqa: E731
    broken = replace(OTHER, data_type="broken", requests=lambda _: [1 / 0])  # type: ignore[list-item]
    async with world(tmp_path, answer, PatientClock(NOON)) as w:
        with capture_logs() as logs:
            async with running(w.collector, OTHER, broken, PRICES):
                await until(lambda: len(w.updates) >= 5)
        assert {"a poll failed", "a feed failed"} <= {log["event"] for log in logs}
        assert {update.feed for update in w.updates} == {PRICES.name}
        assert {failure.feed for failure in w.failures} == {OTHER.name}


async def test_a_poll_comes_at_the_publication_and_a_late_interval_is_asked_for_soon_again(tmp_path: Path) -> None:
    """The interval of 19:05 is due at 19:05:30 and comes two looks late."""
    late_until = NOON + timedelta(minutes=5, seconds=25)
    moments = []

    def answer(asked: Asked) -> Answer:
        moments.append((asked.at - NOON).total_seconds())
        known = asked.at if asked.at > late_until else min(asked.at, NOON)
        return Answer(body=hour_before(known))

    async with world(tmp_path, answer, PatientClock(NOON)) as w, beside(w.collector._follow(Schedule(PRICES))):
        await until(lambda: len(w.updates) >= 2)
    assert moments[0] < 2
    assert moments[1:4] == pytest.approx([300, 310, 330], abs=3)


async def test_a_price_is_asked_for_again_within_half_a_minute_of_a_fault(tmp_path: Path) -> None:
    async with world(tmp_path, lambda _: Answer(500), PatientClock(NOON)) as w:
        async with beside(w.collector._follow(Schedule(PRICES))):
            await until(lambda: len(w.there.asked) > 20)
        moments = [asked.at for asked in w.there.asked]
    distances = [(b - a).total_seconds() for a, b in pairwise(moments)]
    assert max(distances) <= 30
    assert min(distances) >= PRICES.service.seconds_between


async def test_after_a_pause_the_window_reaches_back_to_what_is_stored(tmp_path: Path) -> None:
    async with world(tmp_path, lambda _: Answer(body=hour_before(NOON))) as w:
        w.keeper.held[PRICES.name] = NOON.replace(second=0) - timedelta(hours=5)
        async with running(w.collector, PRICES):
            await until(lambda: w.there.asked)
    assert w.there.asked[0].path == "/data?from=1400&to=1905"


async def test_yesterday_is_read_again_whole_each_day_and_leaves_the_position_alone(tmp_path: Path) -> None:
    """The market's midnight is at 07:00 UTC."""
    clock = PatientClock(NOON)
    async with world(tmp_path, lambda asked: Answer(body=hour_before(asked.at)), clock) as w:
        async with beside(w.collector._read_yesterday_again(PRICES)):
            await until(lambda: len(w.there.asked) >= 2)
        assert {asked.path for asked in w.there.asked} == {"/data?from=0700&to=0700"}
        assert [(asked.at.day, asked.at.hour) for asked in w.there.asked[:2]] == [(15, 8), (16, 8)]
        assert w.keeper.held == {}


async def test_a_day_that_cannot_be_read_again_ends_nothing(tmp_path: Path) -> None:
    async with (
        world(tmp_path, lambda _: Answer(404), PatientClock(NOON)) as w,
        beside(w.collector._read_yesterday_again(PRICES)),
    ):
        await until(lambda: len(w.there.asked) >= 3)


async def test_while_the_store_is_away_payloads_wait_in_order_and_none_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "STORE_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(intake, "feed_named", lambda _: PRICES)
    prices = iter([0.05, 0.06, 0.07])
    async with world(tmp_path, lambda _: Answer(body=csv_of(NOON, 1, price=next(prices)))) as w:
        w.keeper.away = True
        assert (await w.collector.poll(PRICES, ask())).new == 0
        w.clock.move(1)  # type: ignore[attr-defined]
        assert w.collector.store_is_behind
        async with running(w.collector):
            await asyncio.sleep(0.12)
            assert w.collector.store_is_behind
            await w.collector.poll(PRICES, ask())
            w.keeper.away = False
            await until(lambda: not w.collector.store_is_behind)
            assert list(w.keeper.rows.values()) == [0.06]
            assert len(w.keeper.receipts) == len(w.updates) == 2
            await w.collector.poll(PRICES, ask())
            assert list(w.keeper.rows.values()) == [0.07]


async def test_payloads_that_waited_for_the_store_outlive_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "feed_named", lambda _: PRICES)
    async with world(tmp_path, lambda _: Answer(body=hour_before(NOON))) as w:
        w.keeper.away = True
        await w.collector.poll(PRICES, ask())
    async with world(tmp_path, lambda _: Answer(503)) as w, running(w.collector):
        await until(lambda: not w.collector.store_is_behind)
        assert len(w.keeper.rows) == 12
        assert [update.feed for update in w.updates] == [PRICES.name]


async def test_a_waiting_payload_that_cannot_be_read_any_more_holds_up_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = iter([CAISO, PRICES])
    monkeypatch.setattr(intake, "feed_named", lambda _: next(known))
    async with world(tmp_path, lambda _: Answer(body=hour_before(NOON))) as w:
        w.keeper.away = True
        await w.collector.poll(PRICES, ask())
        w.clock.move(1)  # type: ignore[attr-defined]
        await w.collector.poll(PRICES, ask())
        w.keeper.away = False
        with capture_logs() as logs:
            async with running(w.collector):
                await until(lambda: not w.collector.store_is_behind)
        assert len(w.keeper.receipts) == 1
        assert [log["log_level"] for log in logs if "is not stored" in log["event"]] == ["error"]


def written_below(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.rglob("*.*"))


SECRET = "canary-key/12+3"


def eia_reply(key: str) -> bytes:
    """A price and a row that is none, under an echo of the request as EIA's API gives it."""
    rows = [{"period": day, "series": "RNGWHHD", "units": "$/MMBTU", "value": "2.81"} for day in ("2026-07-13", key)]
    asked = {"command": "/v2/natural-gas/pri/fut/data/", "params": {"api_key": key, "frequency": "daily"}}
    return json.dumps({"request": asked, "response": {"frequency": "daily", "data": rows}}).encode()


async def written_in(database: Database) -> str:
    """Every row of every table; bytes are in hexadecimal."""
    async with database.connection() as connection:
        found = await connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        rows = []
        for (table,) in await found.fetchall():
            whole = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
            rows += await (await connection.execute(whole)).fetchall()
    return "".join(row for (row,) in rows)


@pytest.mark.parametrize(
    ("feed", "setting", "echo", "failed"),
    [
        (replace(PRICES, auth="pjm", needs_key=("PJM_API_KEY",)), "PJM_API_KEY", f'{{"you": "{SECRET}"}}'.encode(), 3),
        (feed_named("eia/henry-hub-spot"), "EIA_API_KEY", eia_reply(SECRET), 6),
    ],
    ids=["nothing but an echo", "a good reply with an echo"],
)
async def test_keys_never_reach_errors_logs_journal_or_store(
    tmp_path: Path, database: Database, feed: Feed, setting: str, echo: bytes, failed: int
) -> None:
    clock = FrozenClock(NOON)
    events, counted = Events(), metrics(clock)
    failures: list[ProviderFailed] = []
    events.on(PROVIDER_ERROR, failures.append)
    async with (
        StandIn(clock, lambda _: Answer(body=echo)) as there,
        Upstream(clock, base_urls={feed.provider: there.url}, credentials=Credentials({setting: SECRET})) as upstream,
    ):
        collector = Collector(clock, upstream, DatabaseKeeper(database), events, Journal(tmp_path), metrics=counted)
        with capture_logs() as logs:
            for status in (200, 401, 500):
                there.answer = lambda _, status=status: Answer(status, echo)
                with suppress(FeedError):
                    await collector.poll(feed, ask(feed))
    sent = there.asked[0]
    assert SECRET in (
        sent.headers.get("ocp-apim-subscription-key"),
        *parse_qs(urlsplit(sent.path).query).get("api_key", ()),
    )
    stored, journalled = await written_in(database), written_below(tmp_path)
    everything = repr((logs, failures, [str(failure.error) for failure in failures])) + stored + journalled
    assert len(failures) == failed
    assert "canary" not in everything
    assert b"canary".hex() not in stored
    assert "***" in stored
    assert "***" in journalled


async def test_the_whole_way_into_the_real_store(tmp_path: Path, database: Database) -> None:
    clock = FrozenClock(NOON)
    events, counted = Events(), metrics(clock)
    updates: list[MarketDataUpdated] = []
    events.on(MARKET_DATA_UPDATED, updates.append)
    async with (
        StandIn(clock, lambda _: Answer(body=hour_before(NOON), headers={"ETag": '"1"'})) as there,
        upstream_to(there.url, clock) as upstream,
    ):
        collector = Collector(clock, upstream, DatabaseKeeper(database), events, Journal(tmp_path), metrics=counted)
        assert (await collector.poll(PRICES, ask())).new == 12
        there.answer = lambda _: Answer(400, b"no such thing")
        with pytest.raises(UpstreamError):
            await collector.poll(PRICES, ask())
    row = await newest_price_of_region(database, "CAISO", "real-time-5min", at=NOON)
    assert row is not None
    assert row["price_per_kwh"] == pytest.approx(0.061)
    (status,) = await feed_status(database)
    assert status["position"] == NOON.replace(second=0) + STEP
    assert "no such thing" in status["error"]
    assert updates[0].names == {"NODE"}
