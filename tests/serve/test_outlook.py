"""The prices to expect over REST, from a real store."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import httpx2
import pytest

from serve.fakes import KEYS, NOW, World
from store.samples import parsed, price, receipt
from vibelux.realtime.expect import Expectations
from vibelux.serve.stored import StoredStore
from vibelux.store.database import Database
from vibelux.store.forecast_scores import Scored, Sums, add_scores
from vibelux.store.keys import Principal
from vibelux.store.writer import write_payload

NODE, AHEAD = "TH_NP15_GEN-APND", "day-ahead-hourly"
MIDNIGHT = datetime(2026, 7, 14, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Keyed(StoredStore):
    """The real store with the keys of the fakes."""

    async def principal_with_key(self, key: str, now: datetime) -> Principal | None:
        return KEYS.get(key)


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    world = World()
    world.state.store = Keyed(database)
    world.state.outlooks = Expectations(database, world.clock)
    async with world.client("vlx_all") as client:
        yield client


async def put_prices(database: Database) -> None:
    """Today's day-ahead prices, and real-time ones of three days up to now."""
    hours = [price(0.05, MIDNIGHT + at * HOUR, market=AHEAD, market_interval_end=MIDNIGHT + (at + 1) * HOUR)
             for at in range(24)]  # fmt: skip
    fives = [price(0.04, MIDNIGHT + at * timedelta(minutes=5)) for at in range(-2 * 288, 157)]
    fives = [row | {"market_interval_end": row["market_interval_start"] + timedelta(minutes=5)} for row in fives]
    await write_payload(database, receipt(NOW - HOUR), parsed(*hours, *fives))


async def test_each_step_says_whether_its_price_is_known_or_forecast(database, client) -> None:
    await put_prices(database)
    answer = await client.get("/api/market/outlook", params={"region": "California", "node": NODE})
    found = answer.json()
    assert (found["iso_region"], found["pricing_node"], found["market"]) == ("CAISO", NODE, "real-time-5min")
    assert (found["next"], found["timestamp"]) == (None, "2026-07-14T20:00:30Z")
    rows = found["rows"]
    assert (rows[0]["kind"], rows[0]["price"], rows[0]["p50"]) == ("real-time", 0.04, None)
    assert (rows[1]["kind"], rows[1]["price"]) == ("day-ahead", 0.05)
    assert rows[1]["p10"] <= rows[1]["p50"] <= rows[1]["p90"]
    assert rows[-1]["kind"] == "forecast"
    assert rows[-1]["price"] == rows[-1]["p50"]
    assert all(row["end"] == after["start"] for row, after in pairwise(rows))


async def test_at_a_past_moment_only_what_was_known_then_counts(database, client) -> None:
    await put_prices(database)  # they were received an hour ago
    asked = {"region": "California", "node": NODE}
    then = (await client.get("/api/market/outlook", params=asked | {"at": "2026-07-14T19:30:00Z"})).json()
    assert (then["timestamp"], then["rows"][0]["start"]) == ("2026-07-14T19:30:00Z", "2026-07-14T19:30:00Z")
    assert (then["rows"][0]["kind"], then["rows"][0]["price"]) == ("real-time", 0.04)
    before = (await client.get("/api/market/outlook", params=asked | {"at": "2026-07-14T18:30:00Z"})).json()
    assert {row["kind"] for row in before["rows"]} == {"missing"}
    ahead = (await client.get("/api/market/outlook", params=asked | {"at": "2026-07-15T00:00:00Z"})).json()
    assert ahead["timestamp"] == "2026-07-14T20:00:30Z"


async def test_without_a_node_it_is_a_hub_of_the_grid_and_without_any_price_nothing(database, client) -> None:
    nothing = (await client.get("/api/market/outlook", params={"region": "CAISO"})).json()
    assert (nothing["rows"], nothing["pricing_node"]) == ([], None)
    await put_prices(database)
    assert (await client.get("/api/market/outlook", params={"region": "CAISO"})).json()["pricing_node"] == NODE


async def test_a_hub_without_prices_is_missing_and_an_unknown_node_is_404(client) -> None:
    hub = (await client.get("/api/market/outlook", params={"region": "CAISO", "node": NODE})).json()
    assert {row["kind"] for row in hub["rows"]} == {"missing"}
    assert hub["rows"][0]["price"] is None
    unknown = await client.get("/api/market/outlook", params={"region": "CAISO", "node": "TH_NP15"})
    assert (unknown.status_code, unknown.json()["detail"][0]) == (404, NODE)


async def test_markets_without_an_outlook_are_refused_with_those_that_have_one(client) -> None:
    asked = {"region": "CAISO", "node": NODE, "market": "hasp-15min"}
    refused = await client.get("/api/market/outlook", params=asked)
    assert refused.status_code == 400
    assert "there are real-time-5min and day-ahead-hourly" in refused.text


async def test_scores_are_means_in_usd_per_mwh_of_the_days_asked_for(database, client) -> None:
    subject = ("CAISO", NODE, "real-time-5min")
    await add_scores(
        database,
        [
            Scored(subject, date(2026, 7, 13), "0-2 h", Sums(10, 0.1, 0.2, 0.3, 8)),
            Scored(subject, date(2026, 7, 14), "0-2 h", Sums(10, 0.3, 0.4, 0.5, 10)),
            Scored(subject, date(2026, 7, 14), "24-48 h", Sums(20, 0.4, 0.2, 0.6, 10)),
            Scored(("CAISO", "OTHER", "real-time-5min"), date(2026, 7, 14), "0-2 h", Sums(1, 9.0, 9.0, 9.0, 0)),
        ],
        {},
    )
    path, asked = "/api/market/outlook/score", {"region": "CAISO", "node": NODE}
    near, far, whole = (await client.get(path, params=asked)).json()["rows"]
    assert (near["lead"], near["steps"], near["coverage"]) == ("0-2 h", 20, 0.9)
    assert (near["mae"], near["mae_yesterday"], near["mae_last_week"]) == pytest.approx((20, 30, 40))
    assert near["better_mae"] == pytest.approx(1 / 3)
    assert (far["lead"], far["better_mae"]) == ("24-48 h", pytest.approx(-1.0))
    assert (whole["lead"], whole["steps"], whole["mae"]) == ("all", 40, pytest.approx(20))
    day = asked | {"from": "2026-07-13T07:00:00Z", "to": "2026-07-14T07:00:00Z"}
    assert [row["steps"] for row in (await client.get(path, params=day)).json()["rows"]] == [10, 10]
    region = (await client.get(path, params={"region": "CAISO"})).json()
    assert (region["rows"][0]["steps"], region["pricing_node"]) == (21, None)
    assert (await client.get(path, params={"region": "PJM"})).json()["rows"] == []


async def test_a_server_without_outlooks_says_so() -> None:
    async with World().client("vlx_all") as client:
        for path in ("/api/market/outlook", "/api/market/outlook/score"):
            answer = await client.get(path, params={"region": "CAISO"})
            assert (answer.status_code, answer.json()["error"]) == (503, "Unavailable")


async def test_a_key_without_the_scope_reads_no_outlook(client) -> None:
    client.headers["Authorization"] = "Bearer vlx_nothing"
    assert (await client.get("/api/market/outlook", params={"region": "CAISO"})).status_code == 403
