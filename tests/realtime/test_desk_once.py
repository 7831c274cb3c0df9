"""The desk under many facilities, faults and restarts: who goes first, and that everything is told exactly once."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from realtime.test_desk import NODE, NOW, Market, facility, running, until
from vibelux.ingest.events import CHP_DECISION_UPDATE, DecisionMade, Events
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import StoreUnavailable
from vibelux.outlook.conditions import Limits
from vibelux.realtime import deciders as room
from vibelux.realtime.desk import Desk
from vibelux.realtime.due import Due
from vibelux.realtime.metrics import DeskMetrics
from vibelux.store import decisions as kept
from vibelux.store.database import Database
from vibelux.store.facilities import put_facility

MANY = 40


def test_urgent_ones_go_before_the_others_and_each_goes_once():
    due = Due()
    due.update(["a", "b", "c"])
    due.add("d", urgent=True)
    due.add("b", urgent=True)
    due.add("d")
    due.discard("c")
    assert len(due) == 3
    assert [due.next() for _ in range(3)] == [("d", True), ("b", True), ("a", False)]
    assert not due


class Decided:
    """The order in which facilities are decided for."""

    def __init__(self, events: Events) -> None:
        self.names: list[str] = []
        events.on(CHP_DECISION_UPDATE, self._heard)

    def _heard(self, made: DecisionMade) -> None:
        self.names.append(made.facility_id)


@asynccontextmanager
async def desk_at_rest(db: Database, *bodies: dict):
    """A desk that decides when it is told to, so that what came in between is one burst."""
    for body in bodies:
        await put_facility(db, body["id"], body, "file")
    events, clock = Events(), FrozenClock(NOW)
    desk = Desk(db, clock, limits=Limits(), missing_keys={}, metrics=DeskMetrics(CollectorRegistry()), events=events)
    await desk.start()
    yield desk, Market(db, desk, clock), Decided(events)
    desk.close()


async def test_who_has_its_break_even_crossed_goes_first(database):
    dear = facility(id="z-dear")
    dear["chp"][0] |= {"om_usd_per_kwh": 0.05}  # turns at a higher price than all others
    others = [facility(id=f"a-{n:02}") for n in range(12)]
    async with desk_at_rest(database, *others, dear) as (desk, market, decided):
        await market.gas(3.8)
        await market.electricity(0.14)
        await desk._decide_due()
        answers = {name: await desk.latest(name) for name in ("a-00", "z-dear")}
        even = {name: answer["decision"]["breakEvenGridPrice"] for name, answer in answers.items()}
        assert even["a-00"] < 0.05 < even["z-dear"] < 0.14
        decided.names.clear()
        await market.electricity(0.05, minutes=0)
        desk.on_market_data(market.last, {NODE: 0.05})
        await desk._decide_due()
        assert decided.names[0] == "z-dear"
        assert sorted(decided.names) == sorted([*(body["id"] for body in others), "z-dear"])


async def test_a_burst_is_one_decision_a_facility_for_the_newest_state(database):
    async with desk_at_rest(database, *(facility(id=f"f-{n:02}") for n in range(MANY))) as (desk, market, decided):
        await desk._decide_due()
        decided.names.clear()
        await market.gas(3.8)
        for price in (0.05, 0.07, 0.03, 0.09):
            await market.electricity(price)
        await market.carbon(29.0)
        await desk._decide_due()
        assert sorted(decided.names) == [f"f-{n:02}" for n in range(MANY)]
        for name in decided.names:
            answer = await desk.latest(name)
            assert answer["marketConditions"]["gridPrice"] == 0.09


async def test_every_third_of_many_fails_and_all_others_are_decided_for(database, monkeypatch):
    real = room.decide

    def failing(facility, *rest):
        if int(facility.id[2:]) % 3 == 0:
            raise ZeroDivisionError(facility.id)
        return real(facility, *rest)

    monkeypatch.setattr(room, "decide", failing)
    async with desk_at_rest(database, *(facility(id=f"f-{n:02}") for n in range(MANY))) as (desk, market, decided):
        await market.gas(3.8)
        await market.electricity(0.09)
        with capture_logs() as logs:
            await desk._decide_due()
        assert len(logs) == len(range(0, MANY, 3)), "each new fault is said once"
        assert sorted(decided.names) == [f"f-{n:02}" for n in range(MANY) if n % 3]
        monkeypatch.setattr(room, "decide", real)
        decided.names.clear()
        await market.electricity(0.08)
        await desk._decide_due()
        assert len(decided.names) == MANY, "and those that failed are taken up again"


async def test_what_came_while_nobody_decided_is_decided_for_at_the_start(database):
    clock = FrozenClock(NOW)
    async with running(database, clock, facility()) as (desk, market, _):
        await market.gas(3.8)
        await market.electricity(0.09)
        await until(lambda: _price(desk, 0.09))
    before = await kept.latest_decision(database, "salinas-1")
    silent = Market(database, desk, clock)  # the rows are committed, and the process is killed before it decides
    await silent.electricity(-0.02)
    async with running(database, clock, facility()) as (desk, _, _):
        answer = await until(lambda: _price(desk, -0.02))
        assert answer["decision"]["action"] == "stop"
    after = await kept.latest_decision(database, "salinas-1")
    assert after["id"] != before["id"]


async def test_after_a_restart_no_price_is_told_that_was_told_before(database):
    clock = FrozenClock(NOW)
    async with running(database, clock, facility()) as (desk, market, _):
        await market.gas(3.8)
        await market.carbon(29.3)
        await market.electricity(0.09)
        await until(lambda: _price(desk, 0.09))
    last = await kept.last_seq(database, "salinas-1")
    async with running(database, clock, facility()) as (desk, market, _):
        await until(lambda: _decided_here(desk))
        await market.electricity(0.08)
        await until(lambda: _price(desk, 0.08))
    new = await kept.messages_since(database, "salinas-1", last)
    told = [m["body"]["data"]["price_per_kwh"] for m in new if m["type"] == "market-price-update"]
    assert told == [0.08]


async def test_before_it_has_decided_again_the_last_decision_is_answered(database):
    clock = FrozenClock(NOW)
    async with running(database, clock, facility()) as (desk, market, _):
        await market.gas(3.8)
        await market.electricity(0.09)
        first = await until(lambda: _price(desk, 0.09))
    async with desk_at_rest(database, facility()) as (desk, market, _):
        clock = market.clock
        recalled = await desk.latest("salinas-1")
        assert recalled["decision"] == first["decision"]
        assert recalled["seq"] == first["seq"]
        assert await desk.latest("nobody") is None
        clock.move(400)
        assert (await desk.latest("salinas-1"))["dataFreshness"]["electricity"] == first["dataFreshness"][
            "electricity"
        ] + 400 - 180
        clock.move(3600)
        assert await desk.latest("salinas-1") is None, "what ran out long ago is no decision"


async def _price(desk: Desk, price: float):
    answer = await desk.latest("salinas-1")
    return answer if answer and answer["marketConditions"]["gridPrice"] == price and _decided(desk) else None


def _decided(desk: Desk) -> bool:
    return all(held.answer is not None for held in desk._held.values()) and not desk._due


async def _decided_here(desk: Desk) -> bool:
    return desk._held["salinas-1"].answer is not None


class Unheard:
    """A store whose commits end without a word: they took place, or not."""

    def __init__(self, monkeypatch, *, takes_place: bool) -> None:
        self._real = kept.save_decision
        self._takes_place = takes_place
        self.left = 1
        monkeypatch.setattr(kept, "save_decision", self)

    async def __call__(self, *args, **more):
        if self.left == 0:
            return await self._real(*args, **more)
        self.left -= 1
        if self._takes_place:
            await self._real(*args, **more)
        raise StoreUnavailable("the connection broke in the commit")


@pytest.mark.parametrize("takes_place", [True, False])
async def test_a_commit_that_ended_without_a_word_is_told_of_once(database, monkeypatch, takes_place):
    async with desk_at_rest(database, facility()) as (desk, market, decided):
        await market.gas(3.8)
        await desk._decide_due()
        listening = await desk.subscribe("salinas-1")
        await market.electricity(0.09)
        Unheard(monkeypatch, takes_place=takes_place)
        with pytest.raises(StoreUnavailable):
            await desk._decide_due()
        await desk._decide_due()
        answer = await desk.latest("salinas-1")
        assert answer["marketConditions"]["gridPrice"] == 0.09
        assert answer["seq"] == await kept.last_seq(database, "salinas-1")
        desk.close()
        heard = [(message["seq"], message["type"]) async for message in listening]
        assert [kind for _, kind in heard] == ["market-price-update", "chp-decision-update"]
        stored = await kept.messages_since(database, "salinas-1", heard[0][0] - 1)
        assert [(message["seq"], message["type"]) for message in stored] == heard
        assert decided.names == ["salinas-1", "salinas-1"]


async def test_a_process_that_has_lost_its_seat_decides_nothing(database, database_url):
    from vibelux.store.seat import Seat

    async with Seat(database_url, "desk") as old, Seat(database_url, "desk") as new:
        await put_facility(database, "salinas-1", facility(), "file")
        clock = FrozenClock(NOW)
        metrics = DeskMetrics(CollectorRegistry())
        desk = Desk(database, clock, limits=Limits(), missing_keys={}, metrics=metrics, seat=old)
        await old.take()
        await desk.start()
        market = Market(database, desk, clock)
        await market.electricity(0.09)
        await desk._decide_due()
        last = await kept.last_seq(database, "salinas-1")
        held = old.held
        await old.leave()
        await new.take()
        old.epoch = held.epoch  # as one that was cut off and does not know it
        await market.electricity(0.08)
        with pytest.raises(StoreUnavailable, match="another process"):
            await desk._decide_due()
        assert await kept.last_seq(database, "salinas-1") == last
        desk.stand_down()
        assert desk.facilities == ()
        served = await desk.latest("salinas-1")
        assert served["marketConditions"]["gridPrice"] == 0.08, "what it serves is what is stored"
        desk.close()
        await asyncio.sleep(0)


async def test_decisions_are_told_in_the_process_too(database):
    async with desk_at_rest(database, facility()) as (desk, market, _):
        made: list[DecisionMade] = []
        desk._events.on(CHP_DECISION_UPDATE, made.append)
        await market.gas(3.8)
        await market.electricity(0.09)
        await desk._decide_due()
        assert (made[-1].facility_id, made[-1].degraded) == ("salinas-1", False)
        market.clock.move(timedelta(hours=2).total_seconds())
        desk._due.add("salinas-1")
        await desk._decide_due()
        assert made[-1].degraded
