"""Facilities over REST: made, read, replaced, taken out, by those who may."""

import copy
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from serve.stored import StoredWorld, stored_world
from store.samples import at
from vibelux.dispatch.facility import load_facilities
from vibelux.serve import examples
from vibelux.store.database import Database
from vibelux.store.facilities import all_facilities, put_facility, take_file

EXAMPLES = Path(__file__).parents[2] / "examples"
NOT_FOUND = (404, {"error": "Not found"})


@pytest.fixture
async def world(database: Database) -> StoredWorld:
    return await stored_world(database, ["admin"], [])


@pytest.fixture
async def client(world: StoredWorld) -> AsyncIterator[httpx2.AsyncClient]:
    async with world.client(world.key.key) as client:
        yield client


def facility(facility_id: str = "new-1", **more: Any) -> dict[str, Any]:
    return copy.deepcopy(examples.FACILITY) | {"id": facility_id} | more


def told(reply: httpx2.Response) -> tuple[int, Any]:
    return reply.status_code, reply.json()


WITH_FACILITIES = sorted(file for file in EXAMPLES.glob("*.toml") if "[[facilities]]" in file.read_text())


@pytest.mark.parametrize("file", WITH_FACILITIES, ids=lambda file: file.stem)
async def test_what_get_gives_post_and_put_take(client: httpx2.AsyncClient, file: Path) -> None:
    body = load_facilities(file)[0].as_dict() | {"id": "new-1"}
    made = await client.post("/api/facilities", json=body)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == "/api/facilities/new-1"
    given = (await client.get(made.headers["location"])).json()
    assert given == made.json() == body
    replaced = await client.put("/api/facilities/new-1", json=given)
    assert told(replaced) == (200, given)
    assert (await client.delete("/api/facilities/new-1")).status_code == 204
    assert told(await client.get("/api/facilities/new-1")) == NOT_FOUND
    again = await client.post("/api/facilities", json=given)
    assert told(again) == (201, given)


async def test_put_replaces_the_whole(client: httpx2.AsyncClient) -> None:
    await client.post("/api/facilities", json=facility(name="Old name", latitude=1.0))
    body = {name: value for name, value in facility().items() if name not in {"name", "latitude", "id"}}
    replaced = await client.put("/api/facilities/new-1", json=body)
    assert told(replaced) == (200, body | {"id": "new-1"})
    assert (await client.get("/api/facilities/new-1")).json() == body | {"id": "new-1"}


def without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda body: body.pop(name)


def engine(**more: Any) -> Callable[[dict[str, Any]], None]:
    return lambda body: body["chp"][0].update(more)


def top(**more: Any) -> Callable[[dict[str, Any]], None]:
    return lambda body: body.update(more)


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (engine(rated_kw="much"), "chp[0].rated_kw"),
        (engine(rated_kw=-1), "chp[0].rated_kw"),
        (engine(rated_kv=1), "did you mean rated_kw?"),
        (top(iso_region="MISO"), "iso_region"),
        (top(timezone="Mars/Olympus"), "timezone"),
        (top(latitude=91), "latitude"),
        (top(chp={}), "chp"),
        (top(prices=[]), "prices"),
        (top(demand={"file": "/etc/passwd"}), "demand.file: files are read from facility files only"),
        (top(prices={"gas_hub": "x", "urdb_tariff": "/etc/passwd"}), "urdb_tariff: files are read from facility files"),
        (without("pricing_node"), "pricing_node: is missing"),
        (without("prices"), "prices: is missing"),
    ],
)
async def test_a_facility_that_is_wrong_is_400_and_the_field_is_named(
    client: httpx2.AsyncClient, spoil: Callable[[dict[str, Any]], None], named: str
) -> None:
    body = facility()
    spoil(body)
    refused = await client.post("/api/facilities", json=body)
    assert (refused.status_code, refused.json()["error"]) == (400, "Bad request")
    assert named in refused.json()["detail"]
    assert told(await client.get("/api/facilities/new-1")) == NOT_FOUND
    await client.post("/api/facilities", json=facility())
    assert (await client.put("/api/facilities/new-1", json=body)).status_code == 400
    assert (await client.get("/api/facilities/new-1")).json() == facility()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"id":"new-1",',
        b"[]",
        b"null",
        b'"new-1"',
        b"\xff\xfe",
        b'{"id":1}',
        b'{"id":"no spaces"}',
        b'{"id":"new-1","latitude":NaN}',
        b'{"id":"new-1","latitude":1e999}',
        b'{"id":"new-1","a":' + b"[" * 5_000,
    ],
)
async def test_a_body_that_is_no_facility_is_400(client: httpx2.AsyncClient, content: bytes) -> None:
    for method, path in (("POST", "/api/facilities"), ("PUT", "/api/facilities/salinas-1")):
        reply = await client.request(method, path, content=content)
        assert (reply.status_code, reply.json()["error"]) == (400, "Bad request")
        assert reply.json()["detail"]


