"""Keys over REST: who may see, make and revoke which; and who one is."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from serve.stored import StoredWorld, stored_world
from store.samples import NOON
from vibelux.store.audit import deeds
from vibelux.store.database import Database


@pytest.fixture
async def world(database: Database) -> StoredWorld:
    """Its key is the administrator of everything."""
    return await stored_world(database, ["admin"], [])


async def send(world: StoredWorld, key: str, method: str, path: str, body: Any = None) -> httpx2.Response:
    async with world.client(key) as client:
        return await client.request(method, path, json=body)


async def test_a_key_is_made_works_is_listed_without_its_secret_and_ends(world: StoredWorld) -> None:
    wanted = {"name": "Home Assistant", "scopes": ["read"], "facilities": ["salinas-1"]}
    made = await send(world, world.key.key, "POST", "/api/keys", wanted)
    assert made.status_code == 201
    new = made.json()
    assert (await send(world, new["key"], "GET", "/api/facilities/salinas-1")).status_code == 200
    assert (await send(world, new["key"], "GET", "/api/facilities/delta-2")).status_code == 404
    listed = (await send(world, world.key.key, "GET", "/api/keys")).json()
    assert [row["name"] for row in listed["rows"]] == ["test", "Home Assistant"]
    assert new["key"] not in str(listed)
    assert (await send(world, world.key.key, "DELETE", f"/api/keys/{new['id']}")).status_code == 204
    assert (await send(world, new["key"], "GET", "/api/facilities")).status_code == 401
    assert (await send(world, world.key.key, "DELETE", f"/api/keys/{new['id']}")).status_code == 404
    lines = await deeds(world.db, start=NOON - timedelta(days=1), end=NOON + timedelta(days=1), limit=50)
    assert ("create key", "test") in {(line["action"], line["caller"]) for line in lines}
    assert ("revoke key", "test") in {(line["action"], line["caller"]) for line in lines}


async def test_the_answer_with_a_key_is_never_kept_for_a_repeat(world: StoredWorld) -> None:
    made = []
    async with world.client(world.key.key, **{"Idempotency-Key": "one"}) as client:
        for _ in range(2):
            made.append((await client.post("/api/keys", json={"name": "x", "scopes": ["read"]})).json()["key"])
    assert made[0] != made[1]
    async with world.db.connection() as connection:
        kept = await (await connection.execute("SELECT count(*) FROM idempotent_replies")).fetchone()
    assert kept == (0,)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"scopes": []}, "length"),
        ({"scopes": ["root"]}, "root"),
        ({"name": ""}, "length"),
        ({"facilities": ["nobody"]}, "facilities: there is no 'nobody'"),
        ({"expires": "2020-01-01"}, "expires: that is past"),
        ({"expires": "soon"}, "expires: "),
        ({"color": "red"}, "color"),
    ],
)
async def test_what_makes_no_key_is_refused_with_the_field(
    world: StoredWorld, changed: dict[str, Any], said: str
) -> None:
    reply = await send(world, world.key.key, "POST", "/api/keys", {"name": "x", "scopes": ["read"]} | changed)
    assert reply.status_code == 400
    assert said in reply.json()["detail"]


async def test_only_an_administrator_deals_with_keys(world: StoredWorld) -> None:
    operator = await world.key_for(["operate"])
    for method, path in (("GET", "/api/keys"), ("POST", "/api/keys"), ("DELETE", f"/api/keys/{world.key.id}")):
        assert (await send(world, operator, method, path, {"name": "x", "scopes": ["admin"]})).status_code == 403


async def test_an_administrator_of_some_facilities_reaches_keys_for_those_alone(world: StoredWorld) -> None:
    limited = await world.key_for(["admin"], "salinas-1")
    listed = (await send(world, limited, "GET", "/api/keys")).json()["rows"]
    assert [row["facilities"] for row in listed] == [["salinas-1"]]
    assert (await send(world, limited, "DELETE", f"/api/keys/{world.key.id}")).status_code == 404
    body: dict[str, Any] = {"name": "x", "scopes": ["admin"]}
    for facilities in ([], ["delta-2"], ["salinas-1", "delta-2"]):
        reply = await send(world, limited, "POST", "/api/keys", body | {"facilities": facilities})
        assert (reply.status_code, reply.json()["detail"].split(":")[0]) == (400, "facilities")
    assert (await send(world, limited, "POST", "/api/keys", body | {"facilities": ["salinas-1"]})).status_code == 201


async def test_a_caller_learns_who_it_is(world: StoredWorld) -> None:
    who = (await send(world, await world.key_for(["operate"], "salinas-1"), "GET", "/api/session")).json()
    assert who == {"name": "another", "scopes": ["read", "operate"], "facilities": ["salinas-1"]}
    assert (await send(world, "vlx_wrong", "GET", "/api/session")).status_code == 401
