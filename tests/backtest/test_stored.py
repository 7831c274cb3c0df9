"""`--prices store`: the database's prices and gas, as files would have them."""

from datetime import timedelta

import pytest
from pydantic import SecretStr

from backtest.recorded import site
from store.samples import NOON, gas, parsed, price, receipt
from vibelux.backtest.stored import stored_gas, stored_prices
from vibelux.config import Settings
from vibelux.market.errors import UsageError
from vibelux.outlook.past import utc_minutes
from vibelux.store.database import Database
from vibelux.store.writer import write_payload

FIVE = timedelta(minutes=5)
HUB = site(pricing_node="TH_NP15_GEN-APND")


@pytest.fixture
def settings(database: Database) -> Settings:
    return Settings(database_url=SecretStr(database.url))


async def test_prices_of_the_database_come_with_the_day_ahead_ones_beside_them(
    database: Database, settings: Settings
) -> None:
    hours = [
        price(0.05 + at / 100, NOON + at * 12 * FIVE, market="day-ahead-hourly",
              market_interval_end=NOON + (at + 1) * 12 * FIVE)
        for at in range(2)
    ]  # fmt: skip
    await write_payload(database, receipt(), parsed(*(price(0.01 * at, NOON + at * FIVE) for at in range(4)), *hours))
    found = await stored_prices(settings, HUB, None, None)
    assert (found.market, found.prices.step) == ("real-time-5min", 5)
    assert found.prices.values.tolist() == [0.0, 0.01, 0.02, 0.03]
    assert found.prices.starts[0] == utc_minutes(NOON)
    assert found.day_ahead is not None
    assert found.day_ahead.values.tolist() == [0.05, 0.06]


async def test_a_node_without_prices_is_named(settings: Settings) -> None:
    with pytest.raises(UsageError, match="no prices of TH_NP15_GEN-APND in any market"):
        await stored_prices(settings, HUB, None, None)


async def test_futures_are_no_gas_price(database: Database, settings: Settings) -> None:
    spot, future = gas(3.18, hub_name="Henry Hub"), gas(9.0, hub_name="Henry Hub", contract_type="futures")
    await write_payload(database, receipt(), parsed(spot, future, kind="gas-price"))
    assert (await stored_gas(settings, "Henry Hub")).values == (3.18,)
