"""Reads records: the newest, a stretch of time, and both as they were known at any past moment.

Rows are dicts with the record's own names, and `id`, `origin`, `known_at`, `payload_sha256` (hexadecimal) beside
them; numbers are floats, times UTC. All functions raise `StoreUnavailable` when the database is away.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import dict_row

from vibelux.market.errors import UsageError
from vibelux.market.records import Type
from vibelux.store.database import Readable
from vibelux.store.tables import ELECTRICITY, KEPT, TABLES, Table, names

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]

_WHOLE = sql.SQL("")
_RECENT = timedelta(days=8)
_RECENT_DAYS = timedelta(days=45)
_INTERVALS_BACK = sql.SQL(
    "SELECT market_interval_start AS start FROM market_intervals WHERE iso_region = {iso_region}"
    " AND market = {market} AND market_interval_start <= {at} AND market_interval_start > {since}"
    " ORDER BY market_interval_start DESC"
)


async def latest_price(
    db: Readable, iso_region: str, pricing_node: str, market: str, *, at: datetime, as_of: datetime | None = None
) -> Row | None:
    """The price of the newest interval of a node that starts at or before `at`; None if there is none."""
    order = sql.SQL("node_type NULLS FIRST")
    # A few days first: an unknown node would else be looked for in every interval there ever was.
    for since in (at - _RECENT, datetime.min.replace(tzinfo=UTC)):
        wanted = sql.SQL(
            "market_interval_start = i.start AND pricing_node = {} AND market = {} AND iso_region = {} AND {}"
        ).format(pricing_node, market, iso_region, _months_of(since, at))
        found = await _newest(db, iso_region, market, wanted, order, at=at, since=since, as_of=as_of)
        if found is not None:
            return found
    return None


async def newest_price_of_region(
    db: Readable, iso_region: str, market: str, *, at: datetime, as_of: datetime | None = None
) -> Row | None:
    """A price of the region's newest interval that starts at or before `at`: a hub's if there is one."""
    wanted = sql.SQL("market_interval_start = i.start AND market = {} AND iso_region = {}").format(market, iso_region)
    order = sql.SQL("pricing_node !~ '^(TH_|HB_)|HUB', pricing_node, node_type NULLS FIRST")
    since = datetime.min.replace(tzinfo=UTC)
    return await _newest(db, iso_region, market, wanted, order, at=at, since=since, as_of=as_of)


async def _newest(
    db: Readable,
    iso_region: str,
    market: str,
    wanted: sql.Composable,
    order: sql.Composable,
    *,
    at: datetime,
    since: datetime,
    as_of: datetime | None,
) -> Row | None:
    statement = sql.SQL(
        "SELECT {columns} FROM ({intervals}) i CROSS JOIN LATERAL"
        " (SELECT * FROM ({versions}) v ORDER BY {order} LIMIT 1) p ORDER BY i.start DESC LIMIT 1"
    ).format(
        columns=_columns(ELECTRICITY),
        intervals=_INTERVALS_BACK.format(iso_region=iso_region, market=market, at=at, since=since),
        versions=_versions(ELECTRICITY, wanted, as_of),
        order=order,
    )
    rows = await _rows(db, statement)
    return rows[0] if rows else None


async def prices(
    db: Readable,
    *,
    iso_region: str,
    start: datetime,
    end: datetime,
    market: str | None = None,
    pricing_node: str | None = None,
    as_of: datetime | None = None,
    limit: int | None = None,
    after: Sequence[Any] | None = None,
) -> list[Row]:
    """Prices of the intervals that start in [start, end), in the order of `order_of`.

    `after` holds those fields of the last row of the page before.
    """
    wanted: list[sql.Composable] = []
    if after is not None:
        wanted.append(_beyond(ELECTRICITY, after))
        start = max(start, after[0])
    if pricing_node is None:
        wanted += [_within(ELECTRICITY, start, end), sql.SQL("iso_region = {}").format(iso_region)]
        if market is not None:
            wanted.append(sql.SQL("market = {}").format(market))
        source = _versions(ELECTRICITY, sql.SQL(" AND ").join(wanted), as_of, _top(ELECTRICITY, limit))
    else:
        source = _of_node(iso_region, pricing_node, market, [(start, end)], wanted, as_of)
    return await _rows(db, _ordered(ELECTRICITY, source, limit))


async def prices_within(
    db: Readable,
    stretches: Sequence[tuple[datetime, datetime]],
    *,
    iso_region: str,
    pricing_node: str,
    market: str | None = None,
) -> list[Row]:
    """As `prices`, of one node and the intervals that start in any of several [start, end), none of which overlap."""
    return await _rows(db, _ordered(ELECTRICITY, _of_node(iso_region, pricing_node, market, stretches), None))


def _of_node(
    iso_region: str,
    pricing_node: str,
    market: str | None,
    stretches: Sequence[tuple[datetime, datetime]],
    wanted: Sequence[sql.Composable] = (),
    as_of: datetime | None = None,
) -> sql.Composed:
    """One node of thousands: each interval that there is probes the key, instead of reading all nodes."""
    starts, ends = zip(*stretches, strict=True)
    key = sql.SQL(
        "market_interval_start = i.market_interval_start AND market = i.market"
        " AND iso_region = {} AND pricing_node = {}"
    ).format(iso_region, pricing_node)
    versions = _versions(ELECTRICITY, sql.SQL(" AND ").join([key, _months_of(min(starts), max(ends)), *wanted]), as_of)
    return sql.SQL(
        "SELECT p.* FROM unnest({starts}::timestamptz[], {ends}::timestamptz[]) AS s(start, until)"
        " CROSS JOIN LATERAL (SELECT market, market_interval_start FROM market_intervals"
        " WHERE iso_region = {iso_region} AND {of_market}"
        " AND market_interval_start >= s.start AND market_interval_start < s.until OFFSET 0) i"
        " CROSS JOIN LATERAL ({versions} OFFSET 0) p"
    ).format(
        starts=list(starts),
        ends=list(ends),
        iso_region=iso_region,
        of_market=sql.SQL("true" if market is None else "market = {}").format(market),
        versions=versions,
    )


def _months_of(start: datetime, end: datetime) -> sql.Composed:
    """What a probe of one interval says besides: months outside are left out when it is planned, not when it runs."""
    return sql.SQL("market_interval_start >= {} AND market_interval_start <= {}").format(start, end)


async def latest_gas(db: Readable, hub_name: str, *, at: date | datetime, as_of: datetime | None = None) -> Row | None:
    """The hub's newest price traded on or before the day of `at`; a future only where there is nothing else."""
    return await _newest_of_day(
        db,
        TABLES["gas-price"],
        sql.SQL("hub_name = {}").format(hub_name),
        sql.SQL("contract_type = 'futures', trading_date DESC, delivery_date, contract"),
        at=at,
        as_of=as_of,
    )


