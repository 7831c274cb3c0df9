"""Reads a node's prices and a grid's forecasts as arrays: a year of five-minute prices without an object a row.

The database packs each column of points into one value (four bytes of minutes since 1970, eight of the number, big
end first), so that reading a hundred thousand of them neither holds up the loop nor fills the memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from vibelux.store.database import Database
from vibelux.store.tables import ELECTRICITY, TABLES

_PACKED = np.dtype([("minute", ">i4"), ("value", ">f8")])
_NEVER = datetime.min.replace(tzinfo=UTC)
_PACK = sql.SQL(
    "string_agg(int4send((extract(epoch FROM {start}) / 60)::int4) || float8send({value}::float8), ''::bytea"
    " ORDER BY {start})"
)
_PRICES = sql.SQL(
    "SELECT w.market, {pack}, max(p.known_at)"
    " FROM unnest({markets}::text[], {sinces}::timestamptz[]) AS w(market, since)"
    " JOIN market_intervals i ON i.iso_region = {iso_region} AND i.market = w.market"
    " AND i.market_interval_start >= w.since AND i.market_interval_start < {until}"
    " CROSS JOIN LATERAL (SELECT price_per_kwh, known_at FROM ("
    "SELECT price_per_kwh, known_at, node_type FROM {table} WHERE {wanted} UNION ALL"
    " SELECT price_per_kwh, known_at, node_type FROM {revisions} WHERE {wanted} AND superseded_at > {as_of}"
    ") v ORDER BY node_type NULLS FIRST LIMIT 1) p GROUP BY w.market"
)
_PRICE_WANTED = sql.SQL(
    "market_interval_start = i.market_interval_start AND pricing_node = {pricing_node} AND market = w.market"
    " AND iso_region = {iso_region} AND known_at <= {as_of}"
    # Said once more, so that months outside are left out when the statement is planned, not when it runs.
    " AND market_interval_start >= {first} AND market_interval_start < {until}"
)
_HOURS = sql.SQL(
    "WITH hours AS (SELECT hour AS start, coalesce(s.issued_by, hour - s.ahead) AS issued_by"
    " FROM unnest({starts}::timestamptz[], {ends}::timestamptz[], {issued_by}::timestamptz[], {ahead}::interval[])"
    " AS s(start, until, issued_by, ahead)"
    " CROSS JOIN LATERAL generate_series(s.start, s.until - interval '1 hour', interval '1 hour') hour) "
)
_FORECAST = sql.SQL(
    "SELECT {place}::int4, {pack}, max(s.known_at)"
    " FROM hours h CROSS JOIN LATERAL (SELECT value, known_at FROM ("
    "(SELECT value, known_at, issued_at FROM {table} WHERE {wanted} ORDER BY issued_at DESC LIMIT 1) UNION ALL"
    " (SELECT value, known_at, issued_at FROM {revisions} WHERE {wanted} AND superseded_at > {as_of}"
    " ORDER BY issued_at DESC LIMIT 1)) v ORDER BY issued_at DESC LIMIT 1) s"
)
_FORECAST_WANTED = sql.SQL(
    "valid_start = h.start AND location = {location} AND variable = {variable} AND provider = {provider}"
    " AND category {category} AND issued_at <= h.issued_by AND known_at <= {as_of}"
)


Stretch = tuple[datetime, datetime, datetime | timedelta]


@dataclass(frozen=True, slots=True)
class Points:
    """Numbers by the start of their interval, in order of time."""

    minutes: NDArray[np.int64]
    """UTC minutes since 1970."""
    values: NDArray[np.float64]
    known_at: datetime = _NEVER
    """When the newest of them, or of the corrections in them, became known; the first year where there are none."""

    @classmethod
    def none(cls) -> Self:
        """No points."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0))

    @classmethod
    def unpacked(cls, packed: bytes | None, known_at: datetime | None) -> Self:
        """The points as the database packs them."""
        found = np.frombuffer(packed or b"", _PACKED)
        return cls(found["minute"].astype(np.int64), found["value"].astype(np.float64), known_at or _NEVER)


@dataclass(frozen=True, slots=True)
class Series:
    """Names a series of forecasts, each with all its issues."""

    provider: str
    variable: str
    location: str
    category: str | None = None


async def price_points(
    db: Database,
    iso_region: str,
    pricing_node: str,
    since: Mapping[str, datetime],
    *,
    until: datetime,
    as_of: datetime,
) -> dict[str, Points]:
    """The prices of one node in several markets, USD/kWh, as they were known at `as_of`.

    Args:
        db: where from.
        iso_region: the grid.
        pricing_node: the node; of several types under one name the first counts, as in `reader.latest_price`.
        since: for each market the start of its first interval.
        until: no interval starts there or later.
        as_of: what became known later is not seen, corrections included.

    Raises:
        StoreUnavailable: the database is away.
    """
    wanted = _PRICE_WANTED.format(
        pricing_node=pricing_node, iso_region=iso_region, as_of=as_of, first=min(since.values()), until=until
    )
    statement = _PRICES.format(
        pack=_PACK.format(start=sql.SQL("i.market_interval_start"), value=sql.SQL("p.price_per_kwh")),
        markets=list(since),
        sinces=list(since.values()),
        iso_region=iso_region,
        until=until,
        table=ELECTRICITY.ident,
        revisions=ELECTRICITY.revisions,
        wanted=wanted,
        as_of=as_of,
    )
    found = {market: Points.unpacked(packed, known_at) for market, packed, known_at in await _rows(db, statement)}
    return {market: found.get(market, Points.none()) for market in since}


async def forecast_points(
    db: Database, wanted: Sequence[Series], stretches: Sequence[Stretch], *, as_of: datetime
) -> list[Points]:
    """Of each series, for each hour the newest issue that is old enough.

    Args:
        db: where from.
        wanted: the series.
        stretches: start and end of some hours, and the moment after which an issue is too young, or how long before
            its hour it must have been issued.
        as_of: what became known later is not seen.

    Raises:
        StoreUnavailable: the database is away.
    """
    table = TABLES["series"]
    statements = [
        _FORECAST.format(
            place=place,
            pack=_PACK.format(start=sql.SQL("h.start"), value=sql.SQL("s.value")),
            table=table.ident,
            revisions=table.revisions,
            wanted=_FORECAST_WANTED.format(
                location=one.location,
                variable=one.variable,
                provider=one.provider,
                # An index serves both of these; "is not distinct from" it does not serve.
                category=sql.SQL("IS NULL") if one.category is None else sql.SQL("= {}").format(one.category),
                as_of=as_of,
            ),
            as_of=as_of,
        )
        for place, one in enumerate(wanted)
    ]
    hours = _HOURS.format(
        starts=[start for start, _, _ in stretches],
        ends=[end for _, end, _ in stretches],
        issued_by=[rule if isinstance(rule, datetime) else None for _, _, rule in stretches],
        ahead=[rule if isinstance(rule, timedelta) else None for _, _, rule in stretches],
    )
    rows = await _rows(db, hours + sql.SQL(" UNION ALL ").join(statements))
    found = {place: Points.unpacked(packed, known_at) for place, packed, known_at in rows}
    return [found[place] for place in range(len(wanted))]


async def _rows(db: Database, statement: sql.Composed) -> list[tuple[Any, ...]]:
    async with db.connection() as connection, connection.cursor(binary=True) as cursor:
        await cursor.execute(statement, prepare=False)
        return await cursor.fetchall()
