"""`/api/drill`: in a replay feeds are broken and mended over REST; a live service knows no such thing."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from serve.stored import StoredWorld, stored_world
from vibelux.replay.faults import Fault
from vibelux.replay.source import TapeSource
from vibelux.replay.upstream import LoopbackUpstream
from vibelux.store.database import Database

FEED = "caiso/real-time-pricing"


@pytest.fixture
async def world(database: Database) -> StoredWorld:
    world = await stored_world(database, ["operate"], [])
    world.state.drill = LoopbackUpstream(TapeSource(), world.clock)
    return world


@pytest.fixture
async def client(world: StoredWorld) -> AsyncIterator[httpx2.AsyncClient]:
    async with world.client(world.key.key) as client:
        yield client


async def test_a_feed_is_broken_in_another_way_and_mended(client: httpx2.AsyncClient) -> None:
    before = (await client.get("/api/drill")).json()
    assert before["rows"] == []
    assert set(before["faults"]) == set(Fault)
    assert FEED in before["feeds"]
    for fault in ("html", "price-jump"):
        made = await client.post("/api/drill", json={"feed": FEED, "fault": fault})
        assert (made.status_code, made.json()) == (
            201,
            {"feed": FEED, "fault": fault, "since": "2026-07-14T20:00:00Z"},
        )
    assert [row["fault"] for row in (await client.get("/api/drill")).json()["rows"]] == ["price-jump"]
    assert (await client.delete("/api/drill", params={"feed": FEED})).status_code == 204
    assert (await client.delete("/api/drill", params={"feed": FEED})).status_code == 404
    await client.post("/api/drill", json={"feed": FEED, "fault": "html"})
    assert (await client.delete("/api/drill")).status_code == 204
    assert (await client.get("/api/drill")).json()["rows"] == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"feed": "caiso/nothing", "fault": "html"}, "no feed of this replay is called 'caiso/nothing'"),
        ({"feed": FEED, "fault": "earthquake"}, "no fault is called 'earthquake'; known: html, "),
        ({"feed": FEED}, "missing required field `fault`"),
    ],
)
async def test_what_is_not_there_is_400(client: httpx2.AsyncClient, body: dict[str, str], told: str) -> None:
    reply = await client.post("/api/drill", json=body)
    assert reply.status_code == 400
    assert told in reply.json()["detail"]


async def test_a_reader_may_look_and_not_break(world: StoredWorld) -> None:
    async with world.client(await world.key_for(["read"])) as client:
        assert (await client.get("/api/drill")).status_code == 200
        assert (await client.post("/api/drill", json={"feed": FEED, "fault": "html"})).status_code == 403
        assert (await client.delete("/api/drill")).status_code == 403


async def test_a_live_service_has_none(world: StoredWorld, client: httpx2.AsyncClient) -> None:
    world.state.drill = None
    for method in ("GET", "POST", "DELETE"):
        assert (await client.request(method, "/api/drill", json={})).status_code == 404
