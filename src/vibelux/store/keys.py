"""API keys: random, shown once, kept as a hash, limited to scopes and facilities.

All functions raise `StoreUnavailable` when the database is away.
"""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from vibelux.market.errors import UsageError
from vibelux.store.audit import COMMAND_LINE, Deed, add_deed
from vibelux.store.database import Database

PREFIX = "vlx_"
SCOPES = ("read", "operate", "admin")
"""Each includes those before it."""

_SHOWN = 4
_USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key, the only time that it is whole."""

    id: str
    key: str
    scopes: tuple[str, ...]
    facilities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: what its key allows."""

    id: str
    name: str
    scopes: frozenset[str]
    facilities: frozenset[str]
    """Empty: all."""
    expires: datetime | None = None
    """When its key or token ends by itself; None: never."""

    def may(self, scope: str) -> bool:
        """Whether the key has that scope, by itself or through a greater one."""
        return any(held in self.scopes for held in SCOPES[SCOPES.index(scope) :])

    def owns(self, facility_id: str) -> bool:
        """Whether the key is for that facility."""
        return not self.facilities or facility_id in self.facilities


async def create_key(
    db: Database,
    now: datetime,
    name: str,
    scopes: Collection[str],
    facilities: Collection[str] = (),
    expires: datetime | None = None,
    *,
    by: str = "",
    caller: Principal | None = None,
) -> CreatedKey:
    """Makes a key of 256 random bits, and notes that in the audit log.

    Args:
        db: where to.
        now: by the service's clock.
        name: for people.
        scopes: of `read`, `operate`, `admin`; at least one.
        facilities: which it is for; none means all.
        expires: from then on it is refused; None: never.
        by: user and machine, or address, for the audit log.
        caller: whose key asks for it; None: the command line.

    Raises:
        UsageError: a scope that does not exist, none at all, or an expiry that is past.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise UsageError(f"no scope is called {unknown[0]!r}" if unknown else "a key needs at least one scope")
    if expires is not None and expires <= now:
        raise UsageError(f"the key would have expired already, at {expires.isoformat()}")
    key = PREFIX + secrets.token_urlsafe(32)
    ordered = [scope for scope in SCOPES if scope in scopes]
    async with db.connection() as connection:
        cursor = await connection.execute(
            "INSERT INTO api_keys (name, prefix, key_sha256, scopes, facilities, created_at, expires_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (name, key[: len(PREFIX) + _SHOWN], hash_of(key), ordered, sorted(set(facilities)), now, expires),
        )
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 (RETURNING gives one)
        await add_deed(connection, _deed("create key", f"{row[0]} {name}", now, by, caller))
    return CreatedKey(str(row[0]), key, tuple(ordered), tuple(sorted(set(facilities))))


async def verify(db: Database, key: str, now: datetime) -> Principal | None:
    """Whom a key belongs to; None if there is no such key, or it is revoked or expired at `now`."""
    async with db.connection() as connection:
        cursor = await connection.execute(
            "SELECT id, name, scopes, facilities, expires_at, last_used_at FROM api_keys WHERE key_sha256 = %s"
            " AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %s)",
            (hash_of(key), now),
        )
        row = await cursor.fetchone()
        if row is None:
            return None
        *known, last_used_at = row
        if last_used_at is None or now - last_used_at >= _USE_NOTED_EVERY:
            await connection.execute("UPDATE api_keys SET last_used_at = %s WHERE id = %s", (now, row[0]))
    return _principal(*known)


async def principal_of(db: Database, key_id: str, now: datetime) -> Principal | None:
    """The same by the key's id, for sessions and open sockets."""
    wanted = _uuid(key_id)
    if wanted is None:
        return None
    async with db.connection() as connection:
        cursor = await connection.execute(
            "SELECT id, name, scopes, facilities, expires_at FROM api_keys WHERE id = %s"
            " AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > %s)",
            (wanted, now),
        )
        row = await cursor.fetchone()
    return _principal(*row) if row else None


def _principal(
    key_id: UUID, name: str, scopes: list[str], facilities: list[str], expires: datetime | None
) -> Principal:
    return Principal(str(key_id), name, frozenset(scopes), frozenset(facilities), expires)


async def list_keys(db: Database) -> list[dict[str, Any]]:
    """All keys, oldest first, without the keys themselves."""
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT id::text, name, prefix, scopes, facilities, created_at, expires_at, last_used_at, revoked_at"
            " FROM api_keys ORDER BY created_at, id"
        )
        return await cursor.fetchall()


async def revoke_key(
    db: Database, key_id: str, now: datetime, *, by: str = "", caller: Principal | None = None
) -> bool:
    """Ends a key for good, and notes that; False if there is no such key or it was revoked before."""
    wanted = _uuid(key_id)
    if wanted is None:
        return False
    async with db.connection() as connection:
        cursor = await connection.execute(
            "UPDATE api_keys SET revoked_at = %s WHERE id = %s AND revoked_at IS NULL", (now, wanted)
        )
        if cursor.rowcount:
            await add_deed(connection, _deed("revoke key", key_id, now, by, caller))
        return cursor.rowcount > 0


def _deed(action: str, target: str, now: datetime, by: str, caller: Principal | None) -> Deed:
    who, name = ("", COMMAND_LINE) if caller is None else (caller.id, caller.name)
    return Deed(at=now, caller_id=who, caller=name, origin=by, action=action, target=target, outcome="done")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def hash_of(key: str) -> bytes:
    """What is kept of a key. A fast hash is enough: a key has 256 random bits, nobody guesses it."""
    return hashlib.sha256(key.encode()).digest()
