"""The seat: one process has it, and one that lost it writes nothing."""

import asyncio

import psycopg
import pytest

from store.samples import NOON
from vibelux.market.errors import StoreUnavailable
from vibelux.store.database import Database
from vibelux.store.decisions import decisions, last_seq, save_decision
from vibelux.store.seat import Seat

DECIDED = ("salinas-1", NOON, {"action": "run"}, {}, [{"type": "alert", "body": {}}])


async def test_of_two_processes_one_sits_and_the_other_follows_when_it_ends(
    database_url: str, database: Database
) -> None:
    async with Seat(database_url, "desk") as first, Seat(database_url, "desk") as second:
        assert await first.take()
        assert await first.take(), "who sits makes sure of it"
        assert not await second.take()
        async with Seat(database_url, "another") as other:
            assert await other.take()
        await first.leave()
        assert await second.take()
        assert not await first.take()
        assert second.held.epoch == 2


async def test_a_process_that_is_killed_gives_the_seat_free_at_once(database_url: str, database: Database) -> None:
    async with Seat(database_url, "desk") as killed, Seat(database_url, "desk") as next_one:
        assert await killed.take()
        async with database.connection() as connection:
            await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        async with asyncio.timeout(10):
            while not await next_one.take():
                await asyncio.sleep(0.01)
        assert next_one.held.epoch == 2
        with pytest.raises(StoreUnavailable, match="seat"):
            await killed.take()
        with pytest.raises(StoreUnavailable, match="not known"):
            _ = killed.held
        assert not await killed.take()


async def test_who_has_lost_the_seat_without_knowing_it_keeps_nothing(database_url: str, database: Database) -> None:
    async with Seat(database_url, "desk") as old, Seat(database_url, "desk") as new:
        assert await old.take()
        held = old.held
        assert await save_decision(database, *DECIDED, seat=held) == [1]
        await old.leave()
        assert await new.take()
        with pytest.raises(StoreUnavailable, match="another process"):
            await save_decision(database, *DECIDED, seat=held)
        assert await last_seq(database, "salinas-1") == 1
        assert await save_decision(database, *DECIDED, seat=new.held) == [2]
        assert len(await decisions(database, "salinas-1", NOON, NOON.replace(hour=23))) == 2


async def test_a_database_that_is_away_is_said_to_be(database_url: str) -> None:
    nowhere = psycopg.conninfo.make_conninfo(database_url, dbname="not_there")
    with pytest.raises(StoreUnavailable):
        await Seat(nowhere, "desk").take()
