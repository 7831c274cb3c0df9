"""Who is let in, to what, and how the others are told."""

import itertools
from dataclasses import replace

import pytest

from serve.fakes import KEYS, World
from vibelux.serve.buckets import Buckets
from vibelux.serve.sessions import COOKIE, SESSION_LIFE

UNAUTHORIZED = {"error": "Unauthorized"}
OWN_FACILITY = {
    "decision": ("GET", "/api/chp/decision?facilityId={}"),
    "decision then": ("GET", "/api/chp/decision?facilityId={}&at=2026-07-14T19:50:00Z"),
    "decisions": ("GET", "/api/chp/decisions?facilityId={}"),
    "schedule": ("GET", "/api/chp/schedule?facilityId={}"),
    "facility": ("GET", "/api/facilities/{}"),
    "ticket": ("POST", "/api/ws-ticket"),
}
ANY_FACILITY = {
    "latest": ("GET", "/api/market/latest?region=CAISO"),
    "prices": ("GET", "/api/market/prices?region=CAISO"),
    "gas": ("GET", "/api/market/gas"),
    "carbon": ("GET", "/api/market/carbon"),
    "series": ("GET", "/api/market/series"),
    "ancillary": ("GET", "/api/market/ancillary"),
    "capacity": ("GET", "/api/market/capacity"),
    "constraints": ("GET", "/api/market/constraints"),
    "facilities": ("GET", "/api/facilities"),
    "feeds": ("GET", "/api/feeds"),
}
ROUTES = OWN_FACILITY | ANY_FACILITY
WRONG = [
    {},
    {"Authorization": "Bearer vlx_wrong"},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer vlx_all extra"},
    {"Authorization": "Basic vlx_all"},
    {"Authorization": "vlx_all"},
    {"X-API-Key": "vlx_wrong"},
    {"X-API-Key": ""},
    {"Cookie": f"{COOKIE}=forged.0000"},
    {"Cookie": f"{COOKIE}=x"},
]


def body(route: str, facility_id: str) -> dict[str, str] | None:
    return {"facilityId": facility_id} if route == "ticket" else None


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("route", ROUTES)
async def test_no_key_or_a_wrong_one_is_401_with_exactly_the_contracts_body_on_loopback_too(
    world: World, route: str
) -> None:
    method, path = ROUTES[route]
    for headers, facility_id in itertools.product(WRONG, ("salinas-1", "unknown")):
        async with world.client() as client:
            reply = await client.request(
                method, path.format(facility_id), json=body(route, facility_id), headers=headers
            )
        assert (reply.status_code, reply.json()) == (401, UNAUTHORIZED)
        assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "header",
    [{"Authorization": "Bearer vlx_salinas"}, {"authorization": "bearer vlx_salinas"}, {"X-API-Key": "vlx_salinas"}],
)
async def test_a_good_key_is_let_in_by_either_header(world: World, route: str, header: dict[str, str]) -> None:
    method, path = ROUTES[route]
    async with world.client() as client:
        reply = await client.request(method, path.format("salinas-1"), json=body(route, "salinas-1"), headers=header)
    assert reply.status_code == 200


@pytest.mark.parametrize("route", OWN_FACILITY)
async def test_anothers_facility_looks_exactly_like_an_unknown_one(world: World, route: str) -> None:
    method, path = OWN_FACILITY[route]
    async with world.client("vlx_delta") as client:
        replies = [
            await client.request(method, path.format(facility_id), json=body(route, facility_id))
            for facility_id in ("salinas-1", "unknown", "../delta-2", "delta-2 ")
        ]
    assert {(reply.status_code, reply.content) for reply in replies} == {(404, b'{"error":"Not found"}')}


@pytest.mark.parametrize("route", ROUTES)
async def test_a_missing_scope_is_403_on_an_own_facility_and_404_on_anothers(world: World, route: str) -> None:
    method, path = ROUTES[route]
    async with world.client("vlx_nothing") as client:
        own = await client.request(method, path.format("salinas-1"), json=body(route, "salinas-1"))
        assert own.status_code == 403
        assert own.json()["error"] == "Forbidden"
        if route in OWN_FACILITY:
            others = await client.request(method, path.format("delta-2"), json=body(route, "delta-2"))
            assert others.status_code == 404


