"""One service, four grids at once: with their keys, and without."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from grids import ERCOT_KEYS, PJM_KEY, Grids
from ingest.stand_in import StandIn
from store.samples import gas, parsed, receipt
from vibelux.config import Settings
from vibelux.dispatch.facility import load_facilities
from vibelux.feeds import all_feeds
from vibelux.ingest.nodes import HUBS
from vibelux.market.clock import LiveClock, VirtualClock
from vibelux.replay.source import TapeSource
from vibelux.replay.upstream import LoopbackUpstream
from vibelux.service import Plan, run
from vibelux.store.database import Database
from vibelux.store.keys import create_key
from vibelux.store.writer import write_payload

EXAMPLES = Path(__file__).parents[1] / "examples"
SERVED = ("pjm", "ercot", "nyiso", "eia", "rggi", "nws")
FACILITIES = {"CAISO": "salinas-1", "PJM": "lancaster-1", "ERCOT": "fort-worth-1", "NYISO": "brooklyn-1"}
BEGIN = datetime(2026, 7, 14, 15, 1, tzinfo=UTC)
SPEED = 120.0
A_QUARTER_HOUR_AND_A_BIT = 17 * 60 / SPEED
"""Real seconds: every feed of real-time prices publishes at least once."""


class Running:
    """The service that runs, a key to it, and the stand-in behind it."""

    def __init__(self, url: str, key: str, grids: Grids, there: StandIn) -> None:
        self.http = httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"})
        self.grids, self.there = grids, there

    async def answers(self) -> dict[str, dict[str, Any]]:
        """What is decided for each facility, by grid."""
        found = {}
        for grid, facility in FACILITIES.items():
            reply = await self.http.get("/api/chp/decision", params={"facilityId": facility})
            assert reply.status_code == 200, reply.text
            found[grid] = reply.json()
        return found

    async def until(self, holds, seconds: float = 60.0) -> dict[str, dict[str, Any]]:
        async with asyncio.timeout(seconds):
            while not holds(found := await self.answers()):
                await asyncio.sleep(0.1)
        return found

    async def weather_of(self, cell: str, seconds: float = 20.0) -> None:
        """Waits until a temperature of the cell is stored: one place that upstream refuses keeps no other away."""
        asked = {"provider": "nws", "location": cell, "from": "2026-07-14", "to": "2026-07-17"}
        async with asyncio.timeout(seconds):
            while not (await self.http.get("/api/market/series", params=asked)).json()["rows"]:
                await asyncio.sleep(0.1)

    async def error_of(self, feed: str, words: str, seconds: float = 60.0) -> str:
        """Waits until an error of the feed with some words in it is told."""
        async with asyncio.timeout(seconds):
            while True:
                rows = (await self.http.get("/api/feeds")).json()["rows"]
                if words in (told := str(next(row["error"] for row in rows if row["feed"] == feed))):
                    return told
                await asyncio.sleep(0.1)

    def asked(self, prefix: str) -> list[str]:
        return [asked.path for asked in self.there.asked if asked.path.startswith(prefix)]


@asynccontextmanager
async def service(
    database_url: str, folder: Path, keys: dict[str, str], gone: str = "none", only: Collection[str] | None = None
) -> AsyncIterator[Running]:
    facilities = [load_facilities(EXAMPLES / f"{grid.lower()}.toml")[0] for grid in FACILITIES]
    assert [one.id for one in facilities] == list(FACILITIES.values())
    clock = VirtualClock(BEGIN, SPEED, held=True)
    grids = Grids(clock, gone)
    tape = TapeSource(None, HUBS["caiso"])
    async with LoopbackUpstream(tape, clock) as caiso, StandIn(clock, grids) as there:
        served = {"caiso": caiso.url} | {name: f"{there.url}/{name}" for name in SERVED}
        settings = Settings.load(
            None,
            env=keys | {f"{name.upper()}_BASE_URL": url for name, url in served.items()},
            data_dir=folder,
            database_url=database_url,
            history_days=0,
        )
        others = {feed.name for feed in all_feeds() if feed.provider in {"pjm", "ercot", "nyiso"}}
        stop, told = asyncio.Event(), asyncio.get_running_loop().create_future()

        async def announce(db, url) -> None:
            clock.release()
            told.set_result((db, url))

        plan = Plan(
            settings=settings,
            facilities=facilities,
            port=0,
            clock=clock,
            only=only or tape.feeds | others | {"eia/henry-hub-spot", "rggi/auction-prices", "nws/forecast"},
            announce=announce,
        )
        task = asyncio.create_task(run(plan, stop))
        await asyncio.wait([task, told], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        db, url = told.result()
        made = await create_key(db, LiveClock().now(), "test", ["read"], [], None)
        running = Running(url, made.key, grids, there)
        try:
            yield running
        finally:
            await running.http.aclose()
            stop.set()
            async with asyncio.timeout(10):
                await task


def decided(found: dict[str, dict[str, Any]], grids: Iterable[str]) -> bool:
    return all(found[grid]["decision"]["action"] in {"run", "stop"} for grid in grids)


def is_good(found: dict[str, dict[str, Any]], grids: Iterable[str]) -> bool:
    return all(found[grid]["marketConditions"]["dataQuality"]["electricity"] == "good" for grid in grids)


def has_full_conditions(found: dict[str, dict[str, Any]], grids: Iterable[str]) -> bool:
    """All three prices are good; Texas has no carbon market."""
    wanted = {grid: {"electricity": "good", "gas": "good", "carbon": "good"} for grid in grids}
    wanted["ERCOT"]["carbon"] = "missing"
    return all(found[grid]["marketConditions"]["dataQuality"] == quality for grid, quality in wanted.items())


def names_the_key(answer: dict[str, Any]) -> bool:
    return "PJM_API_KEY" in " ".join(answer["decision"]["reasons"])


async def stays_good(running: Running, grids: Iterable[str]) -> None:
    """In ordinary operation nothing is ever stale between one publication and the next."""
    loop = asyncio.get_running_loop()
    end = loop.time() + A_QUARTER_HOUR_AND_A_BIT
    while loop.time() < end:
        found = await running.answers()
        ages = {grid: found[grid]["dataFreshness"]["electricity"] for grid in FACILITIES}
        assert is_good(found, grids), ages
        assert decided(found, grids)
        await asyncio.sleep(0.2)


@pytest.mark.xdist_group("service")
async def test_with_their_keys_all_four_grids_decide_on_good_prices(database_url, tmp_path) -> None:
    async with service(database_url, tmp_path, {"PJM_API_KEY": PJM_KEY} | ERCOT_KEYS) as running:
        found = await running.until(lambda a: has_full_conditions(a, FACILITIES) and decided(a, FACILITIES))
        for grid, answer in found.items():
            assert answer["marketConditions"]["isoRegion"] == grid
            assert answer["marketConditions"]["source"]["electricity"].startswith("real-time-")
            assert (answer["marketConditions"]["co2Price"] is None) == (grid == "ERCOT")
            assert answer["marketConditions"]["carbonIntensity"]["marginal"]["kgPerKwh"] > 0
        assert found["PJM"]["marketConditions"]["co2Price"] == found["NYISO"]["marketConditions"]["co2Price"] > 35
        mixed = found["ERCOT"]["marketConditions"]["carbonIntensity"]["average"]
        assert mixed["kgPerKwh"] == pytest.approx(0.437 * 31_000.25 / 42_000.75, abs=1e-6)
        assert mixed["quality"] == "estimated"
        assert found["PJM"]["marketConditions"]["gridPrice"] == pytest.approx(0.09, abs=0.02)
        for grid, facility in FACILITIES.items():
            prices = (await running.http.get("/api/market/outlook", params={"region": grid})).json()
            assert {"real-time", "forecast"} & {row["kind"] for row in prices["rows"]}
            needs = (await running.http.get("/api/chp/outlook", params={"facilityId": facility})).json()
            assert needs["rows"][0]["powerKw"] is not None
        running.grids.revoked = True
        await stays_good(running, FACILITIES)
        assert running.grids.tokens >= 2, "a token that is refused is renewed"
        assert running.asked("/ercot/api/public-reports/np6-905-cd/")
        assert running.asked("/ercot/api/public-reports/np4-190-cd/")
        assert not [path for path in running.asked("/ercot/misapp") if path.endswith(("=12301", "=12331"))]
        await running.weather_of("36.66,-121.64")
        assert {path.partition("/points/")[2] for path in running.asked("/nws/points/")} == {
            "36.67,-121.65", "40.04,-76.31", "32.75,-97.33", "40.65,-73.95",
        }  # fmt: skip
        assert any("DHHNGSP" in path for path in running.asked("/eia/")), "EIA without a key falls back to FRED"


@pytest.mark.xdist_group("service")
async def test_without_keys_pjm_is_unavailable_and_names_its_key_and_the_others_decide(database_url, tmp_path) -> None:
    others = [grid for grid in FACILITIES if grid != "PJM"]
    async with service(database_url, tmp_path, {}) as running:
        found = await running.until(
            lambda a: has_full_conditions(a, others) and decided(a, others) and names_the_key(a["PJM"])
        )
        assert found["PJM"]["decision"]["action"] == "unavailable"
        assert found["PJM"]["marketConditions"]["dataQuality"]["electricity"] == "missing"
        await stays_good(running, others)
        assert running.asked("/pjm/api/") == []
        assert running.asked("/ercot/api/public-reports/") == []
        assert running.grids.tokens == 0
        feeds = (await running.http.get("/api/feeds")).json()["rows"]
        lights = {row["feed"]: row["light"] for row in feeds}
        assert lights["pjm/real-time-lmp"] == "off"
        expected = {row["feed"]: row.get("expected") for row in feeds}
        assert expected["nyiso/day-ahead-pricing"].startswith("next expected 11:00 Eastern")
        assert expected["pjm/real-time-lmp"] is None
        for name in (
            "caiso/real-time-pricing",
            "ercot/settlement-point-prices",
            "ercot/indicative-prices",
            "nyiso/real-time-pricing",
            "nyiso/real-time-hourly-pricing",
        ):
            assert lights[name] == "good"


@pytest.mark.xdist_group("service")
async def test_a_gas_series_renamed_at_all_three_sources_is_told_and_its_last_price_carried_with_its_age(
    database: Database, database_url, tmp_path
) -> None:
    known_at = BEGIN - timedelta(days=1)
    last = gas(3.21, known_at, hub_name="Henry Hub")
    await write_payload(database, receipt(known_at, "eia/henry-hub-spot"), parsed(last, kind="gas-price"))
    only = {"ercot/settlement-point-prices", "eia/henry-hub-spot"}
    async with service(database_url, tmp_path, {"EIA_API_KEY": "eia-key-of-a-test"}, "eia", only) as running:
        told = await running.error_of("eia/henry-hub-spot", "HTTP 404 from fred.stlouisfed.org")
        assert "eia-key-of-a-test" not in told
        for source in ("/eia/v2/", "/eia/dnav/", "/eia/graph/"):
            assert running.asked(source)
        metrics = (await running.http.get("/metrics")).text.splitlines()
        assert any("api_errors_total{" in line and 'data_type="henry-hub-spot"' in line for line in metrics)
        found = await running.until(lambda a: decided(a, ["ERCOT"]) and is_good(a, ["ERCOT"]))
        assert found["ERCOT"]["marketConditions"]["gasPrice"] == 3.21
        assert found["ERCOT"]["dataFreshness"]["gas"] >= timedelta(days=1).total_seconds()
