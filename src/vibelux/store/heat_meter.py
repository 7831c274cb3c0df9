"""What a site took of heat, and its lamps of power, as means over hours: for who fits a model to it."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from vibelux.store.database import Readable

_HEAT = """
SELECT floor(extract(epoch FROM timestamp) / 3600)::bigint * 60 AS minute, avg(heat_demand_kw)::float8
FROM facility_operations
WHERE facility_id = %s AND timestamp >= %s AND timestamp < %s AND heat_demand_kw IS NOT NULL
GROUP BY minute ORDER BY minute
"""
_LAMPS = """
SELECT floor(extract(epoch FROM decided_at) / 3600)::bigint * 60 AS minute, avg((decision->>'lightingKw')::float8)
FROM chp_decisions
WHERE facility_id = %s AND decided_at >= %s AND decided_at < %s AND decision->>'lightingKw' IS NOT NULL
GROUP BY minute ORDER BY minute
"""

Hours = tuple[NDArray[np.int64], NDArray[np.float64]]
"""UTC minutes at which hours begin, and the mean of each, kW; hours without a value lack."""


async def heat_taken(db: Readable, facility_id: str, start: datetime, end: datetime) -> Hours:
    """The heat that its meter showed."""
    return await _hours(db, _HEAT, facility_id, start, end)


async def lamps_advised(db: Readable, facility_id: str, start: datetime, end: datetime) -> Hours:
    """The power of its planned lamps, as decisions advised it."""
    return await _hours(db, _LAMPS, facility_id, start, end)


async def _hours(db: Readable, statement: str, facility_id: str, start: datetime, end: datetime) -> Hours:
    async with db.connection() as connection:
        rows = await (await connection.execute(statement.encode(), (facility_id, start, end))).fetchall()
    return np.array([row[0] for row in rows], dtype=np.int64), np.array([row[1] for row in rows], dtype=np.float64)
