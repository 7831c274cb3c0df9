"""What the service uses of what costs money: payloads by provider, and room in the database."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from vibelux.store.database import Database


@dataclass(frozen=True, slots=True)
class ProviderUsage:
    """What came from one provider."""

    provider: str
    payloads: int
    """Answers with something new in them; polls that were told that nothing had changed are not kept."""
    megabytes: float


async def provider_usage(db: Database, start: datetime, end: datetime) -> list[ProviderUsage]:
    """What came in a stretch of time, by provider.

    Raises:
        StoreUnavailable: the database is away.
    """
    async with db.connection() as connection, connection.cursor(row_factory=class_row(ProviderUsage)) as cursor:
        await cursor.execute(
            "SELECT provider, count(*) AS payloads, COALESCE(sum(payload_bytes), 0)::float8 / 1e6 AS megabytes"
            " FROM market_data_feeds WHERE timestamp >= %s AND timestamp < %s GROUP BY provider ORDER BY provider",
            (start, end),
        )
        return await cursor.fetchall()


async def database_megabytes(db: Database) -> float:
    """The room that the database takes on disk.

    Raises:
        StoreUnavailable: the database is away.
    """
    async with db.connection() as connection:
        row = await (await connection.execute("SELECT pg_database_size(current_database())::float8 / 1e6")).fetchone()
    return float(row[0]) if row else 0.0
