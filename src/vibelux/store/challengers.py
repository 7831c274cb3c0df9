"""What challengers would have decided. All functions raise `StoreUnavailable` when the database is away."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from vibelux.store.database import Database, Readable
from vibelux.store.jsons import jsonb


async def keep_challenger(
    db: Database, facility_id: str, at: datetime, decision: Mapping[str, Any], conditions: Mapping[str, Any]
) -> None:
    """Keeps one decision; of two of one moment the later one."""
    async with db.connection() as connection:
        await connection.execute(
            "INSERT INTO challenger_decisions (facility_id, decided_at, decision, conditions) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (facility_id, decided_at)"
            " DO UPDATE SET decision = excluded.decision, conditions = excluded.conditions",
            (facility_id, at, jsonb(decision), jsonb(conditions)),
        )


async def challenger_decisions(db: Readable, facility_id: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """The decisions made in [start, end), in order: `decided_at`, `decision`, `conditions`."""
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT decided_at, decision, conditions FROM challenger_decisions"
            " WHERE facility_id = %s AND decided_at >= %s AND decided_at < %s ORDER BY decided_at",
            (facility_id, start, end),
        )
        return await cursor.fetchall()


async def latest_challenger(db: Readable, facility_id: str) -> dict[str, Any] | None:
    """The newest decision; None where there is none."""
    async with db.connection() as connection:
        cursor = await connection.execute(
            "SELECT decision FROM challenger_decisions WHERE facility_id = %s ORDER BY decided_at DESC LIMIT 1",
            (facility_id,),
        )
        row = await cursor.fetchone()
    return None if row is None else row[0]
