"""Brings a database to the schema of this version: numbered SQL files, each applied once in one transaction."""

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

import psycopg

from vibelux.market.errors import StoreUnavailable

_LOCK = 0x7669_6265_6C75_78
"""Held while migrating, so that of many processes only one does it. The letters of our name."""
_NEEDED_VERSION = 150000
_FILE = re.compile(r"(\d{4})_(\w+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    version: int
    name: str
    sql: bytes

    @property
    def sha256(self) -> str:
        """Tells whether an applied file was changed afterwards."""
        return hashlib.sha256(self.sql).hexdigest()


def migrations() -> list[Migration]:
    """All steps in order."""
    found = []
    for file in resources.files("vibelux.store").joinpath("migrations").iterdir():
        match = _FILE.fullmatch(file.name)
        if match:
            found.append(Migration(int(match[1]), match[2], file.read_bytes()))
    return sorted(found, key=lambda step: step.version)


async def migrate(connection: psycopg.AsyncConnection, steps: list[Migration] | None = None) -> int:
    """Applies what is missing; the number of steps applied.

    Args:
        connection: in autocommit mode.
        steps: the steps of this version, unless others are given.

    Raises:
        StoreUnavailable: the server is too old, or an applied step is not the one that this version has.
    """
    if connection.info.server_version < _NEEDED_VERSION:
        raise StoreUnavailable(f"PostgreSQL 15 or newer is needed, this is {connection.info.server_version // 10000}")
    await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    try:
        return await _apply_missing(connection, migrations() if steps is None else steps)
    finally:
        if not connection.broken:
            await connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))


async def _apply_missing(connection: psycopg.AsyncConnection, steps: list[Migration]) -> int:
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL,"
        " sha256 TEXT NOT NULL, applied_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now())"
    )
    rows = await (await connection.execute("SELECT version, sha256 FROM schema_migrations")).fetchall()
    applied: dict[int, str] = dict(rows)
    newest = max((step.version for step in steps), default=0)
    if max(applied, default=0) > newest:
        raise StoreUnavailable(
            f"the database has schema {max(applied)}, this Vibelux knows {newest}: it was used by a newer version"
        )
    missing = []
    for step in steps:
        if step.version not in applied:
            missing.append(step)
        elif applied[step.version] != step.sha256:
            raise StoreUnavailable(f"migration {step.version:04} ({step.name}) was changed after it had been applied")
    for step in missing:
        async with connection.transaction():
            await connection.execute(step.sql)
            await connection.execute(
                "INSERT INTO schema_migrations (version, name, sha256) VALUES (%s, %s, %s)",
                (step.version, step.name, step.sha256),
            )
    return len(missing)