async def latest_carbon(
    db: Readable, market_name: str, *, at: date | datetime, as_of: datetime | None = None
) -> Row | None:
    """The market's newest price of on or before the day of `at`; of several vintages the earliest, now usable."""
    return await _newest_of_day(
        db,
        TABLES["carbon-price"],
        sql.SQL("market_name = {}").format(market_name),
        sql.SQL("trading_date DESC, vintage_year NULLS FIRST, market_type"),
        at=at,
        as_of=as_of,
    )


async def _newest_of_day(
    db: Readable,
    table: Table,
    wanted: sql.Composable,
    order: sql.Composable,
    *,
    at: date | datetime,
    as_of: datetime | None,
) -> Row | None:
    day = at.astimezone(UTC).date() if isinstance(at, datetime) else at
    # The last weeks first: a daily price of years would else be sorted for its newest row.
    for since in (day - _RECENT_DAYS, date.min):
        within = sql.SQL("{} AND trading_date <= {} AND trading_date > {}").format(wanted, day, since)
        statement = sql.SQL("SELECT {} FROM ({}) v ORDER BY {} LIMIT 1").format(
            _columns(table), _versions(table, within, as_of), order
        )
        rows = await _rows(db, statement)
        if rows:
            return rows[0]
    return None


async def records(
    db: Readable,
    kind: str,
    *,
    start: date | datetime,
    end: date | datetime,
    filters: Mapping[str, Any] | None = None,
    as_of: datetime | None = None,
    limit: int | None = None,
    after: Sequence[Any] | None = None,
) -> "pl.DataFrame":
    """Records of a kind whose time lies in [start, end), in the order of `order_of`.

    Args:
        db: where from.
        kind: `series`, `gas-price`, ... (contracts §3).
        start: first moment or day.
        end: the moment or day after the last.
        filters: a value, a list of values or None (is missing) for any of the record's fields.
        as_of: as known then; None for everything known.
        limit: at most so many rows.
        after: the fields of `order_of` of the last row of the page before.

    Raises:
        UsageError: no such kind or field.
    """
    table = TABLES.get(kind)
    if table is None:
        raise UsageError(f"no kind of record is called {kind!r}; known: {', '.join(TABLES)}")
    wanted: list[sql.Composable] = [_within(table, start, end)]
    for name, value in (filters or {}).items():
        if name not in table.kind.names:
            raise UsageError(f"{kind} has no field {name!r}; it has {', '.join(table.kind.names)}")
        if value is None:
            wanted.append(sql.SQL("{} IS NULL").format(sql.Identifier(name)))
        elif isinstance(value, list | tuple | set | frozenset):
            wanted.append(sql.SQL("{} = ANY({})").format(sql.Identifier(name), sql.Literal(list(value))))
        else:
            wanted.append(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value)))
    if after is not None:
        wanted.append(_beyond(table, after))
    source = _versions(table, sql.SQL(" AND ").join(wanted), as_of, _top(table, limit))
    return _frame(table, await _rows(db, _ordered(table, source, limit)))


