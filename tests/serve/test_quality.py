"""`GET /api/quality`: rows a feed and day, filtered and by pages; and `vibelux quality`, which prints the same."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from serve.stored import StoredWorld, stored_world
from store.samples import NOON, parsed, price, receipt
from vibelux.cli.main import main
from vibelux.ingest.quality import DataQuality
from vibelux.store.database import Database
from vibelux.store.writer import write_payload

FEEDS = ("caiso/fifteen-minute-pricing", "caiso/real-time-pricing", "nyiso/real-time-pricing")


@pytest.fixture
async def world(database: Database) -> StoredWorld:
    """Three feeds on three days."""
    world = await stored_world(database)
    for feed in FEEDS:
        for days in range(3):
            then = NOON - timedelta(days=days)
            await write_payload(database, receipt(then, feed), parsed(price(0.05, then)))
    world.state.data_quality = DataQuality(database, world.clock, FEEDS)
    return world


async def ask(world: StoredWorld, **query: Any) -> dict[str, Any]:
    async with world.client(world.key.key) as client:
        reply = await client.get("/api/quality", params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()


def places(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["day"], row["feed"]) for row in rows]


EVERYTHING = [(day, feed) for day in ("2026-07-14", "2026-07-13", "2026-07-12") for feed in FEEDS]


async def test_rows_come_newest_day_first_and_pages_hold_each_once(world: StoredWorld) -> None:
    answer = await ask(world)
    assert places(answer["rows"]) == EVERYTHING
    assert answer["next"] is None
    answer, seen = await ask(world, limit=4), []
    while answer["next"]:
        seen += answer["rows"]
        async with world.client(world.key.key) as client:
            answer = (await client.get(answer["next"])).json()
    assert places(seen + answer["rows"]) == EVERYTHING


async def test_feed_provider_and_time_narrow_it(world: StoredWorld) -> None:
    assert {row["feed"] for row in (await ask(world, provider="nyiso"))["rows"]} == {FEEDS[2]}
    answer = await ask(world, feed=FEEDS[1], **{"from": "2026-07-14T07:00:00Z"})
    assert places(answer["rows"]) == [("2026-07-14", FEEDS[1])]


@pytest.mark.parametrize(
    "query",
    [
        {"feed": "caiso/nothing"},
        {"after": "nonsense"},
        {"from": "2026-01-01T00:00:00Z"},
        {"from": "2026-07-14T00:00:00Z", "to": "2026-07-13T00:00:00Z"},
    ],
)
async def test_what_makes_no_sense_is_400(world: StoredWorld, query: dict[str, str]) -> None:
    async with world.client(world.key.key) as client:
        reply = await client.get("/api/quality", params=query)
    assert (reply.status_code, reply.json()["error"]) == (400, "Bad request")


async def test_a_key_is_needed(world: StoredWorld) -> None:
    async with world.client("vlx_wrong") as client:
        assert (await client.get("/api/quality")).status_code == 401


async def test_the_command_prints_the_same(
    world: StoredWorld,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    window = ["--from", "2026-07-12T07:00:00Z", "--to", "2026-07-15T04:00:00Z"]
    assert await asyncio.to_thread(main, ["quality", *window, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["day"], row["feed"]) for row in rows] == EVERYTHING
    assert await asyncio.to_thread(main, ["quality", FEEDS[1], *window]) == 0
    head, first, *_ = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["day", "feed", "intervals"]
    assert first.split()[:3] == ["2026-07-14", FEEDS[1], "1/288"]
    assert await asyncio.to_thread(main, ["quality", "caiso/nothing"]) == 2
