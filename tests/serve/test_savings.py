"""`GET /api/savings` from a real store: decisions that were kept, at prices as they are known now."""

import io
from datetime import datetime, timedelta

import polars as pl
import pytest

from dispatch.plants import GAS_AT_3_CENTS, body
from dispatch.test_ledger import NOON, answer
from serve.fakes import KEYS, World
from store.samples import parsed, price, receipt
from vibelux.config_costs import CostSettings
from vibelux.realtime.ledger import Ledger
from vibelux.realtime.returns import Returns
from vibelux.serve.stored import StoredStore
from vibelux.store.database import Database
from vibelux.store.decisions import save_decision
from vibelux.store.facilities import put_facility
from vibelux.store.keys import Principal
from vibelux.store.writer import write_payload

FIVE = timedelta(minutes=5)
SITE = body(id="salinas-1", pricing_node="TH_NP15_GEN-APND") | {
    "prices": {"gas": {"kind": "fixed", "usd_per_mmbtu": GAS_AT_3_CENTS}, "import_adder_usd_per_kwh": 0.05}
}


class Keyed(StoredStore):
    """The real store with the keys of the fakes."""

    async def principal_with_key(self, key: str, now: datetime) -> Principal | None:
        return KEYS.get(key)


async def put_prices(database: Database, value: float, known_at: datetime) -> None:
    rows = [price(value, NOON + at * FIVE) | {"market_interval_end": NOON + (at + 1) * FIVE} for at in range(3)]
    await write_payload(database, receipt(known_at), parsed(*rows))


@pytest.fixture
async def world(database: Database) -> World:
    await put_facility(database, "salinas-1", SITE, "rest")
    for at in range(3):
        told = answer(NOON + at * FIVE, 0.06)
        rest = {name: value for name, value in told.items() if name != "decision"}
        await save_decision(database, "salinas-1", NOON + at * FIVE, told["decision"], rest, [])
    await put_prices(database, 0.06, NOON)
    world = World()
    world.state.store = Keyed(database)
    world.state.ledger = Ledger(database, world.clock)
    return world


QUERY = {"facilityId": "salinas-1", "from": "2026-07-14T19:00:00Z", "to": "2026-07-14T20:00:00Z"}


async def test_the_cost_of_decisions_stands_beside_the_baselines(world: World) -> None:
    async with world.client("vlx_salinas") as client:
        told = (await client.get("/api/savings", params=QUERY)).json()
    # A quarter of an hour of 400 kW at 0.11 and a boiler of 1000 kW of gas at 0.03.
    assert told["decided"]["costUsd"] == pytest.approx(0.25 * (44 + 30))
    assert told["savingsUsd"]["grid-and-boiler"] == pytest.approx(0.0, abs=1e-6)
    assert told["hoursCovered"] == 0.25
    assert told["rows"][0]["day"] == "2026-07-14"


async def test_each_interval_is_followed_to_its_price_rows_and_their_payloads(database: Database, world: World) -> None:
    known_at = NOON + timedelta(hours=1)
    await put_prices(database, 0.08, known_at)
    async with world.client("vlx_salinas") as client:
        told = (await client.get("/api/savings", params=QUERY | {"by": "interval"})).json()
    assert len(told["rows"]) == 3
    for row in told["rows"]:
        assert (row["knownPrice"], row["settledPrice"], row["payloadSha256"]) == (0.06, 0.08, "ab")
        (behind,) = row["prices"]
        assert (behind["pricePerKwh"], behind["payloadSha256"]) == (0.08, receipt(known_at).sha256)


async def test_totals_are_one_request(world: World) -> None:
    async with world.client("vlx_salinas") as client:
        told = (await client.get("/api/savings/totals", params={"facilityId": "salinas-1"})).json()
    assert told["today"]["decided"]["costUsd"] == told["year"]["decided"]["costUsd"] == pytest.approx(18.5)


async def test_rows_are_exported_as_a_table(world: World) -> None:
    async with world.client("vlx_salinas") as client:
        csv = await client.get("/api/savings", params=QUERY | {"by": "hour", "format": "csv"})
        parquet = await client.get("/api/savings", params=QUERY | {"by": "hour", "format": "parquet"})
    header, row = csv.text.strip().splitlines()
    assert header.startswith("start,hours,cost_usd")
    assert row.startswith("2026-07-14T19:00:00Z,0.25,18.5")
    assert pl.read_parquet(io.BytesIO(parquet.content))["grid_and_boiler_usd"].to_list() == [18.5]


async def test_the_ledger_of_another_is_not_found(world: World) -> None:
    async with world.client("vlx_delta") as client:
        assert (await client.get("/api/savings", params=QUERY)).status_code == 404


async def test_too_long_a_time_is_refused(world: World) -> None:
    async with world.client("vlx_salinas") as client:
        long = {"facilityId": "salinas-1", "from": "2020-01-01", "to": "2026-01-01"}
        assert (await client.get("/api/savings", params=long)).status_code == 400


async def test_costs_and_return_are_told_to_a_key_for_all_facilities_alone(database: Database, world: World) -> None:
    world.state.returns = Returns(database, world.clock, CostSettings(infrastructure={"database": 300.0}))
    async with world.client("vlx_salinas") as client:
        assert (await client.get("/api/return")).status_code == 403
    async with world.client("vlx_all") as client:
        told = (await client.get("/api/return")).json()
    assert told["facilities"][0]["facilityId"] == "salinas-1"
    assert told["costsUsdPerYear"] == 3600.0
