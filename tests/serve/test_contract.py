"""What the documents promise, held against what is answered: every example is sent, every answer fits its shape."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from serve.fakes import answer
from serve.stored import StoredWorld, stored_world, with_every_service
from store.samples import NOON, carbon, gas, parsed, price, receipt
from vibelux.realtime.dr_book import entered
from vibelux.serve import examples
from vibelux.store.database import Database
from vibelux.store.decisions import save_decision
from vibelux.store.dr_events import put_event
from vibelux.store.facilities import remove_facility
from vibelux.store.keys import create_key
from vibelux.store.writer import write_payload

jsonschema_rs = pytest.importorskip("jsonschema_rs", reason="it comes with schemathesis, of the extra `dev`")

METHODS = ("get", "post", "put", "delete")
NOT_SET_UP = ("/api/market/outlook", "/api/chp/outlook")
"""Its service is not part of this world; tests of its own hold it to its shape."""


@pytest.fixture
async def world(database: Database) -> StoredWorld:
    """One in which everything that the examples ask for is there."""
    world = await stored_world(database, ["admin"], [])
    with_every_service(world)
    event = entered(examples.DR_EVENT | {"event_id": "salinas-1"})  # what stands for every name in a path
    await put_event(database, event, now=NOON, caller_id="test", caller="test")
    await write_payload(database, receipt(), parsed(price(0.05), price(0.06, NOON + timedelta(minutes=5))))
    hubs = [gas(3.18, hub_name="Henry Hub"), gas(3.81), gas(3.21, hub_name="Henry Hub", contract_type="futures",
            contract="NGQ26", delivery_date=(NOON + timedelta(days=18)).date())]  # fmt: skip
    await write_payload(database, receipt(), parsed(*hubs, kind="gas-price"))
    await write_payload(database, receipt(), parsed(carbon(29.27), kind="carbon-price"))
    one = answer(at=NOON)
    context = {name: one[name] for name in ("marketConditions", "operations", "dataFreshness")}
    await save_decision(database, "salinas-1", NOON, one["decision"], context, [])
    return world


@pytest.fixture
async def client(world: StoredWorld) -> AsyncIterator[httpx2.AsyncClient]:
    async with world.client(world.key.key) as client:
        yield client


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation; what makes things first, what takes them away last."""
    found = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if not path.startswith(NOT_SET_UP)
    ]
    yield from sorted(found, key=lambda one: (one[0] == "delete", one[:2] != ("post", "/api/facilities")))


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    return jsonschema_rs.validator_for({"components": document["components"], "allOf": [schema]})


def example_of(parameter: dict[str, Any]) -> Any:
    schema = parameter["schema"]
    given = schema.get("examples") or [schema["default"]] if "default" in schema else schema.get("examples")
    assert given, f"no example of {parameter['name']}"
    return given[0]


def request_of(method: str, path: str, operation: dict[str, Any]) -> dict[str, Any]:
    query = {}
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", "salinas-1")
        elif parameter["in"] == "query" and (parameter.get("required") or parameter["schema"].get("examples")):
            query[parameter["name"]] = example_of(parameter)
    request: dict[str, Any] = {"method": method.upper(), "url": path, "params": query}
    if "requestBody" in operation:
        request["json"] = operation["requestBody"]["content"]["application/json"]["example"]
    return request


async def document_of(client: httpx2.AsyncClient, path: str = "/openapi.json") -> dict[str, Any]:
    return (await client.get(path)).json()


async def test_every_example_request_is_answered_as_the_document_says(
    world: StoredWorld, client: httpx2.AsyncClient
) -> None:
    document = await document_of(client)
    await remove_facility(world.db, "salinas-1")
    for method, path, operation in operations(document):
        request = request_of(method, path, operation)
        if path == "/api/session" and method == "post":
            request["json"] = {"key": world.key.key}
        if path == "/api/keys/{key_id}":
            another = await create_key(world.db, NOON, "another", ["read"])
            request["url"] = f"/api/keys/{another.id}"
        reply = await client.request(**request)
        promised = operation["responses"].get(str(reply.status_code))
        assert reply.status_code < 300, f"{method} {path}: {reply.status_code} {reply.text}"
        assert promised is not None, f"{method} {path}: {reply.status_code} is not promised"
        shape = promised.get("content", {}).get("application/json", {}).get("schema")
        if shape and reply.content:
            validator(document, shape).validate(reply.json())


async def test_every_example_in_the_document_fits_the_shape_beside_it(client: httpx2.AsyncClient) -> None:
    document = await document_of(client)
    for method, path, operation in operations(document):
        places = [operation["requestBody"]] if "requestBody" in operation else []
        places += [one for status, one in operation["responses"].items() if status.startswith("2")]
        for place in places:
            content = place.get("content", {}).get("application/json")
            if content and content.get("schema"):
                assert "example" in content, f"{method} {path} has no example"
                validator(document, content["schema"]).validate(content["example"])


async def test_operation_ids_are_plain_and_given_once(client: httpx2.AsyncClient) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(await document_of(client))]
    assert len(ids) == len(set(ids))
    assert all(one.isidentifier() and "api" not in one for one in ids)


async def test_the_example_facility_is_valid(client: httpx2.AsyncClient) -> None:
    made = await client.post("/api/facilities", json=examples.FACILITY | {"id": "new-1"})
    assert made.status_code == 201, made.text


async def test_every_route_says_what_it_refuses(client: httpx2.AsyncClient) -> None:
    for method, path, operation in operations(await document_of(client)):
        if path.startswith("/api/") and path != "/api/session":
            assert {"400", "401", "403", "404", "429", "503"} <= operation["responses"].keys(), path
            if "requestBody" in operation:
                assert "413" in operation["responses"], f"{method} {path}"


# AsyncAPI


async def test_the_asyncapi_document_stands_and_its_examples_fit(client: httpx2.AsyncClient) -> None:
    document = await document_of(client, "/asyncapi.json")
    assert document["asyncapi"] == "3.0.0"
    for channel in document["channels"].values():
        for message in channel["messages"].values():
            assert message["$ref"].removeprefix("#/components/messages/") in document["components"]["messages"]
    for operation in document["operations"].values():
        for message in operation["messages"]:
            assert message["$ref"].removeprefix("#/channels/ws/messages/") in document["channels"]["ws"]["messages"]
    for message in document["components"]["messages"].values():
        for example in message["examples"]:
            validator(document, message["payload"]).validate(example["payload"])
    jsonschema_rs.validator_for(document["components"]["messages"]["heartbeat"]["payload"])


def fits(document: dict[str, Any], text: str) -> str:
    """The type of a frame, which is held against its shape."""
    frame = json.loads(text)
    validator(document, document["components"]["messages"][frame["type"]]["payload"]).validate(frame)
    return str(frame["type"])


def test_a_frame_that_breaks_its_shape_is_noticed() -> None:
    from vibelux.serve.asyncapi import asyncapi

    good = {"type": "heartbeat", "seq": 1, "timestamp": "2026-07-14T20:00:30Z"}
    fits(asyncapi("0"), json.dumps(good))
    for wrong in ({"seq": -1}, {"seq": "1"}, {"timestamp": None}):
        with pytest.raises(jsonschema_rs.ValidationError):
            fits(asyncapi("0"), json.dumps(good | wrong))
