"""Writes what a payload held, whole or not at all: its receipt, records, quarantined rows and position."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

import psycopg

from vibelux.market.errors import FeedError, VibeluxError
from vibelux.market.intervals import iso_z
from vibelux.market.records import OPERATIONS, Kind, Parsed, Quarantined, Type
from vibelux.store.copy import LARGEST_NUMBER
from vibelux.store.corrections import Compared, compare, copy_new, keep_superseded
from vibelux.store.database import Database
from vibelux.store.feed_intervals import note_intervals
from vibelux.store.journal import Receipt, add_quarantined, add_receipt, advance, note_error
from vibelux.store.nodes import Seen, note_nodes
from vibelux.store.partitions import ensure_months
from vibelux.store.switches import note_switches_of
from vibelux.store.tables import ELECTRICITY, TABLES, Table

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a payload's rows."""

    new: int = 0
    corrected: int = 0
    unchanged: int = 0
    quarantined: int = 0
    newest: dict[str, datetime] = field(default_factory=dict)
    """For each kind the end of the newest interval in the payload."""
    changed: frozenset[tuple[str, str]] = frozenset()
    """Kind and node, hub, market or location of each row that is new or corrected."""


async def write_payload(
    db: Database,
    receipt: Receipt,
    parsed: Parsed,
    *,
    quality: str = "good",
    latency_ms: int | None = None,
    position: datetime | None = None,
) -> Written:
    """Writes a payload in one transaction: its row in `market_data_feeds`, records, quarantined rows, position.

    The same value again changes nothing; another value is a correction, and what it replaces is kept with the
    time at which it was known. A row that does not fit its column is quarantined.

    Args:
        db: where to.
        receipt: what was received, when, from where.
        parsed: what it held.
        quality: the word for `data_quality`.
        latency_ms: from the market's moment to ours.
        position: the feed is read up to here; an earlier one than the known is ignored.

    Raises:
        StoreUnavailable: the database is away. Nothing was written, or, if it went away in the commit, perhaps
            everything: writing again is always safe.
    """
    quarantined = list(parsed.quarantined)
    frames = {kind: _fitting(TABLES[kind], frame, quarantined) for kind, frame in parsed.frames.items()}
    frames = {kind: frame for kind, frame in frames.items() if frame.height}
    prices = frames.get(ELECTRICITY.kind.name)
    if prices is not None:
        await ensure_months(db, prices[ELECTRICITY.time].unique().to_list())
    seen = Seen()
    async with db.connection() as connection:
        results = {kind: await _write(connection, TABLES[kind], receipt, frames[kind]) for kind in sorted(frames)}
        for kind, frame in sorted(parsed.superseded.items()):
            kept = _fitting(TABLES[kind], frame, quarantined)
            if kept.height:
                await keep_superseded(connection, TABLES[kind], receipt, kept)
        written = Written(
            new=sum(result.new for result in results.values()),
            corrected=sum(result.corrected for result in results.values()),
            unchanged=sum(result.unchanged for result in results.values()),
            quarantined=len(quarantined),
            newest={kind: newest for kind, frame in frames.items() if (newest := _newest(TABLES[kind], frame))},
            changed=frozenset((kind, subject) for kind, result in results.items() for subject in result.subjects),
        )
        processed = {
            "new": written.new,
            "corrected": written.corrected,
            "unchanged": written.unchanged,
            "quarantined": written.quarantined,
            "newest": {kind: iso_z(moment) for kind, moment in written.newest.items()},
        }
        feed_id = await add_receipt(connection, receipt, processed=processed, quality=quality, latency_ms=latency_ms)
        await add_quarantined(connection, receipt, feed_id, quarantined)
        await advance(connection, receipt, position)
        await note_intervals(connection, receipt, frames)
        if prices is not None:
            seen = await note_nodes(connection, db, prices)
        if OPERATIONS.name in frames:
            await note_switches_of(connection, frames[OPERATIONS.name])
    seen.remember(db)
    return written


def subjects_of(parsed: Parsed) -> dict[str, set[str]]:
    """By kind, the nodes, hubs, markets or locations of all rows."""
    frames = {kind: frame for kind, frame in parsed.frames.items() if frame.height}
    return {kind: set(frame[TABLES[kind].subject].unique().to_list()) for kind, frame in frames.items()}


