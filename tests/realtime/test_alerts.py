"""Each alert is seen to fire and to clear: rules on their own, and the whole path to listeners, table and posts."""

from datetime import date, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from dispatch.plants import facility
from store.samples import NOON
from vibelux.dispatch.facility import Facility
from vibelux.ingest.events import (
    CHP_DECISION_UPDATE,
    MARKET_DATA_UPDATED,
    PRICE_UPDATE,
    PROVIDER_ERROR,
    DecisionMade,
    Events,
    MarketDataUpdated,
    PriceUpdated,
    ProviderFailed,
)
from vibelux.market.alert_kinds import AlertKind, kinds_named
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import SchemaChanged, StoreUnavailable
from vibelux.market.records import Parsed
from vibelux.outlook.conditions import Limits, MarketRows, conditions
from vibelux.realtime.alerts import Alerts, Standings, usual
from vibelux.realtime.fanout import FanOut
from vibelux.realtime.held import Held
from vibelux.store.alerts import alerts as kept_alerts
from vibelux.store.database import Database
from vibelux.store.decisions import messages_since
from vibelux.store.journal import Kept, Receipt, retain
from vibelux.store.writer import Written, write_payload

LIMITS = Limits(daily={("gas-price", "caiso"): 48 * 3600.0})
NODE = "TH_NP15_GEN-APND"


def rows(minutes_old: float = 0.0) -> MarketRows:
    """A price whose interval ended so many minutes before noon, and gas and carbon of the day."""
    end, today = NOON - timedelta(minutes=minutes_old), date(2026, 7, 14)
    return MarketRows(
        real_time={"price_per_kwh": 0.05, "market_interval_start": end - timedelta(minutes=5), "origin": "live",
                   "market_interval_end": end, "pricing_node": NODE, "market": "real-time-5min", "known_at": end},
        gas={"price_per_mmbtu": 3.8, "hub_name": "FRPGE1", "trading_date": today, "known_at": NOON,
             "data_source": "CAISO OASIS PRC_FUEL"},
        carbon={"price_per_metric_ton": 29.0, "market_name": "California Cap-and-Trade", "trading_date": today,
                "known_at": NOON, "data_source": "CARB"},
    )  # fmt: skip


def answer(action: str = "run", price: float | None = 0.05, even: float | None = 0.03) -> dict[str, Any]:
    decision = {"action": action, "reasons": ["Because."], "breakEvenGridPrice": even, "units": []}
    return {"decision": decision, "marketConditions": {"gridPrice": price}}


class FakeDesk:
    def __init__(self, clock: FrozenClock, *names: str) -> None:
        self._clock = clock
        self.held = {name: Held(facility(id=name, pricing_node=NODE), rows=rows(), answer=answer()) for name in names}

    @property
    def facilities(self) -> list[Facility]:
        return [held.facility for held in self.held.values()]

    def now_known(self):
        for held in self.held.values():
            yield held, conditions(held.facility, self._clock.now(), held.rows, LIMITS)


class World:
    def __init__(self, db: Database, *names: str) -> None:
        self.db, self.clock, self.events = db, FrozenClock(NOON), Events()
        self.desk = FakeDesk(self.clock, *names)
        self.fanout = FanOut(db)
        self.registry = CollectorRegistry()
        self.alerts = self.begin()

    def begin(self, kinds: str = ", ".join(AlertKind), standing: Standings = usual) -> Alerts:
        self.events, self.registry = Events(), CollectorRegistry()
        self.alerts = Alerts(
            self.db, self.clock, self.desk, self.fanout, self.events, limits=LIMITS, kinds=kinds_named(kinds),
            price_feeds={"caiso/real-time-pricing", "caiso/gas-price-index", "rggi/auction-prices"}, posts=True,
            registry=self.registry, standing=standing,
        )  # fmt: skip
        return self.alerts

    async def told(self, name: str = "a") -> list[tuple[str, str]]:
        """Kind and state of each message to a facility."""
        messages = await messages_since(self.db, name, 0) or []
        assert {message["type"] for message in messages} <= {"alert"}
        return [(message["body"]["kind"], message["body"]["state"]) for message in messages]

    async def posts(self) -> list[dict[str, Any]]:
        async with self.db.connection() as connection:
            cursor = await connection.execute("SELECT body FROM alert_posts ORDER BY id")
            return [row[0] for row in await cursor.fetchall()]

    def open_now(self, kind: AlertKind) -> float | None:
        return self.registry.get_sample_value("vibelux_alerts_open", {"kind": kind})

    async def fail(self, feed: str = "caiso/real-time-pricing") -> None:
        provider, _, data_type = feed.partition("/")
        error = SchemaChanged("column LMP is missing")
        await self.events.emit(PROVIDER_ERROR, ProviderFailed(provider, data_type, feed, error, self.clock.now()))


