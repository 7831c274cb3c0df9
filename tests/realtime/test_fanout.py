"""Messages to listeners, whichever process committed them: in order, each once; with Redis, without, in an outage."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from redis_server import redis_server, sharing, until
from store.samples import NOON
from vibelux.market.errors import StoreUnavailable
from vibelux.realtime import fanout as room
from vibelux.realtime.fanout import FanOut
from vibelux.realtime.subscriptions import Subscription
from vibelux.store import decisions as kept
from vibelux.store.database import Database
from vibelux.store.shared import Shared

F = "salinas-1"


def alert(n: int) -> dict[str, Any]:
    return {"type": "alert", "body": {"n": n}}


class Ear:
    """Collects what a subscription gives."""

    def __init__(self, listening: Subscription) -> None:
        self.heard: list[tuple[int, int]] = []
        self._task = asyncio.create_task(self._listen(listening))

    async def _listen(self, listening: Subscription) -> None:
        async for message in listening:
            self.heard.append((message["seq"], message["body"]["n"]))

    async def has(self, *numbers: int) -> None:
        await until(lambda: [n for _, n in self.heard] == list(numbers))

    async def end(self) -> None:
        await self._task


@asynccontextmanager
async def running(*fanouts: FanOut):
    tasks = [asyncio.create_task(one.run()) for one in fanouts]
    try:
        yield
    finally:
        for one in fanouts:
            one.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def commit(db: Database, *numbers: int) -> list[dict[str, Any]]:
    """Commits without passing on, as another process would."""
    messages = [alert(n) for n in numbers]
    return room.numbered(messages, await kept.add_messages(db, F, messages, NOON), NOON)


async def test_what_this_process_commits_is_heard_at_once(database: Database) -> None:
    fanout = FanOut(database)
    await commit(database, 0)
    ear = Ear(await fanout.subscribe(F))
    await fanout.send(F, [alert(1), alert(2)], NOON)
    await fanout.send("other", [alert(9)], NOON)
    fanout.publish(F, [])
    fanout.close()
    await ear.end()
    assert ear.heard == [(2, 1), (3, 2)]


async def test_what_another_process_commits_is_heard_in_its_place(database: Database, monkeypatch) -> None:
    monkeypatch.setattr(room, "_LOOK_SECONDS", 0.05)
    here = FanOut(database)
    ear = Ear(await here.subscribe(F))
    async with running(here):
        await commit(database, 1)
        await ear.has(1)
        await commit(database, 2)  # not seen yet when the next one is passed on
        here.publish(F, await commit(database, 3))
        await ear.has(1, 2, 3)
    await ear.end()
    assert ear.heard == [(1, 1), (2, 2), (3, 3)]


async def test_commits_that_are_passed_on_in_another_order_are_heard_in_theirs(database: Database) -> None:
    here = FanOut(database)
    ear = Ear(await here.subscribe(F))
    first, second = await commit(database, 1), await commit(database, 2)
    async with running(here):
        here.publish(F, second)
        here.publish(F, first)
        here.publish(F, second)
        await ear.has(1, 2)
    await ear.end()
    assert ear.heard == [(1, 1), (2, 2)]


async def test_more_than_a_page_is_fetched_whole(database: Database, monkeypatch) -> None:
    monkeypatch.setattr(room, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(room, "_PAGE", 3)
    here = FanOut(database)
    ear = Ear(await here.subscribe(F))
    await commit(database, *range(10))
    async with running(here):
        await ear.has(*range(10))
    await ear.end()


async def test_a_listener_who_left_costs_nothing_and_may_come_back(database: Database, monkeypatch) -> None:
    monkeypatch.setattr(room, "_LOOK_SECONDS", 0.05)
    here = FanOut(database)
    listening = await here.subscribe(F)
    async with running(here):
        await listening.aclose()
        await until(lambda: F not in here._told)
        await commit(database, 1)
        ear = Ear(await here.subscribe(F))
        await commit(database, 2)
        await ear.has(2)


async def test_while_the_store_is_away_listeners_wait(database: Database, monkeypatch) -> None:
    monkeypatch.setattr(room, "_LOOK_SECONDS", 0.02)
    real, away = kept.last_seqs, [3]

    async def last_seqs(*args: Any) -> dict[str, int]:
        if away[0]:
            away[0] -= 1
            raise StoreUnavailable("away")
        return await real(*args)

    monkeypatch.setattr(kept, "last_seqs", last_seqs)
    here = FanOut(database)
    ear = Ear(await here.subscribe(F))
    async with running(here):
        await commit(database, 1)
        await ear.has(1)
    assert away == [0]


async def test_a_subscription_that_cannot_be_begun_is_refused(database_url: str) -> None:
    closed = await Database.open(database_url, pool_size=1)
    await closed.close()
    with pytest.raises(StoreUnavailable):
        await FanOut(closed).subscribe(F)


async def test_over_redis_other_processes_hear_at_once_and_after_an_outage_all_of_it(
    database: Database, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(room, "_LOOK_SECONDS", 3600.0)  # only hints count here
    async with redis_server(tmp_path) as redis:
        shared, other = Shared(redis.url, "a"), Shared(redis.url, "a")
        desk, server = FanOut(database, shared), FanOut(database, other)
        near, far = Ear(await desk.subscribe(F)), Ear(await server.subscribe(F))
        async with sharing(shared, other), running(desk, server):
            await desk.send(F, [alert(1)], NOON)
            await near.has(1)
            await far.has(1)
            redis.kill()
            await until(lambda: not (shared.is_there or other.is_there))
            await desk.send(F, [alert(2)], NOON)
            await desk.send(F, [alert(3)], NOON)
            await near.has(1, 2, 3)
            assert far.heard == [(1, 1)]
            redis.start()
            await far.has(1, 2, 3)
            await until(lambda: shared.is_there)
            await server.send(F, [alert(4)], NOON)
            await near.has(1, 2, 3, 4)
        await near.end()
        await far.end()
    assert near.heard == far.heard == [(1, 1), (2, 2), (3, 3), (4, 4)]
