"""The routes over the real store: keys, pages, corrections, and a socket that resumes from the real outbox."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from serve.fakes import answer
from serve.served import close_code, dial, heard, listening
from serve.stored import OutboxDesk, StoredWorld, stored_world
from store.samples import NOON, at, carbon, gas, parsed, price, receipt
from vibelux.store import decisions
from vibelux.store.database import Database
from vibelux.store.writer import write_payload

NODES = ("TH_NP15_GEN-APND", "TH_SP15_GEN-APND")


@pytest.fixture
async def world(database: Database) -> StoredWorld:
    return await stored_world(database)


@pytest.fixture
async def client(world: StoredWorld) -> AsyncIterator[httpx2.AsyncClient]:
    async with world.client(world.key.key) as client:
        yield client


async def all_rows(client: httpx2.AsyncClient, url: str | None) -> list[dict[str, Any]]:
    rows = []
    while url is not None:
        reply = await client.get(url)
        assert reply.status_code == 200, reply.text
        rows += reply.json()["rows"]
        url = reply.json()["next"]
    return rows


async def test_a_key_of_the_store_opens_and_its_end_closes(world: StoredWorld, client: httpx2.AsyncClient) -> None:
    assert [one["id"] for one in (await client.get("/api/facilities")).json()["facilities"]] == ["salinas-1"]
    assert (await client.get("/api/facilities/delta-2")).status_code == 404
    await client.post("/api/session", json={"key": world.key.key})
    cookie = {"Cookie": f"vibelux_session={client.cookies['vibelux_session']}"}
    async with world.client() as by_cookie:
        assert (await by_cookie.get("/api/facilities", headers=cookie)).status_code == 200
        world.wall.moment = NOON + timedelta(days=91)
        assert (await client.get("/api/facilities")).json() == {"error": "Unauthorized"}
        assert (await by_cookie.get("/api/facilities", headers=cookie)).json() == {"error": "Unauthorized"}


@pytest.mark.parametrize("query", ["", "&node=TH_SP15_GEN-APND"])
async def test_prices_page_through_everything_once(world: StoredWorld, client: httpx2.AsyncClient, query: str) -> None:
    rows = [price(0.01 * i, at(5 * i), node) for i in range(7) for node in NODES]
    await write_payload(world.db, receipt(), parsed(*rows))
    found = await all_rows(client, f"/api/market/prices?region=CAISO&limit=3{query}")
    expected = [row for row in rows if "node" not in query or row["pricing_node"] == NODES[1]]
    assert [row["price_per_kwh"] for row in found] == [row["price_per_kwh"] for row in expected]
    assert {row["origin"] for row in found} == {"synthetic"}


@pytest.mark.parametrize(
    ("kind", "path", "rows"),
    [
        ("gas-price", "gas", [gas(3.0, at(1440 * day), hub_name=hub) for day in (-2, -1, 0) for hub in ("A", "B")]),
        ("carbon-price", "carbon", [carbon(29.0 + year, vintage_year=year) for year in (2024, 2025, 2026)]),
    ],
)
async def test_daily_prices_page_through_everything_once_and_today_is_among_them(
    world: StoredWorld, client: httpx2.AsyncClient, kind: str, path: str, rows: list[dict[str, Any]]
) -> None:
    await write_payload(world.db, receipt(), parsed(*rows, kind=kind))
    found = await all_rows(client, f"/api/market/{path}?limit=2")
    assert len(found) == len(rows)
    assert len({json.dumps(row, sort_keys=True) for row in found}) == len(rows)
    assert found[-1]["trading_date"] == "2026-07-14"


async def test_as_of_gives_the_price_before_its_correction(world: StoredWorld, client: httpx2.AsyncClient) -> None:
    await write_payload(world.db, receipt(at(1)), parsed(price(0.05)))
    await write_payload(world.db, receipt(at(10)), parsed(price(0.06)))

    async def known(query: str) -> list[float]:
        url = f"/api/market/prices?region=CAISO&node={NODES[0]}{query}"
        return [row["price_per_kwh"] for row in await all_rows(client, url)]

    assert await known("") == [0.06]
    assert await known("&asOf=2026-07-14T19:05:00Z") == [0.05]
    assert await known("&asOf=2026-07-14T19:00:00Z") == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"[]",
        b'["2026-07-14T19:00:00Z"]',
        b"[1,2,3,4,5]",
        b"{}",
        b'["2026-07-14T19:00:00Z","\\u0000","a","b","c"]',
    ],
)
async def test_a_cursor_that_was_not_given_out_is_400(client: httpx2.AsyncClient, content: bytes) -> None:
    cursor = base64.urlsafe_b64encode(content).decode()
    for path in ("prices?region=CAISO&", f"prices?region=CAISO&node={NODES[0]}&", "gas?", "series?"):
        reply = await client.get(f"/api/market/{path}after={cursor}")
        assert (reply.status_code, reply.json()["error"]) == (400, "Bad request")


async def test_the_newest_price_of_a_region_is_a_hubs(world: StoredWorld, client: httpx2.AsyncClient) -> None:
    rows = [price(0.05, node="AAA_1_N001"), price(0.06)]
    await write_payload(world.db, receipt(), parsed(*rows))
    reply = (await client.get("/api/market/latest?region=CAISO")).json()
    assert (reply["pricing_node"], reply["price_per_kwh"], reply["ageSeconds"]) == (NODES[0], 0.06, 3300.0)
    by_name = (await client.get("/api/market/latest?region=AAA_1_N001")).json()
    assert by_name["price_per_kwh"] == 0.05


async def test_a_kept_decision_is_given_back_as_it_was_answered(world: StoredWorld, client: httpx2.AsyncClient) -> None:
    for minutes in range(0, 60, 5):
        one = answer(0.05, at=at(minutes))
        context = {name: one[name] for name in ("marketConditions", "operations", "dataFreshness")}
        await decisions.save_decision(world.db, "salinas-1", at(minutes), one["decision"], context, [])
    then = await client.get("/api/chp/decision?facilityId=salinas-1&at=2026-07-14T19:07:00Z")
    expected = answer(0.05, at=at(5))
    assert then.json() == {name: expected[name] for name in then.json()}
    assert then.json().keys() >= {"decision", "marketConditions", "operations", "dataFreshness", "timestamp"}
    rows = await all_rows(client, "/api/chp/decisions?facilityId=salinas-1&limit=5")
    assert [row["timestamp"] for row in rows] == [f"2026-07-14T19:{minutes:02}:00Z" for minutes in range(0, 60, 5)]


async def test_the_plan_of_a_past_moment_is_that_of_the_decision_then_in_force(
    world: StoredWorld, client: httpx2.AsyncClient
) -> None:
    for minutes, plan in ((0, {"rows": [{"step": 1}], "next": None}), (5, None), (10, {"rows": [], "next": None})):
        decided = answer(0.05, at=at(minutes))["decision"]
        await decisions.save_decision(world.db, "salinas-1", at(minutes), decided, {}, [], schedule=plan)

    async def planned(moment: str) -> Any:
        reply = await client.get(f"/api/chp/schedule?facilityId=salinas-1&at={moment}")
        return (reply.status_code, reply.json())

    none = {"facilityId": "salinas-1", "rows": [], "next": None, "detail": "No plan of that moment is kept."}
    assert await planned("2026-07-14T18:59:59Z") == (200, none)
    assert await planned("2026-07-14T12:04:59-07:00") == (200, {"rows": [{"step": 1}], "next": None})
    assert await planned("2026-07-14T19:07:00Z") == (200, none)  # its decision rests on no plan
    assert await planned("2026-07-14T19:10:00Z") == (200, {"rows": [], "next": None})
    status, refused = await planned("yesterday")
    assert (status, refused["error"]) == (400, "Bad request")
    assert "yesterday" in refused["detail"]


async def test_the_feeds_lights_come_from_what_was_received(world: StoredWorld, client: httpx2.AsyncClient) -> None:
    await write_payload(world.db, receipt(), parsed(price(0.05)), position=at(5))
    (light,) = (await client.get("/api/feeds")).json()["rows"]
    assert (light["feed"], light["light"], light["ageSeconds"]) == ("caiso/real-time-pricing", "stale", 3300.0)


async def test_a_socket_waits_while_all_connections_are_busy(
    world: StoredWorld, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vibelux.store.database._WAIT_SECONDS", 0.2)
    async with listening(world) as port:
        async with AsyncExitStack() as busy:
            for _ in range(4):  # as many as there are
                await busy.enter_async_context(world.db.connection())
            dialling = asyncio.ensure_future(dial(port, "facilityId=salinas-1", world.key.key).__aenter__())
            assert (await client.get("/api/facilities")).status_code == 503
            assert not dialling.done()
        async with await dialling as socket:
            assert (await heard(socket))["type"] == "snapshot"


async def test_a_socket_resumes_from_the_real_outbox(world: StoredWorld) -> None:
    desk = world.desk
    assert isinstance(desk, OutboxDesk)
    for i in range(3):
        await desk.commit({"data": {"price_per_kwh": i / 100}})
    query, key = "facilityId=salinas-1", world.key.key
    async with listening(world) as port:
        async with dial(port, query, key) as socket:
            assert (await heard(socket))["seq"] == 3
            await desk.commit({"data": {"price_per_kwh": 0.5}})
            assert (await heard(socket))["data"] == {"price_per_kwh": 0.5}
        await desk.commit({"data": {"price_per_kwh": 0.6}})
        async with dial(port, f"{query}&since=3", key) as socket:
            assert [(await heard(socket))["seq"] for _ in range(2)] == [4, 5]
        async with dial(port, f"{query}&since=77", key) as socket:
            assert (await heard(socket))["type"] == "snapshot"
        owner = await world.store.principal_with_key(key, NOON)
        await world.store.revoke_key(NOON, world.key.id, owner, "127.0.0.1")
        async with dial(port, query, key) as socket:
            assert await close_code(socket) == (4401, [])
