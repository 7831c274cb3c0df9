"""What holds for every route: limits, repeats, packing, tags, names of markets."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from serve.fakes import World
from serve.stored import StoredWorld, stored_world
from store.samples import NOON, at, parsed, price, receipt
from vibelux.serve import examples
from vibelux.serve.auth import Door
from vibelux.store.database import Database
from vibelux.store.writer import write_payload


@pytest.fixture
async def world(database: Database) -> StoredWorld:
    return await stored_world(database, ["admin"], [])


@pytest.fixture
async def client(world: StoredWorld) -> AsyncIterator[httpx2.AsyncClient]:
    async with world.client(world.key.key) as client:
        yield client


def facility(facility_id: str = "new-1", **more: Any) -> dict[str, Any]:
    return examples.FACILITY | {"id": facility_id} | more


# Limits


async def test_a_key_that_asks_too_much_is_429_until_the_time_it_was_told_and_others_are_not_slowed() -> None:
    world = World(requests_per_minute=60)
    now = [0.0]
    door: Door = world.app.state.door
    assert door._asked is not None
    door._asked._monotonic = lambda: now[0]
    async with world.client("vlx_all") as busy, world.client("vlx_salinas") as calm:
        assert [(await busy.get("/api/facilities")).status_code for _ in range(11)] == [200] * 10 + [429]
        refused = await busy.get("/api/chp/decision?facilityId=salinas-1")
        assert refused.json() == {"error": "Too many requests"}
        wait = int(refused.headers["retry-after"])
        assert wait >= 1
        assert (await calm.get("/api/facilities")).status_code == 200
        now[0] += wait
        assert (await busy.get("/api/facilities")).status_code == 200


async def test_over_a_minute_a_key_gets_its_quota_and_no_more() -> None:
    world = World(requests_per_minute=600)
    now = [0.0]
    door: Door = world.app.state.door
    assert door._asked is not None
    door._asked._monotonic = lambda: now[0]
    async with world.client("vlx_all") as client:
        answered = 0
        for _ in range(1200):
            now[0] += 0.05
            answered += (await client.get("/api/facilities")).status_code == 200
    assert answered == pytest.approx(600 + 100, rel=0.01)  # a minute's, and what it might spend at once


async def test_who_has_no_key_or_no_limit_is_not_counted() -> None:
    async with World(requests_per_minute=0).client("vlx_all") as client:
        assert {(await client.get("/api/facilities")).status_code for _ in range(50)} == {200}
    world = World(requests_per_minute=60)
    async with world.client() as page:
        await page.get("/")
        assert {(await page.get("/api/facilities")).status_code for _ in range(50)} == {200}


# Repeats


async def test_a_repeated_write_is_done_once_and_answered_alike(world: StoredWorld, client: httpx2.AsyncClient) -> None:
    once = {"Idempotency-Key": "a-1"}
    first = await client.post("/api/facilities", json=facility(), headers=once)
    again = await client.post("/api/facilities", json=facility(), headers=once)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert first.headers["location"] == again.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert "content-security-policy" in again.headers
    assert (await client.delete("/api/facilities/new-1", headers={"Idempotency-Key": "a-2"})).status_code == 204
    assert (await client.delete("/api/facilities/new-1", headers={"Idempotency-Key": "a-2"})).status_code == 204
    assert (await client.delete("/api/facilities/new-1")).status_code == 404
    world.wall.move(24 * 3600)
    assert (await client.post("/api/facilities", json=facility(), headers=once)).status_code == 201


async def test_another_request_under_the_same_key_is_422(client: httpx2.AsyncClient) -> None:
    once = {"Idempotency-Key": "a-1"}
    await client.post("/api/facilities", json=facility(), headers=once)
    for refused in (
        await client.post("/api/facilities", json=facility("new-2"), headers=once),
        await client.put("/api/facilities/new-1", json=facility(), headers=once),
        await client.post("/api/facilities?x=1", json=facility(), headers=once),
    ):
        assert (refused.status_code, refused.json()["error"]) == (422, "Idempotency-Key used before")


async def test_keys_of_two_callers_do_not_meet(world: StoredWorld, client: httpx2.AsyncClient) -> None:
    once = {"Idempotency-Key": "a-1"}
    await client.post("/api/facilities", json=facility(), headers=once)
    async with world.client(await world.key_for(["admin"])) as other:
        assert (await other.post("/api/facilities", json=facility("new-2"), headers=once)).status_code == 201


async def test_many_at_once_do_it_once(client: httpx2.AsyncClient) -> None:
    once = {"Idempotency-Key": "a-1"}
    replies = await asyncio.gather(*(client.post("/api/facilities", json=facility(), headers=once) for _ in range(8)))
    assert {reply.status_code for reply in replies} <= {201, 409}
    done = [reply for reply in replies if reply.status_code == 201]
    assert len([reply for reply in done if "idempotent-replayed" not in reply.headers]) == 1
    assert all("retry-after" in reply.headers for reply in replies if reply.status_code == 409)


async def test_who_was_refused_may_mend_the_request_under_the_same_key(
    world: StoredWorld, client: httpx2.AsyncClient
) -> None:
    once = {"Idempotency-Key": "a-1"}
    assert (await client.post("/api/facilities", json={"id": "new-1"}, headers=once)).status_code == 400
    assert (await client.post("/api/facilities", content=b"{", headers=once)).status_code == 400
    assert (await client.post("/api/facilities", content=b" " * 1_048_577, headers=once)).status_code == 413
    assert (await client.post("/api/facilities", json=facility(), headers=once)).status_code == 201
    async with world.client() as nobody:
        refused = await nobody.post("/api/facilities", json=facility(), headers=once)
        assert (refused.status_code, refused.json()) == (401, {"error": "Unauthorized"})


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9".encode("latin-1").decode("latin-1")])
async def test_a_key_that_is_none_is_400(client: httpx2.AsyncClient, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    refused = await client.post("/api/facilities", json=facility(), headers=headers)
    assert (refused.status_code, refused.json()["error"]) == (400, "Bad request")


async def test_a_ticket_is_never_given_twice(client: httpx2.AsyncClient) -> None:
    once = {"Idempotency-Key": "a-1"}
    tickets = [
        (await client.post("/api/ws-ticket", json={"facilityId": "salinas-1"}, headers=once)).json()["ticket"]
        for _ in range(2)
    ]
    assert tickets[0] != tickets[1]


# Packing and tags


async def test_a_big_answer_is_packed_where_that_is_understood_and_a_small_one_is_not(
    world: StoredWorld, client: httpx2.AsyncClient
) -> None:
    await write_payload(world.db, receipt(), parsed(*(price(0.01 * i, at(i * 5)) for i in range(12))))
    url = "/api/market/prices?region=CAISO"
    async with client.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as reply:
        raw = b"".join([chunk async for chunk in reply.aiter_raw()])
        assert reply.headers["content-encoding"] == "gzip"
        assert "Accept-Encoding" in reply.headers["vary"]
    plain = await client.get(url, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 3
    assert "content-encoding" not in (await client.get("/healthz", headers={"Accept-Encoding": "gzip"})).headers
    file = await client.get(f"{url}&format=parquet", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in file.headers


async def test_history_as_known_then_keeps_its_tag_until_it_changes(
    world: StoredWorld, client: httpx2.AsyncClient
) -> None:
    await write_payload(world.db, receipt(at(1)), parsed(price(0.05)))
    then = "/api/market/prices?region=CAISO&from=2026-07-14T19:00:00Z&to=2026-07-14T20:00:00Z&asOf=2026-07-14T19:05:00Z"
    now = then.split("&asOf", maxsplit=1)[0]
    tags = {url: (await client.get(url)).headers["etag"] for url in (then, now)}
    await write_payload(world.db, receipt(at(10)), parsed(price(0.06)))
    statuses = [(await client.get(url, headers={"If-None-Match": tag})).status_code for url, tag in tags.items()]
    assert statuses == [304, 200]


@pytest.mark.parametrize("path", ["/openapi.json", "/asyncapi.json"])
async def test_a_contract_that_is_known_is_304_and_needs_no_key(path: str) -> None:
    async with World().client(peer="203.0.113.5", host="desk.example") as client:
        first = await client.get(path)
        assert first.status_code == 200
        again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


# Names


@pytest.mark.parametrize(
    "route", ["latest?region=CAISO", "prices?region=CAISO", "ancillary?region=CAISO", "constraints?"]
)
async def test_an_unknown_market_is_400_with_the_nearest_name(client: httpx2.AsyncClient, route: str) -> None:
    refused = await client.get(f"/api/market/{route}&market=real-time-5mins")
    assert refused.status_code == 400
    assert "did you mean real-time-5min?" in refused.json()["detail"]
    assert "day-ahead-hourly" in refused.json()["detail"]
    known = await client.get(f"/api/market/{route}&market=day-ahead-hourly")
    assert known.status_code == 200


@pytest.mark.parametrize("route", ["ancillary", "capacity", "constraints"])
async def test_an_unknown_grid_is_400(client: httpx2.AsyncClient, route: str) -> None:
    assert (await client.get(f"/api/market/{route}?region=Atlantis")).status_code == 400
    assert (await client.get(f"/api/market/{route}?region=new york")).json() == {"rows": [], "next": None}


async def test_what_a_site_measures_is_read_with_its_own_key_alone(world: StoredWorld) -> None:
    rows = [
        {
            "provider": provider,
            "category": None,
            "variable": "grid-frequency",
            "location": location,
            "unit": "Hz",
            "value": 60.0,
            "valid_start": NOON,
            "valid_end": NOON,
            "issued_at": None,
            "data_source": "test",
        }
        for provider, location in (("site", "salinas-1"), ("site", "delta-2"), ("ercot", "ERCOT"))
    ]
    await write_payload(world.db, receipt(), parsed(*rows, kind="series"))

    async def read(query: str, *own: str) -> list[str] | int:
        async with world.client(await world.key_for(["read"], *own)) as client:
            reply = await client.get(f"/api/market/series?from=2026-07-14&{query}")
        return [row["location"] for row in reply.json()["rows"]] if reply.status_code == 200 else reply.status_code

    assert await read("", "salinas-1") == ["ERCOT"]
    assert await read("provider=site", "salinas-1") == ["salinas-1"]
    assert await read("provider=site&location=salinas-1", "salinas-1") == ["salinas-1"]
    assert await read("provider=site&location=delta-2", "salinas-1") == 404
    assert await read("location=delta-2", "salinas-1") == []
    assert sorted(await read("")) == ["ERCOT", "delta-2", "salinas-1"]


async def test_decisions_of_one_moment_are_paged_without_repeat(world: StoredWorld, client: httpx2.AsyncClient) -> None:
    from vibelux.store.decisions import save_decision

    for n in range(7):
        await save_decision(world.db, "salinas-1", at(n // 3), {"n": n}, {}, [])
    url: str | None = "/api/chp/decisions?facilityId=salinas-1&limit=2"
    found = []
    while url is not None:
        page = (await client.get(url)).json()
        found += [row["decision"]["n"] for row in page["rows"]]
        url = page["next"]
    assert found == list(range(7))
    assert world.clock.now() == NOON + timedelta(hours=1)