async def test_a_revoked_key_is_refused_at_once(world: World) -> None:
    async with world.client("vlx_salinas") as client:
        assert (await client.get("/api/facilities")).status_code == 200
        del world.store.keys["vlx_salinas"]
        assert (await client.get("/api/facilities")).json() == UNAUTHORIZED


async def test_the_list_of_facilities_holds_only_the_keys_own(world: World) -> None:
    async with world.client("vlx_delta") as client:
        facilities = (await client.get("/api/facilities")).json()["facilities"]
    assert [one["id"] for one in facilities] == ["delta-2"]


async def test_the_key_is_judged_before_parameters_and_body(world: World) -> None:
    async with world.client() as client:
        assert (await client.get("/api/market/prices?limit=nonsense")).status_code == 401
        assert (await client.post("/api/ws-ticket", content=b"{")).status_code == 401
    async with world.client("vlx_delta") as client:
        assert (await client.get("/api/chp/decision?facilityId=salinas-1&at=nonsense")).status_code == 404


@pytest.mark.parametrize("path", ["/", "/static/shell.js", "/openapi.json", "/healthz", "/readyz"])
async def test_the_page_its_assets_and_health_need_no_key_from_anywhere(world: World, path: str) -> None:
    async with world.client(peer="203.0.113.5", host="desk.example") as client:
        assert (await client.get(path)).status_code == 200


# The page on this machine


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST:8080", "[::1]:8080"])
async def test_the_page_on_this_machine_gets_a_session_that_reads(world: World, peer: str, host: str) -> None:
    async with world.client(peer=peer, host=host) as client:
        page = await client.get("/")
        cookie = page.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.casefold()
        assert "Secure" not in cookie
        assert (await client.get("/api/facilities")).status_code == 200
        assert "set-cookie" not in (await client.get("/")).headers


@pytest.mark.parametrize(
    "headers",
    [
        {"Forwarded": "for=203.0.113.5"},
        {"X-Forwarded-For": "203.0.113.5"},
        {"X-Forwarded-Host": "desk.example"},
        {"X-Forwarded-Proto": "https"},
        {"X-Real-IP": "203.0.113.5"},
        {"Via": "1.1 proxy"},
    ],
)
async def test_a_request_through_a_proxy_is_not_from_this_machine(world: World, headers: dict[str, str]) -> None:
    async with world.client() as client:
        assert "set-cookie" not in (await client.get("/", headers=headers)).headers
        await client.get("/")
        assert (await client.get("/api/facilities")).status_code == 200
        assert (await client.get("/api/facilities", headers=headers)).json() == UNAUTHORIZED


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil@127.0.0.1",
        "10.0.0.7:8080",
        "0.0.0.0:8080",
        "localhost.",
        "[::1",
        "",
    ],
)
async def test_a_name_that_was_turned_to_this_machine_gets_no_session(world: World, host: str) -> None:
    async with world.client() as client:
        assert "set-cookie" not in (await client.get("/", headers={"Host": host})).headers
        await client.get("/")
        assert (await client.get("/api/facilities", headers={"Host": host})).json() == UNAUTHORIZED


async def test_somebody_elsewhere_gets_no_session_even_with_a_loopback_name(world: World) -> None:
    async with world.client(peer="192.168.1.20") as client:
        assert "set-cookie" not in (await client.get("/")).headers


async def test_a_cookie_stolen_from_this_machine_is_worth_nothing_elsewhere(world: World) -> None:
    async with world.client() as client:
        cookie = (await client.get("/")).cookies[COOKIE]
    async with world.client(peer="192.168.1.20") as client:
        reply = await client.get("/api/facilities", headers={"Cookie": f"{COOKIE}={cookie}"})
    assert reply.json() == UNAUTHORIZED


async def test_the_operator_can_switch_the_open_page_off(world: World) -> None:
    async with World(allow_loopback_page=False).client() as client:
        assert "set-cookie" not in (await client.get("/")).headers


async def test_a_session_ends_after_its_time_and_is_no_ones_but_ours(world: World) -> None:
    async with world.client() as client:
        await client.get("/")
        world.wall.move(SESSION_LIFE.total_seconds() - 1)
        assert (await client.get("/api/facilities")).status_code == 200
        world.wall.move(1)
        assert (await client.get("/api/facilities")).json() == UNAUTHORIZED
        stranger = World()
        await client.get("/")
        cookie = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
    async with stranger.client() as client:
        assert (await client.get("/api/facilities", headers=cookie)).json() == UNAUTHORIZED


# The page elsewhere


