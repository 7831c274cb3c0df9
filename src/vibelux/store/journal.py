"""The journal's side in the database: one row a payload, the rows set aside, each feed's position, retention."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

import psycopg

from vibelux.market.records import Quarantined
from vibelux.store.database import Database
from vibelux.store.jsons import jsonb
from vibelux.store.partitions import drop_months_before

_OLD_DECISIONS = """
DELETE FROM chp_decisions old WHERE decided_at < %s AND EXISTS
(SELECT FROM chp_decisions newer WHERE newer.facility_id = old.facility_id AND newer.decided_at > old.decided_at)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One payload as it was received; the bytes themselves lie in the journal's `file`."""

    feed: str
    """`provider/data-type`."""
    provider: str
    data_type: str
    region: str
    url: str
    status: int
    origin: str
    """`live`, `recorded`, `rebuilt` or `synthetic`."""
    received_at: datetime
    """By our clock: what is in the payload counts as known from then on."""
    sha256: str
    """Of the bytes, in hexadecimal; empty where none came."""
    bytes: int
    file: str | None = None
    """Where the journal keeps the bytes, relative to it."""
    raw_json: Any | None = None
    """The payload itself where it is JSON and small."""
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """How much of the past is kept, in days; None for ever."""

    feed_days: float | None = 30.0
    """Metadata of payloads, rows set aside, and what data quality is counted from."""
    outbox_days: float | None = 7.0
    """Messages to facilities (a client that was away longer gets a fresh snapshot), and the plans behind decisions."""
    decision_days: float | None = 400.0
    """Decisions; the newest of each facility stays, as the next one goes on from it."""
    alert_days: float | None = 90.0
    operations_days: float | None = 400.0
    """What sites report of themselves. When engines were switched is kept for ever."""
    price_days: float | None = None
    """Electricity prices, by whole months."""


async def add_receipt(
    connection: psycopg.AsyncConnection,
    receipt: Receipt,
    *,
    processed: dict[str, Any],
    quality: str,
    latency_ms: int | None = None,
    error: str | None = None,
) -> str:
    """Writes the row of a payload into `market_data_feeds`; its id."""
    raw = receipt.raw_json
    if raw is None:
        raw = {"sha256": receipt.sha256, "bytes": receipt.bytes, "file": receipt.file}
    cursor = await connection.execute(
        "INSERT INTO market_data_feeds (provider, data_type, region, raw_data, processed_data, timestamp, data_quality,"
        " latency_ms, url, status, origin, payload_sha256, payload_bytes, file, etag, last_modified, error)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        (
            receipt.provider,
            receipt.data_type,
            receipt.region,
            jsonb(raw),
            jsonb(processed),
            receipt.received_at,
            quality,
            latency_ms,
            receipt.url,
            receipt.status,
            receipt.origin,
            bytes.fromhex(receipt.sha256) or None,
            receipt.bytes,
            receipt.file,
            receipt.etag,
            receipt.last_modified,
            error,
        ),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 (RETURNING gives one)
    return str(row[0])


async def add_quarantined(
    connection: psycopg.AsyncConnection, receipt: Receipt, feed_id: str, rows: list[Quarantined]
) -> None:
    """Keeps the rows of a payload that could not be used."""
    if not rows:
        return
    statement = "COPY quarantined_rows (feed, market_data_feed_id, reason, place, raw, received_at) FROM STDIN"
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            texts = (text.replace("\0", "") for text in (row.reason, row.place, row.raw))
            await copy.write_row((receipt.feed, feed_id, *texts, receipt.received_at))


async def advance(connection: psycopg.AsyncConnection, receipt: Receipt, position: datetime | None) -> None:
    """Notes that a payload of the feed was read. The position only rises; an older payload leaves the newest one."""
    await connection.execute(
        "INSERT INTO feed_positions AS held (feed, provider, data_type, region, position) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (feed) DO UPDATE SET position = GREATEST(held.position, excluded.position)",
        (receipt.feed, receipt.provider, receipt.data_type, receipt.region, position),
    )
    await connection.execute(
        "UPDATE feed_positions SET received_at = %(received_at)s, origin = %(origin)s, payload_sha256 = %(sha256)s,"
        " etag = %(etag)s, last_modified = %(last_modified)s"
        " WHERE feed = %(feed)s AND (received_at IS NULL OR received_at <= %(received_at)s)",
        {
            "received_at": receipt.received_at,
            "origin": receipt.origin,
            "sha256": bytes.fromhex(receipt.sha256) or None,
            "etag": receipt.etag,
            "last_modified": receipt.last_modified,
            "feed": receipt.feed,
        },
    )


async def note_error(connection: psycopg.AsyncConnection, receipt: Receipt, error: str) -> None:
    """Notes the feed's newest error; its position and newest good payload stay."""
    await connection.execute(
        "INSERT INTO feed_positions (feed, provider, data_type, region, error, error_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (feed) DO UPDATE SET error = excluded.error, error_at = excluded.error_at",
        (receipt.feed, receipt.provider, receipt.data_type, receipt.region, error, receipt.received_at),
    )


async def retain(db: Database, now: datetime, kept: Kept) -> dict[str, int]:
    """Deletes what is older than what is to be kept; how many rows (months, for prices) of each table.

    Raises:
        StoreUnavailable: the database is away.
    """
    gone: dict[str, int] = {}
    statements: tuple[tuple[float | None, LiteralString, LiteralString], ...] = (
        (kept.feed_days, "market_data_feeds", "DELETE FROM market_data_feeds WHERE timestamp < %s"),
        (kept.feed_days, "quarantined_rows", "DELETE FROM quarantined_rows WHERE received_at < %s"),
        (kept.feed_days, "confirmations", "DELETE FROM confirmations WHERE confirmed_at < %s"),
        (kept.feed_days, "feed_intervals", "DELETE FROM feed_intervals WHERE known_at < %s"),
        (kept.feed_days, "price_disagreements", "DELETE FROM price_disagreements WHERE found_at < %s"),
        (kept.outbox_days, "outbox", "DELETE FROM outbox WHERE created_at < %s"),
        (kept.outbox_days, "chp_schedules", "DELETE FROM chp_schedules WHERE decided_at < %s"),
        (
            kept.decision_days,
            "chp_decisions",
            _OLD_DECISIONS,
        ),
        (kept.alert_days, "alerts", "DELETE FROM alerts WHERE at < %s AND (resolved_at IS NOT NULL OR NOT lasts)"),
        (kept.alert_days, "alert_posts", "DELETE FROM alert_posts WHERE created_at < %s AND done_at IS NOT NULL"),
        (kept.operations_days, "facility_operations", "DELETE FROM facility_operations WHERE timestamp < %s"),
        (
            kept.operations_days,
            "facility_operations_revisions",
            "DELETE FROM facility_operations_revisions WHERE timestamp < %s",
        ),
    )
    for days, table, statement in statements:
        if days is not None:
            async with db.connection() as connection:
                cursor = await connection.execute(statement, (now - timedelta(days=days),))
                gone[table] = cursor.rowcount
    if kept.price_days is not None:
        gone["real_time_electricity_prices"] = await drop_months_before(db, now - timedelta(days=kept.price_days))
    return gone
