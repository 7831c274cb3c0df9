"""Takes in what sites report, whoever brings it: judged, stored, counted, told to the desk.

REST waits for its report to be stored (`take`); brokers and devices do not wait (`offer`): what they bring is written
in batches, and while the store is away it is kept in memory, the newest of it.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from vibelux.market.clock import Clock
from vibelux.market.errors import FeedError, StoreUnavailable, UsageError, VibeluxError
from vibelux.market.operations import Report, refuse_wrong
from vibelux.market.quality import Origin, age_seconds
from vibelux.market.records import Parsed, Quarantined
from vibelux.realtime.telemetry_metrics import TelemetryMetrics
from vibelux.store.database import Database
from vibelux.store.journal import Receipt
from vibelux.store.operations import Taken, latest_operations, write_operations
from vibelux.store.writer import write_payload

log = structlog.get_logger(__name__)

STORE_RETRY_SECONDS = 2.0
"""Real seconds between two looks whether the store is back."""
_LATE = timedelta(minutes=1)
"""A report that is older when it comes is late, or its clock is behind ours."""
_MOST_WAITING = 10_000
"""Reports of one facility and source that wait for the store; beyond that the oldest go."""
_MOST_FAULTS = 1_000

Ratings = Mapping[str, float]
"""Rated power of a facility's engines, kW, by id."""


