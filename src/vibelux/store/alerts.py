"""Alerts: kept with the messages that tell facilities of them and the posts that tell the webhook, all or nothing.

All functions raise `StoreUnavailable` when the database is away.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from vibelux.store.database import Database, Readable
from vibelux.store.decisions import add_within
from vibelux.store.jsons import jsonb

Body = Mapping[str, Any]

_FIELDS = "id, facility_id, kind, subject, text, about, lasts, at, resolved_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing that one facility is told."""

    facility_id: str
    kind: str
    subject: str
    """What it is about, in a word: of a kind, a facility and a subject one alert is open at a time."""
    text: str
    about: Body
    at: datetime
    lasts: bool
    """Whether it stays open until it is resolved."""
    resolves: bool = False
    """Whether this ends the open one."""
    message: Body
    """The body of the facility's `alert` message."""


@dataclass(frozen=True, slots=True)
class Post:
    """A POST that waits."""

    id: int
    body: Body
    attempts: int


async def tell(
    db: Database, told: Sequence[Told], posts: Sequence[tuple[str | None, Body]]
) -> dict[str, list[tuple[int, Told]]]:
    """Opens, resolves or notes alerts, with their messages and posts.

    An alert that is open already is not opened again, and none is resolved that is not open: those are left out.

    Args:
        db: where to.
        told: the alerts.
        posts: what the webhook is to be told, and whose it is where it is one facility's.

    Returns:
        By facility, what was told, with the numbers of the messages.
    """
    numbered: dict[str, list[tuple[int, Told]]] = {}
    async with db.connection() as connection:
        for one in sorted(told, key=lambda one: one.facility_id):
            if one.resolves:
                cursor = await connection.execute(
                    "UPDATE alerts SET resolved_at = %s WHERE facility_id = %s AND kind = %s AND subject = %s"
                    " AND lasts AND resolved_at IS NULL",
                    (one.at, one.facility_id, one.kind, one.subject),
                )
            else:
                cursor = await connection.execute(
                    "INSERT INTO alerts (facility_id, kind, subject, text, about, lasts, at)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                    (one.facility_id, one.kind, one.subject, one.text, jsonb(one.about), one.lasts, one.at),
                )
            if cursor.rowcount:
                message = {"type": "alert", "body": one.message}
                (seq,) = await add_within(connection, one.facility_id, [message], one.at)
                numbered.setdefault(one.facility_id, []).append((seq, one))
        if numbered:
            for facility_id, body in posts:
                await connection.execute(
                    "INSERT INTO alert_posts (facility_id, body) VALUES (%s, %s)", (facility_id, jsonb(body))
                )
    return numbered


async def open_alerts(db: Readable) -> list[dict[str, Any]]:
    """Everything that is open, as `alerts` gives it."""
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"SELECT {_FIELDS} FROM alerts WHERE lasts AND resolved_at IS NULL"  # noqa: S608 (our own words)
        )
        return await cursor.fetchall()


async def open_by_facility(db: Readable, facilities: Collection[str]) -> dict[str, int]:
    """How many alerts of facilities (empty: of all) are open; those without are left out."""
    async with db.connection() as connection:
        cursor = await connection.execute(
            "SELECT facility_id, count(*) FROM alerts WHERE lasts AND resolved_at IS NULL"
            " AND (%s::text[] = '{}' OR facility_id = ANY(%s::text[])) GROUP BY facility_id",
            (list(facilities), list(facilities)),
        )
        return dict(await cursor.fetchall())


async def alerts(
    db: Readable,
    facilities: Collection[str],
    *,
    since: datetime,
    only_open: bool = False,
    before: int | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Alerts of facilities (empty: of all), newest first: those that are open, and those since a moment.

    Keys: `id`, `facility_id`, `kind`, `subject`, `text`, `about`, `lasts`, `at`, `resolved_at`.
    """
    wanted = "lasts AND resolved_at IS NULL" if only_open else "(at >= %(since)s OR lasts AND resolved_at IS NULL)"
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"SELECT {_FIELDS} FROM alerts WHERE {wanted}"  # noqa: S608 (our own words)
            " AND (%(all)s OR facility_id = ANY(%(facilities)s)) AND id < COALESCE(%(before)s, 9223372036854775807)"
            " ORDER BY id DESC LIMIT %(limit)s",
            {
                "since": since,
                "all": not facilities,
                "facilities": list(facilities),
                "before": before,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def next_post(db: Database, hold_seconds: float) -> Post | None:
    """The post that has waited longest of those whose time has come; nobody else gets it for so many seconds."""
    async with db.connection() as connection:
        cursor = await connection.execute(
            "UPDATE alert_posts SET attempts = attempts + 1, next_at = now() + %s * interval '1 second'"
            " WHERE id = (SELECT id FROM alert_posts WHERE done_at IS NULL AND next_at <= now()"
            " ORDER BY next_at, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, body, attempts",
            (hold_seconds,),
        )
        row = await cursor.fetchone()
    return None if row is None else Post(*row)


async def post_done(db: Database, post_id: int, error: str | None = None) -> None:
    """It was delivered, or (with an error) is given up."""
    async with db.connection() as connection:
        await connection.execute("UPDATE alert_posts SET done_at = now(), error = %s WHERE id = %s", (error, post_id))


async def post_failed(db: Database, post_id: int, error: str, wait_seconds: float) -> None:
    """It is to be tried again after so many seconds."""
    async with db.connection() as connection:
        await connection.execute(
            "UPDATE alert_posts SET error = %s, next_at = now() + %s * interval '1 second' WHERE id = %s",
            (error, wait_seconds, post_id),
        )


async def undelivered(db: Readable) -> list[dict[str, Any]]:
    """Posts of the last day (of the wall) that failed and were not delivered since, the newest first: `error`, `id`."""
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT id, error FROM alert_posts WHERE error IS NOT NULL AND created_at > now() - interval '1 day'"
            " ORDER BY id DESC LIMIT 100"
        )
        return await cursor.fetchall()