async def test_a_body_over_a_mebibyte_is_413(client: httpx2.AsyncClient) -> None:
    content = b'{"id":"new-1","name":"' + b"x" * 1024 * 1024 + b'"}'
    for method, path in (("POST", "/api/facilities"), ("PUT", "/api/facilities/salinas-1")):
        assert (await client.request(method, path, content=content)).status_code == 413


async def test_a_facility_that_is_there_is_made_once_and_keeps_its_id(client: httpx2.AsyncClient) -> None:
    for body in (facility("salinas-1"), {"id": "salinas-1"}):
        refused = await client.post("/api/facilities", json=body)
        assert (refused.status_code, refused.json()["error"]) == (409, "Conflict")
    renamed = await client.put("/api/facilities/salinas-1", json=facility("delta-2"))
    assert (renamed.status_code, "keeps its id" in renamed.json()["detail"]) == (400, True)


@pytest.mark.parametrize("content", [b"{", b"[" * 2_000_000, b"{}"])
async def test_existence_and_ownership_are_judged_before_the_body(
    world: StoredWorld, client: httpx2.AsyncClient, content: bytes
) -> None:
    assert told(await client.put("/api/facilities/unknown", content=content)) == NOT_FOUND
    async with world.client(await world.key_for(["admin"], "delta-2")) as stranger:
        for method in ("PUT", "DELETE"):
            foreign = await stranger.request(method, "/api/facilities/salinas-1", content=content)
            assert told(foreign) == NOT_FOUND
        foreign = await stranger.post("/api/facilities", json={"id": "salinas-1"})
        unknown = await stranger.post("/api/facilities", json={"id": "nobodys"})
        assert told(foreign) == told(unknown) == NOT_FOUND


async def test_a_key_for_some_facilities_makes_those(world: StoredWorld) -> None:
    async with world.client(await world.key_for(["admin"], "new-1")) as own:
        assert (await own.post("/api/facilities", json=facility())).status_code == 201
        assert [one["id"] for one in (await own.get("/api/facilities")).json()["facilities"]] == ["new-1"]
        assert (await own.delete("/api/facilities/new-1")).status_code == 204


@pytest.mark.parametrize("own", [(), ("salinas-1", "new-1")])
async def test_reading_operating_and_administering_are_three_scopes(world: StoredWorld, own: tuple[str, ...]) -> None:
    async def statuses(scope: str) -> list[int]:
        async with world.client(await world.key_for([scope], *own)) as client:
            return [
                (await client.get("/api/facilities/salinas-1")).status_code,
                (await client.put("/api/facilities/salinas-1", json=facility("salinas-1"))).status_code,
                (await client.post("/api/facilities", json=facility())).status_code,
                (await client.delete("/api/facilities/new-1")).status_code,
            ]

    assert (await statuses("read"))[:3] == [200, 403, 403]
    assert (await statuses("operate"))[:3] == [200, 200, 403]
    assert await statuses("admin") == [200, 200, 201, 204]


async def test_a_facility_of_the_configuration_file_is_changed_but_not_taken_out(
    world: StoredWorld, client: httpx2.AsyncClient
) -> None:
    await take_file(world.db, "/etc/vibelux.toml", {"filed": facility("filed")})
    changed = facility("filed", name="Changed")
    assert told(await client.put("/api/facilities/filed", json=changed)) == (200, changed)
    refused = await client.delete("/api/facilities/filed")
    assert (refused.status_code, "configuration file" in refused.json()["detail"]) == (409, True)
    await take_file(world.db, "/etc/vibelux.toml", {"filed": facility("filed")})  # a restart
    assert (await client.get("/api/facilities/filed")).json() == changed


