"""What becomes of a reply: journalled, read, checked, stored, told. While the store is away, replies wait on disk."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog

from vibelux.feeds import Ask, Feed, Payload, feed_named
from vibelux.ingest.asking import payload_of
from vibelux.ingest.check import Coverage, examine, latency_ms
from vibelux.ingest.client import Reply
from vibelux.ingest.events import MARKET_DATA_UPDATED, PROVIDER_ERROR, Events, MarketDataUpdated, ProviderFailed, Taken
from vibelux.ingest.journal import Journal, Waiting
from vibelux.ingest.keeper import Keeper
from vibelux.ingest.metrics import Metrics
from vibelux.ingest.threads import in_thread
from vibelux.market.clock import Clock
from vibelux.market.errors import CircuitOpen, FeedError, NotYetPublished, StoreUnavailable, Unreachable
from vibelux.market.records import Parsed
from vibelux.store.journal import Receipt
from vibelux.store.writer import Written, subjects_of

log = structlog.get_logger(__name__)

_ID_LENGTH = 12
STORE_RETRY_SECONDS = 2.0
"""Real seconds between two looks whether the store is back."""


class Intake:
    """Takes replies in. See `Collector` for the arguments."""

    def __init__(self, clock: Clock, keeper: Keeper, events: Events, journal: Journal, metrics: Metrics) -> None:
        self._clock = clock
        self._keeper = keeper
        self._events = events
        self._journal = journal
        self._metrics = metrics
        self._something_waits = asyncio.Event()
        if journal.has_pending:
            self._something_waits.set()

    async def take(self, feed: Feed, ask: Ask, reply: Reply, *, background: bool = False) -> tuple[Written, Coverage]:
        """The bytes go to disk first, whatever they turn out to be.

        Returns:
            What was written (nothing while the store is away: it will be, see `store_what_waits`) and what the
            payload covers.

        Raises:
            FeedError: it cannot be read; that was reported.
            StoreUnavailable: the disk refuses, nothing is kept.
        """
        receipt = await self._journal.keep(feed, reply)
        with structlog.contextvars.bound_contextvars(payload=receipt.sha256[:_ID_LENGTH]):
            return await self._take_kept(feed, ask, reply, receipt, background=background)

    async def _take_kept(
        self, feed: Feed, ask: Ask, reply: Reply, receipt: Receipt, *, background: bool
    ) -> tuple[Written, Coverage]:
        """What comes after the journal; its logs carry the beginning of the payload's hash."""
        try:
            findings = await in_thread(feed, lambda: examine(feed, payload_of(reply), ask.nodes))
        except FeedError as error:
            self._metrics.failed(feed, error)
            await self.report(feed, receipt, error)
            raise
        position, late = None, None
        if not background:
            position = findings.covered.newest_end
            late = latency_ms(feed, position, reply.received_at)
        taken = Taken(reply.elapsed_seconds, self._clock.now())
        waiting = Waiting(receipt, reply.name, late, position, ask.nodes)
        written = await self._store(feed, waiting, findings.parsed, taken)
        return written, findings.covered

    async def report(self, feed: Feed, receipt: Receipt, error: FeedError) -> None:
        """Keeps and tells a failure. What is not out yet is none, and an open circuit tells of old ones only."""
        if isinstance(error, NotYetPublished | CircuitOpen):
            return
        log.warning("a feed failed", feed=feed.name, outcome=error.outcome, error=str(error))
        try:
            await self._keeper.failure(receipt, error)
        except StoreUnavailable as away:
            log.warning("the store is away; a failure is not kept", feed=feed.name, error=str(away))
        failed = ProviderFailed(feed.provider, feed.data_type, feed.name, error, self._clock.now())
        await self._events.emit(PROVIDER_ERROR, failed)

    def nothing_came(self, feed: Feed, url: str, error: FeedError) -> Receipt:
        """The receipt of a request that gave no payload."""
        return Receipt(
            feed=feed.name,
            provider=feed.provider,
            data_type=feed.data_type,
            region=feed.region,
            url=url,
            status=(error.status or 0) if isinstance(error, Unreachable) else 0,
            origin="live",
            received_at=self._clock.now(),
            sha256="",
            bytes=0,
        )

    async def store_what_waits(self) -> None:
        """Stores journalled payloads in their order as soon as the store is back; runs until cancelled."""
        while True:
            await self._something_waits.wait()
            try:
                await self.store_pending()
            except StoreUnavailable as error:
                log.info("the store is still away", error=str(error))
                await asyncio.sleep(STORE_RETRY_SECONDS)

    async def store_pending(self) -> None:
        """Stores them now.

        Raises:
            StoreUnavailable: the store is still away.
        """
        while entries := await self._journal.pending():
            self._metrics.pending(len(entries))
            for entry in entries:
                found = await self._journal.taken_up(entry)
                if found is None:
                    log.error("a payload that waited for the store is gone from the journal", entry=entry.name)
                else:
                    await self._store_late(*found)
                await self._journal.settle(entry)
        self._metrics.pending(0)
        self._something_waits.clear()

    async def _store_late(self, waiting: Waiting, body: bytes) -> None:
        """One that can never be stored is left in the journal, so that it does not hold up those behind it."""
        receipt = waiting.receipt
        try:
            feed = feed_named(receipt.feed)
            payload = Payload(body, name=waiting.name, received_at=receipt.received_at)
            findings = await in_thread(feed, lambda: examine(feed, payload, waiting.nodes))
            await self._commit(feed, waiting, findings.parsed, None)
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("a payload that waited for the store is not stored", feed=receipt.feed)

    async def _store(self, feed: Feed, waiting: Waiting, parsed: Parsed, taken: Taken) -> Written:
        """Now, or, behind those that wait already, later: a newer payload never overtakes an older one."""
        if not self._journal.has_pending:
            try:
                return await self._commit(feed, waiting, parsed, taken)
            except StoreUnavailable as error:
                log.warning("the store is away; payloads wait in the journal", feed=feed.name, error=str(error))
        await self._journal.postpone(waiting)
        self._something_waits.set()
        return Written()

    async def _commit(self, feed: Feed, waiting: Waiting, parsed: Parsed, taken: Taken | None) -> Written:
        """Stores and tells.

        What is stored late (`taken` is None) may have been stored before, by a commit that ended without a word: then
        nothing of it is new to the store, but all of it is to those who listen.
        """
        receipt = waiting.receipt
        written = await self._keeper.payload(receipt, parsed, latency_ms=waiting.latency_ms, position=waiting.position)
        self._metrics.rows(feed, new=written.new, corrected=written.corrected, quarantined=written.quarantined)
        if written.quarantined:
            log.warning("rows were set aside", feed=feed.name, rows=written.quarantined)
        for kind, names in sorted((subjects_of(parsed) if taken is None else _by_kind(written.changed)).items()):
            updated = MarketDataUpdated(
                provider=feed.provider,
                data_type=feed.data_type,
                region=feed.region,
                feed=feed.name,
                kind=kind,
                names=frozenset(names),
                newest_end=written.newest.get(kind),
                received_at=receipt.received_at,
                written=written,
                origin=receipt.origin,
                rows=parsed.frames.get(kind),
                published_at=_published(waiting),
                stored_at=self._clock.now(),
                taken=taken,
            )
            await self._events.emit(MARKET_DATA_UPDATED, updated)
        return written


def _published(waiting: Waiting) -> datetime | None:
    if waiting.latency_ms is None:
        return None
    return waiting.receipt.received_at - timedelta(milliseconds=waiting.latency_ms)


def _by_kind(changed: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for kind, name in changed:
        found.setdefault(kind, set()).add(name)
    return found
