"""Frames of records into their table: new rows go in, a changed value moves what it replaces into `_revisions`.

A payload is copied into a table of the session and compared there with what is held, as sets. A payload that was
received before what is held (an old file imported late) never overwrites it; it becomes a version in the past. So does
one received before what is held was last confirmed (see `confirmations`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
from psycopg import sql

from vibelux.store import copy
from vibelux.store.confirmations import note_confirmed, split_confirmed
from vibelux.store.journal import Receipt
from vibelux.store.tables import Table, names

if TYPE_CHECKING:
    import polars as pl

_random = np.random.default_rng()

# In all statements: s is the staged row, m the held one, r a replaced one. Only rows that are not as they were
# leave the first step, so that a payload that says nothing new costs one join.
_COMPARE = sql.SQL("""
WITH touched AS MATERIALIZED (
    SELECT s.*, m.id AS held_id, m.{time} AS held_time, m.known_at AS held_since
    FROM {staging} s LEFT JOIN {table} m ON {same_thing} AND {within}
    WHERE m.id IS NULL OR m.known_at > {received} OR {differs}
), archived AS (
    INSERT INTO {revisions} ({columns}, created_at, superseded_at)
    SELECT {held_columns}, m.created_at, {received}
    FROM touched t JOIN {table} m ON m.id = t.held_id AND m.{time} = t.held_time AND {within}
    WHERE t.held_since <= {received}
), updated AS (
    UPDATE {table} m SET ({columns}, created_at) = ROW ({touched_columns}, now())
    FROM touched t
    WHERE m.id = t.held_id AND m.{time} = t.held_time AND {within} AND t.held_since <= {received}
), inserted AS (
    INSERT INTO {table} ({columns}) SELECT {columns} FROM touched WHERE held_id IS NULL
)
SELECT count(*) FILTER (WHERE held_id IS NULL),
       count(*) FILTER (WHERE held_since <= {received}),
       count(*) FILTER (WHERE held_since > {received}),
       array_agg(DISTINCT {subject}) FILTER (WHERE held_id IS NULL OR held_since <= {received})
FROM touched
""")

# A late row is placed among the versions: it holds from when it was received until the next one was known.
_LATE = sql.SQL("""
WITH late AS MATERIALIZED (
    SELECT s.*, m.known_at AS next_known_at, {differs} AS corrects
    FROM {staging} s JOIN {table} m ON {same_thing} AND {within}
    WHERE m.known_at > {received}
), placed AS MATERIALIZED (
    SELECT s.*, earlier.id AS earlier_id, LEAST(s.next_known_at, (
        SELECT min(r.known_at) FROM {revisions} r WHERE {same_as_replaced} AND r.known_at > {received}
    )) AS until
    FROM late s LEFT JOIN LATERAL (
        SELECT r.id, {differs_from_replaced} AS other FROM {revisions} r
        WHERE {same_as_replaced} AND r.known_at <= {received}
        ORDER BY r.known_at DESC, r.superseded_at DESC LIMIT 1
    ) earlier ON true
    WHERE earlier.id IS NULL OR earlier.other
), shortened AS (
    UPDATE {revisions} r SET superseded_at = {received} FROM placed p WHERE r.id = p.earlier_id
), added AS (
    INSERT INTO {revisions} ({columns}, superseded_at) SELECT {columns}, until FROM placed
)
SELECT count(*) FILTER (WHERE corrects) FROM placed
""")

_SUPERSEDED = sql.SQL("""
INSERT INTO {revisions} ({columns}, superseded_at)
SELECT {columns}, s.known_at FROM {staging} s
WHERE NOT EXISTS (SELECT FROM {revisions} r WHERE {same_as_replaced} AND NOT {differs_from_replaced})
""")


@dataclass(frozen=True, slots=True)
class Compared:
    """What became of a frame's rows, and whom the new and the corrected ones are about."""

    new: int
    corrected: int
    unchanged: int
    subjects: frozenset[str]


