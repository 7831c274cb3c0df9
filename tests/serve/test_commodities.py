"""Gas and carbon over REST, from a real store."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import httpx2
import polars as pl
import pytest

from serve.fakes import KEYS, NOW, World
from store.samples import receipt
from vibelux.market.records import CARBON_PRICE, GAS_PRICE, Parsed
from vibelux.serve.stored import StoredStore
from vibelux.store.database import Database
from vibelux.store.keys import Principal
from vibelux.store.writer import write_payload


class Keyed(StoredStore):
    """The real store with the keys of the fakes."""

    async def principal_with_key(self, key: str, now: datetime) -> Principal | None:
        return KEYS.get(key)


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    world = World()
    world.state.store = Keyed(database)
    async with world.client("vlx_all") as client:
        yield client


def gas(hub: str, value: float, day: int, **more: Any) -> dict[str, Any]:
    return dict.fromkeys(GAS_PRICE.names) | {
        "hub_name": hub, "region": "Louisiana", "price_per_mmbtu": value, "currency": "USD",
        "trading_date": date(2026, 7, day), "contract_type": "spot", "data_source": "EIA test",
    } | more  # fmt: skip


def carbon(market: str, value: float, **more: Any) -> dict[str, Any]:
    return dict.fromkeys(CARBON_PRICE.names) | {
        "market_name": market, "region": "California", "price_per_metric_ton": value, "currency": "USD",
        "trading_date": date(2026, 6, 3), "market_type": "compliance", "data_source": "test",
    } | more  # fmt: skip


async def put(database: Database, kind: Any, *rows: dict[str, Any]) -> None:
    frame = pl.DataFrame(rows, schema=kind.schema())
    await write_payload(database, receipt(datetime(2026, 7, 14, 12, tzinfo=UTC)), Parsed({kind.name: frame}))


async def test_the_spot_price_comes_with_its_age_and_the_front_month_beside_it(database, client) -> None:
    future = {"contract_type": "futures", "contract": "NGQ26", "delivery_date": date(2026, 8, 1)}
    await put(database, GAS_PRICE, gas("Henry Hub", 3.0, 13), gas("Henry Hub", 2.0, 10),
              gas("Henry Hub", 4.5, 13, **future))  # fmt: skip
    found = (await client.get("/api/market/gas/henry-hub")).json()
    assert (found["spot"], found["trading_date"], found["quality"]) == (3.0, "2026-07-13", "good")
    assert (found["futures"], found["contract"], found["disagrees"]) == (4.5, "NGQ26", True)
    assert found["disagreement"] == pytest.approx(-1 / 3)
    assert found["age_seconds"] == (NOW - datetime(2026, 7, 14, 5, tzinfo=UTC)).total_seconds()
    curve = (await client.get("/api/market/gas/curve")).json()
    assert [(row["contract"], row["price"]) for row in curve["rows"]] == [("NGQ26", 4.5)]
    assert (await client.get("/api/market/gas/curve?asOf=2026-07-10")).json()["rows"] == []


async def test_a_basis_is_of_one_day_and_an_unknown_region_is_a_bad_request(database, client) -> None:
    await put(database, GAS_PRICE, gas("Henry Hub", 3.0, 13), gas("Houston Ship Channel", 2.75, 13, region="Texas"))
    found = (await client.get("/api/market/gas/basis", params={"region": "ERCOT"})).json()
    assert (found["hub"], found["differential"], found["price"]) == ("Houston Ship Channel", -0.25, 2.75)
    assert (await client.get("/api/market/gas/basis", params={"region": "Mars"})).status_code == 400


async def test_carbon_markets_answer_by_name(database, client) -> None:
    await put(database, CARBON_PRICE, carbon("California Cap-and-Trade", 29.3), carbon("RGGI", 38.6),
              carbon("Verified offsets", 4.2, market_type="voluntary"))  # fmt: skip
    for name, price in {"california": 29.3, "RGGI": 38.6, "voluntary": 4.2}.items():
        found = (await client.get("/api/market/carbon/latest", params={"market": name})).json()
        assert (found["price"], found["quality"]) == (price, "good")
    assert (await client.get("/api/market/carbon/latest")).json()["price"] == 29.3
    refused = await client.get("/api/market/carbon/latest", params={"market": "EU"})
    assert (refused.status_code, "known: california, rggi" in refused.json()["detail"]) == (400, True)


@pytest.mark.parametrize("path", ["gas/henry-hub", "gas/basis?region=texas", "carbon/latest"])
async def test_what_is_not_stored_is_404_and_never_a_number(client, path) -> None:
    reply = await client.get(f"/api/market/{path}")
    assert reply.status_code == 404
    assert reply.json()["error"] == "Not found"


async def test_no_key_sees_no_price(client) -> None:
    reply = await client.get("/api/market/gas/henry-hub", headers={"Authorization": "Bearer wrong"})
    assert (reply.status_code, reply.json()) == (401, {"error": "Unauthorized"})
