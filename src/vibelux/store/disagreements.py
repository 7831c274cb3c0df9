"""Prices of which two routes say different things: found, kept until they agree, told."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from psycopg import sql
from psycopg.rows import class_row

from vibelux.store.database import Database, Readable

_ROUTES_TOLERANCE = 0.005
_SAME_PRICE = "one report, had by two routes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One price, two numbers for it; USD/MWh."""

    feed: str
    """Whose report is doubted: the one that came later."""
    iso_region: str
    pricing_node: str
    comparison: str
    """The two routes, in the order of `one` and `other`."""
    interval_start: datetime
    interval_end: datetime
    one: float
    other: float
    tolerance: float
    why: str
    """Why they should agree, and so closely."""

    def __str__(self) -> str:
        when = f"{self.interval_start:%Y-%m-%d %H:%M} UTC"
        return f"{self.pricing_node} {when}, {self.comparison}: {self.one:.2f} and {self.other:.2f} USD/MWh"


_FIELDS = tuple(field.name for field in fields(Disagreement))
_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, _FIELDS))
_TYPES = {"interval_start": "timestamptz", "interval_end": "timestamptz"} | dict.fromkeys(
    ("one", "other", "tolerance"), "float8"
)
_ARRAYS = sql.SQL(", ").join(sql.SQL(f"%s::{_TYPES.get(name, 'text')}[]") for name in _FIELDS)
_ADD = sql.SQL("""
    INSERT INTO price_disagreements AS held ({columns}, found_at) SELECT *, {at} FROM unnest({arrays})
    ON CONFLICT (interval_start, iso_region, pricing_node, comparison) DO UPDATE
        SET one = excluded.one, other = excluded.other
    RETURNING {columns}, xmax = 0
""")
_FORGET = """
    DELETE FROM price_disagreements WHERE comparison = %(comparison)s AND iso_region = %(iso_region)s
    AND interval_start >= %(start)s AND interval_start < %(end)s AND pricing_node = ANY(%(nodes)s)
    AND NOT EXISTS (
        SELECT FROM unnest(%(starts)s::timestamptz[], %(found)s::text[]) AS still (start, node)
        WHERE still.start = interval_start AND still.node = pricing_node)
"""
# A correction keeps what it replaced, and both know their payload. Where payloads came from two hosts, the second
# route did not correct the first: it contradicts it.
_BY_ROUTE = sql.SQL("""
    SELECT later.provider || '/' || later.data_type AS feed, m.iso_region, m.pricing_node,
        split_part(earlier.url, '/', 3) || ' and ' || split_part(later.url, '/', 3) || ', ' || m.market AS comparison,
        m.market_interval_start AS interval_start, m.market_interval_end AS interval_end,
        r.price_per_kwh::float8 * 1000 AS one, m.price_per_kwh::float8 * 1000 AS other,
        {tolerance}::float8 AS tolerance, {why}::text AS why
    FROM real_time_electricity_prices_revisions r
    JOIN real_time_electricity_prices m ON m.market_interval_start = r.market_interval_start
        AND m.pricing_node = r.pricing_node AND m.market = r.market AND m.iso_region = r.iso_region
        AND m.node_type IS NOT DISTINCT FROM r.node_type
    CROSS JOIN LATERAL (
        SELECT url FROM market_data_feeds WHERE payload_sha256 = r.payload_sha256 ORDER BY timestamp LIMIT 1) earlier
    CROSS JOIN LATERAL (
        SELECT url, provider, data_type FROM market_data_feeds WHERE payload_sha256 = m.payload_sha256
        ORDER BY timestamp LIMIT 1) later
    WHERE r.superseded_at >= {since} AND split_part(earlier.url, '/', 3) <> split_part(later.url, '/', 3)
        AND abs(r.price_per_kwh - m.price_per_kwh) * 1000 > {tolerance}
    ORDER BY r.superseded_at DESC
""")


async def by_route(db: Readable, since: datetime) -> list[Disagreement]:
    """Prices that were replaced since then by another number from another host, each with the newest replaced one.

    Raises:
        StoreUnavailable: the database is away.
    """
    statement = _BY_ROUTE.format(since=since, tolerance=_ROUTES_TOLERANCE, why=_SAME_PRICE)
    async with db.connection() as connection, connection.cursor(row_factory=class_row(Disagreement)) as cursor:
        await cursor.execute(statement, prepare=False)
        found: dict[tuple[str, datetime, str], Disagreement] = {}
        for one in await cursor.fetchall():
            found.setdefault((one.pricing_node, one.interval_start, one.comparison), one)
    return list(found.values())


async def add(db: Database, found: Sequence[Disagreement], at: datetime) -> list[Disagreement]:
    """Keeps them; gives those that were not known.

    Raises:
        StoreUnavailable: the database is away.
    """
    arrays = [[getattr(one, name) for one in found] for name in _FIELDS]
    async with db.connection() as connection:
        statement = _ADD.format(columns=_COLUMNS, arrays=_ARRAYS, at=at)
        rows = await (await connection.execute(statement, arrays)).fetchall()
    return [Disagreement(**dict(zip(_FIELDS, row, strict=False))) for row in rows if row[-1]]


async def forget(
    db: Database,
    still: Sequence[Disagreement],
    *,
    iso_region: str,
    comparison: str,
    nodes: Collection[str],
    start: datetime,
    end: datetime,
) -> None:
    """Drops those of some nodes and of the intervals that start in [start, end) that are no longer found.

    Raises:
        StoreUnavailable: the database is away.
    """
    wanted = {
        "iso_region": iso_region,
        "comparison": comparison,
        "nodes": list(nodes),
        "start": start,
        "end": end,
        "starts": [one.interval_start for one in still],
        "found": [one.pricing_node for one in still],
    }
    async with db.connection() as connection:
        await connection.execute(_FORGET, wanted)


async def disagreements(db: Readable, limit: int = 100) -> list[Disagreement]:
    """What is kept, the newest interval first.

    Raises:
        StoreUnavailable: the database is away.
    """
    statement = sql.SQL("SELECT {} FROM price_disagreements ORDER BY interval_start DESC, pricing_node LIMIT {}")
    async with db.connection() as connection, connection.cursor(row_factory=class_row(Disagreement)) as cursor:
        await cursor.execute(statement.format(_COLUMNS, limit))
        return await cursor.fetchall()
