"""The newest good forecast of each facility's demand, as its operator's address gave it.

All functions raise `StoreUnavailable` when the database is away.
"""

from datetime import datetime
from typing import NamedTuple

from vibelux.store.database import Database

_PUT = """
INSERT INTO load_forecasts (facility_id, url, body, received_at) VALUES (%s, %s, %s, %s)
ON CONFLICT (facility_id) DO UPDATE
SET url = excluded.url, body = excluded.body, received_at = excluded.received_at
"""


class Answer(NamedTuple):
    """What an address gave, and when."""

    url: str
    body: bytes
    received_at: datetime


async def put_forecast(db: Database, facility_id: str, answer: Answer) -> None:
    """Keeps an answer in the place of the one before."""
    async with db.connection() as connection:
        await connection.execute(_PUT, (facility_id, *answer))


async def forecast_of(db: Database, facility_id: str) -> Answer | None:
    """The newest that is kept; None where there is none."""
    async with db.connection() as connection:
        query = "SELECT url, body, received_at FROM load_forecasts WHERE facility_id = %s"
        row = await (await connection.execute(query, (facility_id,))).fetchone()
    return None if row is None else Answer(row[0], bytes(row[1]), row[2])