@pytest.fixture
def world(database: Database) -> World:
    return World(database, "a")


async def test_all_is_well_and_nobody_is_disturbed(world: World) -> None:
    await world.alerts.look()
    assert await world.told() == []
    assert world.open_now(AlertKind.STALE_DATA) == 0


async def test_old_data_fire_also_when_they_were_too_old_at_first_and_clear_when_new_ones_come(world: World) -> None:
    world.desk.held["a"].rows = rows(minutes_old=16)
    await world.alerts.start()
    await world.alerts.look()
    await world.alerts.look()
    assert ("stale-data", "open") in await world.told()
    assert world.open_now(AlertKind.STALE_DATA) == 1
    world.desk.held["a"].rows = rows()
    await world.alerts.look()
    assert [kind for kind in await world.told() if kind[0] == "stale-data"] == [
        ("stale-data", "open"),
        ("stale-data", "resolved"),
    ]
    assert world.open_now(AlertKind.STALE_DATA) == 0


async def test_the_limit_is_the_one_of_the_price_and_time_alone_is_enough(world: World) -> None:
    world.clock.move(900)
    await world.alerts.look()
    assert ("stale-data", "open") not in await world.told()
    world.clock.move(1)
    await world.alerts.look()
    assert ("stale-data", "open") in await world.told()
    world.clock.move(49 * 3600)
    await world.alerts.look()
    found = await kept_alerts(world.db, {"a"}, since=NOON, only_open=True)
    assert {row["subject"] for row in found if row["kind"] == "stale-data"} == {"electricity", "gas"}


async def test_what_is_posted_says_what_whose_when_and_what_of(world: World) -> None:
    world.desk.held["a"].rows = rows(minutes_old=20)
    world.begin("stale-data")
    await world.alerts.look()
    (post,) = await world.posts()
    assert post == {
        "kind": "stale-data",
        "state": "open",
        "text": f"a: Stale data: the real-time price of {NODE} (CAISO) is 20 min old; the limit is 15 min.",
        "facility": "a",
        "at": "2026-07-14T19:00:00Z",
        "subject": "electricity",
        "about": {"commodity": "electricity", "ageSeconds": 1200.0, "limitSeconds": 900.0, "source": "real-time-5min"},
    }
    (message,) = await messages_since(world.db, "a", 0) or []
    assert message["body"] == post


async def test_what_concerns_many_is_one_post_and_a_message_to_each(database: Database) -> None:
    world = World(database, "a", "b", "c")
    for held in world.desk.held.values():
        held.rows = rows(minutes_old=20)
    world.begin("stale-data")
    await world.alerts.look()
    (post,) = await world.posts()
    assert (post["facility"], post["facilities"]) == (None, ["a", "b", "c"])
    assert post["text"].startswith("3 facilities: Stale data")
    for name in "abc":
        assert await world.told(name) == [("stale-data", "open")]
        (message,) = await messages_since(database, name, 0) or []
        assert message["body"]["facility"] == name


