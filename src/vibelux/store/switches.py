"""When engines were switched, as their reports tell: kept beside the reports, right also when these come late."""

from datetime import datetime
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    import polars as pl

# What an engine did before the span is held already; the report that follows the span may have become a switch, or
# ceased to be one. Where reports come in order none follows, and nothing but the span is read.
_NOTE = """
WITH changed AS (
    SELECT told ->> 'id' AS unit_id FROM facility_operations, jsonb_array_elements(units) told
    WHERE facility_id = %(facility)s AND timestamp BETWEEN %(first)s AND %(last)s AND told ? 'on'
    UNION
    SELECT unit_id FROM unit_switches WHERE facility_id = %(facility)s AND at BETWEEN %(first)s AND %(last)s
), spans AS (
    SELECT unit_id, COALESCE((
        SELECT min(timestamp) FROM facility_operations
        WHERE facility_id = %(facility)s AND timestamp > %(last)s
        AND units @> jsonb_build_array(jsonb_build_object('id', unit_id))
    ), %(last)s) AS highest
    FROM changed WHERE unit_id IS NOT NULL
), told AS (
    SELECT unit_id, before.at, before.is_on FROM spans CROSS JOIN LATERAL (
        SELECT at, is_on FROM unit_switches held
        WHERE held.facility_id = %(facility)s AND held.unit_id = spans.unit_id AND at < %(first)s
        ORDER BY at DESC LIMIT 1
    ) before
    UNION ALL
    SELECT unit_id, timestamp, (told ->> 'on')::boolean
    FROM spans JOIN facility_operations ON facility_id = %(facility)s AND timestamp BETWEEN %(first)s AND highest
    CROSS JOIN jsonb_array_elements(units) told WHERE told ->> 'id' = unit_id
), compared AS (
    SELECT *, lag(is_on) OVER (PARTITION BY unit_id ORDER BY at) AS before FROM told
), switched AS (
    SELECT unit_id, at, is_on, before IS NULL AS is_first FROM compared
    WHERE at >= %(first)s AND before IS DISTINCT FROM is_on
), gone AS (
    DELETE FROM unit_switches held USING spans
    WHERE held.facility_id = %(facility)s AND held.unit_id = spans.unit_id AND held.at BETWEEN %(first)s AND highest
    AND NOT EXISTS (SELECT FROM switched WHERE switched.unit_id = held.unit_id AND switched.at = held.at)
)
INSERT INTO unit_switches (facility_id, unit_id, at, is_on, is_first)
SELECT %(facility)s, unit_id, at, is_on, is_first FROM switched
ON CONFLICT (facility_id, unit_id, at) DO UPDATE SET is_on = excluded.is_on, is_first = excluded.is_first
"""


async def note_switches(connection: psycopg.AsyncConnection, facility_id: str, first: datetime, last: datetime) -> None:
    """Brings a facility's switches up to date after reports of [first, last] were written in this transaction."""
    # In turn: who comes second sees the reports of who came first, and what they make of each other.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('switches ' || %s, 0))", (facility_id,))
    await connection.execute(_NOTE, {"facility": facility_id, "first": first, "last": last})


async def note_switches_of(connection: psycopg.AsyncConnection, reports: "pl.DataFrame") -> None:
    """The same for all facilities of a frame of `operations`."""
    import polars as pl

    spans = reports.group_by("facility_id").agg(first=pl.col("timestamp").min(), last=pl.col("timestamp").max())
    for facility_id, first, last in spans.sort("facility_id").iter_rows():
        await note_switches(connection, facility_id, first, last)
