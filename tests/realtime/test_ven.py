"""The service as a VEN of OpenADR 3 against a VTN on loopback: tokens, pages, changes, and what is called off."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from ingest.stand_in import StandIn
from vibelux.feeds import Ask, feed_named
from vibelux.ingest.client import Upstream
from vibelux.ingest.collector import Collector
from vibelux.ingest.credentials import Credentials
from vibelux.ingest.events import MARKET_DATA_UPDATED, Events, MarketDataUpdated
from vibelux.ingest.journal import Journal
from vibelux.ingest.keeper import DatabaseKeeper
from vibelux.ingest.metrics import Metrics
from vibelux.market.clock import FrozenClock
from vibelux.market.dr_events import Event
from vibelux.market.errors import AccessDenied
from vibelux.realtime.dr_withdrawn import WithdrawingKeeper
from vibelux.store.database import Database
from vibelux.store.dr_events import before_cancelled, events_between
from vibelux.store.writer import Written
from vtn import BASE, CLIENT, SECRET, Vtn

FEED = feed_named("openadr/events")
NOW = datetime(2026, 7, 14, 20, tzinfo=UTC)
LATER = {"start": "2026-07-14T23:00:00Z", "duration": "PT1H"}


def at(price: float, **period: str) -> dict[str, Any]:
    payload = {"type": "PRICE", "values": [price]}
    return {"intervalPeriod": LATER | period, "intervals": [{"id": 0, "payloads": [payload]}]}


@dataclass
class Ven:
    """The collector's part of the service, and the VTN that it asks."""

    db: Database
    clock: FrozenClock
    vtn: Vtn
    there: StandIn
    collector: Collector
    updates: list[MarketDataUpdated]

    async def poll(self, *programs: str) -> Written:
        self.clock.move(60)
        return await self.collector.poll(FEED, Ask(FEED.publication.window(self.clock.now()), programs))

    async def events(self) -> dict[str, Event]:
        found = await events_between(self.db, NOW - timedelta(days=1), NOW + timedelta(days=9))
        return {kept.event.event_id: kept.event for kept in found}


@asynccontextmanager
async def ven(db: Database, folder: Path, *, secret: str = SECRET, elsewhere: bool = False) -> AsyncIterator[Ven]:
    clock, vtn, events = FrozenClock(NOW), Vtn(), Events()
    updates: list[MarketDataUpdated] = []
    events.on(MARKET_DATA_UPDATED, updates.append)
    metrics = Metrics(clock, CollectorRegistry())
    async with StandIn(clock, vtn) as there:
        if elsewhere:
            vtn.token_path = "/realms/ven/token"
        keys = {"OPENADR_CLIENT_ID": CLIENT, "OPENADR_CLIENT_SECRET": secret}
        url = f"{there.url}/realms/ven/token" if elsewhere else None
        credentials = Credentials(keys, vtn_token_url=url)
        async with Upstream(clock, credentials=credentials, base_urls={"openadr": there.url + BASE}) as upstream:
            keeper = WithdrawingKeeper(db, DatabaseKeeper(db))
            collector = Collector(clock, upstream, keeper, events, Journal(folder), metrics=metrics)
            yield Ven(db, clock, vtn, there, collector, updates)


async def test_events_come_with_one_token_for_all_polls(database: Database, tmp_path: Path) -> None:
    async with ven(database, tmp_path) as one:
        one.vtn.put("a", "cbp", **at(0.4))
        assert (await one.poll()).new == 1
        assert (await one.poll()).unchanged == 1
        assert one.vtn.tokens == 1
        assert (await one.events())["a"].signals[0].intervals[0].value == 0.4
        assert [update.names for update in one.updates] == [{"a"}]


async def test_a_token_that_is_refused_is_asked_for_anew(database: Database, tmp_path: Path) -> None:
    async with ven(database, tmp_path) as one:
        await one.poll()
        one.vtn.revoked = one.vtn.tokens
        one.vtn.put("a", "cbp", **at(0.4))
        assert (await one.poll()).new == 1
        assert one.vtn.tokens == 2


