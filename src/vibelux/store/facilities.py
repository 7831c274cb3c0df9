"""The facilities that the service decides for, as their own objects (contracts §7).

All functions raise `StoreUnavailable` when the database is away.
"""

from collections.abc import Mapping
from typing import Any

from psycopg.rows import dict_row

from vibelux.store.database import Database
from vibelux.store.jsons import jsonb


async def put_facility(db: Database, facility_id: str, body: Mapping[str, Any], source: str) -> bool:
    """Adds a facility or replaces it whole; True if it is new.

    Args:
        db: where to.
        facility_id: letters, digits, dash.
        body: the facility file's object.
        source: who says so: `file`, `rest`, `cli`.
    """
    async with db.connection() as connection:
        cursor = await connection.execute(
            "INSERT INTO facilities (id, body, source) VALUES (%s, %s, %s)"
            " ON CONFLICT (id) DO UPDATE SET body = excluded.body, source = excluded.source, updated_at = now()"
            " RETURNING xmax = 0",
            (facility_id, jsonb(body), source),
        )
        row = await cursor.fetchone()
        return bool(row and row[0])


async def remove_facility(db: Database, facility_id: str) -> bool:
    """Takes a facility out; False if there was none. Its decisions and its last message number stay."""
    async with db.connection() as connection:
        cursor = await connection.execute("DELETE FROM facilities WHERE id = %s", (facility_id,))
        return cursor.rowcount > 0


async def all_facilities(db: Database) -> list[dict[str, Any]]:
    """All facilities by id: `id`, `body`, `source`."""
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SELECT id, body, source FROM facilities ORDER BY id")
        return await cursor.fetchall()
