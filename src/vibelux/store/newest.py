"""Reads series of places: of a forecast the newest issue for each interval, of measurements what there is."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from vibelux.store.database import Readable
from vibelux.store.tables import TABLES

_FIELDS = (
    "provider",
    "category",
    "variable",
    "location",
    "unit",
    "value",
    "valid_start",
    "valid_end",
    "issued_at",
    "data_source",
    "origin",
    "known_at",
)
_NEWEST = sql.SQL(
    "SELECT DISTINCT ON (variable, location, provider, category, issued_at IS NULL, valid_start) {fields}"
    " FROM {table} WHERE variable = ANY({variables}) AND location = ANY({locations})"
    " AND valid_start >= {start} AND valid_start < {end} AND known_at <= {as_of}"
    " AND (issued_at IS NULL OR (issued_at > {issued_after} AND issued_at <= {as_of}))"
    " ORDER BY variable, location, provider, category, issued_at IS NULL, valid_start, issued_at DESC"
)
_LOCATIONS = sql.SQL(
    "SELECT DISTINCT location FROM {table} WHERE variable = {variable} AND provider = ANY({providers})"
    " AND valid_start >= {start} AND valid_start < {end}"
)


async def newest_issues(
    db: Readable,
    variables: Collection[str],
    locations: Collection[str],
    *,
    start: datetime,
    end: datetime,
    as_of: datetime,
    issued_after: datetime,
) -> list[dict[str, Any]]:
    """Measurements, and the newest forecast, of each interval that starts in [start, end).

    Args:
        db: where from.
        variables: of series.
        locations: as records have them.
        start: first moment.
        end: the moment after the last.
        as_of: what was known and issued by then counts. A correction made since is not undone.
        issued_after: older forecasts are left out; it bounds what has to be looked at.

    Raises:
        StoreUnavailable: the database is away.
    """
    statement = _NEWEST.format(
        fields=sql.SQL(", ").join(map(sql.Identifier, _FIELDS)),
        table=TABLES["series"].ident,
        variables=list(variables),
        locations=list(locations),
        start=start,
        end=end,
        as_of=as_of,
        issued_after=issued_after,
    )
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, prepare=False)
        return await cursor.fetchall()


async def locations_of(
    db: Readable, variable: str, providers: Collection[str], *, start: datetime, end: datetime
) -> list[str]:
    """The locations that have a variable in [start, end).

    Raises:
        StoreUnavailable: the database is away.
    """
    statement = _LOCATIONS.format(
        table=TABLES["series"].ident, variable=variable, providers=list(providers), start=start, end=end
    )
    async with db.connection() as connection:
        cursor = await connection.execute(statement, prepare=False)
        return sorted(str(row[0]) for row in await cursor.fetchall())