async def test_after_a_restart_an_open_alert_is_not_told_again_and_is_still_resolved(world: World) -> None:
    world.desk.held["a"].rows = rows(minutes_old=20)
    world.begin("stale-data")
    await world.alerts.look()
    world.begin("stale-data")
    await world.alerts.start()
    await world.alerts.look()
    assert await world.told() == [("stale-data", "open")]
    world.begin("stale-data")  # and one that has not taken up what is open does not tell it twice either
    await world.alerts.look()
    assert await world.told() == [("stale-data", "open")]
    assert len(await world.posts()) == 1
    world.desk.held["a"].rows = rows()
    await world.alerts.look()
    assert (await world.told())[1:] == [("stale-data", "resolved")]


async def test_a_feed_that_fails_twice_fires_and_clears_when_it_brings_something(world: World) -> None:
    await world.fail()
    await world.fail("rggi/auction-prices")
    await world.fail("rggi/auction-prices")  # none of this facility's prices come from there
    await world.fail("caiso/load")
    await world.fail("caiso/load")  # and from there comes no price
    await world.alerts.look()
    assert await world.told() == [], "one failure happens to every upstream"
    await world.fail()
    await world.alerts.look()
    assert await world.told() == [("provider-failing", "open")]
    (post,) = await world.posts()
    assert post["text"] == "a: The feed caiso/real-time-pricing fails: column LMP is missing"
    assert post["about"] == {
        "feed": "caiso/real-time-pricing",
        "provider": "caiso",
        "outcome": "schema_changed",
        "since": "2026-07-14T19:00:00Z",
    }
    await world.events.emit(
        MARKET_DATA_UPDATED,
        MarketDataUpdated(
            provider="caiso", data_type="real-time-pricing", region="California", feed="caiso/real-time-pricing",
            kind="electricity-price", names=frozenset({NODE}), newest_end=None, received_at=NOON, written=Written(),
            origin="live",
        ),
    )  # fmt: skip
    await world.alerts.look()
    assert (await world.told())[1:] == [("provider-failing", "resolved")]


async def test_a_feed_that_has_failed_for_a_minute_need_not_fail_again(world: World) -> None:
    """The service leaves an upstream alone that fails on and on; then there is no second failure for a while."""
    await world.fail()
    world.clock.move(59)
    await world.alerts.look()
    assert await world.told() == []
    world.clock.move(1)
    await world.alerts.look()
    assert await world.told() == [("provider-failing", "open")]


async def test_a_feed_is_well_again_too_when_it_brings_what_was_known(world: World) -> None:
    for _ in range(2):
        await world.fail()
    await world.alerts.look()
    world.clock.move(60)
    receipt = Receipt(
        feed="caiso/real-time-pricing", provider="caiso", data_type="real-time-pricing", region="California", url="x",
        status=200, origin="live", received_at=world.clock.now(), sha256="00" * 32, bytes=1,
    )  # fmt: skip
    await write_payload(world.db, receipt, Parsed({}))
    await world.alerts.look()
    assert await world.told() == [("provider-failing", "open"), ("provider-failing", "resolved")]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"answer": answer("unavailable", None, None)}, "decision-unavailable"),
        ({"answer": answer("hold")}, "decision-degraded"),
        ({"rows": rows(minutes_old=30)}, "decision-degraded"),
    ],
)
async def test_decisions_on_too_little_fire_and_clear(world: World, given: dict[str, Any], kind: str) -> None:
    held = world.desk.held["a"]
    good = {name: getattr(held, name) for name in given}
    for name, value in given.items():
        setattr(held, name, value)
    world.begin("decision-unavailable, decision-degraded")
    await world.alerts.look()
    assert await world.told() == [(kind, "open")]
    for name, value in good.items():
        setattr(held, name, value)
    await world.alerts.look()
    assert (await world.told())[1:] == [(kind, "resolved")]


async def test_each_crossing_of_the_break_even_is_told_once(world: World) -> None:
    for price in (0.05, 0.06, 0.02, 0.01, None, 0.01, 0.05):
        made = DecisionMade("a", answer("run" if (price or 0) > 0.03 else "stop", price), degraded=False)
        await world.events.emit(CHP_DECISION_UPDATE, made)
    await world.alerts.look()
    assert await world.told() == [("break-even-crossed", "happened")] * 2
    below, above = [post["text"] for post in await world.posts()]
    assert below == (
        "a: At 20.00 USD/MWh the price is now below the break-even of 30.00 USD/MWh; the decision is: stop."
    )
    assert "above" in above