async def copy_new(connection: psycopg.AsyncConnection, table: Table, receipt: Receipt, frame: "pl.DataFrame") -> None:
    """Copies rows that are known to be new straight into their table."""
    await _copy(connection, table, table.ident, receipt, frame)


async def compare(
    connection: psycopg.AsyncConnection, table: Table, receipt: Receipt, frame: "pl.DataFrame"
) -> Compared:
    """Writes what is new or changed in `frame`, and counts."""
    await _stage(connection, table, receipt, frame)
    terms = _terms(table, receipt, frame)
    await split_confirmed(connection, table, receipt, terms)
    new, corrected, late, subjects = await _one(connection, _COMPARE.format(**terms))
    if late:
        (placed,) = await _one(connection, _LATE.format(**terms))
        corrected += placed
    if new + corrected < frame.height:
        await note_confirmed(connection, table, receipt, frame)
    return Compared(new, corrected, frame.height - new - corrected, frozenset(subjects or ()))


async def keep_superseded(
    connection: psycopg.AsyncConnection, table: Table, receipt: Receipt, frame: "pl.DataFrame"
) -> None:
    """Keeps versions that upstream itself marks as replaced: they go to the revisions, once."""
    await _stage(connection, table, receipt, frame)
    await connection.execute(_SUPERSEDED.format(**_terms(table, receipt, frame)), prepare=False)


def _terms(table: Table, receipt: Receipt, frame: "pl.DataFrame") -> dict[str, sql.Composable]:
    within: sql.Composable = sql.SQL("true")
    if table.time in table.kind.key:
        # Literal bounds: only so the planner sees that it needs a small part of a large table.
        within = sql.SQL("m.{time} BETWEEN {first} AND {last}").format(
            time=sql.Identifier(table.time),
            first=sql.Literal(frame[table.time].min()),
            last=sql.Literal(frame[table.time].max()),
        )
    return {
        "table": table.ident,
        "revisions": table.revisions,
        "staging": table.staging,
        "time": sql.Identifier(table.time),
        "subject": sql.Identifier(table.subject),
        "received": sql.Literal(receipt.received_at),
        "columns": names(table.columns),
        "held_columns": names(table.columns, of="m"),
        "touched_columns": names(table.columns, of="t"),
        "within": within,
        "same_thing": table.matched("m", "s"),
        "differs": table.differs("m", "s"),
        "same_as_replaced": table.matched("r", "s"),
        "differs_from_replaced": table.differs("r", "s"),
    }


async def _stage(connection: psycopg.AsyncConnection, table: Table, receipt: Receipt, frame: "pl.DataFrame") -> None:
    await connection.execute(
        sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {}) ON COMMIT DELETE ROWS").format(table.staging, table.ident)
    )
    await connection.execute(sql.SQL("TRUNCATE {}").format(table.staging))
    await _copy(connection, table, table.staging, receipt, frame)


async def _copy(
    connection: psycopg.AsyncConnection, table: Table, target: sql.Identifier, receipt: Receipt, frame: "pl.DataFrame"
) -> None:
    height = frame.height
    types = {field.name: field.type for field in table.kind.fields}
    columns = copy.encode(frame.select(table.kind.names), types, table.scale_free)
    columns += [
        copy.uuids(height, receipt.received_at, _random),
        copy.same(receipt.origin.encode(), height),
        copy.same_time(receipt.received_at, height),
        copy.same(bytes.fromhex(receipt.sha256), height),
    ]
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(target, names(table.columns))
    async with connection.cursor() as cursor, cursor.copy(statement) as stream:
        for chunk in copy.sliced(columns):
            await stream.write(chunk)


async def _one(connection: psycopg.AsyncConnection, statement: sql.Composed) -> tuple[Any, ...]:
    cursor = await connection.execute(statement, prepare=False)
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 (an aggregate gives one row)
    return row
