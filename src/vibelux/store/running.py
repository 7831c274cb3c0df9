"""What the engines of a facility did over a stretch of time, from their reports: hours, starts, energy, efficiency."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import class_row

from vibelux.store.database import Readable

_HOLDS = timedelta(minutes=15)
"""So long at most a report speaks for the time after it; beyond that nothing is known."""

# A span lasts from a report to the next one that tells of the engine, within the stretch and no longer than it holds.
_RUNNING = """
WITH told AS (
    SELECT told ->> 'id' AS unit_id, (told ->> 'on')::boolean AS is_on, timestamp AS at,
        (told ->> 'powerKw')::float8 AS power, (told ->> 'heatKw')::float8 AS heat,
        (told ->> 'fuelKwHhv')::float8 AS fuel
    FROM facility_operations, jsonb_array_elements(units) told
    WHERE facility_id = %(facility)s AND timestamp > %(start)s - %(holds)s AND timestamp < %(end)s
), spans AS (
    SELECT *, extract(epoch FROM
        LEAST(lead(at) OVER (PARTITION BY unit_id ORDER BY at), at + %(holds)s, %(end)s) - GREATEST(at, %(start)s)
    ) / 3600 AS hours FROM told
), sums AS (
    SELECT unit_id,
        sum(hours)::float8 AS known_hours,
        COALESCE(sum(hours) FILTER (WHERE is_on), 0)::float8 AS hours_run,
        sum(power * hours)::float8 AS power_kwh,
        sum(heat * hours)::float8 AS heat_kwh,
        sum(fuel * hours)::float8 AS fuel_kwh_hhv,
        (sum(power * hours) FILTER (WHERE fuel IS NOT NULL)
            / NULLIF(sum(fuel * hours) FILTER (WHERE power IS NOT NULL), 0))::float8 AS electric_efficiency,
        (sum(heat * hours) FILTER (WHERE fuel IS NOT NULL)
            / NULLIF(sum(fuel * hours) FILTER (WHERE heat IS NOT NULL), 0))::float8 AS thermal_efficiency
    FROM spans WHERE hours > 0 GROUP BY unit_id
)
SELECT sums.*, (
    SELECT count(*) FROM unit_switches held
    WHERE held.facility_id = %(facility)s AND held.unit_id = sums.unit_id AND is_on AND NOT is_first
    AND held.at >= %(start)s AND held.at < %(end)s
) AS starts FROM sums ORDER BY unit_id
"""


@dataclass(frozen=True, slots=True)
class Running:
    """One engine over a stretch of time; energies and efficiencies are None where nothing was measured."""

    unit_id: str
    known_hours: float
    """For so long it is known what it did."""
    hours_run: float
    power_kwh: float | None
    heat_kwh: float | None
    fuel_kwh_hhv: float | None
    electric_efficiency: float | None
    """Power over fuel (HHV), over the time for which both are known."""
    thermal_efficiency: float | None
    starts: int


async def running(db: Readable, facility_id: str, start: datetime, end: datetime) -> list[Running]:
    """Each engine that reports tell of in [start, end), by id.

    Raises:
        StoreUnavailable: the database is away.
    """
    async with db.connection() as connection, connection.cursor(row_factory=class_row(Running)) as cursor:
        await cursor.execute(_RUNNING, {"facility": facility_id, "start": start, "end": end, "holds": _HOLDS})
        return await cursor.fetchall()
