"""The whole service in this process: a tape and a virtual clock at one end, REST and WebSocket at the other."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import httpx2
import pytest
import websockets

from vibelux.config import PROVIDERS, Settings
from vibelux.dispatch.facility import load_facilities
from vibelux.market.clock import LiveClock, VirtualClock
from vibelux.replay.source import TapeSource
from vibelux.replay.synth import morning
from vibelux.replay.upstream import LoopbackUpstream
from vibelux.service import Plan, run
from vibelux.store.keys import create_key

EXAMPLES = Path(__file__).parents[1] / "examples"
FACILITY = "salinas-1"
REAL_TIME = "caiso/real-time-pricing"


class Running:
    """A service that runs, and a key to it."""

    def __init__(self, url: str, key: str, upstream: LoopbackUpstream) -> None:
        self.url, self.key, self.upstream = url, key, upstream
        self.http = httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"})

    async def decision(self) -> dict:
        reply = await self.http.get("/api/chp/decision", params={"facilityId": FACILITY})
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def until(self, condition, seconds: float = 40.0) -> dict:
        """The first answer that meets the condition."""
        async with asyncio.timeout(seconds):
            while not condition(answer := await self.decision()):
                await asyncio.sleep(0.1)
        return answer

    def socket(self, **query: int):
        more = "".join(f"&{name}={value}" for name, value in query.items())
        address = f"{self.url.replace('http', 'ws')}ws?facilityId={FACILITY}{more}"
        return websockets.connect(address, additional_headers={"Authorization": f"Bearer {self.key}"})


@asynccontextmanager
async def service(database_url: str, folder: Path, speed: float, scopes: tuple[str, ...] = ("read",), **env: str):
    facilities = load_facilities(EXAMPLES / "caiso.toml")
    clock = VirtualClock(morning(date(2026, 7, 14)), speed, held=True)
    source = TapeSource(None, (facilities[0].pricing_node,))
    async with LoopbackUpstream(source, clock) as upstream:
        providers = {name: {"enabled": name == "caiso"} for name in PROVIDERS}
        providers["caiso"]["base_url"] = upstream.url
        settings = Settings.load(
            None, env=env, data_dir=folder, providers=providers, database_url=database_url, history_days=0
        )
        stop, told = asyncio.Event(), asyncio.get_running_loop().create_future()

        async def announce(db, url):
            clock.release()
            told.set_result((db, url))

        plan = Plan(
            settings=settings, facilities=facilities, port=0, clock=clock, with_hubs=False, only=source.feeds,
            announce=announce, drill=upstream,
        )  # fmt: skip
        task = asyncio.create_task(run(plan, stop))
        await asyncio.wait([task, told], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        db, url = told.result()
        made = await create_key(db, LiveClock().now(), "test", scopes, [], None)
        running = Running(url, made.key, upstream)
        try:
            yield running
        finally:
            await running.http.aclose()
            stop.set()
            async with asyncio.timeout(10):
                await task


@pytest.mark.xdist_group("service")
async def test_a_decision_is_made_told_and_changed_by_the_price(database_url, tmp_path):
    async with service(database_url, tmp_path, speed=600) as running:
        answer = await running.until(lambda a: a["decision"]["action"] == "run")
        assert answer["decision"]["breakEvenGridPrice"] < answer["marketConditions"]["gridPrice"]
        assert answer["marketConditions"]["origin"] == dict.fromkeys(("electricity", "gas", "carbon"), "synthetic")
        async with running.socket() as socket:
            snapshot = json.loads(await socket.recv())
            assert snapshot["type"] == "snapshot"
            assert snapshot["data"]["decision"]["action"] in ("run", "stop")
            seen = {}
            numbers = [snapshot["seq"]]
            while {"market-price-update", "chp-decision-update"} - set(seen):
                message = json.loads(await socket.recv())
                seen[message["type"]] = message
                numbers.append(message["seq"])
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            assert seen["market-price-update"]["data"]["pricing_node"] == "TH_NP15_GEN-APND"
            assert seen["market-price-update"]["data"]["origin"] == "synthetic"
        answer = await running.until(lambda a: a["decision"]["action"] == "stop")
        assert answer["decision"]["breakEvenGridPrice"] > answer["marketConditions"]["gridPrice"]
        async with running.socket(since=numbers[0]) as socket:
            resumed = [json.loads(await socket.recv())["seq"] for _ in range(3)]
        assert resumed == [numbers[0] + n for n in (1, 2, 3)]
        metrics = (await running.http.get("/metrics")).text
        asked = [line for line in metrics.splitlines() if line.startswith('api_requests_total{data_type="real-time')]
        assert sum(float(line.rsplit(" ", 1)[1]) for line in asked) > 3
        assert "market_data_age_seconds" in metrics


@pytest.mark.xdist_group("service")
async def test_a_price_is_one_trace_from_its_fetch_to_the_push_of_what_it_decides(database_url, tmp_path):
    otlp = pytest.importorskip("otlp", reason="vibelux[otel] is not installed")
    with otlp.collector() as kept:
        async with service(database_url, tmp_path, speed=900, OTEL_EXPORTER_OTLP_ENDPOINT=kept.url) as running:
            await running.until(lambda a: a["decision"].get("latency"))  # made by a price, be it of power or of gas
        way = {"fetch", "parse", "store", "decide", "push"}
        assert any(way < set(trace) for trace in kept.traces())
        asked = next(span for span in kept.spans if span.name == "GET /api/chp/decision")
    assert otlp.attributes(asked)["http.response.status_code"] == 200


@pytest.mark.xdist_group("service")
@pytest.mark.parametrize("fault", ["html", "error-document", "truncated", "503"])
async def test_a_broken_feed_degrades_the_decision_and_the_service_goes_on(database_url, tmp_path, fault):
    async with service(database_url, tmp_path, speed=900) as running:
        good = await running.until(lambda a: set(a["marketConditions"]["dataQuality"].values()) == {"good"})
        running.upstream.break_feed(REAL_TIME, fault)
        worse = await running.until(lambda a: a["marketConditions"]["dataQuality"]["electricity"] == "estimated")
        assert worse["decision"]["confidence"] < good["decision"]["confidence"]
        assert worse["dataFreshness"]["electricity"] > 900
        assert (await running.http.get("/healthz")).status_code == 200
        errors = [
            line for line in (await running.http.get("/metrics")).text.splitlines() if "api_errors_total{" in line
        ]
        assert any('data_type="real-time-pricing"' in line for line in errors)
        running.upstream.mend(REAL_TIME)
        mended = await running.until(lambda a: a["marketConditions"]["dataQuality"]["electricity"] == "good")
        assert mended["decision"]["confidence"] == good["decision"]["confidence"]


@pytest.mark.xdist_group("service")
@pytest.mark.parametrize(("fault", "counted"), [("price-jump", "implausible"), ("stale", None)])
async def test_a_drill_without_an_error_degrades_the_decision_too_and_ends_well(database_url, tmp_path, fault, counted):
    """What can be read and is wrong: rows are set aside, or nothing new comes; both are seen in the data quality."""
    async with service(database_url, tmp_path, speed=900, scopes=("operate",)) as running:
        await running.until(lambda a: a["marketConditions"]["dataQuality"]["electricity"] == "good")
        made = await running.http.post("/api/drill", json={"feed": REAL_TIME, "fault": fault})
        assert made.status_code == 201, made.text
        worse = await running.until(lambda a: a["marketConditions"]["dataQuality"]["electricity"] == "estimated")
        assert worse["dataFreshness"]["electricity"] > 900
        (day, *_) = (await running.http.get("/api/quality", params={"feed": REAL_TIME})).json()["rows"]
        assert day["completeness"] < 1
        assert counted is None or day[counted] > 0
        assert (await running.http.delete("/api/drill")).status_code == 204
        await running.until(lambda a: a["marketConditions"]["dataQuality"]["electricity"] == "good")
