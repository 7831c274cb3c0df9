"""The pool: who waits is served in turn, and a connection that the server has ended reaches nobody."""

import asyncio
import select

import pytest

from vibelux.store import database as module
from vibelux.store.database import Database


async def test_who_waits_longest_is_next_however_long_the_pool_was_busy(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TRY_SECONDS", 0.05)
    db = await Database.open(database_url, pool_size=1)
    served: list[str] = []

    async def wait(name: str) -> None:
        async with db.connection():
            served.append(name)

    async with db.connection():
        first = asyncio.create_task(wait("first"))
        await asyncio.sleep(0.08)  # longer than one try at the pool
        second = asyncio.create_task(wait("second"))
        await asyncio.sleep(0.08)
    await asyncio.gather(first, second)
    await db.close()
    assert served == ["first", "second"]


async def test_a_connection_that_the_server_ended_just_now_is_replaced_unseen(database_url: str) -> None:
    db = await Database.open(database_url, pool_size=1)
    async with db.connection() as connection:
        before, socket = connection.info.backend_pid, connection.fileno()
    other = await Database.open(database_url, pool_size=1)
    async with other.connection() as connection:
        await connection.execute("SELECT pg_terminate_backend(%s)", (before,))
    assert await asyncio.to_thread(select.select, [socket], [], [], 30) == ([socket], [], [])
    async with db.connection() as connection:
        assert connection.info.backend_pid != before
    await other.close()
    await db.close()
