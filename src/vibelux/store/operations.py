"""What sites report of themselves: writing it, and reading the newest report of a facility.

Reports may come twice, late and in any order. One that is there already changes nothing; one that says another thing
of the same moment is a correction, and what it replaces is kept as of every record. Frequency and voltage of the
grid are series too (`provider` site, `location` the facility). All functions raise `StoreUnavailable` when the
database is away.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row

from vibelux.market.intervals import iso_z
from vibelux.market.operations import READINGS, Report, records_of
from vibelux.market.quality import Origin, age_seconds
from vibelux.market.records import Parsed
from vibelux.store.database import Database, Readable
from vibelux.store.journal import Receipt
from vibelux.store.jsons import dumps
from vibelux.store.switches import note_switches
from vibelux.store.writer import write_payload

_NUMBERS = tuple(name for name, _ in READINGS.values())
_PLACES = 9
"""Of the numbers in the table."""

_INSERT = f"""
INSERT INTO facility_operations (facility_id, timestamp, units, {", ".join(_NUMBERS)}, data_source, origin, known_at)
SELECT %s, timestamp, units::jsonb, {", ".join(_NUMBERS)}, %s, %s, %s
FROM unnest(%s::timestamptz[], %s::text[], {", ".join(["%s::numeric[]"] * len(_NUMBERS))})
    AS told (timestamp, units, {", ".join(_NUMBERS)})
ON CONFLICT (facility_id, timestamp) DO NOTHING RETURNING timestamp
"""  # noqa: S608 (made of our own names)
_INSERT_SERIES = """
INSERT INTO series_values
    (provider, variable, location, unit, value, valid_start, valid_end, data_source, origin, known_at)
SELECT 'site', variable, %s, unit, value, at, at, %s, %s, %s
FROM unnest(%s::text[], %s::text[], %s::float8[], %s::timestamptz[]) AS told (variable, unit, value, at)
ON CONFLICT DO NOTHING
"""
_SELECT = f"""
SELECT timestamp, units, {", ".join(f"{name}::float8 AS {name}" for name in _NUMBERS)}, data_source, known_at
FROM facility_operations
"""  # noqa: S608 (made of our own names)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of some reports."""

    new: int = 0
    corrected: int = 0
    duplicates: int = 0
    late: int = 0
    """Of the new ones, those that are older than one that was there."""
    newest: datetime | None = None
    """The facility's newest report now."""


async def write_operations(
    db: Database,
    facility_id: str,
    reports: Sequence[Report],
    *,
    received_at: datetime,
    source: str,
    origin: Origin = Origin.LIVE,
) -> Taken:
    """Writes reports of a facility, all or none; of several of one moment the last one holds.

    Args:
        db: where to.
        facility_id: whose.
        reports: in any order, in UTC.
        received_at: by the service's clock.
        source: who brought them, for `data_source`.
        origin: as of a record.
    """
    by_moment = {report.timestamp: report for report in reports}
    if not by_moment:
        return Taken()
    told = [by_moment[moment] for moment in sorted(by_moment)]
    async with db.connection() as connection:
        before = await _newest_moment(connection, facility_id)
        kept = (source, origin.value, received_at)
        inserted = await _insert(connection, facility_id, told, kept)
        if inserted:
            await note_switches(connection, facility_id, min(inserted), max(inserted))
        others = [report for report in told if report.timestamp not in inserted]
        wrong = await _different(connection, facility_id, others) if others else []
        newest = await _newest_moment(connection, facility_id)
    corrected = await _correct(db, facility_id, wrong, kept) if wrong else 0
    return Taken(
        new=len(inserted),
        corrected=corrected,
        duplicates=len(reports) - len(inserted) - corrected,
        late=sum(before is not None and moment < before for moment in inserted),
        newest=newest,
    )