class Telemetry:
    """See the module.

    Args:
        db: the store.
        clock: the service's.
        metrics: counters.
        find: a facility's engines; None for a facility that there is not.
        reported: is told the facility whose newest report is another.
        origin: of what is reported; everything that is not live says so.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        metrics: TelemetryMetrics,
        find: Callable[[str], Ratings | None],
        reported: Callable[[str], None],
        origin: Origin = Origin.LIVE,
    ) -> None:
        self._db = db
        self._clock = clock
        self._metrics = metrics
        self._find = find
        self._reported = reported
        self._origin = origin
        self._waiting: dict[tuple[str, str], list[Report]] = {}
        self._something_waits = asyncio.Event()
        self._faults: dict[tuple[str, str], str] = {}
        self._aside: list[Quarantined] = []

    async def start(self, facilities: Sequence[str]) -> None:
        """Takes up how old the reports of these facilities are.

        Raises:
            StoreUnavailable: the database is away.
        """
        now = self._clock.now()
        for facility_id in facilities:
            latest = await latest_operations(self._db, facility_id, now)
            if latest is not None:
                self._metrics.newest(facility_id, now - timedelta(seconds=latest["ageSeconds"]))

    async def take(
        self, facility_id: str, ratings: Ratings, reports: Sequence[Report], source: str
    ) -> tuple[Taken, list[str]]:
        """Stores reports of a facility; what became of them, and what their sender should know.

        Raises:
            UsageError: they cannot be of this facility, or of a moment that has been; the text names the member.
            StoreUnavailable: the database is away, nothing is kept.
        """
        try:
            refuse_wrong(reports, ratings, self._clock.now())
        except UsageError:
            self._metrics.refused.labels(source, "refused").inc()
            raise
        return await self._write(facility_id, reports, source)

    def ratings(self, facility_id: str) -> Ratings:
        """A facility's engines.

        Raises:
            UsageError: there is no such facility.
        """
        found = self._find(facility_id)
        if found is None:
            raise UsageError(f"there is no facility {facility_id!r}")
        return found

    def offer(self, facility_id: str, reports: Sequence[Report], source: str) -> None:
        """Leaves reports to be stored soon.

        Raises:
            UsageError: there is no such facility, or they cannot be of it.
        """
        refuse_wrong(reports, self.ratings(facility_id), self._clock.now())
        self._wait((facility_id, source), [*self._waiting.get((facility_id, source), ()), *reports])

    def _wait(self, place: tuple[str, str], reports: list[Report]) -> None:
        if len(reports) > _MOST_WAITING:
            self._metrics.refused.labels(place[1].partition(" ")[0], "dropped").inc(len(reports) - _MOST_WAITING)
        self._waiting[place] = reports[-_MOST_WAITING:]
        self._something_waits.set()

    def refuse(self, source: str, place: str, error: VibeluxError, raw: str = "") -> None:
        """Counts something that cannot be used, and sets it aside where it is another fault than the last time.

        Args:
            source: `mqtt`, or `modbus` and the device.
            place: where it came from: a topic, a register.
            error: what is wrong.
            raw: as it came.
        """
        outcome = error.outcome if isinstance(error, FeedError) else "refused"
        self._metrics.refused.labels(source, outcome).inc()
        if self._faults.get((source, place)) == str(error):
            return
        if len(self._faults) >= _MOST_FAULTS:
            self._faults.clear()
        self._faults[source, place] = str(error)
        log.warning("telemetry refused", source=source, place=place, error=str(error))
        if len(self._aside) < _MOST_FAULTS:
            self._aside.append(Quarantined(str(error), f"{source} {place}", raw[:1000]))
            self._something_waits.set()

    def good(self, source: str, place: str) -> None:
        """What was at fault is well again; the same fault is told once more when it comes back."""
        self._faults.pop((source, place), None)

    async def run(self) -> None:
        """Stores what was offered, until cancelled. The store being away is waited out."""
        while True:
            await self._something_waits.wait()
            try:
                await self.store_waiting()
            except StoreUnavailable as error:
                log.warning("the store is away; reports wait", error=str(error))
                await asyncio.sleep(STORE_RETRY_SECONDS)

    async def store_waiting(self) -> None:
        """Stores it now.

        Raises:
            StoreUnavailable: the store is away; what was not stored goes on waiting.
        """
        self._something_waits.clear()
        while self._waiting:
            place = next(iter(self._waiting))
            reports = self._waiting.pop(place)
            try:
                await self._write(place[0], reports, place[1])
            except StoreUnavailable:
                self._wait(place, [*reports, *self._waiting.get(place, ())])
                raise
        if self._aside:
            aside, self._aside = self._aside, []
            try:
                await write_payload(self._db, self._receipt(aside), Parsed(quarantined=aside))
            except StoreUnavailable:
                self._aside = aside + self._aside
                self._something_waits.set()
                raise

    async def _write(self, facility_id: str, reports: Sequence[Report], source: str) -> tuple[Taken, list[str]]:
        received = self._clock.now()
        taken = await write_operations(
            self._db, facility_id, reports, received_at=received, source=source, origin=self._origin
        )
        kind = source.partition(" ")[0]
        self._metrics.reports.labels(kind, "new").inc(taken.new)
        self._metrics.reports.labels(kind, "corrected").inc(taken.corrected)
        self._metrics.reports.labels(kind, "duplicate").inc(taken.duplicates)
        self._metrics.reports.labels(kind, "late").inc(taken.late)
        if taken.newest is not None:
            self._metrics.newest(facility_id, taken.newest)
        if taken.new > taken.late or taken.corrected:
            self._reported(facility_id)
        return taken, self._lag(facility_id, max(report.timestamp for report in reports), received)

    def _lag(self, facility_id: str, stamp: datetime, received: datetime) -> list[str]:
        lag = age_seconds(received, stamp)
        self._metrics.lag.labels(facility_id).set(lag)
        if lag <= _LATE.total_seconds():
            return []
        return [f"the newest of these was {lag:.0f} s old when it came: it is late, or the site's clock is behind"]

    def _receipt(self, aside: Sequence[Quarantined]) -> Receipt:
        body = "\n".join(one.raw for one in aside).encode()
        return Receipt(
            feed="site/telemetry",
            provider="site",
            data_type="telemetry",
            region="site",
            url=", ".join(sorted({one.place.partition(" ")[0] for one in aside})),
            status=200,
            origin=self._origin.value,
            received_at=self._clock.now(),
            sha256=hashlib.sha256(body).hexdigest(),
            bytes=len(body),
            raw_json=[one.raw for one in aside],
        )
