"""Decisions and the outbox: what was decided and what is to be told about it, in one transaction.

A facility's messages carry numbers that rise by one and are never given twice, also not after a restart.
All functions raise `StoreUnavailable` when the database is away.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from vibelux.store.database import Database, Readable
from vibelux.store.jsons import dumps, jsonb
from vibelux.store.seat import Held

Message = Mapping[str, Any]
"""`type` and `body`."""


_TELL = """
WITH numbered AS (
    INSERT INTO facility_sequences AS held (facility_id, last_seq) VALUES (%(facility)s, %(count)s)
    ON CONFLICT (facility_id) DO UPDATE SET last_seq = held.last_seq + excluded.last_seq RETURNING last_seq
), told AS (
    INSERT INTO outbox (facility_id, seq, type, body, created_at)
    SELECT %(facility)s, last_seq - %(count)s + place, message ->> 'type', message -> 'body', %(at)s
    FROM numbered, jsonb_array_elements(%(messages)s) WITH ORDINALITY AS sent (message, place)
)
"""
"""The row of the sequence stays locked until the commit, so that numbers become visible in their order."""
_SAVE = f"""{_TELL}, decided AS (
    INSERT INTO chp_decisions (id, facility_id, decided_at, decision, conditions, seq)
    SELECT COALESCE(%(id)s, gen_random_uuid()), %(facility)s, %(at)s, %(decision)s, %(conditions)s, last_seq
    FROM numbered
), planned AS (
    INSERT INTO chp_schedules (facility_id, decided_at, body) VALUES (%(facility)s, %(at)s, %(plan)s)
    ON CONFLICT (facility_id, decided_at) DO UPDATE SET body = excluded.body
)
"""  # noqa: S608 (our own words)


async def save_decision(
    db: Database,
    facility_id: str,
    decided_at: datetime,
    decision: Mapping[str, Any],
    conditions: Mapping[str, Any],
    messages: Sequence[Message],
    *,
    schedule: Mapping[str, Any] | None = None,
    decision_id: UUID | None = None,
    seat: Held | None = None,
) -> list[int]:
    """Keeps a decision and puts its messages into the outbox, both or neither; the messages' numbers.

    Args:
        db: where to.
        facility_id: whose.
        decided_at: when.
        decision: what.
        conditions: the other members of its answer.
        messages: what is told of it.
        schedule: the plan behind it; None where it rests on none.
        decision_id: by it `numbers_of` finds a decision whose commit ended without a word.
        seat: of the process that decides; one that has lost it keeps nothing. None: nobody else decides.
    """
    async with db.connection() as connection:
        if seat is not None:
            await seat.check(connection)
        return await _numbered(
            connection,
            _SAVE,
            facility_id,
            messages,
            decided_at,
            id=decision_id,
            decision=jsonb(decision),
            conditions=jsonb(conditions),
            plan=None if schedule is None else zlib.compress(dumps(schedule)),
        )


async def numbers_of(db: Readable, decision_id: UUID, messages: int) -> list[int] | None:
    """The numbers of a decision's messages (so many) if it was kept, whatever was heard of its commit; else None."""
    async with db.connection() as connection:
        cursor = await connection.execute("SELECT seq FROM chp_decisions WHERE id = %s", (decision_id,))
        row = await cursor.fetchone()
    return None if row is None else list(range(row[0] - messages + 1, row[0] + 1))


async def add_messages(db: Database, facility_id: str, messages: Sequence[Message], created_at: datetime) -> list[int]:
    """Puts messages into the facility's outbox, in order; their numbers."""
    async with db.connection() as connection:
        return await add_within(connection, facility_id, messages, created_at)


async def add_within(
    connection: psycopg.AsyncConnection, facility_id: str, messages: Sequence[Message], created_at: datetime
) -> list[int]:
    """As `add_messages`, within a transaction that holds what the messages tell of."""
    if not messages:
        return []
    return await _numbered(connection, _TELL, facility_id, messages, created_at)


async def _numbered(
    connection: psycopg.AsyncConnection,
    statement: LiteralString,
    facility_id: str,
    messages: Sequence[Message],
    at: datetime,
    **values: Any,
) -> list[int]:
    """Executes one of the statements above; the numbers that it has given to the messages."""
    told = jsonb([{"type": message["type"], "body": message["body"]} for message in messages])
    given = {"facility": facility_id, "count": len(messages), "messages": told, "at": at, **values}
    cursor = await connection.execute(f"{statement} SELECT last_seq FROM numbered", given)  # noqa: S608 (our own words)
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 (RETURNING gives one)
    return list(range(row[0] - len(messages) + 1, row[0] + 1))


async def told_prices(db: Readable, facility_id: str, kinds: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The price record of each kind that the facility was last told, as its outbox has it; none where it has none."""
    async with db.connection() as connection:
        cursor = await connection.execute(
            "SELECT wanted.kind, newest.record FROM unnest(%s::text[]) AS wanted (kind) CROSS JOIN LATERAL"
            " (SELECT body -> 'data' AS record FROM outbox WHERE facility_id = %s AND type = 'market-price-update'"
            " AND body -> 'data' ->> 'kind' = wanted.kind ORDER BY seq DESC LIMIT 1) AS newest",
            (list(kinds), facility_id),
        )
        return dict(await cursor.fetchall())


async def latest_schedule(db: Readable, facility_id: str, at: datetime | None = None) -> dict[str, Any] | None:
    """The plan behind the facility's newest decision, or the newest made at or before `at`.

    None where that decision rests on none, or its plan is no longer kept.
    """
    async with db.connection() as connection:
        cursor = await connection.execute(
            "SELECT body FROM chp_schedules"
            " WHERE facility_id = %s AND decided_at <= COALESCE(%s::timestamptz, 'infinity')"
            " ORDER BY decided_at DESC LIMIT 1",
            (facility_id, at),
        )
        row = await cursor.fetchone()
    return None if row is None or row[0] is None else dict(json.loads(zlib.decompress(row[0])))


async def last_seqs(db: Readable, facility_ids: Sequence[str]) -> dict[str, int]:
    """The number of the newest message of each facility that has one."""
    async with db.connection() as connection:
        cursor = await connection.execute(
            "SELECT facility_id, last_seq FROM facility_sequences WHERE facility_id = ANY(%s)", (list(facility_ids),)
        )
        return dict(await cursor.fetchall())


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

    Keys: `id`, `facility_id`, `decided_at`, `decision`, `conditions`, and `seq`, the number of its newest message.
    """
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT id::text, facility_id, decided_at, decision, conditions, seq FROM chp_decisions"
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
