"""The desk on a real store and a clock that stands still: who is decided for, when, and what is told."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from prometheus_client import CollectorRegistry

from vibelux.dispatch.facility import load_facilities
from vibelux.ingest.events import MarketDataUpdated
from vibelux.market.clock import FrozenClock
from vibelux.market.intervals import iso_z
from vibelux.market.records import CARBON_PRICE, ELECTRICITY_PRICE, GAS_PRICE, Parsed
from vibelux.outlook.conditions import Limits
from vibelux.realtime.desk import Desk
from vibelux.realtime.metrics import DeskMetrics
from vibelux.store import decisions as kept
from vibelux.store.facilities import put_facility, remove_facility
from vibelux.store.journal import Receipt
from vibelux.store.writer import Written, write_payload

NOW = datetime(2026, 7, 14, 19, 2, tzinfo=UTC)
NODE, HUB, MARKET = "TH_NP15_GEN-APND", "FRPGE1", "California Cap-and-Trade"


def receipt(feed: str, at: datetime) -> Receipt:
    provider, _, data_type = feed.partition("/")
    return Receipt(
        feed=feed, provider=provider, data_type=data_type, region="California", url="x", status=200, origin="synthetic",
        received_at=at, sha256="00" * 32, bytes=1, file="x",
    )  # fmt: skip


def frame(kind, **values) -> pl.DataFrame:
    return pl.DataFrame([dict.fromkeys(kind.names) | values], schema=kind.schema())


class Market:
    """Puts prices into the store and tells the desk, as ingest does."""

    def __init__(self, db, desk: Desk, clock: FrozenClock) -> None:
        self.db, self.desk, self.clock = db, desk, clock

    async def _put(self, feed: str, kind, name: str, **values) -> None:
        now = self.clock.now()
        parsed = Parsed({kind.name: frame(kind, currency="USD", region="California", data_source="test", **values)})
        await write_payload(self.db, receipt(feed, now), parsed)
        self.last = MarketDataUpdated(
            provider="caiso", data_type=feed.partition("/")[2], region="California", feed=feed, kind=kind.name,
            names=frozenset({name}), newest_end=None, received_at=now, written=Written(), origin="synthetic",
        )  # fmt: skip
        self.desk.on_market_data(self.last)

    async def electricity(self, price: float, node: str = NODE, minutes: int = 0) -> None:
        start = NOW.replace(minute=0) + timedelta(minutes=minutes)
        await self._put(
            "caiso/real-time-pricing", ELECTRICITY_PRICE, node, iso_region="CAISO", pricing_node=node,
            market="real-time-5min", price_type="LMP", price_per_kwh=price, market_interval_start=start,
            market_interval_end=start + timedelta(minutes=5), confidence_level=100.0,
        )  # fmt: skip

    async def gas(self, price: float) -> None:
        await self._put(
            "caiso/gas-price-index", GAS_PRICE, HUB, hub_name=HUB, price_per_mmbtu=price,
            trading_date=date(2026, 7, 14), contract_type="next-day",
        )  # fmt: skip

    async def carbon(self, price: float) -> None:
        await self._put(
            "caiso/ghg-allowance", CARBON_PRICE, MARKET, market_name=MARKET, price_per_metric_ton=price,
            trading_date=date(2026, 7, 14), market_type="compliance",
        )  # fmt: skip


def facility(**changes) -> dict:
    (one,) = load_facilities(Path(__file__).parents[2] / "examples" / "caiso.toml")
    return one.as_dict() | changes


@asynccontextmanager
async def running(db, clock, *bodies: dict, ahead=None):
    for body in bodies:
        await put_facility(db, body["id"], body, "file")
    registry = CollectorRegistry()
    metrics, keys = DeskMetrics(registry), {"PJM": "PJM_API_KEY"}
    desk = Desk(db, clock, limits=Limits(), missing_keys=keys, metrics=metrics, ahead=ahead)
    await desk.start()
    task = asyncio.create_task(desk.run())
    try:
        yield desk, Market(db, desk, clock), registry
    finally:
        desk.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition, seconds: float = 30.0):
    async with asyncio.timeout(seconds):
        while not (found := await condition()):
            await asyncio.sleep(0.01)
    return found


def action_is(desk: Desk, wanted: str, name: str = "salinas-1"):
    async def look():
        answer = await desk.latest(name)
        return answer if answer and answer["decision"]["action"] == wanted else None

    return look


async def test_prices_become_a_decision_that_turns_with_them(database):
    async with running(database, FrozenClock(NOW), facility()) as (desk, market, _):
        await market.gas(3.8)
        await market.carbon(29.3)
        await market.electricity(0.09)
        answer = await until(action_is(desk, "run"))
        assert answer["marketConditions"]["gridPrice"] == 0.09
        assert answer["marketConditions"]["origin"]["electricity"] == "synthetic"
        assert 0.005 < answer["decision"]["breakEvenGridPrice"] < 0.09
        await market.electricity(-0.02, minutes=0)
        await until(action_is(desk, "stop"))


async def test_a_decision_in_force_is_told_from_memory(database, monkeypatch):
    clock = FrozenClock(NOW)
    async with running(database, clock, facility()) as (desk, market, _):
        await market.gas(3.8)
        await market.electricity(0.09)
        await until(action_is(desk, "run"))
        clock.moment += timedelta(seconds=20)
        monkeypatch.setattr(database, "connection", None)
        answer = await desk.latest("salinas-1")
        assert answer["timestamp"] == iso_z(clock.moment)
        assert answer["decision"]["action"] == "run"


async def test_each_message_has_the_next_number_and_numbers_go_on_after_a_restart(database):
    clock = FrozenClock(NOW)
    async with running(database, clock, facility()) as (desk, market, _):
        listening = await desk.subscribe("salinas-1")
        await market.gas(3.8)
        await market.electricity(0.09)
        await until(action_is(desk, "run"))
        seen = []
        async for message in listening:
            seen.append(message)
            if message["type"] == "chp-decision-update" and message["body"]["decision"]["action"] == "run":
                break
        numbers = [message["seq"] for message in seen]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        prices = [m["body"]["data"] for m in seen if m["type"] == "market-price-update"]
        assert {price["kind"] for price in prices} == {"gas-price", "electricity-price"}
    last = await kept.last_seq(database, "salinas-1")
    async with running(database, clock, facility()) as (desk, market, _):
        await market.electricity(0.08)
        after = await until(lambda: kept.messages_since(database, "salinas-1", last))
    assert [message["seq"] for message in after] == list(range(last + 1, last + 1 + len(after)))


async def test_only_the_facilities_concerned_are_decided_for(database):
    other = facility(id="other", pricing_node="TH_SP15_GEN-APND")
    async with running(database, FrozenClock(NOW), facility(), other) as (desk, market, _):
        await market.gas(3.8)
        await market.electricity(0.09)
        await until(action_is(desk, "run"))
        await until(lambda: _settled(database))
        mine, theirs = await _count(database, "salinas-1"), await _count(database, "other")
        await market.electricity(0.07)
        await until(lambda: _more_than(database, "salinas-1", mine))
        assert await _count(database, "other") == theirs


async def _count(db, name: str) -> int:
    return len(await kept.decisions(db, name, NOW, NOW + timedelta(1)))


async def _settled(db) -> bool:
    before = await _count(db, "salinas-1") + await _count(db, "other")
    await asyncio.sleep(1.5)
    return await _count(db, "salinas-1") + await _count(db, "other") == before


async def _more_than(db, name: str, count: int) -> bool:
    return await _count(db, name) > count


async def test_a_facility_that_fails_never_stops_another(database, monkeypatch):
    from vibelux.realtime import deciders as room

    real = room.decide

    def failing(facility, *rest):
        if facility.id == "broken":
            raise ZeroDivisionError("a fault of ours")
        return real(facility, *rest)

    monkeypatch.setattr(room, "decide", failing)
    async with running(database, FrozenClock(NOW), facility(id="broken"), facility()) as (desk, market, registry):
        await market.gas(3.8)
        await market.electricity(0.09)
        await until(action_is(desk, "run"))
        assert await desk.latest("broken") is None
        assert registry.get_sample_value("vibelux_decision_failures_total", {"error": "ZeroDivisionError"}) >= 1


async def test_a_price_that_grows_old_changes_the_decision_by_time_alone(database):
    clock = FrozenClock(NOW)
    async with running(database, clock, facility()) as (desk, market, _):
        await market.gas(3.8)
        await market.electricity(0.09)
        good = await until(action_is(desk, "run"))
        assert good["marketConditions"]["dataQuality"]["electricity"] == "good"
        clock.move(901 + 180)
        worse = await desk.latest("salinas-1")
        assert worse["marketConditions"]["dataQuality"]["electricity"] == "stale"
        assert worse["dataFreshness"]["electricity"] > 900
        assert worse["decision"]["confidence"] < good["decision"]["confidence"]
        clock.move(7_200)
        worst = await desk.latest("salinas-1")
        assert worst["decision"]["rule"] == "heat-led"


async def test_of_many_who_ask_for_an_aged_decision_the_first_decides_for_all(database, monkeypatch):
    from vibelux.realtime import deciders as room

    real, made = room.decide, []

    def counted(facility, *rest):
        made.append(facility.id)
        return real(facility, *rest)

    clock = FrozenClock(NOW)
    async with running(database, clock, facility()) as (desk, market, _):
        await market.gas(3.8)
        await market.electricity(0.09)
        await until(action_is(desk, "run"))
        monkeypatch.setattr(room, "decide", counted)
        clock.move(901 + 180)
        answers = await asyncio.gather(*(desk.latest("salinas-1") for _ in range(8)))
    assert {one["marketConditions"]["dataQuality"]["electricity"] for one in answers} == {"stale"}
    assert 1 <= len(made) <= 2  # one for all who asked, and perhaps one of the desk's own


async def test_without_any_price_nothing_is_made_up(database):
    async with running(database, FrozenClock(NOW), facility()) as (desk, _, _):
        answer = await until(action_is(desk, "unavailable"))
        assert answer["marketConditions"]["gridPrice"] is None
        assert answer["dataFreshness"] == dict.fromkeys(("electricity", "gas", "carbon"))


async def test_a_grid_without_its_key_says_which_to_set(database):
    pjm = facility(id="pjm-1", iso_region="PJM", pricing_node="WESTERN HUB")
    async with running(database, FrozenClock(NOW), pjm) as (desk, _, _):
        answer = await until(action_is(desk, "unavailable", "pjm-1"))
        assert any("PJM_API_KEY" in reason for reason in answer["decision"]["reasons"])


async def test_facilities_come_and_go_while_the_desk_runs(database):
    async with running(database, FrozenClock(NOW), facility()) as (desk, market, _):
        await market.gas(3.8)
        await market.electricity(0.09)
        await put_facility(database, "late", facility(id="late"), "rest")
        await until(action_is(desk, "run", "late"))
        await remove_facility(database, "late")
        await until(lambda: _gone(desk, "late"))


async def _gone(desk: Desk, name: str) -> bool:
    return await desk.latest(name) is None


async def test_demands_from_a_file_are_found_again_from_the_store(database, tmp_path):
    (tmp_path / "loads.csv").write_text(
        "time,power_kw,heat_kw\n2026-07-14T18:00:00Z,200,500\n2026-07-14T20:00:00Z,200,500\n"
    )
    text = (Path(__file__).parents[2] / "examples" / "caiso.toml").read_text()
    (tmp_path / "site.toml").write_text(text.replace("power_kw = 200\nheat_kw = 500", 'file = "loads.csv"'))
    (one,) = load_facilities(tmp_path / "site.toml")
    async with running(database, FrozenClock(NOW), one.as_dict()) as (desk, market, _):
        await market.gas(3.8)
        await market.electricity(0.09)
        answer = await until(action_is(desk, "run"))
        assert answer["decision"]["basis"]["demand"]["source"] == "loads.csv"


@pytest.mark.parametrize("kind", ["series", "ancillary-price"])
async def test_an_event_that_concerns_no_decision_wakes_nobody(database, kind):
    async with running(database, FrozenClock(NOW), facility()) as (desk, _, _):
        await until(action_is(desk, "unavailable"))
        count = await _count(database, "salinas-1")
        desk.on_market_data(
            MarketDataUpdated(
                provider="caiso", data_type="load", region="California", feed="caiso/load", kind=kind,
                names=frozenset({NODE}), newest_end=None, received_at=NOW, written=Written(), origin="live",
            )
        )  # fmt: skip
        await asyncio.sleep(0.2)
        assert await _count(database, "salinas-1") == count
