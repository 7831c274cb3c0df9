"""How well today's prices of each facility were expected: looked up now and then, for alerts."""

import math
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from vibelux.dispatch.facility import Facility
from vibelux.market.clock import Clock
from vibelux.market.intervals import local_date
from vibelux.market.regions import region_of
from vibelux.realtime.states import Matter, forecast_off
from vibelux.store.database import Database
from vibelux.store.forecast_scores import score_sums

_SHORTEST_LEAD = "0-2 h"
_EVERY = timedelta(minutes=15)


class ForecastsOff:
    """The coverage of today's bands, by node."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._next_look: datetime | None = None
        self._found: dict[tuple[str, str], tuple[int, float]] = {}
        """By grid and node, steps and the share of them that lay within the band."""

    async def look(self, facilities: Collection[Facility]) -> None:
        """Looks the scores up anew, where it is time to.

        Raises:
            StoreUnavailable: the database is away.
        """
        now = self._clock.now()
        if self._next_look is not None and now < self._next_look:
            return
        found: dict[tuple[str, str], tuple[int, float]] = {}
        for grid, node in sorted({(one.iso_region, one.pricing_node) for one in facilities}):
            region = region_of(grid)
            today = local_date(now, region.timezone)
            sums = await score_sums(
                self._db,
                first=today,
                last=today,
                iso_region=grid,
                pricing_node=node,
                market=region.real_time_market,
            )
            of_day = sums.get((grid, _SHORTEST_LEAD))
            if of_day is not None:
                found[grid, node] = of_day.steps, of_day.within / of_day.steps
        self._found, self._next_look = found, now + _EVERY

    def of(self, facility: Facility, threshold: float) -> Iterator[Matter]:
        """What is the matter with a facility's forecast; nothing where the threshold is not a number."""
        scored = self._found.get((facility.iso_region, facility.pricing_node))
        if scored is not None and not math.isnan(threshold):
            matter = forecast_off(facility, *scored, threshold)
            if matter is not None:
                yield matter
