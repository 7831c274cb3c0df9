"""Demand-response events beside their records: who entered them, what sites answered, were told and gave.

Events themselves are records (`dr-event`), written like all others; a change keeps what it replaces. All functions
raise `StoreUnavailable` when the database is away.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import structlog
from psycopg.rows import dict_row

from vibelux.market.dr_events import CANCELLED, Event
from vibelux.market.records import DR_EVENT, Parsed
from vibelux.store.database import Database, Readable
from vibelux.store.decisions import add_within
from vibelux.store.journal import Receipt
from vibelux.store.jsons import dumps, jsonb
from vibelux.store.writer import Written, write_payload

log = structlog.get_logger(__name__)

Key = tuple[str, str]
"""Programme and event."""

_FIELDS = ", ".join(DR_EVENT.names)
_SELECT = f"SELECT {_FIELDS}, origin, known_at FROM dr_events"  # noqa: S608 (made of our own names)
_LASTS_UNTIL = "COALESCE(ends_at, CASE WHEN status = 'cancelled' THEN known_at + interval '1 day' ELSE 'infinity' END)"
"""An event without an end that is called off is spoken of for a day."""
_FROM_EACH = "(program, event_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An event as the store holds it."""

    event: Event
    origin: str
    known_at: datetime
    """When this version of it came."""


async def events_between(db: Readable, start: datetime, end: datetime) -> list[KeptEvent]:
    """The events that take place in a stretch of time at least in part, in order."""
    return await _events(
        db, f"starts_at < %s AND {_LASTS_UNTIL} > %s ORDER BY starts_at, program, event_id", (end, start)
    )


async def events_called(db: Readable, event_id: str, program: str | None = None) -> list[KeptEvent]:
    """The events of that id, of one programme or of all."""
    return await _events(db, "event_id = %s AND program = COALESCE(%s, program) ORDER BY program", (event_id, program))


async def before_cancelled(db: Readable, key: Key) -> Event | None:
    """The newest version of an event in which it was not called off; None where there is none."""
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"SELECT {_FIELDS} FROM dr_events_revisions WHERE program = %s AND event_id = %s AND status <> %s"  # noqa: S608
            " ORDER BY superseded_at DESC LIMIT 1",
            (*key, CANCELLED),
        )
        row = await cursor.fetchone()
    return None if row is None else _read(row)


async def put_event(db: Database, event: Event, *, now: datetime, caller_id: str, caller: str) -> Written:
    """Writes an event that somebody entered; the same again changes nothing, another of its key is a correction."""
    async with db.connection() as connection:
        await connection.execute(
            "INSERT INTO dr_owners (program, event_id, caller_id, caller, at) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            (*event.key, caller_id, caller, now),
        )
    return await write_events(db, [event], now=now, feed="manual/events", url=f"key {caller}")


async def write_events(db: Database, events: Sequence[Event], *, now: datetime, feed: str, url: str) -> Written:
    """Writes events that no feed brought, the way of all records."""
    import polars as pl

    rows = [event.as_row() for event in events]
    body = dumps(rows)
    provider, _, data_type = feed.partition("/")
    receipt = Receipt(
        feed=feed,
        provider=provider,
        data_type=data_type,
        region="all",
        url=url,
        status=200,
        origin="live",
        received_at=now,
        sha256=hashlib.sha256(body).hexdigest(),
        bytes=len(body),
        raw_json=msgspec.json.decode(body),
    )
    frame = pl.DataFrame(rows, schema=DR_EVENT.schema(), orient="row")
    return await write_payload(db, receipt, Parsed({DR_EVENT.name: frame}))


async def owners(db: Readable, keys: Collection[Key]) -> dict[Key, str]:
    """Who entered which of these events by hand, by the id of the key; those of feeds have nobody."""
    rows = await _rows(db, f"SELECT program, event_id, caller_id FROM dr_owners WHERE {_FROM_EACH}", _pairs(keys))  # noqa: S608
    return {(row["program"], row["event_id"]): row["caller_id"] for row in rows}


