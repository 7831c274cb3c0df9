"""Which rows a payload said again: an older payload that comes later does not overwrite what was confirmed since.

A row does not remember when it was last confirmed: most payloads say most of what the one before said, and to touch
all those rows would cost more than to write the new ones. One note a payload tells which rows it held: the keys without
their time, and from when to when. Only where an old payload comes late is it looked up.
"""

from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from vibelux.market.records import Field, Type
from vibelux.store.journal import Receipt
from vibelux.store.tables import Table, names

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

_NOTE = "INSERT INTO confirmations (kind, confirmed_at, first, last, things) VALUES (%s, %s, %s, %s, %s)"
_ANY_LATER = "SELECT EXISTS (SELECT FROM confirmations WHERE kind = %s AND confirmed_at > %s)"
_BETWEEN = "\x1f"

# The version that held when the late payload was received, and that was confirmed since, becomes two: one until it was
# confirmed, one from then on. The late value then finds its place between them like any other (see `corrections`).
_SPLIT_HELD = sql.SQL("""
WITH confirmed AS MATERIALIZED (
    SELECT m.id, m.{time} AS held_time, min(c.confirmed_at) AS again
    FROM {staging} s JOIN {table} m ON {same_thing} AND {within} JOIN confirmations c ON {confirms}
    WHERE m.known_at <= {received} AND {differs}
    GROUP BY m.id, m.{time}
), before AS (
    INSERT INTO {revisions} ({columns_but_id}, created_at, superseded_at)
    SELECT {held_but_id}, m.created_at, t.again
    FROM confirmed t JOIN {table} m ON m.id = t.id AND m.{time} = t.held_time AND {within}
)
UPDATE {table} m SET known_at = t.again FROM confirmed t WHERE m.id = t.id AND m.{time} = t.held_time AND {within}
""")
_SPLIT_REPLACED = sql.SQL("""
WITH confirmed AS MATERIALIZED (
    SELECT r.id, min(c.confirmed_at) AS again
    FROM {staging} s JOIN {revisions} r ON {same_as_replaced} AND r.known_at <= {received}
        AND r.superseded_at > {received}
    JOIN confirmations c ON {confirms} AND c.confirmed_at < r.superseded_at
    WHERE {differs_from_replaced}
    GROUP BY r.id
), after AS (
    INSERT INTO {revisions} ({columns_but_known_at}, created_at, known_at, superseded_at)
    SELECT {replaced_but_known_at}, r.created_at, t.again, r.superseded_at
    FROM confirmed t JOIN {revisions} r ON r.id = t.id
)
UPDATE {revisions} r SET superseded_at = t.again FROM confirmed t WHERE r.id = t.id
""")


async def note_confirmed(
    connection: psycopg.AsyncConnection, table: Table, receipt: Receipt, frame: "pl.DataFrame"
) -> None:
    """Notes that a payload held these rows, after they were written: what held when it was received is what it says."""
    import polars as pl

    time = pl.col(table.time).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    by_thing = frame.group_by(_thing_of(table).alias("thing")).agg(first=time.min(), last=time.max())
    stretches = [(first, last, rows["thing"].to_list()) for (first, last), rows in by_thing.group_by("first", "last")]
    if not _is_timed(table):
        stretches = [("-infinity", "infinity", things) for _, _, things in stretches]
    async with connection.cursor() as cursor:
        await cursor.executemany(_NOTE, [(table.kind.name, receipt.received_at, *stretch) for stretch in stretches])


async def split_confirmed(
    connection: psycopg.AsyncConnection, table: Table, receipt: Receipt, terms: "Mapping[str, sql.Composable]"
) -> None:
    """Makes room in the past of the rows that a late payload contradicts and that were confirmed after it.

    Args:
        connection: within the transaction that has staged the payload.
        table: of its kind.
        receipt: the late payload's.
        terms: those of `corrections`.
    """
    cursor = await connection.execute(_ANY_LATER, (table.kind.name, receipt.received_at))
    if await cursor.fetchone() == (False,):
        return
    but_id, but_known_at = (
        tuple(name for name in table.columns if name not in {"id", left_out}) for left_out in ("id", "known_at")
    )
    more = {
        "confirms": _confirms(table, receipt),
        "columns_but_id": names(but_id),
        "held_but_id": names(but_id, of="m"),
        "columns_but_known_at": names(but_known_at),
        "replaced_but_known_at": names(but_known_at, of="r"),
    }
    for statement in (_SPLIT_HELD, _SPLIT_REPLACED):
        await connection.execute(statement.format(**terms, **more), prepare=False)


def _confirms(table: Table, receipt: Receipt) -> sql.Composed:
    """`c` is about the row `s`, and later than the payload that holds it."""
    time: sql.Composable = sql.Identifier("s", table.time)
    if table.kind_of(table.time) is Type.DATE:
        time = sql.SQL("{}::timestamp AT TIME ZONE 'UTC'").format(time)
    when = sql.SQL("({} BETWEEN c.first AND c.last)").format(time) if _is_timed(table) else sql.SQL("true")
    return sql.SQL("c.kind = {} AND c.confirmed_at > {} AND {} AND {} = ANY (c.things)").format(
        table.kind.name, receipt.received_at, when, _thing_in_sql(table)
    )


def _is_timed(table: Table) -> bool:
    return table.time in table.kind.key


def _rest_of_key(table: Table) -> list[Field]:
    return [field for field in table.kind.fields if field.key and field.name != table.time]


def _thing_of(table: Table) -> "pl.Expr":
    """The key without its time, as one text."""
    import polars as pl

    def text(field: Field) -> pl.Expr:
        column = pl.col(field.name)
        return column.dt.epoch("us") if field.type is Type.TIME else column

    cells = [text(field).cast(pl.String).fill_null("") for field in _rest_of_key(table)]
    return pl.concat_str(cells, separator=_BETWEEN)


def _thing_in_sql(table: Table) -> sql.Composed:
    """The same of the row `s`."""

    def text(field: Field) -> sql.Composed:
        column = sql.Identifier("s", field.name)
        form = "(extract(epoch FROM {}) * 1000000)::bigint::text" if field.type is Type.TIME else "{}::text"
        return sql.SQL("coalesce(" + form + ", '')").format(column)

    cells = sql.SQL(", ").join(map(text, _rest_of_key(table)))
    return sql.SQL("concat_ws(chr(31), {})").format(cells)
