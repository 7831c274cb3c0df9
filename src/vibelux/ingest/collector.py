"""The collector: asks each feed at its time, and never lets one feed stop another."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from vibelux.feeds import Ask, Feed
from vibelux.ingest.asking import answers
from vibelux.ingest.check import Coverage, is_complete
from vibelux.ingest.client import Upstream
from vibelux.ingest.events import Events
from vibelux.ingest.intake import Intake
from vibelux.ingest.journal import Journal
from vibelux.ingest.keeper import Keeper
from vibelux.ingest.metrics import Metrics
from vibelux.ingest.nodes import Nodes, with_hubs
from vibelux.ingest.schedule import Schedule, sleep_until
from vibelux.market.clock import Clock
from vibelux.market.errors import FeedError, NotYetPublished, StoreUnavailable, Throttled, VibeluxError
from vibelux.market.intervals import iso_z, local_date, local_day
from vibelux.store.writer import Written

log = structlog.get_logger(__name__)

_YESTERDAY_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Polled:
    """What an ask brought, and the first thing that went wrong."""

    written: Written
    covered: Coverage
    error: FeedError | None


class Collector:
    """Everything between an upstream's bytes and committed rows.

    Args:
        clock: the service's.
        upstream: who asks.
        keeper: who stores.
        events: who is told.
        journal: where raw bytes go first.
        metrics: counters.
        nodes: which nodes a nodal feed asks for.
        intervals: by provider, the operator's own pace of price feeds in seconds.
        journal_days: how long raw bytes are kept; None for ever.
    """

    def __init__(
        self,
        clock: Clock,
        upstream: Upstream,
        keeper: Keeper,
        events: Events,
        journal: Journal,
        *,
        metrics: Metrics,
        nodes: Nodes = with_hubs,
        intervals: Mapping[str, float] | None = None,
        journal_days: int | None = None,
    ) -> None:
        self._clock = clock
        self._upstream = upstream
        self._keeper = keeper
        self._journal = journal
        self._metrics = metrics
        self._nodes = nodes
        self._intervals = dict(intervals or {})
        self._journal_days = journal_days
        self._intake = Intake(clock, keeper, events, journal, metrics)

    @property
    def store_is_behind(self) -> bool:
        """Whether journalled payloads still wait for the store."""
        return self._journal.has_pending

    async def catch_up(self) -> None:
        """Stores what an earlier outage left in the journal; `run` does so by itself.

        Raises:
            StoreUnavailable: the store is away.
        """
        await self._intake.store_pending()

    async def poll(self, feed: Feed, ask: Ask, *, background: bool = False) -> Written:
        """Asks for a window and stores what comes; every failure is reported before it is raised.

        Args:
            feed: whom to ask.
            ask: what for.
            background: history: goes last in line and leaves the feed's position alone.

        Returns:
            What all payloads together wrote. While the store is away that is nothing yet: they are journalled
            and stored, in order, once it is back and `run` runs.

        Raises:
            FeedError: the first one; what other requests of the same ask brought is stored all the same.
            StoreUnavailable: the journal's disk refuses.
        """
        polled = await self._poll(feed, ask, background=background)
        if polled.error is not None:
            raise polled.error
        return polled.written

    async def run(self, feeds: Sequence[Feed]) -> None:
        """Follows the schedules of these feeds until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._intake.store_what_waits(), name="store what waits")
            if self._journal_days is not None:
                tasks.create_task(self._tidy(self._journal_days), name="tidy the journal")
            positions = await self._positions()
            for feed in feeds:
                known = positions.get(feed.name)
                if known is not None and known > feed.publication.known_until(self._clock.now()):
                    known = None  # a forecast's end, or from a replay under another clock: ask and see
                schedule = Schedule(feed, self._intervals.get(feed.provider), known)
                tasks.create_task(self._follow(schedule), name=feed.name)
                if not feed.look_ahead:
                    tasks.create_task(self._read_yesterday_again(feed), name=f"{feed.name} again")

    async def _follow(self, schedule: Schedule) -> None:
        """One feed, for ever."""
        feed = schedule.feed
        while True:
            asked_at = self._clock.now()
            try:
                next_at = await self._look(schedule, asked_at)
            except NotYetPublished as error:
                log.info("not out yet", feed=feed.name, error=str(error))
                next_at = schedule.late(asked_at, self._clock.now(), error.expected_at)
            except FeedError as error:
                next_at = schedule.failed(self._clock.now(), error)
            except StoreUnavailable as error:
                log.warning("the journal's disk refuses", feed=feed.name, error=str(error))
                next_at = schedule.failed(self._clock.now(), FeedError(str(error)))
            except Exception as error:  # a fault of ours: it must not end the other feeds
                log.exception("a poll failed", feed=feed.name)
                next_at = schedule.failed(self._clock.now(), FeedError(f"{feed.name}: {error}"))
            await sleep_until(self._clock, next_at)

    async def _look(self, schedule: Schedule, asked_at: datetime) -> datetime:
        """One poll of the newest window; when to come again."""
        feed = schedule.feed
        if schedule.newest_end is not None:
            self._metrics.fresh_until(feed, schedule.newest_end)
        polled = await self._poll(feed, Ask(schedule.window(asked_at), tuple(self._nodes(feed)), asked_at))
        newest_end = polled.covered.newest_end
        if newest_end is not None:
            schedule.newest_end = max(newest_end, schedule.newest_end or newest_end)
            self._metrics.fresh_until(feed, schedule.newest_end)
        if polled.error is not None:
            raise polled.error
        if is_complete(feed, schedule.newest_end, asked_at):
            return schedule.came(asked_at)
        return schedule.late(asked_at, self._clock.now())

    async def _read_yesterday_again(self, feed: Feed) -> None:
        """Each market day, some time after it began, the day before as a whole: for corrections and gaps."""
        while True:
            day = local_day(local_date(self._clock.now(), feed.timezone), feed.timezone)
            await sleep_until(self._clock, day.end + _YESTERDAY_AFTER)
            try:
                await self.poll(feed, Ask(day, tuple(self._nodes(feed))), background=True)
            except VibeluxError as error:
                log.warning("yesterday was not read again", feed=feed.name, error=str(error))
            except Exception:  # as in `_follow`
                log.exception("a poll failed", feed=feed.name)

    async def _poll(self, feed: Feed, ask: Ask, *, background: bool = False) -> _Polled:
        parts: list[Written] = []
        covered = Coverage()
        errors: list[FeedError] = []
        async for answer in answers(self._upstream, feed, ask, background=background):
            request, reply = answer.request, answer.reply
            if isinstance(reply, FeedError):
                await self._intake.report(feed, self._intake.nothing_came(feed, request.url, reply), reply)
                if answer.is_last_word:
                    errors.append(reply)
            elif not reply.not_modified:
                try:
                    written, part = await self._intake.take(feed, ask, reply, background=background)
                except FeedError as error:
                    answer.usable = False
                    if answer.is_last_word:
                        errors.append(error)
                    if isinstance(error, Throttled):
                        self._upstream.leave_alone(request.service or feed.service, error.retry_after_seconds)
                else:
                    parts.append(written)
                    covered.add(part)
                    self._upstream.stored(reply)
        self._look_for_gaps(feed, ask, covered, background=background)
        return _Polled(_together(parts), covered, errors[0] if errors else None)

    def _look_for_gaps(self, feed: Feed, ask: Ask, covered: Coverage, *, background: bool) -> None:
        gaps = covered.gaps(feed, ask)
        if not background:
            self._metrics.gaps(feed, len(gaps))
        if gaps:
            log.warning("intervals are missing", feed=feed.name, count=len(gaps), first=iso_z(gaps[0]))
        unknown = covered.unknown_nodes(ask)
        if unknown:
            log.warning("upstream does not know these nodes", feed=feed.name, nodes=unknown)

    async def _positions(self) -> dict[str, datetime]:
        try:
            return await self._keeper.positions()
        except StoreUnavailable as error:
            log.warning("the store is away; feeds start with their newest window", error=str(error))
            return {}

    async def _tidy(self, days: int) -> None:
        while True:
            now = self._clock.now()
            try:
                removed = await self._journal.remove_before((now - timedelta(days=days)).date())
                log.info("the journal is tidied", folders_removed=removed, kept_days=days)
            except StoreUnavailable as error:
                log.warning("the journal is not tidied", error=str(error))
            await sleep_until(self._clock, now + timedelta(days=1))


def _together(parts: Sequence[Written]) -> Written:
    newest: dict[str, datetime] = {}
    for part in parts:
        for kind, moment in part.newest.items():
            newest[kind] = max(moment, newest.get(kind, moment))
    return Written(
        new=sum(part.new for part in parts),
        corrected=sum(part.corrected for part in parts),
        unchanged=sum(part.unchanged for part in parts),
        quarantined=sum(part.quarantined for part in parts),
        newest=newest,
        changed=frozenset().union(*(part.changed for part in parts)),
    )
