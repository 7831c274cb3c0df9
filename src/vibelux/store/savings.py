"""The ledger's hours: what each plan cost in each of them, and what they came to before they were restated.

All functions raise `StoreUnavailable` when the database is away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, LiteralString

from psycopg import sql
from psycopg.rows import class_row, dict_row

from vibelux.store.database import Database, Readable
from vibelux.store.tables import ELECTRICITY

PARTS = ("energy_import", "energy_export", "gas", "carbon", "om", "penalties", "starts", "stored")
By = Literal["hour", "day", "month", "year"]

_COLUMNS = ("hours", "unsettled_hours", *PARTS, "known_usd", "decided_usd", "peak_kw", "reckoned_at")
_PUT = f"""
INSERT INTO savings_hours (facility_id, plan, hour, {", ".join(_COLUMNS)})
VALUES (%s, %s, %s, {", ".join(["%s"] * len(_COLUMNS))})
ON CONFLICT (facility_id, hour, plan) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)}
"""  # noqa: S608 (made of our own names)
_SUMS = f"""
WITH restated AS (
    SELECT hour, plan, sum(is_usd - was_usd) AS usd FROM savings_restatements
    WHERE facility_id = %(facility)s AND hour >= %(start)s AND hour < %(end)s GROUP BY hour, plan
)
SELECT date_trunc(%(by)s, hour, %(zone)s) AS period, plan, sum(hours) AS hours, sum(unsettled_hours) AS unsettled_hours,
    {", ".join(f"sum({name}) AS {name}" for name in PARTS)},
    sum(cost_usd) AS cost_usd, sum(known_usd) AS known_usd, sum(decided_usd) AS decided_usd,
    COALESCE(sum(restated.usd), 0) AS restated_usd