async def test_a_demand_file_that_an_operator_named_may_stay_and_no_other_may_come(
    world: StoredWorld, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    file = tmp_path / "loads.csv"
    file.write_text("time,power_kw,heat_kw\n2026-07-14T00:00:00Z,200,500\n2026-07-14T01:00:00Z,200,500\n")
    body = facility("filed", demand={"file": str(file)})
    await put_facility(world.db, "filed", body, "cli")
    given = (await client.get("/api/facilities/filed")).json()
    assert told(await client.put("/api/facilities/filed", json=given | {"name": "Changed"})) == (
        200,
        given | {"name": "Changed"},
    )
    assert [row["source"] for row in await all_facilities(world.db) if row["id"] == "filed"] == ["cli"]
    (tmp_path / "other.csv").write_text(file.read_text())
    other = given | {"demand": {"file": str(tmp_path / "other.csv")}}
    assert (await client.put("/api/facilities/filed", json=other)).status_code == 400
    assert (await client.post("/api/facilities", json=given | {"id": "copied"})).status_code == 400


async def test_an_unchanged_facility_is_304(client: httpx2.AsyncClient) -> None:
    for path in ("/api/facilities", "/api/facilities/salinas-1"):
        first = await client.get(path)
        known = {"If-None-Match": f'"old", {first.headers["etag"]}'}
        again = await client.get(path, headers=known)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    await client.put("/api/facilities/salinas-1", json=facility("salinas-1"))
    assert (await client.get("/api/facilities/salinas-1", headers=known)).status_code == 200


async def test_writes_are_noted_with_who_where_and_outcome(world: StoredWorld, client: httpx2.AsyncClient) -> None:
    world.wall.moment = at(30)
    await client.post("/api/facilities", json=facility())
    await client.put("/api/facilities/new-1", json={"id": "other"})
    await client.delete("/api/facilities/unknown")
    async with world.client() as nobody:
        await nobody.delete("/api/facilities/new-1")
    rows = (await client.get("/api/audit")).json()["rows"]
    assert [(row["action"], row["facility_id"], row["outcome"]) for row in rows[:3]] == [
        ("DELETE /api/facilities/{facility_id}", "unknown", "404"),
        ("PUT /api/facilities/{facility_id}", "new-1", "400"),
        ("POST /api/facilities", "new-1", "201"),
    ]
    assert {(row["caller_id"], row["caller"], row["origin"], row["at"]) for row in rows[:3]} == {
        (world.key.id, "test", "127.0.0.1", "2026-07-14T19:30:00Z")
    }
    assert rows[3]["action"] == "create key"
    assert world.key.key not in str(rows)


async def test_the_log_is_paged_and_an_admin_of_some_sees_what_was_done_to_those(
    world: StoredWorld, client: httpx2.AsyncClient
) -> None:
    world.wall.moment = at(30)
    for _ in range(3):
        for name in ("salinas-1", "delta-2"):
            assert (await client.put(f"/api/facilities/{name}", json=facility(name))).status_code == 200
    url: str | None = "/api/audit?limit=4"
    ids: list[int] = []
    while url is not None:
        page = (await client.get(url)).json()
        ids += [row["id"] for row in page["rows"]]
        url = page["next"]
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) == 7
    own_key = await world.key_for(["admin"], "delta-2")
    async with world.client(own_key) as own:
        await own.put("/api/facilities/salinas-1", json={})
        rows = (await own.get("/api/audit")).json()["rows"]
        assert [row["facility_id"] for row in rows] == ["delta-2"] * 3
        assert told(await own.get("/api/audit?facilityId=salinas-1")) == NOT_FOUND
    salinas = (await client.get("/api/audit?facilityId=salinas-1")).json()["rows"]
    assert {(row["facility_id"], row["outcome"]) for row in salinas} == {("salinas-1", "200")}
    async with world.client(await world.key_for(["operate"])) as operator:
        assert (await operator.get("/api/audit")).status_code == 403
    assert (await client.get("/api/audit?after=xyz")).status_code == 400
