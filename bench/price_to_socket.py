"""From an upstream's reply to the WebSocket message that tells of it: the whole path in one process, p50 and p99.

The reply is timed when its last byte is there, the message when the client has it: in between lie the journal,
the parser, the database, the decision, the outbox and the socket.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import websockets

from vibelux.config import PROVIDERS, Settings
from vibelux.dispatch.facility import load_facilities
from vibelux.feeds import Feed
from vibelux.ingest.client import Reply
from vibelux.market.clock import LiveClock, VirtualClock
from vibelux.replay.source import TapeSource
from vibelux.replay.synth import morning
from vibelux.replay.upstream import LoopbackUpstream
from vibelux.service import Plan, run
from vibelux.store.database import Database
from vibelux.store.keys import create_key

SPEED = 300.0
PRICES = 120
EXAMPLE = Path(__file__).parents[1] / "examples" / "caiso.toml"


async def measure(folder: Path) -> list[float]:
    """Milliseconds from the newest reply to each price message."""
    facilities = load_facilities(EXAMPLE)
    clock = VirtualClock(morning(date(2026, 7, 14)), SPEED, held=True)
    source = TapeSource(None, (facilities[0].pricing_node,))
    last_reply = 0.0

    def tap(feed: Feed, reply: Reply) -> None:
        nonlocal last_reply
        del reply
        if feed.name == "caiso/real-time-pricing":
            last_reply = time.perf_counter()

    told: asyncio.Future[tuple[Database, str]] = asyncio.get_running_loop().create_future()

    async def announce(db: Database, url: str) -> None:
        clock.release()
        told.set_result((db, url))

    async with LoopbackUpstream(source, clock) as upstream:
        providers = {name: {"enabled": name == "caiso", "base_url": upstream.url} for name in PROVIDERS}
        settings = Settings.load(None, env={}, data_dir=folder, providers=providers)
        stop = asyncio.Event()
        plan = Plan(
            settings=settings, facilities=facilities, port=0, clock=clock, with_hubs=False, only=source.feeds, tap=tap,
            announce=announce,
        )  # fmt: skip
        service = asyncio.create_task(run(plan, stop))
        db, url = await told
        key = (await create_key(db, LiveClock().now(), "bench", ["read"])).key
        address = f"{url.replace('http', 'ws')}ws?facilityId={facilities[0].id}"
        milliseconds: list[float] = []
        async with websockets.connect(address, additional_headers={"Authorization": f"Bearer {key}"}) as socket:
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "market-price-update" and message["data"]["kind"] == "electricity-price":
                    milliseconds.append((time.perf_counter() - last_reply) * 1000)
                    if len(milliseconds) > PRICES:
                        break
        stop.set()
        await service
    return milliseconds[1:]  # the first waits for connections and imports


def main() -> int:
    """Prints one JSON line."""
    with tempfile.TemporaryDirectory() as folder:
        found = sorted(asyncio.run(measure(Path(folder))))
    print(
        json.dumps(
            {
                "prices": len(found),
                "p50_ms": round(statistics.median(found), 1),
                "p99_ms": round(found[int(len(found) * 0.99)], 1),
                "max_ms": round(found[-1], 1),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
