"""Events that a VTN of OpenADR 3 no longer lists: deleting one is how it is called off there.

A listing comes in pages; only when its last page is stored, what it lacks is known. Events that are over may drop out
of it, and one that could not be read is there all the same.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import structlog

from vibelux.feeds.openadr._v3 import SOURCE
from vibelux.feeds.openadr.events import FEED, PAGE, asked
from vibelux.ingest.keeper import Keeper
from vibelux.market.dr_events import CANCELLED
from vibelux.market.errors import FeedError
from vibelux.market.records import DR_EVENT, Parsed
from vibelux.store.database import Database
from vibelux.store.dr_events import events_between, write_events
from vibelux.store.journal import Receipt
from vibelux.store.writer import Written

log = structlog.get_logger(__name__)

_FAR = timedelta(days=36_500)


class WithdrawingKeeper:
    """Keeps payloads as the keeper behind it does, and calls off what a whole listing no longer holds.

    Args:
        db: the store.
        keeper: who keeps.
    """

    def __init__(self, db: Database, keeper: Keeper) -> None:
        self._db = db
        self._keeper = keeper
        self._listed: dict[str | None, tuple[int, set[str]]] = {}
        """By programme (None: all), the place at which the next page begins, and the events so far."""

    async def payload(
        self, receipt: Receipt, parsed: Parsed, *, latency_ms: int | None, position: datetime | None
    ) -> Written:
        """See `Keeper`."""
        written = await self._keeper.payload(receipt, parsed, latency_ms=latency_ms, position=position)
        if receipt.feed != FEED.name or receipt.status != 200:
            return written
        program, skip = asked(receipt.url)
        begins, listed = self._listed.pop(program, (0, set[str]())) if skip else (0, set[str]())
        if skip != begins:
            return written
        here = {str(one) for one in parsed.frames[DR_EVENT.name]["event_id"]}
        aside = {one.place.removeprefix("event ") for one in parsed.quarantined}
        listed |= here | aside
        if len(here) + len(parsed.quarantined) >= PAGE:
            self._listed[program] = skip + PAGE, listed
            return written
        gone = await self._withdraw(program, listed, receipt)
        return replace(
            written,
            corrected=written.corrected + len(gone),
            changed=written.changed | {(DR_EVENT.name, one) for one in gone},
        )

    async def failure(self, receipt: Receipt, error: FeedError) -> None:
        """See `Keeper`."""
        await self._keeper.failure(receipt, error)

    async def positions(self) -> dict[str, datetime]:
        """See `Keeper`."""
        return await self._keeper.positions()

    async def _withdraw(self, program: str | None, listed: set[str], receipt: Receipt) -> list[str]:
        """Calls off what is not over, came from there and is not listed any more; the events' ids."""
        now = receipt.received_at
        gone = [
            kept.event
            for kept in await events_between(self._db, now, now + _FAR)
            if kept.event.source == SOURCE
            and not kept.event.is_cancelled
            and kept.known_at <= now
            and program in {None, kept.event.program}
            and kept.event.event_id not in listed
        ]
        if gone:
            log.info("the VTN no longer lists events", events=[one.event_id for one in gone])
            cancelled = [msgspec.structs.replace(one, status=CANCELLED) for one in gone]
            await write_events(self._db, cancelled, now=now, feed=FEED.name, url=receipt.url)
        return [one.event_id for one in gone]
