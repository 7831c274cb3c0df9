"""Who did what, when, from where, and what came of it: kept for every write and every change of a key.

All functions raise `StoreUnavailable` when the database is away.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from vibelux.store.database import Readable

KEPT_DAYS = 400
COMMAND_LINE = "the command line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One line of the log."""

    at: datetime
    caller_id: str
    caller: str
    """Its name, for people."""
    origin: str
    """The address that asked, or user and machine of a command line."""
    action: str
    """`PUT /api/facilities/{facility_id}`, `create key`."""
    target: str
    facility_id: str | None = None
    outcome: str
    """The status of the answer, or `done`."""


async def note_deed(db: Readable, deed: Deed) -> None:
    """Adds a line."""
    async with db.connection() as connection:
        await add_deed(connection, deed)


async def add_deed(connection: psycopg.AsyncConnection, deed: Deed) -> None:
    """The same within a transaction, so that the line is there exactly where the deed is."""
    await connection.execute(
        "INSERT INTO audit_log (at, caller_id, caller, origin, action, target, facility_id, outcome)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            deed.at,
            deed.caller_id,
            deed.caller,
            deed.origin,
            deed.action,
            deed.target,
            deed.facility_id,
            deed.outcome,
        ),
    )


async def deeds(
    db: Readable,
    *,
    start: datetime,
    end: datetime,
    facilities: Collection[str] = (),
    before: int | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """What was done in [start, end), newest first.

    Args:
        db: where from.
        start: first moment.
        end: the moment after the last.
        facilities: only what was done to these; empty: everything.
        before: the `id` of the last line of the page before.
        limit: at most so many.
    """
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT id, at, caller_id, caller, origin, action, target, facility_id, outcome FROM audit_log"
            " WHERE at >= %s AND at < %s AND (%s::text[] = '{}' OR facility_id = ANY(%s::text[]))"
            " AND id < COALESCE(%s::bigint, 9223372036854775807) ORDER BY id DESC LIMIT %s",
            (start, end, list(facilities), list(facilities), before, limit),
        )
        return await cursor.fetchall()


async def forget_deeds(db: Readable, now: datetime) -> int:
    """Deletes what is older than `KEPT_DAYS`; how many lines."""
    async with db.connection() as connection:
        old = (now - timedelta(days=KEPT_DAYS),)
        return (await connection.execute("DELETE FROM audit_log WHERE at < %s", old)).rowcount
