"""Repair cards: each fault is found, with the command that mends it, and gone when it is mended."""

from datetime import timedelta

import pytest

from serve.fakes import FACILITY
from serve.stored import stored_world
from store.samples import NOON, at, parsed, price, receipt
from vibelux.feeds import feed_named
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import UsageError
from vibelux.realtime.repairs import Card, Repairs
from vibelux.store.alerts import next_post, post_done, tell
from vibelux.store.database import Database
from vibelux.store.disagreements import Disagreement, add
from vibelux.store.facilities import put_facility
from vibelux.store.writer import write_failure, write_payload

REAL_TIME, LOAD = "caiso/real-time-pricing", "caiso/load"


class World:
    def __init__(self, db: Database) -> None:
        self.db, self.clock, self.silent = db, FrozenClock(NOON), []
        feeds = [feed_named(REAL_TIME), feed_named(LOAD)]
        self.repairs = Repairs(db, self.clock, feeds, {"PJM": "PJM_API_KEY"}, lambda: self.silent)

    async def cards(self, kind: str) -> list[Card]:
        return [card for card in await self.repairs.cards() if card.kind == kind]


@pytest.fixture
async def world(database: Database) -> World:
    await put_facility(database, "salinas-1", FACILITY, "cli")
    return World(database)


async def test_where_all_is_well_there_is_no_card(world: World) -> None:
    assert await world.repairs.cards() == []


async def test_no_facility_and_a_missing_key_of_one(database: Database) -> None:
    world = World(database)
    assert [card.command for card in await world.repairs.cards()] == ["vibelux facilities add FILE"]
    await put_facility(database, "salinas-1", FACILITY, "cli")
    assert await world.repairs.cards() == [], "nobody needs PJM's prices"
    await put_facility(database, "east-1", FACILITY | {"id": "east-1", "iso_region": "PJM"}, "cli")
    (card,) = await world.repairs.cards()
    assert (card.kind, card.subject, card.command) == ("key-missing", "PJM", "export PJM_API_KEY=KEY")


async def test_a_failing_feed_says_its_error_until_it_brings_something(world: World) -> None:
    await write_failure(world.db, receipt(at(-1)), UsageError("not a zip but HTML"))
    (card,) = await world.repairs.cards()
    assert card == Card(
        "feed-failing",
        REAL_TIME,
        f"{REAL_TIME} fails, last at 2026-07-14T18:59:00Z: not a zip but HTML",
        f"vibelux feeds check {REAL_TIME}",
        urgent=True,
    )
    await write_payload(world.db, receipt(NOON), parsed(price(0.05)), position=at(5))
    assert await world.cards("feed-failing") == []


async def test_a_feed_that_is_late_over_its_limit_is_urgent_only_where_it_brings_prices(world: World) -> None:
    for feed in (REAL_TIME, LOAD):
        await write_payload(world.db, receipt(NOON, feed), parsed(price(0.05)), position=at(5))
    world.clock.move(20 * 60)
    assert [(card.subject, card.urgent) for card in await world.cards("feed-late")] == []
    world.clock.move(40 * 60)
    found = {card.subject: card for card in await world.cards("feed-late")}
    assert {name: card.urgent for name, card in found.items()} == {REAL_TIME: True, LOAD: False}
    assert found[REAL_TIME].words == f"{REAL_TIME} is late: expected 12:05:30 Pacific, late 54 min."
    assert found[REAL_TIME].command == f"vibelux fetch {REAL_TIME}"


async def test_a_gap_is_to_be_filled_by_a_backfill_of_its_day(world: World) -> None:
    rows = [price(0.05, at(5 * number)) for number in range(-144, 1) if number not in {-20, -21}]
    await write_payload(world.db, receipt(NOON), parsed(*rows), position=at(5))
    assert await world.cards("intervals-missing") == [], "the service may have begun at noon"
    await write_payload(world.db, receipt(NOON - timedelta(days=1)), parsed())
    world.clock.move(40)
    (card,) = await world.cards("intervals-missing")
    assert card.words == f"{REAL_TIME} lacks 2 of 145 intervals of 2026-07-14."
    assert card.command == f"vibelux backfill {REAL_TIME} --from 2026-07-14T07:00:00Z --to 2026-07-15T07:00:00Z"
    filled = [price(0.05, at(5 * number)) for number in (-20, -21)]
    await write_payload(world.db, receipt(at(1)), parsed(*filled))
    assert await world.cards("intervals-missing") == []


async def test_doubted_prices_silent_lines_and_alerts_that_do_not_arrive(world: World) -> None:
    doubt = Disagreement(
        feed=REAL_TIME, iso_region="CAISO", pricing_node="TH_NP15_GEN-APND", comparison="one and other",
        interval_start=NOON, interval_end=at(5), one=50.0, other=51.0, tolerance=0.005, why="one report",
    )  # fmt: skip
    await add(world.db, [doubt], NOON)
    (card,) = await world.cards("prices-disagree")
    assert card.command == f"vibelux backfill {REAL_TIME} --from 2026-07-14T19:00:00Z --to 2026-07-14T19:05:00Z"
    world.silent.append("modbus boiler-room")
    assert [card.words for card in await world.cards("line-down")] == ["modbus boiler-room does not answer."]
    await _undelivered(world.db)
    (card,) = await world.cards("alert-undelivered")
    assert card.words == "1 alerts have not reached the webhook, the newest: the webhook answered 410."
    assert (await world.repairs.cards())[-1].kind == "prices-disagree", "what is not urgent comes last"


async def _undelivered(db: Database) -> None:
    from vibelux.store.alerts import Told

    told = Told(
        facility_id="salinas-1", kind="price-change", subject="x", text="x", about={}, at=NOON, lasts=False, message={}
    )
    await tell(db, [told], [(None, {"text": "x"})])
    post = await next_post(db, 60.0)
    assert post is not None
    await post_done(db, post.id, "the webhook answered 410")


async def test_the_api_shows_the_cards_to_those_with_a_key(database: Database) -> None:
    world = await stored_world(database)
    await write_failure(database, receipt(NOON - timedelta(minutes=1)), UsageError("not a zip"))
    feeds = [feed_named(REAL_TIME)]
    world.state.repairs = Repairs(database, world.clock, feeds, {}).rows
    async with world.client(world.key.key) as client:
        (row,) = (await client.get("/api/repairs")).json()["rows"]
    assert (row["kind"], row["urgent"]) == ("feed-failing", True)
    async with world.client("vlx_wrong") as client:
        assert (await client.get("/api/repairs")).status_code == 401