async def latest_operations(
    db: Readable, facility_id: str, now: datetime, *, day_start: datetime | None = None
) -> dict[str, Any] | None:
    """The facility's newest report of at or before `now`, in the contract's form; None when there is none.

    Beside what was reported it has `ageSeconds`, and for each unit `since` (when it was switched to what it does,
    None where no report saw that) and, with `day_start`, `startsToday` (its starts since then).
    """
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"{_SELECT} WHERE facility_id = %s AND timestamp <= %s ORDER BY timestamp DESC LIMIT 1", (facility_id, now)
        )
        row = await cursor.fetchone()
        if row is None:
            return None
        await cursor.execute(
            "SELECT unit_id, max(at) AS since, count(*) FILTER (WHERE is_on AND at >= %s) AS starts"
            " FROM unit_switches WHERE facility_id = %s AND at <= %s AND NOT is_first GROUP BY unit_id",
            (day_start, facility_id, row["timestamp"]),
        )
        switches = {switch["unit_id"]: switch for switch in await cursor.fetchall()}
    told = _report(row).as_json()
    for unit in told["units"]:
        switch = switches.get(unit["id"])
        unit["since"] = iso_z(switch["since"]) if switch else None
        if day_start is not None:
            unit["startsToday"] = switch["starts"] if switch else 0
    return told | {"ageSeconds": age_seconds(now, row["timestamp"])}


async def reports_between(db: Readable, facility_id: str, start: datetime, end: datetime) -> list[Report]:
    """The facility's reports of [start, end), by time."""
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"{_SELECT} WHERE facility_id = %s AND timestamp >= %s AND timestamp < %s ORDER BY timestamp",
            (facility_id, start, end),
        )
        return [_report(row) for row in await cursor.fetchall()]


async def _newest_moment(connection: psycopg.AsyncConnection, facility_id: str) -> datetime | None:
    cursor = await connection.execute(
        "SELECT max(timestamp) FROM facility_operations WHERE facility_id = %s", (facility_id,)
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def _insert(
    connection: psycopg.AsyncConnection, facility_id: str, reports: Sequence[Report], kept: tuple[str, str, datetime]
) -> set[datetime]:
    """Writes the reports of moments that are not there yet, with their series; those moments."""
    cursor = await connection.execute(
        _INSERT,
        (
            facility_id,
            *kept,
            [report.timestamp for report in reports],
            [dumps(report.units).decode() for report in reports],
            *([getattr(report, name) for report in reports] for name in _NUMBERS),
        ),
    )
    moments = {row[0] for row in await cursor.fetchall()}
    series = [one for report in reports if report.timestamp in moments for one in report.series()]
    if series:
        await connection.execute(_INSERT_SERIES, (facility_id, *kept, *map(list, zip(*series, strict=True))))
    return moments


async def _different(connection: psycopg.AsyncConnection, facility_id: str, reports: Sequence[Report]) -> list[Report]:
    """Those of the reports that say another thing than what is held of their moment."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"{_SELECT} WHERE facility_id = %s AND timestamp = ANY(%s)",
            (facility_id, [report.timestamp for report in reports]),
        )
        held = {row["timestamp"]: _rounded(_report(row)) for row in await cursor.fetchall()}
    return [report for report in reports if _rounded(report) != held.get(report.timestamp)]


def _report(row: dict[str, Any]) -> Report:
    return msgspec.convert(
        {"timestamp": row["timestamp"], "units": row["units"]}
        | {member: row[name] for member, (name, _) in READINGS.items()},
        Report,
    )


def _rounded(report: Report) -> Report:
    numbers = {name: getattr(report, name) for name in _NUMBERS}
    rounded = {name: None if value is None else round(value, _PLACES) for name, value in numbers.items()}
    return msgspec.structs.replace(report, **rounded)


async def _correct(db: Database, facility_id: str, reports: list[Report], kept: tuple[str, str, datetime]) -> int:
    """Writes corrections the way of all records, so that what they replace is kept; how many there were."""
    source, origin, received_at = kept
    raw = [report.as_json() for report in reports]
    body = dumps(raw)
    receipt = Receipt(
        feed="site/telemetry",
        provider="site",
        data_type="telemetry",
        region="site",
        url=source,
        status=200,
        origin=origin,
        received_at=received_at,
        sha256=hashlib.sha256(body).hexdigest(),
        bytes=len(body),
        raw_json=raw,
    )
    await write_payload(db, receipt, Parsed(records_of(facility_id, reports, source)))
    return len(reports)