def moved(change: float, name: str = NODE, significant: bool = True) -> PriceUpdated:
    price = 0.05 * (1 + change)
    return PriceUpdated("electricity-price", "California", name, price, 0.05, change, significant, NOON, "live")


async def test_a_price_that_moves_much_is_told_to_those_who_have_it_and_not_all_the_time(world: World) -> None:
    await world.events.emit(PRICE_UPDATE, moved(0.01, significant=False))
    await world.events.emit(PRICE_UPDATE, moved(0.5, "ELSEWHERE"))
    await world.events.emit(PRICE_UPDATE, moved(0.5))
    await world.events.emit(PRICE_UPDATE, moved(0.6))
    world.clock.move(900)
    await world.events.emit(PRICE_UPDATE, moved(-0.2))
    await world.alerts.look()
    told = [one for one in await world.told() if one[0] == "price-change"]
    assert told == [("price-change", "happened")] * 2
    first, second = (post for post in await world.posts() if post["kind"] == "price-change")
    assert first["text"] == f"a: The price of {NODE} has moved by +50 %, from 50.00 USD/MWh to 75.00 USD/MWh."
    assert (first["about"]["changePercent"], second["at"]) == (50.0, "2026-07-14T19:15:00Z")


async def test_a_demand_response_event_that_a_site_is_told_of_is_an_alert(world: World) -> None:
    event = {"program": "CBP", "event_id": "7", "state": "upcoming", "starts_at": "T1", "ends_at": "T2"}
    accepted = event | {"facilities": [{"facilityId": "a", "answer": "accepted"}]}
    world.alerts.on_messages("a", [{"type": "dr-event", "body": {"data": event}}, {"type": "alert", "body": {}}])
    world.alerts.on_messages("a", [{"type": "dr-event", "body": {"data": accepted}}])
    await world.alerts.look()
    assert await world.told() == [("dr-event", "happened")] * 2
    assert [post["text"] for post in await world.posts()] == [
        "a: Demand response CBP 7 (upcoming): T1 to T2.",
        "a: Demand response CBP 7 (upcoming, accepted): T1 to T2.",
    ]


async def test_only_the_kinds_that_are_set_are_told(world: World) -> None:
    world.begin("price-change")
    world.desk.held["a"].rows = rows(minutes_old=60)
    await world.events.emit(PRICE_UPDATE, moved(0.5))
    await world.alerts.look()
    assert await world.told() == [("price-change", "happened")]
    with pytest.raises(ValueError, match="known: stale-data"):
        kinds_named("stale-data, gossip")


async def test_what_happens_while_the_store_is_away_is_told_when_it_is_back(world: World, database_url: str) -> None:
    closed = await Database.open(database_url, pool_size=1)
    await closed.close()
    world.alerts._db = closed
    await world.events.emit(PRICE_UPDATE, moved(0.5))
    with pytest.raises(StoreUnavailable):
        await world.alerts.look()
    world.alerts._db = world.db
    await world.alerts.look()
    await world.alerts.look()
    assert await world.told() == [("price-change", "happened")]


async def test_listeners_hear_of_it_at_once(world: World) -> None:
    listening = await world.fanout.subscribe("a")
    await world.events.emit(PRICE_UPDATE, moved(0.5))
    await world.alerts.look()
    world.fanout.close()
    assert [(message["type"], message["body"]["kind"]) async for message in listening] == [("alert", "price-change")]


async def test_old_alerts_go_and_open_ones_stay(world: World) -> None:
    await world.events.emit(PRICE_UPDATE, moved(0.5))
    world.desk.held["a"].rows = rows(minutes_old=20)
    await world.alerts.look()
    await retain(world.db, NOON + timedelta(days=2), Kept(alert_days=1))
    left = await kept_alerts(world.db, (), since=NOON)
    assert {row["kind"] for row in left} == {"stale-data", "decision-degraded"}
