"""What is read for market conditions: less on an ordinary day, stand-ins while the real-time price is away."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from store.samples import FIVE, gas, parsed, price, receipt
from vibelux.dispatch.facility import load_facilities
from vibelux.outlook.conditions import MarketRows
from vibelux.realtime.gather import market_rows
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
