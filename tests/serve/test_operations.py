"""Reports over REST: on the app alone for what is refused, on a real store for what is taken."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from serve.fakes import KEYS, NOW, FakeStore, World
from serve.operations_fake import FakeOperations
from vibelux.market.intervals import iso_z
from vibelux.realtime.telemetry import Telemetry
from vibelux.realtime.telemetry_metrics import TelemetryMetrics
from vibelux.serve.operations import StoredOperations
from vibelux.store.database import Database
from vibelux.store.keys import Principal

PATH = "/api/facilities/salinas-1/operations"
READER = Principal(id="k-reads", name="reads", scopes=frozenset({"read"}), facilities=frozenset({"salinas-1"}))


class WithEngine(FakeStore):
    async def facilities(self) -> list[dict[str, Any]]:
        return [one | {"chp": [{"id": "engine-1", "rated_kw": 1000}]} for one in await super().facilities()]


class Site(World):
    def make_store(self) -> FakeStore:
        store = WithEngine(self.desk)
        store.keys = KEYS | {"vlx_reads": READER}
        return store


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """The owner of salinas-1, at a server that keeps reports in a real database."""
    world = Site()
    telemetry = Telemetry(
        database, world.clock, metrics=TelemetryMetrics(world.clock, CollectorRegistry()),
        find=lambda _: None, reported=lambda _: None,
    )  # fmt: skip
    world.state.operations = StoredOperations(database, telemetry)
    async with world.client("vlx_salinas") as one:
        yield one


def report(seconds: float = -30, **members: Any) -> dict[str, Any]:
    unit = {"id": "engine-1", "on": True, "powerKw": 900.0, "heatKw": 1000.0, "fuelKwHhv": 2300.0}
    return {"timestamp": iso_z(NOW + timedelta(seconds=seconds)), "units": [unit]} | members


async def test_a_report_is_taken_once_and_given_back_with_what_follows_from_it(client: httpx2.AsyncClient) -> None:
    taken = await client.post(PATH, json=report(-630, storageKwh=12.5, gridImportKw=-650, frequencyHz=59.98))
    assert taken.status_code == 202, taken.text
    stamp = iso_z(NOW - timedelta(seconds=630))
    late = "the newest of these was 630 s old when it came: it is late, or the site's clock is behind"
    assert taken.json() == {
        "new": 1, "corrected": 0, "duplicates": 0, "late": 0, "newest": stamp, "notes": [late]
    }  # fmt: skip
    again = await client.post(PATH, json=report(-630, storageKwh=12.5, gridImportKw=-650, frequencyHz=59.98))
    assert (again.status_code, again.json()["duplicates"]) == (200, 1)
    both = await client.post(PATH, json=[report(-30, voltageV=480.0), report(-330)])
    assert (both.status_code, both.json()["new"], both.json()["notes"]) == (202, 2, [])
    found = (await client.get(PATH)).json()
    assert found["operations"]["ageSeconds"] == 30.0
    assert found["operations"]["units"][0]["fuelKwHhv"] == 2300.0
    (engine,) = found["units"]
    assert engine["hoursRun"] == engine["knownHours"] == pytest.approx(630 / 3600)
    assert engine["electricEfficiency"] == pytest.approx(900 / 2300)
    assert (engine["id"], engine["starts"]) == ("engine-1", 0)
    nothing = (await client.get(PATH, params={"from": "2026-07-01", "to": "2026-07-02"})).json()
    assert (nothing["units"], nothing["to"]) == ([], "2026-07-02T00:00:00Z")


async def test_a_facility_that_never_reported_has_no_operations(client: httpx2.AsyncClient) -> None:
    found = await client.get(PATH)
    assert found.status_code == 200
    assert (found.json()["operations"], found.json()["units"]) == (None, [])


WRONG: dict[str, tuple[Any, str]] = {
    "text for a number": (report(gridImportKw="much"), "$.gridImportKw"),
    "no stamp": ({"units": []}, "timestamp"),
    "a stamp without offset": (report(timestamp="2026-07-14T20:00:00"), "$.timestamp"),
    "a stamp to come": (report(3600), "timestamp: 2026-07-14T21:00:30Z lies 3600 s after"),
    "an unknown member": (report(storageKWh=3), "storageKWh"),
    "another's engine": (report(units=[{"id": "x", "on": True}]), "units[0].id"),
    "an engine without state": (report(units=[{"id": "engine-1", "powerKw": 3}]), "`on` - at `$.units[0]`"),
    "watts": (report(units=[{"id": "engine-1", "on": True, "powerKw": 900_000}]), "units[0].powerKw"),
    "no grid's frequency": (report(frequencyHz=5), "$.frequencyHz"),
    "one wrong of two": ([report(), report(units=[{"id": "x", "on": True}])], "[1].units[0].id"),
    "nothing measured": ({"timestamp": "2026-07-14T20:00:00Z"}, "nothing is measured"),
    "an empty list": ([], "length >= 1"),
    "a number": (3, "got `int`"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_wrong_is_named_and_nothing_is_taken(client: httpx2.AsyncClient, case: str) -> None:
    body, said = WRONG[case]
    reply = await client.post(PATH, json=body)
    assert reply.status_code == 400
    assert said in reply.json()["detail"]
    assert (await client.get(PATH)).json()["operations"] is None


@pytest.mark.parametrize("body", [b'{"timestamp": NaN}', b'{"timestamp', b"", b"\xff", b"[" * 100_000])
async def test_bytes_that_are_no_report_are_refused(client: httpx2.AsyncClient, body: bytes) -> None:
    reply = await client.post(PATH, content=body)
    assert reply.status_code == 400
    assert reply.json()["error"] == "Bad request"


async def test_who_may_not_is_told_so_before_the_body_is_judged() -> None:
    world = Site()
    for key, status in (("vlx_reads", 403), ("vlx_delta", 404), ("vlx_wrong", 401)):
        async with world.client(key) as client:
            assert (await client.post(PATH, content=b"no JSON")).status_code == status
    async with world.client("vlx_salinas") as client:
        assert (await client.post(PATH.replace("salinas-1", "nowhere"), json=report())).status_code == 404
        assert (await client.post(PATH, content=b" " * (1024 * 1024 + 1))).status_code == 413
    async with world.client("vlx_reads") as client:
        assert (await client.get(PATH)).status_code == 200


async def test_of_a_callers_reports_the_log_has_the_first_of_each_day_and_outcome() -> None:
    world = Site()
    async with world.client("vlx_salinas") as client:
        for _ in range(2):
            for body in (report(), report(), {}, {}):
                await client.post(PATH, json=body)
            assert [deed.outcome for deed in world.store.deeds] == ["202", "200", "400"]
            world.store.deeds.clear()
            world.wall.moment += timedelta(days=1)
            world.state.operations = FakeOperations(world.clock)


async def test_a_server_without_telemetry_says_so() -> None:
    async with Site(operations=None).client("vlx_salinas") as client:
        assert (await client.post(PATH, json=report())).status_code == 503
