"""The CO2 of the grids' power from what is stored, kept for a minute: many facilities stand on one grid."""

from datetime import datetime, timedelta

from vibelux.dispatch.facility import Facility
from vibelux.outlook.carbon_intensity import LOOK_BACK, VARIABLES, CarbonIntensity, carbon_intensity, places
from vibelux.store.database import Database, Readable
from vibelux.store.newest import newest_issues

_KEPT_FOR = timedelta(minutes=1)
_INSTANT = timedelta(microseconds=1)


class Intensities:
    """Reads and keeps it.

    Args:
        db: the store.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._kept: dict[tuple[str, ...], tuple[datetime, CarbonIntensity]] = {}

    async def at(self, facility: Facility, now: datetime) -> CarbonIntensity:
        """The intensity at a facility's node now.

        Raises:
            StoreUnavailable: the database is away.
        """
        where = places(facility.iso_region, facility.pricing_node)
        kept = self._kept.get(where)
        if kept is None or not kept[0] <= now < kept[0] + _KEPT_FOR:
            kept = self._kept[where] = (now, await read_intensity(self._db, where, now))
        return kept[1]


async def read_intensity(reads: Readable, where: tuple[str, ...], at: datetime) -> CarbonIntensity:
    """The intensity at any moment, as it was known then.

    Args:
        reads: the store.
        where: the locations of a node, see `outlook.carbon_intensity.places`.
        at: the moment, UTC.

    Raises:
        StoreUnavailable: the database is away.
    """
    rows = await newest_issues(
        reads, VARIABLES, where, start=at - LOOK_BACK, end=at + _INSTANT, as_of=at, issued_after=at - 12 * LOOK_BACK
    )
    return carbon_intensity(rows, at)
