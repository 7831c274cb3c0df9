"""Budgets of upstream services, kept in the database so that all processes on it share them."""

from datetime import datetime, timedelta

from vibelux.store.database import Database

_ABSURD = timedelta(days=1)


class StoredBudget:
    """Gives out the moments at which a service may be asked."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def reserve(self, service: str, seconds_between: float, now: datetime) -> float:
        """Takes the service's next free moment; how many seconds from `now` it is away.

        One statement: two processes never get the same moment. A moment more than a day ahead was taken by
        another clock (a replay of the future) and does not count.

        Raises:
            StoreUnavailable: the database is away.
        """
        async with self._db.connection() as connection:
            cursor = await connection.execute(
                "INSERT INTO service_budgets AS held (service, next_at) VALUES (%(service)s, %(now)s + %(step)s)"
                " ON CONFLICT (service) DO UPDATE SET next_at = %(step)s + CASE"
                " WHEN held.next_at > %(now)s + %(absurd)s THEN %(now)s ELSE GREATEST(held.next_at, %(now)s) END"
                " RETURNING next_at",
                {"service": service, "now": now, "step": timedelta(seconds=seconds_between), "absurd": _ABSURD},
            )
            row = await cursor.fetchone()
        assert row is not None  # noqa: S101 (RETURNING gives one)
        ours: datetime = row[0] - timedelta(seconds=seconds_between)
        return max(0.0, (ours - now).total_seconds())
