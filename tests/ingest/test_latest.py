"""The newest price from memory, from what processes share, from the store: and when which of them is forgotten."""

from datetime import datetime
from pathlib import Path
from typing import Any

from ingest.fakes import NOON, STEP
from redis_server import redis_server, sharing, until
from vibelux.ingest.events import MarketDataUpdated
from vibelux.ingest.latest import LatestPrices
from vibelux.market.clock import FrozenClock
from vibelux.store.shared import Shared
from vibelux.store.writer import Written

START = NOON.replace(second=0)
PLACE = ("CAISO", "NODE", "real-time-5min")


class Table:
    """A store with one price, that counts how often it is read."""

    def __init__(self) -> None:
        self.row: dict[str, Any] | None = row(0.05)
        self.reads = 0
        self.meanwhile: Any = None

    async def __call__(self, iso_region: str, node: str | None, market: str, at: datetime) -> dict[str, Any] | None:
        self.reads += 1
        found = self.row
        if self.meanwhile is not None:
            await self.meanwhile()
        return found


def row(price: float, start: datetime = START) -> dict[str, Any]:
    times = {"market_interval_start": start, "market_interval_end": start + STEP, "known_at": start}
    return {"pricing_node": "NODE", "price_per_kwh": price, **times}


def event(provider: str = "caiso", kind: str = "electricity-price") -> MarketDataUpdated:
    return MarketDataUpdated(
        provider=provider, data_type="x", region="California", feed="x/x", kind=kind, names=frozenset({"NODE"}),
        newest_end=None, received_at=NOON, written=Written(), origin="live",
    )  # fmt: skip


async def test_a_price_is_read_once_until_a_newer_one_of_its_grid_comes() -> None:
    table = Table()
    prices = LatestPrices(FrozenClock(NOON), table)
    assert await prices.newest(*PLACE) == await prices.newest(*PLACE) == row(0.05)
    await prices.on_market_data(event("pjm"))
    await prices.on_market_data(event(kind="series"))
    await prices.newest(*PLACE)
    assert table.reads == 1
    table.row = row(0.07)
    await prices.on_market_data(event())
    assert (await prices.newest(*PLACE) or {})["price_per_kwh"] == 0.07


async def test_it_is_forgotten_with_its_interval_and_after_its_time() -> None:
    clock, table = FrozenClock(NOON), Table()
    prices = LatestPrices(clock, table, seconds=300)
    await prices.newest(*PLACE)
    clock.move(271)  # the interval is over
    await prices.newest(*PLACE)
    clock.move(299)
    await prices.newest(*PLACE)
    assert table.reads == 2
    clock.move(1)
    await prices.newest(*PLACE)
    assert table.reads == 3


async def test_what_was_read_while_a_newer_price_came_is_not_remembered() -> None:
    table = Table()
    prices = LatestPrices(FrozenClock(NOON), table)

    async def newer() -> None:
        table.meanwhile, table.row = None, row(0.07)
        await prices.on_market_data(event())

    table.meanwhile = newer
    assert (await prices.newest(*PLACE) or {})["price_per_kwh"] == 0.05
    assert (await prices.newest(*PLACE) or {})["price_per_kwh"] == 0.07


async def test_nothing_is_remembered_of_what_is_not_there_or_where_nobody_tells_of_new_prices() -> None:
    table = Table()
    deaf = LatestPrices(FrozenClock(NOON), table, hears=lambda: False)
    await deaf.newest(*PLACE)
    await deaf.newest(*PLACE)
    assert table.reads == 2
    table.row = None
    prices = LatestPrices(FrozenClock(NOON), table)
    assert await prices.newest(*PLACE) is None
    assert await prices.newest(*PLACE) is None
    assert table.reads == 4


async def test_processes_share_a_price_and_its_end(tmp_path: Path) -> None:
    clock, table, other_table = FrozenClock(NOON), Table(), Table()
    async with redis_server(tmp_path) as redis:
        shared, other_shared = Shared(redis.url, "a"), Shared(redis.url, "a")
        collecting = LatestPrices(clock, table, shared=shared)
        serving = LatestPrices(clock, other_table, shared=other_shared, hears=lambda: False)
        async with sharing(shared, other_shared):
            assert await collecting.newest(*PLACE) == row(0.05)
            assert await serving.newest(*PLACE) == row(0.05), "with times that are times again"
            assert (table.reads, other_table.reads) == (1, 0)
            other_table.row = row(0.07, START + STEP)
            clock.move(300)
            await collecting.on_market_data(event())
            await until(lambda: not serving._remembered)
            found = await serving.newest(*PLACE)
            assert found is not None
            assert found["price_per_kwh"] == 0.07
            assert other_table.reads == 1


async def test_a_copy_that_was_made_before_a_newer_price_counts_no_more(tmp_path: Path) -> None:
    clock, table = FrozenClock(NOON), Table()
    async with redis_server(tmp_path) as redis:
        shared, other_shared = Shared(redis.url, "a"), Shared(redis.url, "a")
        collecting = LatestPrices(clock, Table(), shared=shared)
        slow = LatestPrices(clock, table, shared=other_shared)
        async with sharing(shared, other_shared):

            async def newer() -> None:
                table.meanwhile, table.row = None, row(0.07)
                await collecting.on_market_data(event())

            table.meanwhile = newer
            await slow.newest(*PLACE)  # lays down the old price under the old version
            third = LatestPrices(clock, table, shared=other_shared)
            assert (await third.newest(*PLACE) or {})["price_per_kwh"] == 0.07


async def test_a_redis_that_goes_away_takes_nothing_with_it(tmp_path: Path) -> None:
    clock, table = FrozenClock(NOON), Table()
    async with redis_server(tmp_path) as redis:
        shared = Shared(redis.url, "a")
        serving = LatestPrices(clock, table, shared=shared, hears=lambda: False)
        async with sharing(shared):
            await serving.newest(*PLACE)
            redis.kill()
            await until(lambda: not shared.is_there)
            table.row = row(0.09)
            found = await serving.newest(*PLACE)
            assert found is not None
            assert found["price_per_kwh"] == 0.09, "without Redis nobody would have told of it"
