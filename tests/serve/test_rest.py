"""What the routes answer, and what bad questions get."""

import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import polars as pl
import pytest

from serve.fakes import FACILITY, NOW, START, World, answer, price


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    async with world.client("vlx_all") as client:
        yield client


async def test_the_decision_is_the_desks_whole_answer(client: httpx2.AsyncClient) -> None:
    reply = await client.get("/api/chp/decision", params={"facilityId": "salinas-1"})
    assert reply.json() == answer()
    assert reply.headers["cache-control"] == "no-store"


async def test_before_the_first_decision_the_answer_has_the_same_form_and_says_unavailable(
    world: World, client: httpx2.AsyncClient
) -> None:
    world.desk.answers.clear()
    reply = (await client.get("/api/chp/decision?facilityId=salinas-1")).json()
    assert reply["decision"].keys() == answer()["decision"].keys()
    assert reply["decision"]["action"] == "unavailable"
    assert reply["marketConditions"]["dataQuality"] == {"electricity": "missing", "gas": "missing", "carbon": "missing"}


async def test_at_gives_what_was_decided_then_and_404_before_there_was_anything(client: httpx2.AsyncClient) -> None:
    at = "2026-07-14T19:51:00Z"
    reply = await client.get("/api/chp/decision", params={"facilityId": "salinas-1", "at": at})
    assert reply.json()["timestamp"] == "2026-07-14T19:50:30Z"
    early = await client.get("/api/chp/decision", params={"facilityId": "salinas-1", "at": "2020-01-01"})
    assert (early.status_code, early.json()) == (404, {"error": "Not found"})


async def test_decisions_are_paged_without_gap_or_repeat(client: httpx2.AsyncClient) -> None:
    url: str | None = "/api/chp/decisions?facilityId=salinas-1&limit=4"
    stamps = []
    while url is not None:
        page = (await client.get(url)).json()
        stamps += [row["timestamp"] for row in page["rows"]]
        url = page["next"]
    assert len(stamps) == 6
    assert stamps == sorted(set(stamps))


async def test_the_newest_price_comes_with_quality_age_and_origin(world: World, client: httpx2.AsyncClient) -> None:
    reply = (await client.get("/api/market/latest?region=California")).json()
    assert reply["pricing_node"] == "TH_NP15_GEN-APND"
    assert reply["market_interval_start"] == "2026-07-14T20:00:00Z"
    assert (reply["price_per_kwh"], reply["quality"], reply["ageSeconds"]) == (0.0612, "good", 0.0)
    assert reply["origin"] == "synthetic"
    world.clock.move(300 + 901)
    stale = (await client.get("/api/market/latest?region=caiso&node=TH_NP15_GEN-APND")).json()
    assert (stale["quality"], stale["ageSeconds"]) == ("stale", 931.0)


async def test_a_hub_may_stand_for_its_region(client: httpx2.AsyncClient) -> None:
    reply = (await client.get("/api/market/latest?region=TH_NP15_GEN-APND")).json()
    assert (reply["iso_region"], reply["price_per_kwh"]) == ("CAISO", 0.0612)


async def test_a_price_that_is_not_there_is_missing_never_zero(client: httpx2.AsyncClient) -> None:
    reply = (await client.get("/api/market/latest?region=ERCOT")).json()
    assert (reply["price_per_kwh"], reply["quality"], reply["ageSeconds"]) == (None, "missing", None)
    assert reply["market"] == "real-time-15min"


async def test_prices_are_paged_to_the_end(client: httpx2.AsyncClient) -> None:
    url: str | None = "/api/market/prices?region=CAISO&node=TH_NP15_GEN-APND&limit=10"
    starts = []
    while url is not None:
        reply = await client.get(url)
        url = reply.json()["next"]
        assert (reply.headers.get("link") is None) == (url is None)
        starts += [row["market_interval_start"] for row in reply.json()["rows"]]
    assert len(starts) == len(set(starts)) == 37
    assert starts == sorted(starts)


async def test_prices_come_as_csv_parquet_and_arrow_with_the_same_rows(client: httpx2.AsyncClient) -> None:
    async def fetched(form: str) -> httpx2.Response:
        return await client.get(f"/api/market/prices?region=CAISO&format={form}")

    rows = (await fetched("json")).json()["rows"]
    prices = [row["price_per_kwh"] for row in rows]
    table = pl.read_csv((await fetched("csv")).content)
    assert table["price_per_kwh"].to_list() == prices
    assert table["market_interval_start"][0] == rows[0]["market_interval_start"] == "2026-07-14T17:00:00Z"
    parquet = await fetched("parquet")
    assert pl.read_parquet(io.BytesIO(parquet.content))["price_per_kwh"].to_list() == prices
    assert json.loads(pl.read_parquet_metadata(io.BytesIO(parquet.content))["units"])["price_per_kwh"] == "USD/kWh"
    assert 'filename="electricity-price.parquet"' in parquet.headers["content-disposition"]
    assert pl.read_ipc(io.BytesIO((await fetched("arrow")).content))["price_per_kwh"].to_list() == prices


