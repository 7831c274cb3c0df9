"""What the database knows of whether the service does its work.

All functions raise `StoreUnavailable` when the database is away.
"""

from datetime import datetime

from vibelux.store.database import Readable
from vibelux.store.migrate import migrations

_DECISIONS = """
    SELECT f.id, newest.valid_until FROM facilities f LEFT JOIN LATERAL (
        SELECT COALESCE((decision ->> 'validUntil')::timestamptz, decided_at + interval '1 hour') AS valid_until
        FROM chp_decisions d WHERE d.facility_id = f.id ORDER BY decided_at DESC LIMIT 1) newest ON true
"""


async def schema_is_ours(db: Readable) -> bool:
    """Whether the schema is still the one of this version: a newer one may have migrated it since."""
    async with db.connection() as connection:
        row = await (await connection.execute("SELECT max(version) FROM schema_migrations")).fetchone()
    return row is not None and row[0] == migrations()[-1].version


async def decided_until(db: Readable) -> dict[str, datetime | None]:
    """By facility, until when its newest decision is good; None where there is none."""
    async with db.connection() as connection:
        return dict(await (await connection.execute(_DECISIONS)).fetchall())
