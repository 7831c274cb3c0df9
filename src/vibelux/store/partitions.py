"""Months of electricity prices: attached when their first row comes, detached when they are too old."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import psycopg
from psycopg import sql

from vibelux.store.database import Database
from vibelux.store.tables import ELECTRICITY

_MONTH = re.compile(rf"{ELECTRICITY.name}_y(\d{{4}})m(\d{{2}})")
_OTHER = sql.Identifier(f"{ELECTRICITY.name}_other")


async def ensure_months(db: Database, moments: Iterable[datetime]) -> None:
    """Makes sure that the months (UTC) of these moments have a partition. Safe from many processes at once.

    It is a transaction of its own, before the one that writes, so that nobody waits for a lock on the whole table.
    Rows of the month that wait in the default partition are moved.
    """
    months = {date(moment.year, moment.month, 1) for moment in moments} - db.known_months
    for month in sorted(months):
        async with db.connection() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('vibelux partitions'))")
            if month not in await _months(connection):
                await _attach(connection, month)
        db.known_months.add(month)


async def drop_months_before(db: Database, moment: datetime) -> int:
    """Drops the months that end before `moment`, with their intervals; how many."""
    async with db.connection() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('vibelux partitions'))")
        old = [month for month in await _months(connection) if _start(_following(month)) <= moment]
        for month in old:
            await connection.execute(sql.SQL("DROP TABLE {}").format(_partition(month)))
            for table in (f"{ELECTRICITY.name}_revisions", "market_intervals"):
                await connection.execute(
                    sql.SQL("DELETE FROM {} WHERE market_interval_start >= %s AND market_interval_start < %s").format(
                        sql.Identifier(table)
                    ),
                    (_start(month), _start(_following(month))),
                )
    db.known_months.difference_update(old)
    return len(old)


async def _attach(connection: psycopg.AsyncConnection, month: date) -> None:
    bounds = {
        "table": ELECTRICITY.ident,
        "month": _partition(month),
        "other": _OTHER,
        "first": sql.Literal(_start(month)),
        "after": sql.Literal(_start(_following(month))),
    }
    # A table of its own first: attaching it then locks the parent only against other changes of its shape.
    await connection.execute(sql.SQL("CREATE TABLE {month} (LIKE {table} INCLUDING ALL)").format(**bounds))
    await connection.execute(
        sql.SQL(
            "WITH moved AS (DELETE FROM {other} WHERE market_interval_start >= {first}"
            " AND market_interval_start < {after} RETURNING *) INSERT INTO {month} SELECT * FROM moved"
        ).format(**bounds)
    )
    await connection.execute(
        sql.SQL("ALTER TABLE {table} ATTACH PARTITION {month} FOR VALUES FROM ({first}) TO ({after})").format(**bounds)
    )


async def _months(connection: psycopg.AsyncConnection) -> set[date]:
    rows = await connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", (ELECTRICITY.name,)
    )
    found = (_MONTH.fullmatch(name) for (name,) in await rows.fetchall())
    return {date(int(match[1]), int(match[2]), 1) for match in found if match}


def _partition(month: date) -> sql.Identifier:
    return sql.Identifier(f"{ELECTRICITY.name}_y{month:%Y}m{month:%m}")


def _following(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _start(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)