async def test_text_that_a_spreadsheet_would_run_is_defused_and_negative_prices_stay_numbers(
    world: World, client: httpx2.AsyncClient
) -> None:
    world.store.prices = [price(START, -0.015, node="=HYPERLINK(1)")]
    text = (await client.get("/api/market/prices?region=CAISO&format=csv")).text
    assert "'=HYPERLINK(1)" in text
    assert ",-0.015," in text
    row = (await client.get("/api/market/prices?region=CAISO")).json()["rows"][0]
    assert row["pricing_node"] == "=HYPERLINK(1)"


@pytest.mark.parametrize("path", ["gas", "carbon", "series", "series?variable=load&location=CAISO", "gas?format=csv"])
async def test_nothing_found_is_an_empty_list(client: httpx2.AsyncClient, path: str) -> None:
    reply = await client.get(f"/api/market/{path}")
    assert reply.status_code == 200
    if "csv" not in path:
        assert reply.json() == {"rows": [], "next": None}


async def test_a_facility_is_given_as_its_file_has_it(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/api/facilities/salinas-1")).json() == FACILITY


async def test_a_feeds_light_is_its_age_against_its_own_limit() -> None:
    feeds = [
        {"feed": "caiso/real-time-pricing", "stale_after_seconds": 20, "enabled": True},
        {"feed": "caiso/day-ahead-pricing", "stale_after_seconds": 20, "enabled": True},
        {"feed": "pjm/real-time-lmp", "stale_after_seconds": 20, "enabled": False},
    ]
    async with World(feed_declarations=feeds).client("vlx_all") as client:
        rows = (await client.get("/api/feeds")).json()["rows"]
    assert [(row["light"], row["ageSeconds"]) for row in rows] == [("stale", 30.0), ("missing", None), ("off", None)]


@pytest.mark.parametrize(
    "path",
    [
        "/api/chp/decision",
        "/api/chp/decision?facilityId=salinas-1&at=yesterday",
        "/api/chp/decision?facilityId=salinas-1&at=0001-01-01",
        "/api/chp/decisions?facilityId=salinas-1&from=2026-07-15&to=2026-07-14",
        "/api/chp/decisions?facilityId=salinas-1&from=2025-01-01",
        "/api/chp/decisions?facilityId=salinas-1&limit=0",
        "/api/market/latest",
        "/api/market/latest?region=Atlantis",
        "/api/market/latest?region=CAISO&node=%00",
        "/api/market/prices?region=CAISO&from=9999-12-31T23:59:59Z",
        "/api/market/prices?region=CAISO&to=1900-01-01",
        "/api/market/prices?region=CAISO&format=xls",
        "/api/market/prices?region=CAISO&limit=100001",
        "/api/market/prices?region=CAISO&asOf=2026-07-14T07:00:00",
        "/api/market/series?variable=" + "x" * 201,
    ],
)
async def test_a_question_that_makes_no_sense_is_400_and_says_what_is_wrong(
    client: httpx2.AsyncClient, path: str
) -> None:
    reply = await client.get(path)
    assert reply.status_code == 400
    assert reply.json()["error"] == "Bad request"
    assert reply.json()["detail"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"facilityId":1}', b'{"facilityId":"a","more":1}', b"\xff", b"[" * 100_000]
)
async def test_a_body_that_is_not_the_contracts_is_400(client: httpx2.AsyncClient, content: bytes) -> None:
    reply = await client.post("/api/ws-ticket", content=content)
    assert (reply.status_code, reply.json()["error"]) == (400, "Bad request")


