"""Keys and facilities are not looked up for each request, and yet end when they end."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from serve.stored import StoredWorld, stored_world
from store.samples import NOON
from vibelux.serve.lately import SECONDS, Lately
from vibelux.serve.stored import StoredStore
from vibelux.store import keys
from vibelux.store.database import Database
from vibelux.store.facilities import remove_facility

DECISION = "/api/chp/decision?facilityId=salinas-1"


class Watch:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class WatchedWorld(StoredWorld):
    """Its store remembers by a clock of the test's."""

    def make_store(self) -> StoredStore:
        self.watch = Watch()
        return StoredStore(self.db, self.watch)


@pytest.fixture
async def world(database: Database) -> WatchedWorld:
    plain = await stored_world(database, ["admin"])
    return WatchedWorld(plain.db, plain.key)


async def statuses(world: StoredWorld, *paths: str) -> list[int]:
    async with world.client(world.key.key) as client:
        return [(await client.get(path)).status_code for path in paths]


async def test_a_busy_client_costs_the_database_two_transactions_in_two_seconds(
    world: WatchedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    borrowed = 0
    connection = world.db.connection

    def counted() -> Any:
        nonlocal borrowed
        borrowed += 1
        return connection()

    monkeypatch.setattr(world.db, "connection", counted)
    assert await statuses(world, *[DECISION] * 20) == [200] * 20
    assert borrowed == 2
    world.watch.seconds += SECONDS
    assert await statuses(world, *[DECISION] * 20) == [200] * 20
    assert borrowed == 4


async def test_what_another_process_ends_is_over_two_seconds_later(world: WatchedWorld) -> None:
    assert await statuses(world, DECISION) == [200]
    await remove_facility(world.db, "salinas-1")
    world.watch.seconds += SECONDS
    assert await statuses(world, DECISION) == [404]
    await keys.revoke_key(world.db, world.key.id, NOON)
    world.watch.seconds += SECONDS
    assert await statuses(world, DECISION) == [401]


async def test_what_this_process_ends_is_over_at_once(world: WatchedWorld) -> None:
    async with world.client(world.key.key) as client:
        assert (await client.get(DECISION)).status_code == 200
        assert (await client.delete("/api/facilities/salinas-1")).status_code == 204
        assert (await client.get(DECISION)).status_code == 404
        assert (await client.delete(f"/api/keys/{world.key.id}")).status_code == 204
        assert (await client.get(DECISION)).status_code == 401


async def test_a_remembered_key_ends_at_its_expiry(world: WatchedWorld) -> None:
    world.wall.moment = NOON + timedelta(days=90, seconds=-1)
    assert await statuses(world, DECISION) == [200]
    world.wall.moment += timedelta(seconds=1)
    assert await statuses(world, DECISION) == [401]


async def test_the_last_use_of_a_remembered_key_is_noted(world: WatchedWorld) -> None:
    noted = []
    for seconds in (0, 1, 61):
        world.wall.moment = NOON + timedelta(seconds=seconds)
        world.watch.seconds = seconds
        await statuses(world, DECISION)
        noted.append((await keys.list_keys(world.db))[0]["last_used_at"])
    assert noted == [NOON, NOON, NOON + timedelta(seconds=61)]


async def test_what_is_looked_up_while_all_is_forgotten_is_not_remembered() -> None:
    lately = Lately[str, str](Watch())
    looked, may_end = 0, asyncio.Event()

    async def look() -> str:
        nonlocal looked
        looked += 1
        await may_end.wait()
        return "good"

    finding = asyncio.create_task(lately.find("key", look))
    await asyncio.sleep(0)
    lately.forget()
    may_end.set()
    assert await finding == "good"
    await lately.find("key", look)
    await lately.find("key", look)
    assert looked == 2
