"""How far off expected prices were: sums a day, node and lead, to which what has come is added."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

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

    subject: tuple[str, str, str]
    """Grid, node and market."""
    day: date
    lead: str
    sums: Sums


async def add_scores(db: Database, scored: Sequence[Scored]) -> None:
    """Adds sums to those that are there, all or none.

    Raises:
        StoreUnavailable: the database is away.
    """
    rows = [(*one.subject, one.day, one.lead, *(getattr(one.sums, name) for name in _SUMS)) for one in scored]
    async with db.connection() as connection, connection.cursor() as cursor:
        await cursor.executemany(_ADD, rows)


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
