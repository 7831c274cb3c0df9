"""What a site drew from the grid, as means over five minutes: measured, or else advised."""

from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg.rows import tuple_row

from vibelux.store.database import Readable

_MEASURED = """
SELECT floor(extract(epoch FROM timestamp) / 300)::bigint * 5 AS minute, avg(grid_import_kw)::float8
FROM facility_operations
WHERE facility_id = %s AND timestamp >= %s AND timestamp < %s AND grid_import_kw IS NOT NULL
GROUP BY minute ORDER BY minute
"""
_GENERATED = """
SELECT unit->>'id', floor(extract(epoch FROM timestamp) / 300)::bigint * 5 AS minute,
    avg(CASE WHEN (unit->>'on')::boolean THEN (unit->>'powerKw')::float8 ELSE 0 END)
FROM facility_operations CROSS JOIN jsonb_array_elements(units) AS unit
WHERE facility_id = %s AND timestamp >= %s AND timestamp < %s
GROUP BY 1, minute ORDER BY 1, minute
"""
_ADVISED = """
SELECT floor(extract(epoch FROM decided_at) / 300)::bigint * 5 AS minute,
    avg((decision->>'gridImportKw')::float8 - coalesce((decision->>'gridExportKw')::float8, 0))
FROM chp_decisions
WHERE facility_id = %s AND decided_at >= %s AND decided_at < %s AND decision->>'gridImportKw' IS NOT NULL
GROUP BY minute ORDER BY minute
"""

Minutes = NDArray[np.int64]
Array = NDArray[np.float64]


async def measured_import(db: Readable, facility_id: str, start: datetime, end: datetime) -> tuple[Minutes, Array]:
    """UTC minutes at which bins of five minutes begin, and the mean import in each, kW; bins without a report lack."""
    return _columns(await _rows(db, _MEASURED, (facility_id, start, end)))


async def advised_import(db: Readable, facility_id: str, start: datetime, end: datetime) -> tuple[Minutes, Array]:
    """The same as decisions advised it."""
    return _columns(await _rows(db, _ADVISED, (facility_id, start, end)))


async def generated(db: Readable, facility_id: str, start: datetime, end: datetime) -> dict[str, tuple[Minutes, Array]]:
    """The same of what each engine made; NaN where it ran and its power was not told."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for unit, *cells in await _rows(db, _GENERATED, (facility_id, start, end)):
        found.setdefault(unit, []).append(tuple(cells))
    return {unit: _columns(rows) for unit, rows in found.items()}


async def _rows(db: Readable, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    async with db.connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(statement.encode(), values)
        return await cursor.fetchall()


def _columns(rows: list[tuple[Any, ...]]) -> tuple[Minutes, Array]:
    minutes = np.array([row[0] for row in rows], dtype=np.int64)
    return minutes, np.array([np.nan if row[1] is None else row[1] for row in rows], dtype=np.float64)
