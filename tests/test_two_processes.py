"""Two services on one database and one Redis: one decides, both serve, and the second goes on when the first ends."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest
import websockets

from redis_server import redis_server
from vibelux.config import PROVIDERS, Settings
from vibelux.dispatch.facility import load_facilities
from vibelux.market.clock import LiveClock, VirtualClock
from vibelux.replay.source import TapeSource
from vibelux.replay.synth import morning
from vibelux.replay.upstream import LoopbackUpstream
from vibelux.service import Plan, run
from vibelux.store.database import Database
from vibelux.store.keys import create_key

EXAMPLE = Path(__file__).parents[1] / "examples" / "caiso.toml"
FACILITY = "salinas-1"


@dataclass
class Service:
    """One process, as far as others can tell."""

    url: str
    http: httpx2.AsyncClient
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        reply = await self.http.get(path, params=query)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    async def metric(self, name: str) -> float:
        lines = (await self.http.get("/metrics")).text.splitlines()
        return float(next(line for line in lines if line.startswith(f"{name} ")).rsplit(" ", 1)[1])

    async def until_metric(self, name: str, value: float) -> None:
        async with asyncio.timeout(60):
            while await self.metric(name) != value:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def service(settings: Settings, clock: VirtualClock, source: TapeSource, key: str):
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    facilities, stop = load_facilities(EXAMPLE), asyncio.Event()

    async def announce(_: Database, url: str) -> None:
        clock.release()
        told.set_result(url)

    plan = Plan(
        settings=settings, facilities=facilities, port=0, clock=clock, with_hubs=False, only=source.feeds,
        announce=announce,
    )  # fmt: skip
    task = asyncio.create_task(run(plan, stop))
    await asyncio.wait([task, told], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    async with httpx2.AsyncClient(base_url=told.result(), headers={"X-API-Key": key}, timeout=30) as http:
        try:
            yield Service(told.result(), http, stop)
        finally:
            stop.set()
            async with asyncio.timeout(20):
                await task


class Ear:
    """Hears a facility's messages from one process."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self.numbers: list[int] = []

    async def until(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(60):
            while True:
                message: dict[str, Any] = json.loads(await self._socket.recv())
                if message["type"] != "heartbeat":
                    self.numbers.append(message["seq"])
                if message["type"] == kind:
                    return message


@pytest.mark.xdist_group("service")
async def test_one_decides_both_serve_and_the_second_goes_on(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    clock = VirtualClock(morning(date(2026, 7, 14)), 200, held=True)
    source = TapeSource(None, (load_facilities(EXAMPLE)[0].pricing_node,))
    key = (await create_key(database, LiveClock().now(), "test", ["read"], [], None)).key
    async with redis_server(tmp_path) as redis, LoopbackUpstream(source, clock) as upstream:
        providers = {name: {"enabled": name == "caiso"} for name in PROVIDERS}
        providers["caiso"]["base_url"] = upstream.url

        def settings(folder: str) -> Settings:
            env = {"REDIS_URL": redis.url, "DATABASE_URL": database_url}
            return Settings.load(None, env=env, data_dir=tmp_path / folder, providers=providers, history_days=0)

        async with (
            service(settings("one"), clock, source, key) as first,
            service(settings("two"), clock, source, key) as second,
        ):
            for one, duty in ((first, 1.0), (second, 0.0)):
                await one.until_metric("vibelux_redis_up", 1.0)
                assert await one.metric("vibelux_on_duty") == duty
            address = f"{second.url.replace('http', 'ws')}ws?facilityId={FACILITY}"
            async with websockets.connect(address, additional_headers={"X-API-Key": key}) as socket:
                ear = Ear(socket)
                await ear.until("snapshot")
                await ear.until("market-price-update")
                heard = await ear.until("chp-decision-update")
                served = await second.get("/api/chp/decision", facilityId=FACILITY)
                assert served["decision"]["validFrom"] >= heard["decision"]["validFrom"]
                assert served["dataFreshness"]["electricity"] is not None
                assert (await second.get("/api/market/latest", region="CAISO"))["price_per_kwh"] is not None
                assert (await second.get("/api/chp/schedule", facilityId=FACILITY))["rows"]
                assert (await second.get("/api/dr/opportunities", facilityId=FACILITY))["at"]
                first.stop.set()
                await second.until_metric("vibelux_on_duty", 1.0)
                taken_over = len(ear.numbers)
                for _ in range(2):
                    await ear.until("market-price-update")
                    await ear.until("chp-decision-update")
                assert len(ear.numbers) > taken_over
                assert ear.numbers == list(range(ear.numbers[0], ear.numbers[0] + len(ear.numbers)))
