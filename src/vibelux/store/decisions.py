"""Decisions and the outbox: what was decided and what is to be told about it, in one transaction.

A facility's messages carry numbers that rise by one and are never given twice, also not after a restart.
All functions raise `StoreUnavailable` when the database is away.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from vibelux.store.database import Database, Readable
from vibelux.store.jsons import jsonb

Message = Mapping[str, Any]
"""`type` and `body`."""


async def save_decision(
    db: Database,
    facility_id: str,
    decided_at: datetime,
    decision: Mapping[str, Any],
    conditions: Mapping[str, Any],
    messages: Sequence[Message],
) -> list[int]:
    """Keeps a decision and puts its messages into the outbox, both or neither; the messages' numbers."""
    async with db.connection() as connection:
        await connection.execute(
            "INSERT INTO chp_decisions (facility_id, decided_at, decision, conditions) VALUES (%s, %s, %s, %s)",
            (facility_id, decided_at, jsonb(decision), jsonb(conditions)),
        )
        return await _add(connection, facility_id, messages, decided_at)


async def add_messages(db: Database, facility_id: str, messages: Sequence[Message], created_at: datetime) -> list[int]:
    """Puts messages into the facility's outbox, in order; their numbers."""
    async with db.connection() as connection:
        return await _add(connection, facility_id, messages, created_at)


async def _add(
    connection: psycopg.AsyncConnection, facility_id: str, messages: Sequence[Message], created_at: datetime
) -> list[int]:
    if not messages:
        return []
    # The row stays locked until the commit, so that numbers become visible in their order.
    cursor = await connection.execute(
        "INSERT INTO facility_sequences AS held (facility_id, last_seq) VALUES (%s, %s)"
        " ON CONFLICT (facility_id) DO UPDATE SET last_seq = held.last_seq + excluded.last_seq RETURNING last_seq",
        (facility_id, len(messages)),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 (RETURNING gives one)
    numbers = list(range(row[0] - len(messages) + 1, row[0] + 1))
    async with connection.cursor() as many:
        await many.executemany(
            "INSERT INTO outbox (facility_id, seq, type, body, created_at) VALUES (%s, %s, %s, %s, %s)",
            [
                (facility_id, seq, message["type"], jsonb(message["body"]), created_at)
                for seq, message in zip(numbers, messages, strict=True)
            ],
        )
    return numbers


async def last_seq(db: Readable, facility_id: str) -> int:
    """The number of the facility's newest message; 0 before the first."""
    async with db.connection() as connection:
        return await _last(connection, facility_id)


async def messages_since(db: Readable, facility_id: str, seq: int, limit: int = 1000) -> list[dict[str, Any]] | None:
    """The messages after number `seq`: `seq`, `type`, `body`, `created_at`; at most `limit`.

    None where they cannot be given without a hole: too old and deleted, or a number never given.
    """
    async with db.connection() as connection:
        last = await _last(connection, facility_id)
        if seq == last or not 0 <= seq < last:
            return [] if seq == last else None
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(
                "SELECT seq, type, body, created_at FROM outbox"
                " WHERE facility_id = %s AND seq > %s ORDER BY seq LIMIT %s",
                (facility_id, seq, limit),
            )
            rows = await cursor.fetchall()
    return rows if rows and rows[0]["seq"] == seq + 1 else None


async def _last(connection: psycopg.AsyncConnection, facility_id: str) -> int:
    cursor = await connection.execute("SELECT last_seq FROM facility_sequences WHERE facility_id = %s", (facility_id,))
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def latest_decision(db: Readable, facility_id: str, at: datetime | None = None) -> dict[str, Any] | None:
    """The facility's newest decision, or the newest made at or before `at`.

    Keys: `id`, `facility_id`, `decided_at`, `decision`, `conditions`.
    """
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT id::text, facility_id, decided_at, decision, conditions FROM chp_decisions"
            " WHERE facility_id = %s AND decided_at <= COALESCE(%s::timestamptz, 'infinity')"
            " ORDER BY decided_at DESC, created_at DESC LIMIT 1",
            (facility_id, at),
        )
        return await cursor.fetchone()


async def decisions(
    db: Readable,
    facility_id: str,
    start: datetime,
    end: datetime,
    *,
    limit: int | None = None,
    after: Sequence[Any] | None = None,
) -> list[dict[str, Any]]:
    """The facility's decisions made in [start, end), in order; keys as in `latest_decision`, and `created_at`.

    Args:
        db: where from.
        facility_id: whose.
        start: first moment.
        end: the moment after the last.
        limit: at most so many.
        after: `decided_at`, `created_at` and `id` of the last one of the page before.
    """
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT id::text, facility_id, decided_at, decision, conditions, created_at FROM chp_decisions"
            " WHERE facility_id = %s AND decided_at >= %s AND decided_at < %s"
            " AND (decided_at, created_at, id) > (COALESCE(%s::timestamptz, '-infinity'),"
            " COALESCE(%s::timestamptz, '-infinity'), COALESCE(%s::uuid, '00000000-0000-0000-0000-000000000000'))"
            " ORDER BY decided_at, created_at, chp_decisions.id LIMIT %s",
            (facility_id, start, end, *(after or (None, None, None)), limit),
        )
        return await cursor.fetchall()