async def test_a_wrong_secret_is_told_by_its_setting_and_never_written(database: Database, tmp_path: Path) -> None:
    async with ven(database, tmp_path, secret="wrong-but-secret") as one:
        with pytest.raises(AccessDenied, match="OPENADR_CLIENT_SECRET") as caught:
            await one.poll()
        assert "wrong-but-secret" not in str(caught.value)


async def test_tokens_may_be_had_from_another_place(database: Database, tmp_path: Path) -> None:
    async with ven(database, tmp_path, elsewhere=True) as one:
        one.vtn.put("a", "cbp", **at(0.4))
        assert (await one.poll()).new == 1
        assert one.there.asked[0].path == "/realms/ven/token"


async def test_all_pages_are_read_and_the_programmes_that_sites_name(database: Database, tmp_path: Path) -> None:
    async with ven(database, tmp_path) as one:
        for number in range(120):
            one.vtn.put(f"e{number}", "cbp" if number % 2 else "bip", **at(0.4))
        assert (await one.poll()).new == 120
        assert len([asked for asked in one.there.asked if "/events" in asked.path]) == 3
        assert (await one.poll("bip")).unchanged == 60


async def test_a_change_is_a_correction_and_the_old_version_is_kept(database: Database, tmp_path: Path) -> None:
    async with ven(database, tmp_path) as one:
        one.vtn.put("a", "cbp", **at(0.4))
        await one.poll()
        one.vtn.put("a", "cbp", priority=1, **at(0.9, duration="PT2H"))
        assert (await one.poll()).corrected == 1
        event = (await one.events())["a"]
        assert (event.priority, event.signals[0].intervals[0].value) == (1, 0.9)


async def test_an_event_that_is_no_longer_listed_is_called_off_also_after_it_began(
    database: Database, tmp_path: Path
) -> None:
    async with ven(database, tmp_path) as one:
        one.vtn.put("stays", "cbp", **at(0.4))
        one.vtn.put("goes", "cbp", **at(0.4))
        one.vtn.put("over", "cbp", **at(0.4, start="2026-07-14T18:00:00Z"))
        await one.poll()
        one.clock.moment = NOW + timedelta(hours=3, minutes=20)
        del one.vtn.events["goes"], one.vtn.events["over"]
        assert (await one.poll()).corrected == 1
        found = await one.events()
        assert {name: event.status for name, event in found.items()} == {
            "stays": "scheduled", "goes": "cancelled", "over": "scheduled",
        }  # fmt: skip
        assert one.updates[-1].names == {"goes"}
        before = await before_cancelled(database, ("cbp", "goes"))
        assert before is not None
        assert before.status == "scheduled"
        one.vtn.put("goes", "cbp", **at(0.5))
        await one.poll()
        assert (await one.events())["goes"].status == "scheduled", "it was called again"


async def test_an_event_that_cannot_be_read_any_more_is_not_called_off(database: Database, tmp_path: Path) -> None:
    async with ven(database, tmp_path) as one:
        one.vtn.put("a", "cbp", **at(0.4))
        await one.poll()
        one.vtn.put("a", "cbp", **at(0.4, duration="P1M"))
        assert (await one.poll()).quarantined == 1
        assert (await one.events())["a"].status == "scheduled"


async def test_a_listing_of_one_programme_says_nothing_of_another(database: Database, tmp_path: Path) -> None:
    async with ven(database, tmp_path) as one:
        one.vtn.put("a", "cbp", **at(0.4))
        await one.poll()
        one.vtn.events.clear()
        await one.poll("bip")
        assert (await one.events())["a"].status == "scheduled"
        await one.poll("cbp")
        assert (await one.events())["a"].status == "cancelled"


async def test_an_event_of_no_length_at_the_beginning_of_time_is_called_off(database: Database, tmp_path: Path) -> None:
    async with ven(database, tmp_path) as one:
        one.vtn.put("a", "cbp", **at(0.4))
        await one.poll()
        gone = at(0.4, start="0001-01-01", duration="PT0S")
        one.vtn.put("a", "cbp", modificationDateTime="2026-07-14T20:01:00Z", **gone)
        await one.poll()
        assert (await one.events())["a"].status == "cancelled"
