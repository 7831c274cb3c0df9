"""What the server needs of telemetry: to hand reports in, and to read what a facility reported and did."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Protocol, Self

from vibelux.market.operations import Report
from vibelux.serve.ports import Row
from vibelux.store.database import Database, Readable
from vibelux.store.keys import Principal
from vibelux.store.operations import Taken, latest_operations
from vibelux.store.running import running


class Taker(Protocol):
    """Where reports go (`realtime.telemetry`)."""

    async def take(
        self, facility_id: str, ratings: Mapping[str, float], reports: Sequence[Report], source: str
    ) -> tuple[Taken, list[str]]:
        """Stores reports; what became of them, and what their sender should know.

        Raises:
            UsageError: they cannot be of this facility, or of a moment that has been.
            StoreUnavailable: the database is away.
        """
        ...


class Operations(Taker, Protocol):
    """All of it. Raises StoreUnavailable while it cannot."""

    def in_name_of(self, caller: Principal) -> Self:
        """The same, reading nothing of facilities that are not the caller's."""
        ...

    async def latest(self, facility_id: str, now: datetime, day_start: datetime) -> Row | None:
        """The newest report, with its age; None when there is none."""
        ...

    async def ran(self, facility_id: str, start: datetime, end: datetime) -> list[Row]:
        """What each engine did: hours, starts, energies, efficiencies."""
        ...


class StoredOperations:
    """Reports handed to telemetry, and read from the database."""

    def __init__(self, db: Database, telemetry: Taker, read: Readable | None = None) -> None:
        self._db = db
        self._telemetry = telemetry
        self._read = read or db

    def in_name_of(self, caller: Principal) -> Self:
        """The same, in which the database itself keeps other facilities out of sight."""
        return type(self)(
            self._db, self._telemetry, self._db.limited_to(caller.facilities) if caller.facilities else None
        )

    async def take(
        self, facility_id: str, ratings: Mapping[str, float], reports: Sequence[Report], source: str
    ) -> tuple[Taken, list[str]]:
        """See `Taker`."""
        return await self._telemetry.take(facility_id, ratings, reports, source)

    async def latest(self, facility_id: str, now: datetime, day_start: datetime) -> Row | None:
        """See `Operations`."""
        return await latest_operations(self._read, facility_id, now, day_start=day_start)

    async def ran(self, facility_id: str, start: datetime, end: datetime) -> list[Row]:
        """See `Operations`."""
        return [_camel(asdict(one)) for one in await running(self._read, facility_id, start, end)]


def _camel(row: Row) -> Row:
    """Our names as the contract writes them.

    >>> _camel({"unit_id": "engine-1", "fuel_kwh_hhv": 1.0})
    {'id': 'engine-1', 'fuelKwhHhv': 1.0}
    """
    names = {name: name.partition("_")[0] + name.partition("_")[2].title().replace("_", "") for name in row}
    return {"id" if name == "unit_id" else names[name]: value for name, value in row.items()}
