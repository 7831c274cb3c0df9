"""Replies to writes that carry an `Idempotency-Key`: whoever repeats one within a day gets the first reply again.

All functions raise `StoreUnavailable` when the database is away.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from vibelux.store.database import Database
from vibelux.store.jsons import jsonb

KEPT_FOR = timedelta(hours=24)
_AT_MOST_AT_WORK = timedelta(minutes=2)
"""A claim without a reply that is older was left by a process that died: the request may be tried again."""

_CLAIM = """
INSERT INTO idempotent_replies AS held (caller_id, key, request_sha256, claimed_at)
VALUES (%(caller)s, %(key)s, %(request)s, %(now)s)
ON CONFLICT (caller_id, key) DO UPDATE
SET request_sha256 = excluded.request_sha256, claimed_at = excluded.claimed_at,
    status = NULL, headers = NULL, body = NULL
WHERE held.claimed_at <= %(old)s OR (held.status IS NULL AND held.claimed_at <= %(dead)s)
RETURNING true
"""


class Claim(Enum):
    """What became of a claim that brings no reply."""

    OURS = "ours"
    """Nobody has asked so before: do it, then `keep_reply`, or `give_up` where nothing came of it."""
    AT_WORK = "at work"
    """The first request is not answered yet."""
    ANOTHER = "another"
    """The key was used for another request."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it was given."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


async def claim(db: Database, caller_id: str, key: str, request: bytes, now: datetime) -> Claim | Reply:
    """Claims a key for a request, or says what stands under it; of many at once, one is given `OURS`.

    Args:
        db: where to.
        caller_id: whose key it is; callers do not meet.
        key: as the caller chose it.
        request: SHA-256 of method, address and body.
        now: of the wall.
    """
    asked = {"caller": caller_id, "key": key, "request": request, "now": now}
    bounds = {"old": now - KEPT_FOR, "dead": now - _AT_MOST_AT_WORK}
    async with db.connection() as connection:
        cursor = await connection.execute(_CLAIM, asked | bounds)
        if await cursor.fetchone():
            return Claim.OURS
        cursor = await connection.execute(
            "SELECT request_sha256, status, headers, body FROM idempotent_replies"
            " WHERE caller_id = %(caller)s AND key = %(key)s",
            asked,
        )
        row = await cursor.fetchone()
    if row is None:  # given up between the two statements
        return Claim.AT_WORK
    first, status, headers, body = row
    if bytes(first) != request:
        return Claim.ANOTHER
    return Claim.AT_WORK if status is None else Reply(status, bytes(body), headers)


async def keep_reply(db: Database, caller_id: str, key: str, reply: Reply) -> None:
    """Lays down the answer under a claimed key."""
    async with db.connection() as connection:
        await connection.execute(
            "UPDATE idempotent_replies SET status = %s, headers = %s, body = %s WHERE caller_id = %s AND key = %s",
            (reply.status, jsonb(dict(reply.headers)), reply.body, caller_id, key),
        )


async def give_up(db: Database, caller_id: str, key: str) -> None:
    """Frees a claimed key: nothing was done under it, so it may be tried again."""
    async with db.connection() as connection:
        await connection.execute(
            "DELETE FROM idempotent_replies WHERE caller_id = %s AND key = %s AND status IS NULL", (caller_id, key)
        )


async def forget_replies(db: Database, now: datetime) -> int:
    """Deletes those whose day is over; how many."""
    async with db.connection() as connection:
        old = (now - KEPT_FOR,)
        cursor = await connection.execute("DELETE FROM idempotent_replies WHERE claimed_at <= %s", old)
        return cursor.rowcount