async def add_answer(
    db: Readable,
    facility_id: str,
    key: Key,
    answer: str,
    *,
    caller_id: str,
    caller: str,
    note: str | None,
    now: datetime,
) -> None:
    """Keeps what a site answers: `accepted` or `declined`."""
    async with db.connection() as connection:
        await connection.execute(
            "INSERT INTO dr_answers (facility_id, program, event_id, answer, caller_id, caller, note, at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            (facility_id, *key, answer, caller_id, caller, note, now),
        )


async def answers(db: Readable, keys: Collection[Key]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The newest answer by facility, programme and event: `answer`, `caller`, `note`, `at`."""
    statement = f"SELECT DISTINCT ON (facility_id, program, event_id) * FROM dr_answers WHERE {_FROM_EACH}"  # noqa: S608
    newest = " ORDER BY facility_id, program, event_id, id DESC"
    return _by_site(await _rows(db, statement + newest, _pairs(keys)))


async def performances(db: Readable, keys: Collection[Key]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """What was measured, by facility, programme and event: `body`, `measured_at`."""
    statement = f"SELECT * FROM dr_performance WHERE {_FROM_EACH}"  # noqa: S608 (made of our own names)
    return _by_site(await _rows(db, statement, _pairs(keys)))


async def put_performance(db: Readable, facility_id: str, key: Key, body: Mapping[str, Any], now: datetime) -> None:
    """Keeps what a site gave in an event; a later measurement takes its place."""
    async with db.connection() as connection:
        await connection.execute(
            "INSERT INTO dr_performance (facility_id, program, event_id, measured_at, body) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (facility_id, program, event_id)"
            " DO UPDATE SET measured_at = excluded.measured_at, body = excluded.body",
            (facility_id, *key, now, jsonb(body)),
        )


async def tell(
    db: Database, facility_id: str, news: Iterable[tuple[Key, str, Mapping[str, Any]]], now: datetime
) -> list[dict[str, Any]]:
    """Puts messages into a facility's outbox, each version of an event once, whatever happens in between.

    Args:
        db: where to.
        facility_id: whose outbox.
        news: key, version and body of each `dr-event`.
        now: by the service's clock.

    Returns:
        The messages that were new: `seq`, `type`, `body`, `created_at`.
    """
    async with db.connection() as connection:
        fresh = []
        for key, version, body in news:
            cursor = await connection.execute(
                "INSERT INTO dr_told AS held (facility_id, program, event_id, told) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (facility_id, program, event_id) DO UPDATE SET told = excluded.told"
                " WHERE held.told <> excluded.told RETURNING 1",
                (facility_id, *key, version),
            )
            if await cursor.fetchone() is not None:
                fresh.append({"type": "dr-event", "body": body})
        numbers = await add_within(connection, facility_id, fresh, now)
    return [message | {"seq": seq, "created_at": now} for seq, message in zip(numbers, fresh, strict=True)]


async def _events(db: Readable, condition: str, values: tuple[Any, ...]) -> list[KeptEvent]:
    rows = await _rows(db, f"{_SELECT} WHERE {condition}", values)
    kept = ((row, _read(row)) for row in rows)
    return [KeptEvent(event, row["origin"], row["known_at"]) for row, event in kept if event is not None]


def _read(row: Mapping[str, Any]) -> Event | None:
    try:
        return Event.from_row(row)
    except msgspec.ValidationError as error:
        log.warning("an event is kept that cannot be understood", event=row["event_id"], error=str(error))
        return None


async def _rows(db: Readable, statement: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement.encode(), values)
        return await cursor.fetchall()


def _pairs(keys: Collection[Key]) -> tuple[list[str], list[str]]:
    return [program for program, _ in keys], [event_id for _, event_id in keys]


def _by_site(rows: Iterable[dict[str, Any]]) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {(row["facility_id"], row["program"], row["event_id"]): row for row in rows}
