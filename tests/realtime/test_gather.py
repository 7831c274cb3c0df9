"""What is read for market conditions: less on an ordinary day, stand-ins while the real-time price is away."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from store.samples import FIVE, gas, parsed, price, receipt
from vibelux.dispatch.facility import load_facilities
from vibelux.outlook.conditions import MarketRows
from vibelux.realtime.gather import SharedRows, market_rows
from vibelux.store.database import Database
from vibelux.store.writer import write_payload

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 3, 12, 17, 20, tzinfo=UTC)
"""10:20 in California; the clocks went forward on 8 March."""
(SITE,) = load_facilities(Path(__file__).parents[2] / "examples" / "caiso.toml")


async def rows_at(database: Database, *prices: dict[str, object]) -> MarketRows:
    await write_payload(database, receipt(NOW), parsed(*prices))
    return await market_rows(database, SITE, NOW, 900)


async def test_with_a_real_time_price_nothing_stands_in(database: Database) -> None:
    await write_payload(database, receipt(NOW), parsed(gas(3.8, NOW, hub_name="FRPGE1"), kind="gas-price"))
    rows = await rows_at(database, price(0.04, NOW - FIVE), price(0.03, NOW - DAY))
    assert rows.real_time is not None
    assert rows.real_time["price_per_kwh"] == 0.04
    assert rows.gas is not None
    assert rows.gas["price_per_mmbtu"] == 3.8
    assert not rows.same_hour
    assert not rows.history


async def test_while_it_is_away_other_markets_of_this_moment_stand_in(database: Database) -> None:
    started = NOW - timedelta(minutes=20)
    ahead = price(0.06, started, market="day-ahead-hourly", market_interval_end=started + HOUR)
    over = price(0.07, started, market="real-time-15min", market_interval_end=started + 3 * FIVE)
    to_come = price(0.08, NOW + FIVE, market="advisory-5min")
    rows = await rows_at(database, price(0.04, NOW - HOUR), ahead, over, to_come, price(0.03, NOW - DAY))
    assert rows.real_time is not None
    assert rows.real_time["price_per_kwh"] == 0.04
    assert [row["price_per_kwh"] for row in rows.same_hour] == [0.06]
    assert not rows.history


async def test_without_those_the_same_hour_of_the_wall_clock_on_eight_days_does(database: Database) -> None:
    ten = datetime(2026, 3, 12, 17, tzinfo=UTC)
    summer = [ten - day * DAY for day in range(1, 5)]
    winter = [ten + HOUR - day * DAY for day in range(5, 10)]
    hours = [price(at, start + minute) for at, start in enumerate([*summer, *winter]) for minute in (-FIVE, 0 * FIVE)]
    elsewhere = price(9.0, ten - DAY, node="A_NODE")
    rows = await rows_at(database, *hours, price(9.0, ten - DAY, market="real-time-15min"), elsewhere)
    assert [row["market_interval_start"] for row in rows.history] == sorted([*summer, *winter[:-1]])


async def test_facilities_of_one_market_share_what_is_read_until_something_new_comes(database: Database) -> None:
    shared, neighbour = SharedRows(database), SITE.model_copy(update={"id": "next-door"})
    await write_payload(database, receipt(NOW), parsed(price(0.04, NOW - FIVE)))
    read = await shared.of(SITE, NOW, 900)
    await write_payload(database, receipt(NOW), parsed(price(0.05, NOW)))
    assert await shared.of(neighbour, NOW, 900) is read
    shared.forget()
    assert _price(await shared.of(neighbour, NOW, 900)) == 0.05


async def test_what_is_shared_ends_with_its_five_minutes_and_when_it_is_stale(database: Database) -> None:
    shared = SharedRows(database)
    await write_payload(database, receipt(NOW), parsed(price(0.04, NOW - FIVE), price(0.05, NOW + FIVE)))
    read = await shared.of(SITE, NOW, 60)
    assert await shared.of(SITE, NOW + timedelta(seconds=61), 60) is not read
    assert _price(await shared.of(SITE, NOW + FIVE, 60)) == 0.05


async def test_what_comes_while_it_is_read_is_not_missed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = SharedRows(database)
    await write_payload(database, receipt(NOW), parsed(price(0.04, NOW - FIVE)))

    async def read_while_a_price_comes(*args: Any) -> MarketRows:
        rows = await market_rows(*args)
        await write_payload(database, receipt(NOW), parsed(price(0.05, NOW)))
        shared.forget()
        return rows

    with monkeypatch.context() as patched:
        patched.setattr("vibelux.realtime.gather.market_rows", read_while_a_price_comes)
        assert _price(await shared.of(SITE, NOW, 900)) == 0.04
    assert _price(await shared.of(SITE, NOW, 900)) == 0.05


def _price(rows: MarketRows) -> float | None:
    return None if rows.real_time is None else rows.real_time["price_per_kwh"]