def order_of(kind: str) -> tuple[str, ...]:
    """The fields by which records of a kind are ordered: its time, then the rest of its key."""
    return TABLES[kind].order


async def feed_status(db: Readable) -> list[Row]:
    """Each feed's position, newest payload, newest error, and how many of its prices another route contradicts."""
    statement = sql.SQL(
        "SELECT feed, provider, data_type, region, position, received_at, origin, etag, last_modified,"
        " encode(payload_sha256, 'hex') AS payload_sha256, error, error_at,"
        " (SELECT count(*) FROM price_disagreements d WHERE d.feed = held.feed) AS price_disagreements"
        " FROM feed_positions held ORDER BY feed"
    )
    return await _rows(db, statement)


def _versions(
    table: Table, wanted: sql.Composable, as_of: datetime | None, top: sql.Composable = _WHOLE
) -> sql.Composed:
    """The rows that hold now, or that held as far as was known at `as_of`: one version a key.

    `top` orders and limits each of the two tables, so that a page does not read all of both.
    """
    columns = _plain(table)
    if as_of is None:
        return sql.SQL("SELECT {} FROM {} WHERE {}{}").format(columns, table.ident, wanted, top)
    return sql.SQL(
        "(SELECT {columns} FROM {table} WHERE {wanted} AND known_at <= {as_of}{top}) UNION ALL"
        " (SELECT {columns} FROM {revisions} WHERE {wanted} AND known_at <= {as_of} AND superseded_at > {as_of}{top})"
    ).format(columns=columns, table=table.ident, revisions=table.revisions, wanted=wanted, as_of=as_of, top=top)


def _top(table: Table, limit: int | None) -> sql.Composed:
    return sql.SQL(" ORDER BY {} LIMIT {}").format(names(table.order), limit)


def _ordered(table: Table, source: sql.Composable, limit: int | None) -> sql.Composed:
    # Numbers are turned into floats last, for the rows that are wanted only.
    return sql.SQL("SELECT {} FROM (SELECT * FROM ({}) v{}) w").format(_columns(table), source, _top(table, limit))


def _beyond(table: Table, after: Sequence[Any]) -> sql.Composed:
    """The rows that come after the one with those values in the table's order, nulls last."""
    nullable = {field.name for field in table.kind.fields if field.nullable}
    ways: list[sql.Composable] = []
    same: list[sql.Composable] = []
    for name, value in zip(table.order, after, strict=True):
        column = sql.Identifier(name)
        if value is not None:
            later = "({0} > {1} OR {0} IS NULL)" if name in nullable else "{0} > {1}"
            ways.append(sql.SQL(" AND ").join([*same, sql.SQL(later).format(column, value)]))
        same.append(sql.SQL("{} IS NOT DISTINCT FROM {}").format(column, value))
    not_before = sql.SQL("{} >= {}").format(sql.Identifier(table.time), after[0])
    return sql.SQL("({} AND ({}))").format(not_before, sql.SQL(" OR ").join(ways))


@cache
def _columns(table: Table) -> sql.SQL:
    """The record's fields as floats, text, times, and what is kept beside them; written out once, as it is long."""
    numbers = {field.name for field in table.kind.fields if field.type is Type.NUMBER}
    columns = [
        sql.SQL("{0}::float8 AS {0}" if name in numbers else "{}").format(sql.Identifier(name))
        for name in table.columns
        if name not in {"id", "payload_sha256"}
    ]
    kept = sql.SQL("id::text AS id, encode(payload_sha256, 'hex') AS payload_sha256")
    return sql.SQL(sql.SQL(", ").join([*columns, kept]).as_string())


@cache
def _plain(table: Table) -> sql.SQL:
    """The columns as they are kept."""
    return sql.SQL(names(table.columns).as_string())


def _within(table: Table, start: date | datetime, end: date | datetime) -> sql.Composed:
    return sql.SQL("{time} >= {start} AND {time} < {end}").format(time=sql.Identifier(table.time), start=start, end=end)


def _frame(table: Table, rows: list[Row]) -> "pl.DataFrame":
    import polars as pl

    schema = table.kind.schema()
    schema |= {name: schema.get(name, pl.Datetime("us", "UTC") if name == "known_at" else pl.String()) for name in KEPT}
    return pl.DataFrame([pl.Series(name, [row[name] for row in rows], dtype=dtype) for name, dtype in schema.items()])


async def _rows(db: Readable, statement: sql.SQL | sql.Composed) -> list[Row]:
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, prepare=False)
        return await cursor.fetchall()
