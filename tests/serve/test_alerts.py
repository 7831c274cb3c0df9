"""`GET /api/alerts`: what is open and what was lately, of the caller's own facilities."""

from datetime import timedelta
from typing import Any

import pytest

from serve.stored import StoredWorld, stored_world
from store.samples import NOON
from vibelux.store.alerts import Told, tell
from vibelux.store.database import Database

AGES = {"stale-data": timedelta(days=30), "decision-degraded": timedelta(days=1), "price-change": timedelta(hours=2)}


async def happen(db: Database, facility_id: str, kind: str, *, resolves: bool = False) -> None:
    told = Told(
        facility_id=facility_id, kind=kind, subject="x", text=f"{kind} of {facility_id}", about={"n": 1},
        at=NOON - AGES[kind], lasts=kind != "price-change", resolves=resolves, message={},
    )  # fmt: skip
    await tell(db, [told], [])


@pytest.fixture
async def world(database: Database) -> StoredWorld:
    """Alerts of two facilities; the key is for the first one."""
    world = await stored_world(database)
    for one in ("salinas-1", "delta-2"):
        for kind in AGES:
            await happen(database, one, kind)
        await happen(database, one, "decision-degraded", resolves=True)
    return world


async def ask(world: StoredWorld, key: str | None = None, **query: Any) -> tuple[int, dict[str, Any]]:
    async with world.client(key or world.key.key) as client:
        reply = await client.get("/api/alerts", params=query)
        return reply.status_code, reply.json()


async def test_open_ones_however_old_and_those_of_the_last_days_newest_first(world: StoredWorld) -> None:
    status, answer = await ask(world)
    assert status == 200
    assert [(row["kind"], row["state"]) for row in answer["rows"]] == [
        ("price-change", "happened"),
        ("decision-degraded", "resolved"),
        ("stale-data", "open"),
    ]
    assert answer["next"] is None
    first = answer["rows"][0]
    assert {name: first[name] for name in ("facility", "text", "about", "at", "resolvedAt")} == {
        "facility": "salinas-1",
        "text": "price-change of salinas-1",
        "about": {"n": 1},
        "at": "2026-07-14T17:00:00Z",
        "resolvedAt": None,
    }
    assert answer["rows"][1]["resolvedAt"] is not None


async def test_a_key_sees_its_own_facilities_and_no_others(world: StoredWorld) -> None:
    _, answer = await ask(world)
    assert {row["facility"] for row in answer["rows"]} == {"salinas-1"}
    assert (await ask(world, facilityId="delta-2"))[0] == 404
    assert (await ask(world, facilityId="nobody"))[0] == 404
    everyone = await world.key_for(["read"])
    _, answer = await ask(world, everyone)
    assert {row["facility"] for row in answer["rows"]} == {"salinas-1", "delta-2"}
    _, answer = await ask(world, everyone, facilityId="delta-2")
    assert {row["facility"] for row in answer["rows"]} == {"delta-2"}
    assert (await ask(world, "vlx_wrong"))[0] == 401


async def test_only_open_ones_pages_and_an_earlier_beginning(world: StoredWorld) -> None:
    _, answer = await ask(world, open="true")
    assert [row["kind"] for row in answer["rows"]] == ["stale-data"]
    _, answer = await ask(world, **{"from": "2026-07-14T16:00:00Z"})
    assert [row["kind"] for row in answer["rows"]] == ["price-change", "stale-data"]
    seen = []
    status, answer = await ask(world, limit=1)
    while answer["next"]:
        seen += answer["rows"]
        async with world.client(world.key.key) as client:
            answer = (await client.get(answer["next"])).json()
    seen += answer["rows"]
    assert [row["kind"] for row in seen] == ["price-change", "decision-degraded", "stale-data"]
    assert status == 200
    assert (await ask(world, after="nonsense"))[0] == 400
