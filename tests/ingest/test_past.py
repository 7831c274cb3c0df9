"""The days of prices that are not there are fetched, once, and no others."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingest.fakes import PRICES, STEP, PatientClock, csv_of, metrics, upstream_to
from ingest.stand_in import Answer, Asked, StandIn
from vibelux.feeds import Feed, Request, all_feeds
from vibelux.ingest.collector import Collector
from vibelux.ingest.events import Events
from vibelux.ingest.journal import Journal
from vibelux.ingest.keeper import DatabaseKeeper
from vibelux.ingest.past import Past, is_learnt_from
from vibelux.market.intervals import Interval, local_day
from vibelux.store.database import Database
from vibelux.store.points import price_points

NOW = datetime(2026, 7, 14, 16, 2, tzinfo=UTC)
TODAY = local_day(NOW.date(), "America/Los_Angeles").start
FEED = replace(
    PRICES,
    nodal=True,
    market="real-time-5min",
    requests=lambda ask: [
        Request(f"https://prices.test/{ask.window.start:%Y%m%d%H%M}-{ask.window.end:%Y%m%d%H%M}/{','.join(ask.nodes)}")
    ],
)


class Grid:
    """An upstream that has prices of every window but some, and a service that asks it."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self.folder, self.clock = db, folder, PatientClock(NOW)
        self.lost: set[datetime] = set()
        self.windows: list[tuple[Interval, str]] = []

    def answer(self, asked: Asked) -> Answer:
        window, nodes = asked.path[1:].split("/")
        start, end = (datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC) for text in window.split("-"))
        self.windows.append((Interval(start, end), nodes))
        if start in self.lost:
            return Answer(404)
        count = (min(end, self.clock.now()) - start) // STEP
        bodies = [csv_of(start, count, node).decode().splitlines() for node in nodes.split(",")]
        return Answer(body="\n".join(bodies[0] + [line for body in bodies[1:] for line in body[1:]] + [""]).encode())

    @asynccontextmanager
    async def past(self, *nodes: str, days: int = 3, feeds: tuple[Feed, ...] = (FEED,)) -> AsyncIterator[Past]:
        clock = self.clock
        async with StandIn(clock, self.answer) as there, upstream_to(there.url, clock) as upstream:
            journal, count = Journal(self.folder), metrics(clock)
            collector = Collector(clock, upstream, DatabaseKeeper(self.db), Events(), journal, metrics=count)
            yield Past(self.db, collector, clock, feeds, lambda _: nodes, self.folder, days=days)

    async def count(self, node: str, start: datetime, end: datetime) -> int:
        points = await price_points(
            self.db, "CAISO", node, {"real-time-5min": start}, until=end, as_of=self.clock.now() + timedelta(days=1)
        )
        return len(points["real-time-5min"].minutes)


async def test_the_days_before_a_nodes_first_price_are_fetched_and_only_once(
    database: Database, tmp_path: Path
) -> None:
    grid = Grid(database, tmp_path)
    async with grid.past("NODE") as past:
        assert await past.fill(FEED) == 3 * 288 + (NOW - TODAY) // STEP
        asked = len(grid.windows)
        assert asked == 4
        grid.clock.move(3600)
        assert await past.fill(FEED) == 0
    assert len(grid.windows) == asked
    assert await grid.count("NODE", TODAY - timedelta(days=3), TODAY) == 3 * 288


async def test_a_hole_that_an_absence_left_is_filled_by_the_days_that_it_touches(
    database: Database, tmp_path: Path
) -> None:
    grid = Grid(database, tmp_path)
    async with grid.past("NODE") as past:
        await past.fill(FEED)
        hole = TODAY - timedelta(hours=30)
        async with database.connection() as connection:
            await connection.execute(
                "DELETE FROM real_time_electricity_prices WHERE market_interval_start >= %s"
                " AND market_interval_start < %s",
                (hole, hole + timedelta(hours=3)),
            )
    grid.windows.clear()
    (tmp_path / "backfill" / "caiso" / "real-time-pricing.json").unlink()
    async with grid.past("NODE") as past:
        assert await past.fill(FEED) == 36
    day = TODAY - timedelta(days=2)
    assert grid.windows == [(Interval(day, day + timedelta(days=1)), "NODE")]


async def test_only_a_new_nodes_past_is_fetched_when_it_joins(database: Database, tmp_path: Path) -> None:
    grid = Grid(database, tmp_path)
    async with grid.past("NODE") as past:
        await past.fill(FEED)
    grid.windows.clear()
    async with grid.past("NODE", "OTHER") as past:
        assert await past.fill(FEED) == 3 * 288 + (NOW - TODAY) // STEP
    assert {nodes for _, nodes in grid.windows} == {"OTHER"}


async def test_a_day_that_upstream_lacks_is_asked_for_again_the_next_day_not_the_next_hour(
    database: Database, tmp_path: Path
) -> None:
    grid = Grid(database, tmp_path)
    lost = TODAY - timedelta(days=2)
    grid.lost = {lost}
    async with grid.past("NODE") as past:
        await past.fill(FEED)
        for _ in range(3):
            grid.clock.move(3600)
            await past.fill(FEED)
        assert [window.start for window, _ in grid.windows].count(lost) == 1
        grid.lost.clear()
        grid.clock.move(86_400)
        await past.fill(FEED)
    assert await grid.count("NODE", lost, lost + timedelta(days=1)) == 288


def test_each_grid_has_a_real_time_and_a_day_ahead_feed_to_learn_from() -> None:
    learnt = [(feed.region, feed.market) for feed in all_feeds() if is_learnt_from(feed)]
    assert sorted(learnt) == sorted(
        (region, market)
        for region, own in (
            ("California", "real-time-5min"),
            ("New York", "real-time-5min"),
            ("PJM", "real-time-5min"),
            ("Texas", "real-time-15min"),
        )
        for market in (own, "day-ahead-hourly")
    )