FROM savings_hours LEFT JOIN restated USING (hour, plan)
WHERE facility_id = %(facility)s AND hour >= %(start)s AND hour < %(end)s
GROUP BY period, plan ORDER BY period, plan
"""  # noqa: S608 (made of our own names)


@dataclass(frozen=True, slots=True, kw_only=True)
class HourCost:
    """One plan in one hour; USD to six digits."""

    plan: str
    hour: datetime
    hours: float
    unsettled_hours: float
    parts: Mapping[str, Decimal]
    known_usd: Decimal | None = None
    decided_usd: Decimal | None = None
    peak_kw: float

    @property
    def cost_usd(self) -> Decimal:
        """All of it."""
        return sum(self.parts.values(), Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """One plan over a period, which is told by its first moment."""

    period: datetime
    plan: str
    hours: float
    unsettled_hours: float
    energy_import: Decimal
    energy_export: Decimal
    gas: Decimal
    carbon: Decimal
    om: Decimal
    penalties: Decimal
    starts: Decimal
    stored: Decimal
    cost_usd: Decimal
    known_usd: Decimal | None
    decided_usd: Decimal | None
    restated_usd: Decimal


async def put_hours(db: Database, facility_id: str, rows: Sequence[HourCost], now: datetime) -> int:
    """Keeps hours; where one that was settled comes to something else, the difference is kept too. How many did."""
    hours = sorted({row.hour for row in rows})
    restated = 0
    async with db.connection() as connection, connection.cursor() as cursor:
        await cursor.execute(
            "SELECT hour, plan, cost_usd FROM savings_hours WHERE facility_id = %s AND hour = ANY(%s)"
            " AND unsettled_hours = 0 FOR UPDATE",
            (facility_id, hours),
        )
        was = {(hour, plan): cost for hour, plan, cost in await cursor.fetchall()}
        for row in rows:
            before = was.get((row.hour, row.plan))
            if before is not None and before != row.cost_usd:
                restated += 1
                await cursor.execute(
                    "INSERT INTO savings_restatements (facility_id, plan, hour, restated_at, was_usd, is_usd)"
                    " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                    (facility_id, row.plan, row.hour, now, before, row.cost_usd),
                )
        await cursor.executemany(_PUT.encode(), [_values(facility_id, row, now) for row in rows])
    return restated


def _values(facility_id: str, row: HourCost, now: datetime) -> tuple[Any, ...]:
    head = (facility_id, row.plan, row.hour, row.hours, row.unsettled_hours)
    parts = (row.parts[name] for name in PARTS)
    return (*head, *parts, row.known_usd, row.decided_usd, row.peak_kw, now)


async def reckoned_until(db: Readable, facility_id: str) -> datetime | None:
    """The end of the newest hour that is kept; else the first decision; None where there is none either."""
    return await _moment(
        db,
        "COALESCE((SELECT max(hour) + interval '1 hour' FROM savings_hours WHERE facility_id = %(id)s),"
        " (SELECT min(decided_at) FROM chp_decisions WHERE facility_id = %(id)s))",
        facility_id,
    )


async def reckoned_since(db: Readable, facility_id: str) -> datetime | None:
    """The first hour that is kept or the first decision, whichever was earlier; None where there is neither."""
    return await _moment(
        db,
        "LEAST((SELECT min(hour) FROM savings_hours WHERE facility_id = %(id)s),"
        " (SELECT min(decided_at) FROM chp_decisions WHERE facility_id = %(id)s))",
        facility_id,
    )


async def _moment(db: Readable, expression: LiteralString, facility_id: str) -> datetime | None:
    async with db.connection() as connection:
        cursor = await connection.execute("SELECT " + expression, {"id": facility_id})
        row = await cursor.fetchone()
    return row[0] if row else None


async def stale_hours(db: Readable, facility_id: str, subject: Mapping[str, str], since: datetime) -> list[datetime]:
    """Kept hours from a moment on that would now come to something else, in order.

    These are hours without all their prices, and those of which a price was corrected, or a report came, later than
    they were reckoned.

    Args:
        db: where from.
        facility_id: whose.
        subject: `iso_region`, `pricing_node` and `market` of its prices.
        since: the first hour.
    """
    statement = sql.SQL(
        "SELECT DISTINCT hour FROM savings_hours h WHERE facility_id = {id} AND hour >= {since} AND plan = 'decided'"
        " AND (unsettled_hours > 0 OR EXISTS (SELECT FROM {revisions} r WHERE r.market_interval_start >= h.hour"
        " AND r.market_interval_start < h.hour + interval '1 hour' AND r.superseded_at > h.reckoned_at"
        " AND r.iso_region = {iso_region} AND r.pricing_node = {pricing_node} AND r.market = {market})"
        " OR EXISTS (SELECT FROM facility_operations o WHERE o.facility_id = h.facility_id AND o.timestamp >= h.hour"
        " AND o.timestamp < h.hour + interval '1 hour' AND o.known_at > h.reckoned_at)) ORDER BY hour"
    ).format(
        revisions=ELECTRICITY.revisions, id=facility_id, since=since, **{k: sql.Literal(v) for k, v in subject.items()}
    )
    async with db.connection() as connection:
        return [row[0] for row in await (await connection.execute(statement, prepare=False)).fetchall()]


async def sums(db: Readable, facility_id: str, start: datetime, end: datetime, *, by: By, zone_name: str) -> list[Sum]:
    """The hours of [start, end) added up by period of a time zone and plan, in order."""
    values = {"by": by, "zone": zone_name, "facility": facility_id, "start": start, "end": end}
    async with db.connection() as connection, connection.cursor(row_factory=class_row(Sum)) as cursor:
        await cursor.execute(_SUMS.encode(), values)
        return await cursor.fetchall()


async def peaks(db: Readable, facility_id: str, start: datetime, end: datetime) -> list[tuple[datetime, str, float]]:
    """Hour, plan and highest import in kW."""
    async with db.connection() as connection:
        cursor = await connection.execute(
            "SELECT hour, plan, peak_kw FROM savings_hours WHERE facility_id = %s AND hour >= %s AND hour < %s"
            " ORDER BY hour",
            (facility_id, start, end),
        )
        return await cursor.fetchall()


async def restatements(db: Readable, facility_id: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """What hours of [start, end) came to before and after, each time: `hour`, `plan`, `restated_at`, `was_usd`, ..."""
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT hour, plan, restated_at, was_usd, is_usd FROM savings_restatements"
            " WHERE facility_id = %s AND hour >= %s AND hour < %s ORDER BY hour, restated_at, plan",
            (facility_id, start, end),
        )
        return await cursor.fetchall()