async def test_a_body_over_a_mebibyte_is_413_also_when_its_length_is_not_declared(client: httpx2.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b" " * 65_536

    for content in (b" " * (1024 * 1024 + 1), chunks()):
        reply = await client.post("/api/ws-ticket", content=content)
        assert (reply.status_code, reply.json()["error"]) == (413, "Body too large")
    assert (await client.post("/api/ws-ticket", content=b" " * 1024 * 1024)).status_code == 400


async def test_unknown_paths_and_methods_answer_in_the_envelope(client: httpx2.AsyncClient) -> None:
    unknown = await client.get("/api/nothing")
    assert (unknown.status_code, unknown.json()) == (404, {"error": "Not found"})
    method = await client.delete("/api/chp/decision")
    assert (method.status_code, method.json()) == (405, {"error": "Method not allowed"})
    assert method.headers["allow"] == "GET"
    assert (await client.get("/static/../app.py")).status_code == 404
    assert (await client.get("/static/%2e%2e/app.py")).status_code == 404


async def test_a_fault_of_ours_is_500_and_tells_nothing(
    world: World, client: httpx2.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(facility_id: str) -> dict[str, Any]:
        raise RuntimeError("password=hunter2")

    world.desk.latest = broken  # type: ignore[method-assign]
    reply = await client.get("/api/chp/decision?facilityId=salinas-1")
    assert (reply.status_code, reply.json()) == (500, {"error": "Internal error"})
    assert "content-security-policy" in reply.headers
    logged = capsys.readouterr()
    assert "RuntimeError" in logged.out + logged.err
    assert "vlx_all" not in logged.out + logged.err


async def test_a_database_that_is_away_is_503_and_readyz_says_so_while_healthz_lives(
    world: World, client: httpx2.AsyncClient
) -> None:
    async def waiting() -> str | None:
        return "no prices yet"

    world.state.checks = {"prices": waiting}
    unready = await client.get("/readyz")
    assert (unready.status_code, unready.json()["checks"]) == (503, {"database": "ok", "prices": "no prices yet"})
    world.state.checks = {}
    assert (await client.get("/readyz")).json() == {"ready": True, "checks": {"database": "ok"}}
    world.store.away = True
    reply = await client.get("/api/facilities")
    assert (reply.status_code, reply.json()) == (503, {"error": "Database unavailable"})
    assert (await client.get("/readyz")).json() == {"ready": False, "checks": {"database": "does not answer"}}
    alive = (await client.get("/healthz")).json()
    own = {"version": "0.1.0", "time": "2026-07-14T20:00:30Z", "clockSpeed": 0.0, "drill": False}
    assert alive == {"status": "ok"} | own


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/api/facilities", "/api/nothing", "/openapi.json"])
async def test_every_answer_carries_the_security_headers(client: httpx2.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


async def test_requests_are_counted_by_declared_route_and_status(world: World, client: httpx2.AsyncClient) -> None:
    await client.get("/api/facilities/salinas-1")
    await client.get("/api/facilities/unknown")
    await client.get("/api/made-up-by-a-stranger")
    text = (await client.get("/metrics")).text
    assert 'vibelux_http_requests_total{route="/api/facilities/{facility_id}",status="200"} 1.0' in text
    assert 'vibelux_http_requests_total{route="/api/facilities/{facility_id}",status="404"} 1.0' in text
    assert 'vibelux_http_requests_total{route="unmatched",status="404"} 1.0' in text
    assert "made-up" not in text
    assert 'vibelux_http_seconds_count{route="/api/facilities/{facility_id}"} 2.0' in text


async def test_the_openapi_document_is_3_1_and_tells_of_keys_and_errors(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"].keys() == {"bearer", "apiKey"}
    operations = {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert {path for _, path in operations} >= {
        "/api/chp/decision",
        "/api/chp/decisions",
        "/api/market/latest",
        "/api/market/prices",
        "/api/market/gas",
        "/api/market/gas/henry-hub",
        "/api/market/gas/basis",
        "/api/market/gas/curve",
        "/api/market/carbon",
        "/api/market/carbon/latest",
        "/api/market/series",
        "/api/market/nodes",
        "/api/facilities",
        "/api/facilities/{facility_id}",
        "/api/feeds",
        "/api/ws-ticket",
        "/api/session",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    for (method, path), operation in operations.items():
        # A wrong request is 400; 422 is for an Idempotency-Key that comes with another request.
        assert "422" not in operation["responses"] or method in {"POST", "PUT", "DELETE"}
        assert operation["summary"]
        if path.startswith("/api/") and path != "/api/session":
            assert operation["security"] == [{"bearer": []}, {"apiKey": []}]
            assert "401" in operation["responses"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    record = operations["GET", "/api/market/prices"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert "USD/kWh" in record["properties"]["rows"]["items"]["properties"]["price_per_kwh"]["description"]


async def test_a_daily_price_is_stale_only_after_its_own_limit() -> None:
    world = World(stale_limits={"day-ahead-hourly": 7200.0})
    world.store.prices = [price(NOW - timedelta(hours=2), 0.04) | {"market": "day-ahead-hourly"}]
    async with world.client("vlx_all") as client:
        reply = (await client.get("/api/market/latest?region=CAISO&market=day-ahead-hourly")).json()
    assert (reply["quality"], reply["ageSeconds"]) == ("good", 6900.0)
