"""Demand response over REST on a real store: who may enter, see, answer and call off what."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from serve.fakes import FACILITY, OTHER
from serve.stored import StoredWorld, stored_world
from store.samples import NOON
from vibelux.dispatch.facility import Facility
from vibelux.market.dr_events import Event
from vibelux.market.intervals import iso_z
from vibelux.realtime.dr_book import DrBook
from vibelux.realtime.dr_desk import DrDesk
from vibelux.realtime.situation import Situation
from vibelux.store.database import Database
from vibelux.store.decisions import messages_since
from vibelux.store.dr_events import put_performance, write_events

SALINAS = "salinas-1"
EVENTS = "/api/dr/events"
HOUR = timedelta(hours=1)


class Deciding:
    """A desk of which only the facilities are there."""

    def __init__(self, *bodies: dict[str, Any]) -> None:
        self.facilities = [Facility.from_dict(one) for one in bodies]
        self.reconsidered: list[str] = []

    def reconsider(self, facility_id: str) -> None:
        self.reconsidered.append(facility_id)

    async def situation(self, facility_id: str) -> Situation | None:
        return None


def whole(body: dict[str, Any]) -> dict[str, Any]:
    """A facility that can be decided for."""
    need = {"prices": {"gas_hub": "H"}, "grid": {"import_max_kw": 1000}, "demand": {"power_kw": 1, "heat_kw": 1}}
    return need | {name: body[name] for name in ("id", "iso_region", "pricing_node")}


class World:
    """The server with demand response, and the desk behind it."""

    def __init__(self, stored: StoredWorld) -> None:
        self.stored = stored
        self.clock = stored.clock
        self.desk = Deciding(whole(FACILITY), whole(OTHER))
        self.calls = DrDesk(stored.db, stored.clock, lambda *_: None)
        self.calls.serve(self.desk)
        stored.state.dr_book = DrBook(stored.db, stored.clock)
        stored.state.dr_desk = self.calls

    async def key(self, *facilities: str, scopes: tuple[str, ...] = ("operate",)) -> httpx2.AsyncClient:
        return self.stored.client(await self.stored.key_for(scopes, *facilities))

    async def told(self, facility_id: str = SALINAS) -> list[dict[str, Any]]:
        await self.calls.refresh()
        messages = await messages_since(self.stored.db, facility_id, 0)
        assert messages is not None
        return [one["body"]["data"] for one in messages if one["type"] == "dr-event"]


@pytest.fixture
async def world(database: Database) -> World:
    return World(await stored_world(database))


@pytest.fixture
async def salinas(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """May operate its own facility."""
    async with await world.key(SALINAS) as client:
        yield client


@pytest.fixture
async def everywhere(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """May operate all."""
    async with await world.key() as client:
        yield client


def signal(value: Any = 0.5, kind: str = "price", hours: float = 2) -> dict[str, Any]:
    start = NOON + 4 * HOUR
    return {
        "type": kind,
        "intervals": [{"starts_at": iso_z(start), "ends_at": iso_z(start + hours * HOUR), "value": value}],
    }


def event(**changes: Any) -> dict[str, Any]:
    start = NOON + 4 * HOUR
    return {
        "program": "CBP",
        "event_id": "e-1",
        "starts_at": iso_z(start),
        "ends_at": iso_z(start + 2 * HOUR),
        "targets": [SALINAS],
        "signals": [signal()],
    } | changes


async def test_an_event_is_entered_changed_and_given_back(salinas: httpx2.AsyncClient) -> None:
    made = await salinas.post(EVENTS, json=event())
    assert made.status_code == 201, made.text
    told = made.json()
    assert {name: told[name] for name in ("kind", "status", "source", "state")} == {
        "kind": "dr-event", "status": "scheduled", "source": "manual", "state": "upcoming",
    }  # fmt: skip
    assert told["signals"][0]["unit"] == "USD/kWh"
    again = await salinas.post(EVENTS, json=event(priority=1))
    assert (again.status_code, again.json()["priority"]) == (200, 1)
    listed = (await salinas.get(EVENTS)).json()
    assert [row["event_id"] for row in listed["rows"]] == ["e-1"]
    assert listed["rows"][0] == again.json()
    assert listed["rows"][0]["facilities"][0]["facilityId"] == SALINAS


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ends_at": iso_z(NOON)}, "does not lie after"),
        ({"ends_at": "tomorrow"}, "ends_at"),
        ({"starts_at": "2026-07-14T23:00:00"}, "starts_at"),
        ({"program": " "}, "program"),
        ({"priority": -1}, "priority"),
        ({"colour": "red"}, "colour"),
        ({"targets": SALINAS}, "targets"),
        ({"targets": ["salinas-1 ", "nowhere"]}, "'salinas-1 ' is no facility"),
        ({"signals": [signal("dear")]}, "value"),
        ({"signals": [signal(None)]}, "value"),
        ({"signals": [signal(1e6)]}, "out of reach"),
        ({"signals": [signal(4, "level")]}, "out of reach"),
        ({"signals": [signal(-1, "import-limit-kw")]}, "out of reach"),
        ({"signals": [signal(1, "frequency")]}, "is not one of"),
        ({"signals": [signal() | {"unit": "EUR/kWh"}]}, "the unit is USD/kWh"),
        ({"signals": [signal(), signal()]}, "two signals"),
        ({"signals": [signal(hours=9)]}, "outside"),
        ({"signals": [signal() | {"intervals": []}]}, "intervals"),
        (
            {"signals": [{"type": "price", "intervals": signal()["intervals"] + signal(hours=1)["intervals"]}]},
            "overlap",
        ),
    ],
)
async def test_what_is_no_event_is_refused_with_the_members_name(
    salinas: httpx2.AsyncClient, changes: dict[str, Any], words: str
) -> None:
    refused = await salinas.post(EVENTS, json=event(**changes))
    assert refused.status_code == 400
    assert words in refused.json()["detail"]


async def test_nan_is_no_json_and_half_a_body_is_none(salinas: httpx2.AsyncClient) -> None:
    for body in (b'{"program": NaN}', b'{"program": "CBP"', b"[]", b'{"program": "x"}', b"\xff", b""):
        assert (await salinas.post(EVENTS, content=body)).status_code == 400


async def test_a_key_names_its_own_facilities_and_learns_nothing_of_others(
    salinas: httpx2.AsyncClient, everywhere: httpx2.AsyncClient
) -> None:
    assert (await everywhere.post(EVENTS, json=event(targets=["California"]))).status_code == 201
    unknown = await salinas.post(EVENTS, json=event(event_id="e-2", targets=["nobody"]))
    foreign = await salinas.post(EVENTS, json=event(event_id="e-2", targets=[OTHER["id"]]))
    assert unknown.status_code == foreign.status_code == 400
    assert unknown.json()["detail"].replace("nobody", OTHER["id"]) == foreign.json()["detail"]
    for targets in (["California"], []):
        assert (await salinas.post(EVENTS, json=event(event_id="e-2", targets=targets))).status_code == 400
    assert (await everywhere.post(EVENTS, json=event(event_id="e-2", targets=[OTHER["id"]]))).status_code == 201
    assert [row["event_id"] for row in (await salinas.get(EVENTS)).json()["rows"]] == ["e-1"]
    assert len((await everywhere.get(EVENTS)).json()["rows"]) == 2
    taken = await salinas.post(EVENTS, json=event(event_id="e-2"))
    assert taken.status_code == 409, "another's event is not changed by who may not"
    assert (await salinas.get(EVENTS, params={"facilityId": OTHER["id"]})).status_code == 404


async def test_scopes_are_asked_for(world: World) -> None:
    async with await world.key(SALINAS, scopes=("read",)) as reader:
        assert (await reader.get(EVENTS)).status_code == 200
        assert (await reader.post(EVENTS, json=event())).status_code == 403
        assert (await reader.post(f"{EVENTS}/e-1/accept")).status_code == 403
    async with world.stored.client() as stranger:
        assert (await stranger.get(EVENTS)).status_code == 401
        assert (await stranger.post(EVENTS, json=event())).json() == {"error": "Unauthorized"}


async def test_a_site_accepts_and_declines_and_it_is_kept_who_did(world: World, salinas: httpx2.AsyncClient) -> None:
    await salinas.post(EVENTS, json=event())
    accepted = await salinas.post(f"{EVENTS}/e-1/accept", json={"note": "the grower agrees"})
    assert accepted.status_code == 200, accepted.text
    site = accepted.json()["facilities"][0]
    assert (site["answer"], site["answeredBy"], site["note"]) == ("accepted", "another", "the grower agrees")
    await world.calls.refresh()
    (facility,) = [one for one in world.desk.facilities if one.id == SALINAS]
    assert [one.event_id for one in world.calls.accepted(facility, world.clock.now())] == ["e-1"]
    assert world.desk.reconsidered == [SALINAS]
    declined = await salinas.post(f"{EVENTS}/e-1/decline")
    assert declined.json()["facilities"][0]["answer"] == "declined"
    await world.calls.refresh()
    assert world.calls.accepted(facility, world.clock.now()) == ()
    assert (await salinas.post(f"{EVENTS}/none/accept")).status_code == 404
    assert (await salinas.post(f"{EVENTS}/e-1/accept", json={"nota": 1})).status_code == 400


async def test_who_has_several_facilities_names_the_one_that_answers(everywhere: httpx2.AsyncClient) -> None:
    await everywhere.post(EVENTS, json=event(targets=[SALINAS, OTHER["id"]]))
    assert "facilityId" in (await everywhere.post(f"{EVENTS}/e-1/accept")).json()["detail"]
    found = await everywhere.post(f"{EVENTS}/e-1/accept", params={"facilityId": OTHER["id"]})
    assert found.json()["facilities"][0]["facilityId"] == OTHER["id"]
    await everywhere.post(EVENTS, json=event(program="http://vtn/market?a=1", targets=[OTHER["id"]]))
    several = await everywhere.post(f"{EVENTS}/e-1/accept", params={"facilityId": OTHER["id"]})
    assert "program" in several.json()["detail"]
    one = {"facilityId": OTHER["id"], "program": "http://vtn/market?a=1"}
    assert (await everywhere.post(f"{EVENTS}/e-1/accept", params=one)).status_code == 200


async def test_ids_with_slashes_are_ids(salinas: httpx2.AsyncClient) -> None:
    await salinas.post(EVENTS, json=event(event_id="2026/07/e 1"))
    assert (await salinas.post(f"{EVENTS}/2026/07/e%201/decline")).status_code == 200


async def test_an_event_is_called_off_after_it_began_and_not_twice(world: World, salinas: httpx2.AsyncClient) -> None:
    await salinas.post(EVENTS, json=event())
    await salinas.post(f"{EVENTS}/e-1/accept")
    world.clock.moment = NOON + 5 * HOUR
    off = await salinas.post(f"{EVENTS}/e-1/cancel")
    assert (off.status_code, off.json()["state"]) == (200, "cancelled")
    for deed in ("cancel", "accept", "decline"):
        again = await salinas.post(f"{EVENTS}/e-1/{deed}")
        assert again.status_code == 409
        assert "called off already" in again.json()["detail"]
    assert [one["state"] for one in await world.told()] == ["cancelled"]


async def test_an_event_that_is_over_is_over(world: World, salinas: httpx2.AsyncClient) -> None:
    await salinas.post(EVENTS, json=event())
    world.clock.moment = NOON + 7 * HOUR
    assert "is over already" in (await salinas.post(f"{EVENTS}/e-1/accept")).json()["detail"]
    assert (await salinas.get(EVENTS)).json()["rows"][0]["state"] == "ended"


async def test_what_a_feed_brings_is_declined_and_not_changed(world: World, everywhere: httpx2.AsyncClient) -> None:
    flex = Event(
        program="CAISO Flex Alert", event_id="7", starts_at=NOON + 4 * HOUR, ends_at=NOON + 6 * HOUR,
        targets=("Northern CA Region",), source="CAISO ActiveFlexAlertEvents",
    )  # fmt: skip
    await write_events(world.stored.db, [flex], now=NOON, feed="caiso/demand-response", url="x")
    taken = await everywhere.post(EVENTS, json=event(program=flex.program, event_id="7"))
    assert taken.status_code == 409
    assert "comes from CAISO" in taken.json()["detail"]
    assert (await everywhere.post(f"{EVENTS}/7/cancel")).status_code == 409
    declined = await everywhere.post(f"{EVENTS}/7/decline", params={"facilityId": SALINAS})
    assert declined.json()["facilities"][0]["answer"] == "declined"


async def test_each_version_of_an_event_is_told_once_whatever_restarts(
    world: World, salinas: httpx2.AsyncClient
) -> None:
    await salinas.post(EVENTS, json=event())
    assert len(await world.told()) == len(await world.told()) == 1
    again = World(world.stored)
    assert len(await again.told()) == 1, "another process knows what was told"
    await salinas.post(f"{EVENTS}/e-1/accept")
    world.clock.move(60)
    await salinas.post(EVENTS, json=event(priority=3))
    told = await again.told()
    assert [(one["priority"], one["facilities"][0]["answer"]) for one in told] == [(None, None), (3, "accepted")]
    assert await again.told(OTHER["id"]) == []


async def test_pages_follow_each_other(salinas: httpx2.AsyncClient) -> None:
    for number in range(5):
        await salinas.post(EVENTS, json=event(event_id=f"e-{number}"))
    page = (await salinas.get(EVENTS, params={"limit": 2})).json()
    seen = [row["event_id"] for row in page["rows"]]
    while page["next"]:
        page = (await salinas.get(page["next"])).json()
        seen += [row["event_id"] for row in page["rows"]]
    assert seen == [f"e-{number}" for number in range(5)]
    for wrong in ({"after": "x"}, {"from": "2026-07-15", "to": "2026-07-14"}, {"limit": 0}):
        assert (await salinas.get(EVENTS, params=wrong)).status_code == 400


async def test_performance_is_shown_to_whose_it_is(world: World, everywhere: httpx2.AsyncClient) -> None:
    await everywhere.post(EVENTS, json=event(targets=[SALINAS, OTHER["id"]]))
    await put_performance(world.stored.db, SALINAS, ("CBP", "e-1"), {"status": "measured", "payUsd": 12.5}, NOON)
    rows = (await everywhere.get(EVENTS)).json()["rows"]
    shown = {site["facilityId"]: site["performance"] for site in rows[0]["facilities"]}
    assert shown == {SALINAS: {"status": "measured", "payUsd": 12.5}, OTHER["id"]: None}
    async with await world.key(OTHER["id"]) as neighbour:
        (row,) = (await neighbour.get(EVENTS)).json()["rows"]
        assert [site["facilityId"] for site in row["facilities"]] == [OTHER["id"]]


async def test_opportunities_need_a_decision_and_an_own_facility(salinas: httpx2.AsyncClient) -> None:
    found = await salinas.get("/api/dr/opportunities", params={"facilityId": SALINAS})
    assert (found.status_code, found.json()["rows"]) == (200, [])
    assert "No decision" in found.json()["detail"]
    assert (await salinas.get("/api/dr/opportunities", params={"facilityId": OTHER["id"]})).status_code == 404
