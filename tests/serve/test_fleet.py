"""`GET /api/fleet` and `GET /api/market/overview`: one request for what a page shows of many."""

from datetime import timedelta
from typing import Any

import pytest

from serve.stored import StoredWorld, stored_world
from store.samples import NOON, at, parsed, price, receipt
from vibelux.store.alerts import Told, tell
from vibelux.store.database import Database
from vibelux.store.facilities import put_facility
from vibelux.store.writer import write_payload


@pytest.fixture
async def world(database: Database) -> StoredWorld:
    """Two facilities with decisions, the second with an alert that is open; the key is for the first."""
    told = Told(facility_id="delta-2", kind="stale-data", subject="x", text="old", about={}, at=NOON, lasts=True,
                message={})  # fmt: skip
    await tell(database, [told], [])
    return await stored_world(database)


async def ask(world: StoredWorld, key: str, url: str) -> dict[str, Any]:
    async with world.client(key) as client:
        reply = await client.get(url)
        assert reply.status_code == 200, reply.text
        return reply.json()


async def test_each_facility_has_a_row_with_what_it_does_and_why(world: StoredWorld) -> None:
    answer = await ask(world, await world.key_for(["read"]), "/api/fleet")
    assert [(row["facilityId"], row["action"], row["powerKw"], row["openAlerts"]) for row in answer["rows"]] == [
        ("delta-2", "stop", 0.0, 1),
        ("salinas-1", "run", 1000.0, 0),
    ]
    second = answer["rows"][1]
    assert (second["gridPrice"], second["breakEvenGridPrice"], second["netBenefitUsdPerHour"]) == (
        0.0612,
        0.0437,
        31.24,
    )
    assert second["dataQuality"]["electricity"] == "good"
    assert second["reason"] == "The grid price of 61.20 USD/MWh is above the break-even of 43.70 USD/MWh."


async def test_a_key_sees_its_own_rows_and_one_not_decided_for_says_so(world: StoredWorld) -> None:
    world.desk.answers.clear()
    (row,) = (await ask(world, world.key.key, "/api/fleet"))["rows"]
    assert (row["facilityId"], row["action"], row["gridPrice"]) == ("salinas-1", "unavailable", None)


async def test_a_large_fleet_comes_in_pages(world: StoredWorld) -> None:
    for number in range(5):
        await put_facility(world.db, f"f-{number}", {"iso_region": "CAISO", "pricing_node": "N"}, "cli")
    everyone, url, seen = await world.key_for(["read"]), "/api/fleet?limit=3", []
    while url:
        answer = await ask(world, everyone, url)
        seen.append([row["facilityId"] for row in answer["rows"]])
        url = answer["next"]
    assert seen == [["delta-2", "f-0", "f-1"], ["f-2", "f-3", "f-4"], ["salinas-1"]]


async def test_the_overview_shows_hubs_and_own_nodes_that_have_prices(world: StoredWorld) -> None:
    body = {"iso_region": "CAISO", "pricing_node": "OWN_1"}
    await put_facility(world.db, "own-1", body, "cli")
    prices = [
        price(0.01 * (1 + i), at(5 * i), node) for i in range(3) for node in ("TH_NP15_GEN-APND", "OWN_1", "ELSE_2")
    ]
    await write_payload(world.db, receipt(), parsed(*prices))
    world.clock.moment = NOON + timedelta(minutes=12)
    answer = await ask(world, await world.key_for(["read"]), "/api/market/overview?hours=1")
    assert [row["pricing_node"] for row in answer["rows"]] == ["TH_NP15_GEN-APND", "OWN_1"]
    hub = answer["rows"][0]
    assert (hub["price_per_kwh"], hub["quality"], hub["ageSeconds"], hub["place"]) == (
        0.03,
        "good",
        0.0,
        "north of Path 15",
    )
    assert hub["recent"] == [
        ["2026-07-14T19:00:00Z", 0.01],
        ["2026-07-14T19:05:00Z", 0.02],
        ["2026-07-14T19:10:00Z", 0.03],
    ]
    assert [row["pricing_node"] for row in (await ask(world, world.key.key, "/api/market/overview"))["rows"]] == [
        "TH_NP15_GEN-APND"
    ], "others' nodes stay out of sight"
    world.clock.moment = NOON + timedelta(hours=2)
    (hub, *_) = (await ask(world, world.key.key, "/api/market/overview"))["rows"]
    assert hub["quality"] == "stale"
