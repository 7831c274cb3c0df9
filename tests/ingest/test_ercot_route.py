"""ERCOT's prices by its public API where all keys are set, from the keyless lists where one is missing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grids import DOCUMENT, ERCOT_KEYS, IN_THE_API, Grids
from ingest.fakes import MemoryKeeper, metrics
from ingest.stand_in import Answer, Asked, StandIn
from vibelux.feeds import Ask, feed_named
from vibelux.ingest.client import Upstream
from vibelux.ingest.collector import Collector
from vibelux.ingest.credentials import Credentials
from vibelux.ingest.events import Events
from vibelux.ingest.journal import Journal
from vibelux.market.clock import FrozenClock

MOMENT = datetime(2026, 7, 14, 18, 25, tzinfo=UTC)
FEED = feed_named("ercot/settlement-point-prices")
TOKEN = "/ercot/ercotb2c.onmicrosoft.com/"
API = "/ercot/api/public-reports/np6-905-cd/"


class World:
    """A collector before ERCOT's stand-in."""

    def __init__(self, folder: Path, keys: dict[str, str]) -> None:
        self.clock = FrozenClock(MOMENT)
        self.grids = Grids(self.clock)
        self.keeper = MemoryKeeper()
        self.there = StandIn(self.clock, self.grids)
        self._folder, self._keys = folder, keys

    async def __aenter__(self) -> "World":
        await self.there.__aenter__()
        self.upstream = Upstream(
            self.clock, credentials=Credentials(self._keys), base_urls={"ercot": f"{self.there.url}/ercot"}
        )
        self._collector = Collector(
            self.clock, self.upstream, self.keeper, Events(), Journal(self._folder), metrics=metrics(self.clock)
        )
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.upstream.close()
        await self.there.__aexit__(None, None, None)

    async def poll(self) -> None:
        await self._collector.poll(FEED, Ask(FEED.publication.window(self.clock.now()), ("HB_NORTH", "HB_WEST")))

    def asked(self, prefix: str) -> int:
        return sum(asked.path.startswith(prefix) for asked in self.there.asked)

    @property
    def lists(self) -> set[str]:
        return {path.rsplit("=", 1)[1] for path in (a.path for a in self.there.asked) if "IceDocListJsonWS" in path}

    def newest_quarter(self) -> datetime:
        return max(start for _, start in self.keeper.rows if start.second == 0)


async def test_with_all_keys_the_api_is_asked_for_each_node_and_its_token_is_renewed_in_time(tmp_path) -> None:
    async with World(tmp_path, ERCOT_KEYS) as world:
        await world.poll()
        assert (world.asked(TOKEN), world.asked(API)) == (1, 2)
        assert world.lists == {"12300"}, "the runs have their list; the quarter hours have none"
        assert world.newest_quarter() == datetime(2026, 7, 14, 18, 0, tzinfo=UTC), "out 9 minutes after its end"
        world.clock.move(timedelta(minutes=50).total_seconds())
        await world.poll()
        assert world.asked(TOKEN) == 1
        world.clock.move(timedelta(minutes=6).total_seconds())
        await world.poll()
        assert world.asked(TOKEN) == 2, "a token lives for an hour and is renewed five minutes before"


@pytest.mark.parametrize("missing", ERCOT_KEYS)
async def test_with_one_key_missing_the_lists_are_asked_and_no_token(tmp_path, missing) -> None:
    keys = {name: value for name, value in ERCOT_KEYS.items() if name != missing}
    async with World(tmp_path, keys) as world:
        world.clock.moment = datetime(2026, 7, 14, 18, 15, 15, tzinfo=UTC) + DOCUMENT
        await world.poll()
        assert (world.asked(TOKEN), world.asked(API)) == (0, 0)
        assert world.lists == {"12300", "12301"}
        assert world.newest_quarter() == datetime(2026, 7, 14, 18, 0, tzinfo=UTC), "the documents are there sooner"
        assert DOCUMENT < IN_THE_API


async def test_an_api_that_fails_is_stood_in_for_by_the_lists(tmp_path) -> None:
    async with World(tmp_path, ERCOT_KEYS) as world:
        grids = world.there.answer

        def broken(asked: Asked) -> Answer:
            return Answer(400) if asked.path.startswith(API) else grids(asked)

        world.there.answer = broken
        await world.poll()
        assert world.lists == {"12300", "12301"}
        assert world.newest_quarter() == datetime(2026, 7, 14, 18, 0, tzinfo=UTC)
