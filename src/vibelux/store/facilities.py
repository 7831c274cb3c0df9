"""The facilities that the service decides for, as their own objects (contracts §7).

All functions raise `StoreUnavailable` when the database is away. Given `Database.limited_to` they reach only its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from vibelux.store.database import Database, Readable
from vibelux.store.jsons import jsonb

Body = Mapping[str, Any]

_TAKE = """
INSERT INTO facilities AS held (id, body, source, file_body) VALUES (%(id)s, %(body)s, 'file', %(body)s)
ON CONFLICT (id) DO UPDATE
SET body = excluded.body, source = excluded.source, file_body = excluded.file_body, updated_at = now()
WHERE held.file_body IS DISTINCT FROM excluded.file_body
"""
_GONE = "file_body IS NOT NULL AND COALESCE(file, %(file)s) = %(file)s AND id <> ALL(%(ids)s)"


@dataclass(frozen=True, slots=True)
class LeftFile:
    """What became of facilities that stood in a file and stand there no more."""

    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    """Those that somebody has changed since, over REST or by command: they are no longer the file's."""


async def put_facility(db: Readable, facility_id: str, body: Body, source: str) -> bool:
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


async def add_facility(db: Readable, facility_id: str, body: Body, source: str) -> bool:
    """Adds a facility; False, and nothing is changed, where there is one of that id."""
    async with db.connection() as connection:
        cursor = await connection.execute(
            "INSERT INTO facilities (id, body, source) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (facility_id, jsonb(body), source),
        )
        return cursor.rowcount > 0


async def replace_facility(db: Readable, facility_id: str, body: Body) -> bool:
    """Replaces a facility whole; False if there is none. Who put it there first stays noted as its source."""
    async with db.connection() as connection:
        cursor = await connection.execute(
            "UPDATE facilities SET body = %s, updated_at = now() WHERE id = %s", (jsonb(body), facility_id)
        )
        return cursor.rowcount > 0


async def take_file(db: Database, file: str | None, bodies: Mapping[str, Body]) -> LeftFile:
    """Takes up what a configuration file says, where it says something else than the last time.

    A facility that was changed elsewhere keeps that change until its place in the file changes too. One that stood in
    this very file and no longer does is removed, with its decisions and its last message number left as they are.

    Args:
        db: where to.
        file: the file's path; None where there is none, and then nothing is removed.
        bodies: its facilities' objects by id.
    """
    async with db.connection() as connection:
        for facility_id, body in sorted(bodies.items()):
            await connection.execute(_TAKE, {"id": facility_id, "body": jsonb(body)})
        if file is None:
            return LeftFile()
        gone = {"file": file, "ids": list(bodies)}
        await connection.execute("UPDATE facilities SET file = %(file)s WHERE id = ANY(%(ids)s)", gone)
        removed = await connection.execute(
            f"DELETE FROM facilities WHERE {_GONE} AND body = file_body RETURNING id",  # noqa: S608 (our own words)
            gone,
        )
        kept = await connection.execute(
            f"UPDATE facilities SET file = NULL, file_body = NULL WHERE {_GONE} RETURNING id",  # noqa: S608
            gone,
        )
        return LeftFile(
            tuple(sorted(row[0] for row in await removed.fetchall())),
            tuple(sorted(row[0] for row in await kept.fetchall())),
        )


async def remove_facility(db: Readable, facility_id: str) -> bool:
    """Takes a facility out; False if there was none. Its decisions and its last message number stay."""
    async with db.connection() as connection:
        cursor = await connection.execute("DELETE FROM facilities WHERE id = %s", (facility_id,))
        return cursor.rowcount > 0


async def one_facility(db: Readable, facility_id: str) -> dict[str, Any] | None:
    """A facility: `id`, `body`, `source`, and `in_file`, whether a configuration file has it; None if there is none."""
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT id, body, source, file_body IS NOT NULL AS in_file FROM facilities WHERE id = %s", (facility_id,)
        )
        return await cursor.fetchone()


async def all_facilities(db: Readable) -> list[dict[str, Any]]:
    """All facilities by id: `id`, `body`, `source`."""
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SELECT id, body, source FROM facilities ORDER BY id")
        return await cursor.fetchall()
