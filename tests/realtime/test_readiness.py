"""`/readyz` tells the truth: each reason for which the service does not do its work is seen to come and to go."""

import pytest

from serve.fakes import FACILITY, answer
from serve.stored import stored_world
from store.samples import NOON, at, parsed, price, receipt
from vibelux.feeds import feed_named
from vibelux.market.clock import FrozenClock
from vibelux.realtime.readiness import Readiness
from vibelux.store.database import Database
from vibelux.store.decisions import save_decision
from vibelux.store.facilities import put_facility
from vibelux.store.seat import Seat
from vibelux.store.writer import write_payload

REAL_TIME = "caiso/real-time-pricing"


class World:
    def __init__(self, db: Database) -> None:
        self.db, self.clock = db, FrozenClock(NOON)
        self.checks = Readiness(db, self.clock, [feed_named(REAL_TIME)], "desk").checks

    async def wrong(self, name: str) -> str | None:
        return await self.checks[name]()


@pytest.fixture
async def world(database: Database) -> World:
    await put_facility(database, "salinas-1", FACILITY, "cli")
    return World(database)


async def test_somebody_has_to_sit_at_the_desk(world: World) -> None:
    assert await world.wrong("seat") == "no process decides"
    async with Seat(world.db.url, "desk") as seat:
        assert await seat.take()
        assert await world.wrong("seat") is None
    assert await world.wrong("seat") == "no process decides"


async def test_a_schema_that_another_version_has_changed_is_not_ours(world: World) -> None:
    assert await world.wrong("schema") is None
    async with world.db.connection() as connection:
        await connection.execute("INSERT INTO schema_migrations (version, name, sha256) VALUES (9999, 'later', '')")
    assert await world.wrong("schema") == "another version has changed the schema: restart with it"


async def test_a_grid_has_to_have_a_fresh_price(world: World) -> None:
    assert await world.wrong("feeds") == f"{REAL_TIME} has brought nothing"
    await write_payload(world.db, receipt(NOON), parsed(price(0.05)), position=at(5))
    assert await world.wrong("feeds") is None
    world.clock.move(300 + 901)
    assert await world.wrong("feeds") == f"{REAL_TIME} is 901 s old"
    await put_facility(world.db, "salinas-1", FACILITY | {"iso_region": "PJM"}, "cli")
    assert await world.wrong("feeds") == "no price feed of PJM runs"


async def test_a_decision_has_to_be_in_force(world: World) -> None:
    assert await world.wrong("decisions") == "none is made"
    one = answer(at=NOON)["decision"] | {"validUntil": "2026-07-14T19:05:00Z"}
    await save_decision(world.db, "salinas-1", NOON, one, {}, [])
    world.clock.move(20 * 60)
    assert await world.wrong("decisions") is None
    world.clock.move(1)
    assert await world.wrong("decisions") == "the newest decision ran out 901 s ago"


async def test_without_facilities_there_is_nothing_to_miss(database: Database) -> None:
    world = World(database)
    assert [await world.wrong(name) for name in ("feeds", "decisions")] == [None, None]


async def test_a_reason_is_503_and_a_database_that_is_away_is_the_only_one_told(database: Database) -> None:
    world = await stored_world(database)
    world.state.checks = World(database).checks
    async with world.client() as client:
        reply = await client.get("/readyz")
        assert reply.status_code == 503
        assert reply.json()["checks"] == {
            "database": "ok",
            "schema": "ok",
            "seat": "no process decides",
            "feeds": f"{REAL_TIME} has brought nothing",
            "decisions": "none is made",
        }
    await database.close()
    assert await World(database).wrong("feeds") == "the database does not answer"
