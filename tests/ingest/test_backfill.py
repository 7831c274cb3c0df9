"""History: a day at a time, within the budget, taken up where it was left."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from ingest.fakes import PRICES, MemoryKeeper, PatientClock, csv_of, metrics, upstream_to
from ingest.stand_in import Answer, Asked, StandIn
from vibelux.feeds import Ask, Feed, Request, feed_named
from vibelux.ingest.backfill import Progress, backfill, chunks_of
from vibelux.ingest.collector import Collector
from vibelux.ingest.events import Events
from vibelux.ingest.journal import Journal
from vibelux.market.errors import CircuitOpen, FeedError, StoreUnavailable, Unreachable
from vibelux.market.intervals import Interval, local_naive

MONTH = Interval(datetime(2026, 3, 1, 8, tzinfo=UTC), datetime(2026, 3, 31, 7, tzinfo=UTC))
LATER = datetime(2026, 5, 1, tzinfo=UTC)
SLOW = replace(
    PRICES,
    service=replace(PRICES.service, seconds_between=5.0),
    requests=lambda ask: [Request(f"https://prices.test/{ask.window.start:%Y%m%d%H}-{ask.window.end:%Y%m%d%H}")],
)


def answer(asked: Asked) -> Answer:
    return Answer(body=csv_of(datetime.strptime(asked.path[1:11], "%Y%m%d%H").replace(tzinfo=UTC), 3))


async def filled(
    folder: Path,
    reply: Callable[[Asked], Answer],
    window: Interval = MONTH,
    keeper: MemoryKeeper | None = None,
    nodes: tuple[str, ...] = (),
    feed: Feed = SLOW,
) -> tuple[list[Progress], StandIn, MemoryKeeper]:
    clock, keeper = PatientClock(LATER), keeper or MemoryKeeper()
    async with StandIn(clock, reply) as there, upstream_to(there.url, clock) as upstream:
        collector = Collector(clock, upstream, keeper, Events(), Journal(folder), metrics=metrics(clock))
        steps = [step async for step in backfill(collector, clock, feed, window, nodes, folder)]
    return steps, there, keeper


def test_chunks_are_the_markets_days_also_on_the_short_one() -> None:
    chunks = chunks_of(SLOW, MONTH, LATER)
    assert len(chunks) == 30
    assert {(chunk.end - chunk.start) // timedelta(hours=1) for chunk in chunks} == {23, 24}
    assert chunks[0].start == MONTH.start
    assert all(earlier.end == later.start for earlier, later in pairwise(chunks))
    assert chunks[-1].end == MONTH.end


def test_days_that_upstream_keeps_by_the_month_are_one_chunk_a_month() -> None:
    nyiso = feed_named("nyiso/real-time-pricing")
    now = datetime(2026, 7, 14, 16, tzinfo=UTC)
    window = Interval(datetime(2026, 5, 20, 4, tzinfo=UTC), datetime(2026, 7, 9, 4, tzinfo=UTC))
    chunks = chunks_of(nyiso, window, now)
    starts = [local_naive(chunk.start, nyiso.timezone).date() for chunk in chunks]
    assert starts == [date(2026, 5, 20), date(2026, 6, 1), date(2026, 7, 1), date(2026, 7, 7), date(2026, 7, 8)]
    assert all(earlier.end == later.start for earlier, later in pairwise(chunks))
    asked = [request.url for chunk in chunks for request in nyiso.requests(Ask(chunk, ("WEST",), now))]
    assert [url.rpartition("/")[2] for url in asked] == [
        "20260501realtime_zone_csv.zip",
        "20260601realtime_zone_csv.zip",
        "20260701realtime_zone_csv.zip",
        "20260707realtime_zone.csv",
        "20260708realtime_zone.csv",
    ]


async def test_a_month_comes_whole_and_no_request_is_over_the_budget(tmp_path: Path) -> None:
    steps, there, keeper = await filled(tmp_path, answer)
    assert (len(steps), steps[-1].done, steps[-1].total) == (30, 30, 30)
    assert len(keeper.rows) == 90
    assert len(there.asked) == 30
    assert min(later.at - earlier.at for earlier, later in pairwise(there.asked)) >= timedelta(seconds=5)
    assert keeper.held == {}  # history does not move the feed's position


async def test_it_goes_on_where_it_was_left(tmp_path: Path) -> None:
    dead_after = iter(range(3))

    def dies(asked: Asked) -> Answer:
        return answer(asked) if next(dead_after, None) is not None else Answer(500)

    keeper = MemoryKeeper()
    with pytest.raises(FeedError):
        await filled(tmp_path, dies, keeper=keeper)
    assert len(keeper.rows) == 9
    steps, there, _ = await filled(tmp_path, answer, keeper=keeper)
    assert [step.skipped for step in steps] == [True] * 3 + [False] * 27
    assert len(there.asked) == 27
    assert len(keeper.rows) == 90


async def test_other_nodes_are_other_history(tmp_path: Path) -> None:
    day = Interval(MONTH.start, MONTH.start + timedelta(days=1))
    for nodes in (("A",), ("A", "B"), ("B", "A")):
        steps, _, _ = await filled(tmp_path, answer, day, nodes=nodes)
        assert [step.skipped for step in steps] == [nodes == ("B", "A")]


async def test_a_day_that_is_not_over_is_asked_again_next_time(tmp_path: Path) -> None:
    today = Interval(LATER - timedelta(hours=10), LATER + timedelta(hours=5))
    for _ in range(2):
        steps, _, _ = await filled(tmp_path, answer, today)
        assert [step.skipped for step in steps] == [False]


async def test_a_day_that_cannot_be_read_is_told_and_stops_nothing(tmp_path: Path) -> None:
    bad = MONTH.start.strftime("/%Y%m%d%H")
    steps, _, keeper = await filled(
        tmp_path, lambda asked: Answer(body=b"no table") if asked.path.startswith(bad) else answer(asked)
    )
    assert [step.error is not None for step in steps] == [True] + [False] * 29
    assert len(keeper.rows) == 87


async def test_a_service_that_is_down_for_long_ends_it_without_a_storm(tmp_path: Path) -> None:
    with pytest.raises((Unreachable, CircuitOpen)):
        await filled(tmp_path, lambda _: Answer(500))


async def test_with_the_store_away_it_stops_and_says_so(tmp_path: Path) -> None:
    keeper = MemoryKeeper()
    keeper.away = True
    with pytest.raises(StoreUnavailable, match="the store is away"):
        await filled(tmp_path, answer, keeper=keeper)
