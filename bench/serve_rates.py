"""`GET /api/chp/decision` against the bare framework on the same server, and the newest price from memory.

The two answers are of the same length, both apps are served by the same process and asked in turn, in several rounds.
The client is the same keep-alive loop over a few connections for both, in a process of its own, so the ratio tells what
key, ownership, decision and JSON cost; that of the processor's time does so on a machine with other work too.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from prometheus_client import CollectorRegistry

from vibelux.dispatch.facility import load_facilities
from vibelux.ingest.latest import LatestPrices
from vibelux.market.clock import FrozenClock, LiveClock
from vibelux.outlook.conditions import Limits
from vibelux.realtime.desk import Desk
from vibelux.realtime.metrics import DeskMetrics
from vibelux.serve.app import create_app
from vibelux.serve.ports import ServeState
from vibelux.serve.server import serve
from vibelux.serve.stored import StoredStore
from vibelux.store.database import Database
from vibelux.store.embedded import Embedded
from vibelux.store.facilities import put_facility
from vibelux.store.keys import create_key

EXAMPLE = Path(__file__).parents[1] / "examples" / "caiso.toml"
CONNECTIONS = 8
SECONDS = 1.5
ROUNDS = 5
NOON = datetime(2026, 7, 14, 19, tzinfo=UTC)


async def _client(port: int, path: str, key: str) -> list[float]:
    """Milliseconds of each request of some connections that ask as fast as they can."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {key}\r\n\r\n".encode()
    found: list[float] = []
    until = time.perf_counter() + SECONDS

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.perf_counter()) < until:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert head.startswith(b"http/1.1 200"), head
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            found.append((time.perf_counter() - began) * 1000)
        writer.close()

    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return found


def _ask(port: int, path: str, key: str) -> list[float]:
    return asyncio.run(_client(port, path, key))


@asynccontextmanager
async def _served(app: Any) -> AsyncIterator[int]:
    stop, listening = asyncio.Event(), asyncio.get_running_loop().create_future()
    server = asyncio.create_task(
        serve(app, "127.0.0.1", 0, stop, on_listening=lambda _, port: listening.set_result(port))
    )
    yield await listening
    stop.set()
    await server


async def _rates(asked: dict[str, tuple[int, str]], key: str) -> dict[str, Any]:
    """Of each port and path, asked in turn: requests a second, milliseconds, the server's own microseconds for each."""
    found: dict[str, list[float]] = {name: [] for name in asked}
    busy = dict.fromkeys(asked, 0.0)
    with get_context("spawn").Pool(1) as pool:
        for _ in range(ROUNDS):
            for name, (port, path) in asked.items():
                began = time.process_time()
                found[name] += await asyncio.to_thread(pool.apply, _ask, (port, path, key))
                busy[name] += time.process_time() - began
    return {
        name: {
            "requests_per_second": round(len(some) / SECONDS / ROUNDS),
            "p50_ms": round(statistics.median(some), 2),
            "p99_ms": round(sorted(some)[int(len(some) * 0.99)], 2),
            "processor_us": round(busy[name] / len(some) * 1e6),
        }
        for name, some in found.items()
    }


async def _decided(desk: Desk, facility_id: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            answer = await desk.latest(facility_id)
            if answer is not None:
                return answer
            await asyncio.sleep(0.05)


async def decision_rates() -> dict[str, Any]:
    """Requests a second of the decision and of bytes that lie ready, by the same server."""
    with tempfile.TemporaryDirectory() as folder:
        embedded = await Embedded.open(Path(folder))
        db = await Database.open(embedded.url)
        (facility,) = load_facilities(EXAMPLE)
        await put_facility(db, facility.id, facility.as_dict(), "file")
        key = (await create_key(db, LiveClock().now(), "bench", ["read"])).key
        desk = Desk(db, LiveClock(), limits=Limits(), missing_keys={}, metrics=DeskMetrics(CollectorRegistry()))
        await desk.start()
        deciding = asyncio.create_task(desk.run())
        answer = await _decided(desk, facility.id)
        body = json.dumps(answer).encode()
        state = ServeState(clock=LiveClock(), store=StoredStore(db), desk=desk, version="bench", requests_per_minute=0)
        bare = FastAPI(openapi_url=None)

        @bare.get("/bare")
        async def ready() -> Response:
            return Response(body, media_type="application/json")

        path = f"/api/chp/decision?facilityId={facility.id}"
        async with _served(bare) as bare_port, _served(create_app(state)) as port:
            figures = await _rates({"bare": (bare_port, "/bare"), "decision": (port, path)}, key)
        deciding.cancel()
        desk.close()
        await asyncio.gather(deciding, return_exceptions=True)
        await db.close()
        await embedded.close()
    one, other = figures["bare"], figures["decision"]
    ratios = {
        "bare_over_decision": round(one["requests_per_second"] / other["requests_per_second"], 2),
        "processor_over_bare": round(other["processor_us"] / one["processor_us"], 2),
    }
    return {"bytes": len(body), "connections": CONNECTIONS, **figures, **ratios}


async def price_from_memory() -> dict[str, float]:
    """Microseconds of `newest` once it is remembered, beside the same without a memory."""
    end = NOON + timedelta(minutes=5)
    row = {"price_per_kwh": 0.05, "market_interval_start": NOON, "market_interval_end": end}

    async def read(*_: object) -> dict[str, Any]:
        return row

    prices = LatestPrices(FrozenClock(NOON), read)
    await prices.newest("CAISO", None, "real-time-5min")
    count = 100_000
    began = time.perf_counter()
    for _ in range(count):
        await prices.newest("CAISO", None, "real-time-5min")
    return {"microseconds": round((time.perf_counter() - began) / count * 1e6, 2)}


def main() -> int:
    """Prints two JSON lines."""
    print(json.dumps({"newest_price_from_memory": asyncio.run(price_from_memory())}), flush=True)
    print(json.dumps({"decision_over_http": asyncio.run(decision_rates())}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
