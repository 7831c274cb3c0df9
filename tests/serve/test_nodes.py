"""`/api/market/nodes`, and what `/api/market/latest` says of a node that nobody knows."""

from collections.abc import AsyncIterator
from functools import partial

import httpx2
import pytest

from serve.fakes import World
from store.samples import NOON, parsed, price, receipt
from vibelux.serve.expecting import ExpectingStore
from vibelux.serve.nodes import StoredNodes, use_nodes
from vibelux.store import reader
from vibelux.store.database import Database
from vibelux.store.writer import write_payload


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with World().client("vlx_all") as client:
        yield client


@pytest.fixture
async def stored(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    world = World()
    use_nodes(world.app, StoredNodes(database))
    await write_payload(database, receipt(), parsed(price(0.05, node="SALINAS_1_N004")))
    async with world.client("vlx_all") as client:
        yield client


async def names(client: httpx2.AsyncClient, query: str) -> list[str]:
    reply = await client.get(f"/api/market/nodes?{query}")
    assert reply.status_code == 200, reply.text
    assert reply.json()["next"] is None
    return [row["pricing_node"] for row in reply.json()["rows"]]


async def test_hubs_and_zones_are_found_without_a_database(client: httpx2.AsyncClient) -> None:
    assert await names(client, "q=np15") == ["TH_NP15_GEN-APND"]
    assert await names(client, "q=n.y.c&region=New York") == ["N.Y.C."]
    assert len(await names(client, "region=PJM&limit=7")) == 7


async def test_nodes_seen_are_found_with_the_days_on_which_they_were(stored: httpx2.AsyncClient) -> None:
    (row,) = (await stored.get("/api/market/nodes?q=salinas")).json()["rows"]
    assert (row["pricing_node"], row["first_seen"], row["last_seen"]) == ("SALINAS_1_N004", "2026-07-14", "2026-07-14")


async def test_a_node_never_seen_is_404_with_the_nearest_names(stored: httpx2.AsyncClient) -> None:
    reply = await stored.get("/api/market/latest?region=ERCOT&node=HB_NROTH")
    assert reply.status_code == 404
    assert reply.json()["error"] == "Unknown node"
    assert reply.json()["detail"][0] == "HB_NORTH"


@pytest.mark.parametrize("query", ["region=ERCOT&node=HB_NORTH", "region=CAISO&node=SALINAS_1_N004", "region=PJM"])
async def test_a_node_that_is_known_and_has_no_price_now_is_missing_as_before(
    stored: httpx2.AsyncClient, query: str
) -> None:
    reply = await stored.get(f"/api/market/latest?{query}")
    assert (reply.status_code, reply.json()["quality"], reply.json()["price_per_kwh"]) == (200, "missing", None)


@pytest.mark.parametrize("query", ["region=Atlantis", "limit=0", "q=%00"])
async def test_a_search_that_makes_no_sense_is_400(client: httpx2.AsyncClient, query: str) -> None:
    reply = await client.get(f"/api/market/nodes?{query}")
    assert (reply.status_code, reply.json()["error"]) == (400, "Bad request")


async def test_a_search_needs_a_key_with_the_scope() -> None:
    for key, status in ((None, 401), ("vlx_nothing", 403)):
        async with World().client(key) as client:
            assert (await client.get("/api/market/nodes?q=hb")).status_code == status


async def test_the_status_of_a_feed_says_what_is_expected_of_it_also_before_anything_came(database: Database) -> None:
    await write_payload(database, receipt(), parsed(price(0.05)), position=NOON)
    store = ExpectingStore(
        database,
        {
            "caiso/real-time-pricing": lambda status: {"expected": f"after {status['position']:%H:%M}"},
            "caiso/load": lambda status: {"expected": f"nothing yet: {status}"},
        },
        partial(reader.latest_price, database, at=NOON),
    )
    rows = {row["feed"]: row for row in await store.feed_status()}
    assert rows["caiso/real-time-pricing"]["expected"] == "after 19:00"
    assert rows["caiso/real-time-pricing"]["position"] == NOON
    assert rows["caiso/load"] == {"feed": "caiso/load", "expected": "nothing yet: {}"}
