"""How far off expected prices were: sums a day, node and lead, to which what has come is added; and what waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from psycopg import sql

from vibelux.market.units import MWH_PER_KWH
from vibelux.store.database import Database

_SUMS = ("steps", "abs_error", "abs_error_yesterday", "abs_error_last_week", "within")
_ADD = """
    INSERT INTO forecast_scores AS held (iso_region, pricing_node, market, day, lead,
        steps, abs_error, abs_error_yesterday, abs_error_last_week, within)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (iso_region, market, pricing_node, day, lead) DO UPDATE SET
        steps = held.steps + excluded.steps,
        abs_error = held.abs_error + excluded.abs_error,
        abs_error_yesterday = held.abs_error_yesterday + excluded.abs_error_yesterday,
        abs_error_last_week = held.abs_error_last_week + excluded.abs_error_last_week,
        within = held.within + excluded.within
"""
_UNTIL = """
    INSERT INTO forecasts_scored_until (iso_region, pricing_node, market, until) VALUES (%s, %s, %s, %s)
    ON CONFLICT (iso_region, market, pricing_node) DO UPDATE SET until = excluded.until
"""
_WAIT = """
    INSERT INTO forecasts_waiting (iso_region, pricing_node, market, told_at, steps) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""
_TOLD = """
    SELECT told_at, steps FROM forecasts_waiting
    WHERE iso_region = %s AND pricing_node = %s AND market = %s ORDER BY told_at
"""
_SCORED_UNTIL = """
    SELECT until FROM forecasts_scored_until WHERE iso_region = %s AND pricing_node = %s AND market = %s
"""
_WAITING_DAYS = timedelta(days=3)
"""An outlook reaches two."""

Subject = tuple[str, str, str]
"""Grid, node and market."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Errors of some steps, USD/kWh, added up."""

    steps: int
    abs_error: float
    abs_error_yesterday: float
    """Of the newest price known of the same hour, and of the one a whole number of weeks ago."""
    abs_error_last_week: float
    within: int
    """Steps whose price lay within p10 to p90."""

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, name) + getattr(other, name) for name in _SUMS))

    def means(self) -> dict[str, float]:
        """Mean absolute errors in USD/MWh, by how much ours is below the better naive one's, and the coverage."""
        errors = (self.abs_error, self.abs_error_yesterday, self.abs_error_last_week)
        ours, yesterday, last_week = (error / self.steps / MWH_PER_KWH for error in errors)
        return {
            "steps": self.steps,
            "mae": ours,
            "mae_yesterday": yesterday,
            "mae_last_week": last_week,
            "better_mae": 1.0 - ours / least if (least := min(yesterday, last_week)) else 0.0,
            "coverage": self.within / self.steps,
        }


@dataclass(frozen=True, slots=True)
class Scored:
    """Sums of one node, day and range of leads."""

    subject: Subject
    day: date
    lead: str
    sums: Sums


async def add_scores(db: Database, scored: Sequence[Scored], until: Mapping[Subject, int]) -> None:
    """Adds sums to those that are there, all or none.

    Args:
        db: the store.
        scored: the sums.
        until: of each node, the wall minute up to which all that waits is now scored.

    Raises:
        StoreUnavailable: the database is away.
    """
    rows = [(*one.subject, one.day, one.lead, *(getattr(one.sums, name) for name in _SUMS)) for one in scored]
    async with db.connection() as connection, connection.cursor() as cursor:
        await cursor.executemany(_ADD, rows)
        await cursor.executemany(_UNTIL, [(*subject, minute) for subject, minute in until.items()])


async def add_waiting(db: Database, waiting: Sequence[tuple[Subject, datetime, bytes]], now: datetime) -> None:
    """Keeps what was told, with its moment; what can wait for nothing any more goes.

    Raises:
        StoreUnavailable: the database is away.
    """
    async with db.connection() as connection, connection.cursor() as cursor:
        await cursor.executemany(_WAIT, [(*subject, told_at, steps) for subject, told_at, steps in waiting])
        await cursor.execute("DELETE FROM forecasts_waiting WHERE told_at < %s", (now - _WAITING_DAYS,))


async def waiting_of(db: Database, subject: Subject) -> tuple[list[tuple[datetime, bytes]], int]:
    """What was told of a node and kept, oldest first; and the wall minute up to which it is scored, 0 for none.

    Raises:
        StoreUnavailable: the database is away.
    """
    async with db.connection() as connection:
        told = await (await connection.execute(_TOLD, subject)).fetchall()
        row = await (await connection.execute(_SCORED_UNTIL, subject)).fetchone()
    return [(told_at, bytes(steps)) for told_at, steps in told], 0 if row is None else row[0]


async def score_sums(
    db: Database,
    *,
    first: date,
    last: date,
    iso_region: str | None = None,
    pricing_node: str | None = None,
    market: str | None = None,
) -> dict[tuple[str, str], Sums]:
    """The sums of the days [first, last], by grid and lead.

    Raises:
        StoreUnavailable: the database is away.
    """
    wanted = {"iso_region": iso_region, "pricing_node": pricing_node, "market": market}
    terms = [
        sql.SQL("{} = {}").format(sql.Identifier(name), value) for name, value in wanted.items() if value is not None
    ]
    statement = sql.SQL(
        "SELECT iso_region, lead, sum(steps)::int8, sum(abs_error), sum(abs_error_yesterday),"
        " sum(abs_error_last_week), sum(within)::int8 FROM forecast_scores WHERE {} GROUP BY iso_region, lead"
    ).format(sql.SQL(" AND ").join([sql.SQL("day BETWEEN {} AND {}").format(first, last), *terms]))
    async with db.connection() as connection:
        rows = await (await connection.execute(statement)).fetchall()
    return {(grid, lead): Sums(*numbers) for grid, lead, *numbers in rows}
