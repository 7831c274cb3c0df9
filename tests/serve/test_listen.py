"""The client of the documentation, run as its reader would; and real frames against the AsyncAPI document."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from serve.fakes import NOW, World, answer, price
from serve.served import dial, heard, listening, until
from serve.test_contract import fits
from vibelux.serve.asyncapi import asyncapi
from vibelux.serve.line import Line

CLIENT = Path(__file__).parents[2] / "docs" / "clients" / "listen.py"


@asynccontextmanager
async def client(port: int, key: str, facility: str = "salinas-1") -> AsyncIterator[asyncio.subprocess.Process]:
    running = await asyncio.create_subprocess_exec(
        sys.executable, str(CLIENT), facility, f"ws://127.0.0.1:{port}",
        env=os.environ | {"VIBELUX_KEY": key, "no_proxy": "*"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def line(running: asyncio.subprocess.Process) -> list[str]:
    assert running.stdout is not None
    async with asyncio.timeout(20):
        return (await running.stdout.readline()).decode().split(maxsplit=2)


async def test_the_client_is_short_prints_what_comes_and_goes_on_after_a_break() -> None:
    assert len(CLIENT.read_text().splitlines()) < 60
    world = World()
    async with listening(world) as port, client(port, "vlx_all") as running:
        assert await line(running) == ["0", "snapshot", "run\n"]
        world.desk.publish("salinas-1", "chp-decision-update", {"decision": answer(0.01, "stop")["decision"]})
        assert await line(running) == ["1", "chp-decision-update", "stop\n"]
        world.desk.stop()
        world.desk.publish("salinas-1", "market-price-update", {"data": price(NOW, 0.07)}, deliver=False)
        assert (await line(running))[:2] == ["2", "market-price-update"]


@pytest.mark.parametrize(("key", "facility"), [("vlx_wrong", "salinas-1"), ("vlx_delta", "salinas-1")])
async def test_the_client_ends_where_trying_again_is_of_no_use(key: str, facility: str) -> None:
    async with listening(World()) as port, client(port, key, facility) as running:
        async with asyncio.timeout(20):
            assert await running.wait() == 1
        assert running.stderr is not None
        assert b"key" in await running.stderr.read()


async def test_every_real_frame_fits_the_asyncapi_document(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(heartbeat_seconds=0.05, queue_messages=1)
    document = asyncapi("0.1.0")
    bodies = {
        "market-price-update": {
            "data": {"kind": "electricity-price", **json.loads(json.dumps(price(NOW, 0.07), default=str))}
        },
        "chp-decision-update": {"decision": answer()["decision"]},
        "alert": {"kind": "stale-data", "state": "open", "text": "No price."},
        "dr-event": {"data": {"event_id": "e-1"}},
    }
    found = set()
    async with listening(world) as port, dial(port, "facilityId=salinas-1", "vlx_all") as socket:
        found.add(fits(document, json.dumps(await heard(socket))))
        await until(lambda: world.desk.subscriptions.get("salinas-1"))
        for kind, body in bodies.items():
            world.desk.publish("salinas-1", kind, body)
            while (seen := fits(document, json.dumps(await heard(socket)))) != kind:
                found.add(seen)
            found.add(seen)
        monkeypatch.setattr(Line, "write_ready", lambda *_: False)  # as if the client read slowly
        for _ in range(5):
            world.desk.publish("salinas-1", "alert", bodies["alert"])
        while not {"resync", "heartbeat"} <= found:
            found.add(fits(document, json.dumps(await heard(socket))))
    assert found == set(document["components"]["messages"]) - {"auth"}