async def write_failure(db: Database, receipt: Receipt, error: VibeluxError) -> None:
    """Keeps a payload that could not be read, or the fact that none came; the feed's position stays.

    Raises:
        StoreUnavailable: the database is away.
    """
    outcome = error.outcome if isinstance(error, FeedError) else "failed"
    async with db.connection() as connection:
        await add_receipt(connection, receipt, processed={"outcome": outcome}, quality="unreadable", error=str(error))
        await note_error(connection, receipt, str(error))


async def _write(
    connection: psycopg.AsyncConnection, table: Table, receipt: Receipt, frame: "pl.DataFrame"
) -> Compared:
    """One kind's rows. Writers of the same rows take turns, so that nobody compares with what is being changed."""
    if table is not ELECTRICITY:
        await _turn(connection, table.name)
        return await compare(connection, table, receipt, frame)
    for iso_region, market in sorted(frame.select("iso_region", "market").unique().iter_rows()):
        await _turn(connection, f"{table.name} {iso_region} {market}")
    fresh = await _fresh(connection, frame)
    if fresh.height:
        try:
            async with connection.transaction():
                await copy_new(connection, table, receipt, fresh)
        except psycopg.errors.UniqueViolation:  # somebody else's hand put rows there, past this writer
            fresh = fresh.clear()
    subjects = frozenset(fresh[table.subject].unique().to_list())
    if fresh.height == frame.height:
        return Compared(fresh.height, 0, 0, subjects)
    rest = frame.join(fresh.select(*_INTERVAL).unique(), on=_INTERVAL, how="anti") if fresh.height else frame
    compared = await compare(connection, table, receipt, rest)
    return Compared(fresh.height + compared.new, compared.corrected, compared.unchanged, subjects | compared.subjects)


_INTERVAL = ["iso_region", "market", "market_interval_start"]


async def _fresh(connection: psycopg.AsyncConnection, frame: "pl.DataFrame") -> "pl.DataFrame":
    """Notes the frame's intervals, and gives its rows of those that nobody had noted: no such row is held yet."""
    import polars as pl

    intervals = frame.select(*_INTERVAL, "market_interval_end").unique(subset=_INTERVAL)
    cursor = await connection.execute(
        "INSERT INTO market_intervals (iso_region, market, market_interval_start, market_interval_end)"
        " SELECT * FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])"
        " ON CONFLICT DO NOTHING RETURNING iso_region, market, market_interval_start",
        [column.to_list() for column in intervals.get_columns()],
    )
    noted = pl.DataFrame(await cursor.fetchall(), schema={name: frame.schema[name] for name in _INTERVAL}, orient="row")
    if noted.height in {0, intervals.height}:
        return frame if noted.height else frame.clear()
    return frame.join(noted, on=_INTERVAL, how="semi")


async def _turn(connection: psycopg.AsyncConnection, scope: str) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (scope,))


def _fitting(table: Table, frame: "pl.DataFrame", quarantined: list[Quarantined]) -> "pl.DataFrame":
    """The rows that their table can hold: numbers of its size, and no null where none may be."""
    import polars as pl

    kind: Kind = table.kind
    frame = frame.with_columns(pl.col(pl.Categorical).cast(pl.String), pl.col(pl.Float64).fill_nan(None))
    for column in kind.fields:
        if column.type is Type.NUMBER and column.name not in table.scale_free:
            fits = pl.col(column.name).abs() < LARGEST_NUMBER
            frame = _keep(frame, fits.fill_null(value=True), f"{column.name} is too large", quarantined)
        if not column.nullable and frame[column.name].null_count():
            frame = _keep(frame, pl.col(column.name).is_not_null(), f"{column.name} is missing", quarantined)
    return frame


def _keep(frame: "pl.DataFrame", condition: "pl.Expr", reason: str, quarantined: list[Quarantined]) -> "pl.DataFrame":
    mask = frame.select(condition.alias("keep"))["keep"]
    if mask.all():
        return frame
    for row in frame.filter(~mask).iter_rows(named=True):
        quarantined.append(Quarantined(reason, "", str(row)))
    return frame.filter(mask)


def _newest(table: Table, frame: "pl.DataFrame") -> datetime | None:
    newest = frame[table.until].max()
    if isinstance(newest, datetime):
        return newest.astimezone(UTC)
    return datetime.combine(newest, time.min, tzinfo=UTC) if isinstance(newest, date) else None
