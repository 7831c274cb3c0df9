"""Secrets of the service itself, such as what signs its cookies: made once, the same for all its processes."""

import secrets

from vibelux.store.database import Database

_BYTES = 32


async def secret(db: Database, name: str) -> bytes:
    """32 random bytes under a name, made when first asked for.

    Raises:
        StoreUnavailable: the database is away.
    """
    async with db.connection() as connection:
        await connection.execute(
            "INSERT INTO service_secrets (name, value) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (name, secrets.token_bytes(_BYTES)),
        )
        cursor = await connection.execute("SELECT value FROM service_secrets WHERE name = %s", (name,))
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101 (it was put there above)
    return bytes(row[0])
