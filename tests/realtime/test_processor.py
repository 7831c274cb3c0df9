"""The processor on a real store: what is said of a price that comes, comes again, is corrected, or is an old one."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from dispatch.plants import facility
from store.samples import FIVE, NOON, carbon, frame, gas, price, receipt
from vibelux.dispatch.facility import Facility
from vibelux.ingest.events import MARKET_DATA_UPDATED, PRICE_UPDATE, Events, MarketDataUpdated, PriceUpdated
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import UsageError
from vibelux.market.records import Parsed
from vibelux.realtime.metrics import PriceMetrics
from vibelux.realtime.processor import MarketDataProcessor
from vibelux.store.database import Database
from vibelux.store.writer import subjects_of, write_payload

NODE = "TH_NP15_GEN-APND"


class FakeDesk:
    def __init__(self) -> None:
        self.facilities: list[Facility] = [facility(id="a", pricing_node=NODE)]
        self.told: list[tuple[str, dict[str, float]]] = []

    def on_market_data(self, event: MarketDataUpdated, prices: dict[str, float]) -> None:
        self.told.append((event.kind, dict(prices)))


class World:
    """Stores rows as ingest does, and tells of them."""

    def __init__(self, db: Database) -> None:
        self.db, self.desk, self.events, self.registry = db, FakeDesk(), Events(), CollectorRegistry()
        self.clock = FrozenClock(NOON + timedelta(minutes=2))
        self.heard: list[PriceUpdated] = []
        self.begin()

    def begin(self) -> None:
        """Starts the processor, or, called once more, starts it again."""
        self.events, self.registry = Events(), CollectorRegistry()
        processor = MarketDataProcessor(
            self.db, self.clock, self.events, self.desk, metrics=PriceMetrics(self.registry), threshold=0.05
        )
        processor.on(PRICE_UPDATE, self.heard.append)

    async def come(self, *rows: dict[str, Any], kind: str = "electricity-price", at: datetime = NOON) -> None:
        parsed = Parsed({kind: frame(kind, *rows)})
        written = await write_payload(self.db, receipt(at), parsed)
        event = MarketDataUpdated(
            provider="caiso", data_type="real-time-pricing", region="California", feed="caiso/real-time-pricing",
            kind=kind, names=frozenset(subjects_of(parsed)[kind]), newest_end=None, received_at=at, written=written,
            origin="synthetic", rows=parsed.frames[kind],
        )  # fmt: skip
        await self.events.emit(MARKET_DATA_UPDATED, event)

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def test_each_price_is_compared_with_the_last_one(world: World) -> None:
    await world.come(price(0.040))
    await world.come(price(0.041, NOON + FIVE))
    await world.come(price(0.044, NOON + 2 * FIVE))
    assert [(one.name, one.price, one.last, one.significant) for one in world.heard] == [
        (NODE, 0.040, None, False),
        (NODE, 0.041, 0.040, False),
        (NODE, 0.044, 0.041, True),
    ]
    assert world.heard[2].change == pytest.approx(0.003 / 0.041)
    assert world.metric("electricity_price_change_percent", region="California") == pytest.approx(7.317, abs=0.001)
    assert world.desk.told[-1] == ("electricity-price", {NODE: 0.044})


async def test_the_same_price_again_and_an_older_one_move_nothing(world: World) -> None:
    await world.come(price(0.040), price(0.041, NOON + FIVE))
    before = world.metric("electricity_price_change_percent", region="California")
    await world.come(price(0.041, NOON + FIVE))
    await world.come(price(0.09, NOON - 100 * FIVE))
    assert len(world.heard) == 1
    assert world.metric("electricity_price_change_percent", region="California") == before
    assert len(world.desk.told) == 3, "the desk judges for itself what concerns it"


async def test_a_correction_is_compared_with_what_was_said_before(world: World) -> None:
    await world.come(price(0.040), price(0.050, NOON + FIVE))
    await world.come(price(0.040), price(0.060, NOON + FIVE), at=NOON + FIVE)
    assert [(one.price, one.last) for one in world.heard] == [(0.050, 0.040), (0.060, 0.050)]


async def test_after_a_restart_the_last_price_is_the_one_in_the_store(world: World) -> None:
    await world.come(price(0.040))
    world.begin()
    await world.come(price(0.050, NOON + FIVE))
    assert [(one.price, one.last) for one in world.heard] == [(0.040, None), (0.050, 0.040)]


async def test_after_a_restart_a_backfill_is_not_taken_for_news(world: World) -> None:
    await world.come(price(0.040))
    world.begin()
    await world.come(price(0.9, NOON - 1000 * FIVE), price(0.8, NOON - 999 * FIVE))
    await world.come(price(0.050, NOON + FIVE))
    assert [(one.price, one.last) for one in world.heard] == [(0.040, None), (0.050, 0.040)]


async def test_intervals_that_came_together_are_compared_with_one_another(world: World) -> None:
    await world.come(price(0.010))
    await world.come(price(0.020, NOON + FIVE), price(0.030, NOON + 2 * FIVE))
    assert [(one.price, one.last) for one in world.heard] == [(0.010, None), (0.030, 0.020)]


async def test_a_region_moves_as_the_mean_of_what_is_watched_there(world: World) -> None:
    other, far = "TH_SP15_GEN-APND", "SOME_NODE_OF_THOUSANDS"
    for start, prices in ((NOON, (0.04, 0.06, 0.5)), (NOON + FIVE, (0.05, 0.06, 9.0))):
        await world.come(*(price(value, start, node) for value, node in zip(prices, (NODE, other, far), strict=True)))
    assert world.metric("electricity_price_change_percent", region="California") == pytest.approx(10.0)
    assert {one.name for one in world.heard} == {NODE, other}, "hubs are watched, and the facilities' own nodes"
    world.desk.facilities = [facility(id="b", pricing_node=far)]
    await world.come(price(9.5, NOON + 2 * FIVE, far))
    assert world.heard[-1].name == far


async def test_gas_moves_by_hub_and_from_trading_day_to_trading_day(world: World) -> None:
    await world.come(gas(3.0, NOON - timedelta(days=1)), gas(3.3), kind="gas-price")
    assert world.metric("gas_price_change_percent", hub="PG&E Citygate") == pytest.approx(10.0)
    assert (world.heard[0].kind, world.heard[0].since, world.heard[0].last) == ("gas-price", date(2026, 7, 14), 3.0)
    await world.come(gas(-0.1, NOON + timedelta(days=1)), kind="gas-price")
    assert world.heard[-1].change == pytest.approx(-3.4 / 3.3)


async def test_carbon_is_told_without_a_metric_of_its_own(world: World) -> None:
    await world.come(carbon(29.0, NOON - timedelta(days=1)), carbon(29.5), kind="carbon-price")
    assert (world.heard[0].name, world.heard[0].significant) == ("California Cap-and-Trade", False)


async def test_a_listener_that_fails_stops_nobody(world: World) -> None:
    def fails(_: object) -> None:
        raise ZeroDivisionError

    others: list[PriceUpdated] = []
    world.events.on(PRICE_UPDATE, fails)
    world.events.on(PRICE_UPDATE, others.append)
    with capture_logs() as logs:
        await world.come(price(0.040))
    assert len(others) == 1
    assert logs[0]["event"] == "a listener failed"
    with pytest.raises(UsageError, match="no event is called"):
        world.events.on("price-moved", print)


async def test_while_the_store_is_away_the_desk_is_told_all_the_same(world: World, database_url: str) -> None:
    closed = await Database.open(database_url, pool_size=1)
    await closed.close()
    world.db = closed
    world.begin()
    rows = frame("electricity-price", price(0.04))
    event = MarketDataUpdated(
        provider="caiso", data_type="x", region="California", feed="x/x", kind="electricity-price",
        names=frozenset({NODE}), newest_end=None, received_at=NOON, written=None, origin="live", rows=rows,
    )  # type: ignore[arg-type]  # fmt: skip
    await world.events.emit(MARKET_DATA_UPDATED, event)
    assert world.desk.told == [("electricity-price", {NODE: 0.04})]
    assert [(one.price, one.last) for one in world.heard] == [(0.04, None)]
