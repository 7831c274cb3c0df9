"""A commit that ended without a word: the rows may be there, and whoever listens has heard nothing of them."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ingest.fakes import NOON, PRICES, STEP, MemoryKeeper, csv_of, metrics
from vibelux.feeds import Ask, Request
from vibelux.ingest import intake as room
from vibelux.ingest.client import Reply
from vibelux.ingest.events import MARKET_DATA_UPDATED, Events, MarketDataUpdated
from vibelux.ingest.intake import Intake
from vibelux.ingest.journal import Journal
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import StoreUnavailable
from vibelux.market.records import Parsed
from vibelux.store.database import Database
from vibelux.store.journal import Receipt
from vibelux.store.reader import latest_price
from vibelux.store.writer import Written, write_payload


class BreaksInTheCommit(MemoryKeeper):
    """Stores everything, and the first time does not say so."""

    def __init__(self, db: Database) -> None:
        super().__init__()
        self._db = db
        self.breaks = True

    async def payload(self, receipt: Receipt, parsed: Parsed, **more: object) -> Written:
        written = await write_payload(self._db, receipt, parsed)
        if self.breaks:
            self.breaks = False
            raise StoreUnavailable("the connection broke in the commit")
        return written


async def test_rows_that_were_stored_unheard_are_told_of_when_the_store_is_back(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, events = FrozenClock(NOON), Events()
    heard: list[MarketDataUpdated] = []
    events.on(MARKET_DATA_UPDATED, heard.append)
    intake = Intake(clock, BreaksInTheCommit(database), events, Journal(tmp_path), metrics(clock))
    body = csv_of(NOON.replace(second=0), 1)
    reply = Reply(Request("https://prices.test/data"), 200, {}, body, NOON, "live", 0.0)
    with capture_logs():
        await intake.take(PRICES, Ask(PRICES.publication.window(NOON), ("NODE",)), reply)
    assert not heard
    assert await latest_price(database, "CAISO", "NODE", "real-time-5min", at=NOON + STEP) is not None
    monkeypatch.setattr(room, "feed_named", lambda _: PRICES)  # the stand-in is not among the real feeds
    await intake.store_pending()
    (event,) = heard
    assert (event.names, event.written.new, event.written.unchanged) == (frozenset({"NODE"}), 0, 1)
    assert event.rows is not None
    assert event.rows["price_per_kwh"].to_list() == [0.05]