async def test_elsewhere_a_key_is_exchanged_for_a_cookie_that_dies_with_the_key(world: World) -> None:
    async with world.client(peer="192.168.1.20", host="desk.example") as client:
        assert (await client.post("/api/session", json={"key": "vlx_wrong"})).json() == UNAUTHORIZED
        opened = await client.post("/api/session", json={"key": "vlx_delta"}, headers={"X-Forwarded-Proto": "https"})
        assert opened.status_code == 204
        assert "Secure" in opened.headers["set-cookie"]
        cookie = {"Cookie": opened.headers["set-cookie"].split(";")[0]}
        facilities = (await client.get("/api/facilities", headers=cookie)).json()["facilities"]
        assert [one["id"] for one in facilities] == ["delta-2"]
        assert "vlx_" not in str(cookie)
        world.store.keys["vlx_delta"] = replace(KEYS["vlx_delta"], id="another")
        assert (await client.get("/api/facilities", headers=cookie)).json() == UNAUTHORIZED


async def test_signing_out_takes_the_cookie_away(world: World) -> None:
    async with world.client(peer="192.168.1.20", host="desk.example") as client:
        await client.post("/api/session", json={"key": "vlx_delta"})
        assert COOKIE in client.cookies
        assert (await client.delete("/api/session")).status_code == 204
        assert COOKIE not in client.cookies


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8080.evil.example", None])
async def test_another_sites_page_cannot_write_with_our_cookie(world: World, origin: str | None) -> None:
    async with world.client() as client:
        await client.get("/")
        headers = {} if origin is None else {"Origin": origin}
        reply = await client.post("/api/ws-ticket", json={"facilityId": "salinas-1"}, headers=headers)
        assert reply.status_code == 403
        own = await client.post(
            "/api/ws-ticket", json={"facilityId": "salinas-1"}, headers={"Origin": "http://127.0.0.1:8080"}
        )
        assert own.status_code == 200


async def test_another_sites_page_cannot_sign_us_in_or_out(world: World) -> None:
    async with world.client() as client:
        headers = {"Origin": "https://evil.example"}
        assert (await client.post("/api/session", json={"key": "vlx_all"}, headers=headers)).status_code == 403
        assert (await client.delete("/api/session", headers=headers)).status_code == 403


# Guessing


async def test_an_address_that_guesses_is_slowed_and_its_guesses_no_longer_looked_up(world: World) -> None:
    async with world.client("vlx_guess", peer="203.0.113.5", host="desk.example") as client:
        statuses = [(await client.get("/api/facilities")).status_code for _ in range(130)]
        assert statuses[:100] == [401] * 100
        assert statuses[-1] == 429
        asked = world.store.asked_keys
        reply = await client.get("/api/facilities")
        assert int(reply.headers["retry-after"]) >= 1
        assert world.store.asked_keys == asked
    async with world.client("vlx_all", peer="203.0.113.6", host="desk.example") as client:
        assert (await client.get("/api/facilities")).status_code == 200


async def test_who_sends_no_key_is_never_slowed(world: World) -> None:
    async with world.client(peer="203.0.113.5", host="desk.example") as client:
        assert {(await client.get("/api/facilities")).status_code for _ in range(150)} == {401}


def test_a_bucket_holds_again_after_the_seconds_it_was_told() -> None:
    now = [0.0]
    buckets = Buckets(burst=100.0, per_second=2.0, monotonic=lambda: now[0])
    for _ in range(100):
        assert buckets.wait_seconds("a") == 0
        buckets.spend("a")
    wait = buckets.wait_seconds("a")
    assert wait >= 1
    assert buckets.wait_seconds("b") == 0
    now[0] += wait
    assert buckets.wait_seconds("a") == 0


# Metrics


async def test_metrics_need_a_key_unless_asked_for_on_this_machine(world: World) -> None:
    async with world.client() as client:
        assert (await client.get("/metrics")).status_code == 200
        assert (await client.get("/metrics", headers={"Host": "evil.example"})).json() == UNAUTHORIZED
        assert (await client.get("/metrics", headers={"X-Forwarded-For": "::1"})).json() == UNAUTHORIZED
    async with world.client(peer="192.168.1.20") as client:
        assert (await client.get("/metrics")).json() == UNAUTHORIZED
    async with world.client("vlx_all", peer="192.168.1.20") as client:
        assert (await client.get("/metrics")).status_code == 200
