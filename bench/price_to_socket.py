"""From an upstream's reply to the WebSocket message that tells of it: the whole path in one process, p50 and p99.

The reply is timed when its last byte is there, the message when the client has it: in between lie the journal,
the parser, the database, the decision, the outbox and the socket. First one facility, then many at one node, each of
which has a decision of its own to make; a sample of them is listened to.
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
from vibelux.dispatch.facility import Facility, load_facilities
from vibelux.feeds import Feed
from vibelux.ingest.client import Reply
from vibelux.market.clock import LiveClock, VirtualClock
from vibelux.replay.source import TapeSource
from vibelux.replay.synth import morning
from vibelux.replay.upstream import LoopbackUpstream
from vibelux.service import Plan, run
from vibelux.store.database import Database
from vibelux.store.keys import create_key

EXAMPLE = Path(__file__).parents[1] / "examples" / "caiso.toml"
LISTENED_TO = 50


async def measure(folder: Path, facilities: tuple[Facility, ...], prices: int, speed: float) -> list[float]:
    """Milliseconds from the newest reply to each decision, of the facilities that are listened to."""
    clock = VirtualClock(morning(date(2026, 7, 14)), speed, held=True)
    source = TapeSource(None, (facilities[0].pricing_node,))
    last_reply = 0.0

    def tap(feed: Feed, reply: Reply) -> None:
        nonlocal last_reply
        del reply
        if feed.name == "caiso/real-time-pricing":
            last_reply = time.perf_counter()

    told: asyncio.Future[tuple[Database, str]] = asyncio.get_running_loop().create_future()

    async def announce(db: Database, url: str) -> None:
        told.set_result((db, url))

    async with LoopbackUpstream(source, clock) as upstream:
        providers = {name: {"enabled": name == "caiso", "base_url": upstream.url} for name in PROVIDERS}
        settings = Settings.load(
            None, env={}, data_dir=folder, providers=providers, alert_kinds="dr-event", history_days=0
        )
        stop = asyncio.Event()
        plan = Plan(
            settings=settings, facilities=facilities, port=0, clock=clock, with_hubs=False, only=source.feeds, tap=tap,
            announce=announce,
        )  # fmt: skip
        service = asyncio.create_task(run(plan, stop))
        db, url = await told
        key = (await create_key(db, LiveClock().now(), "bench", ["read"])).key
        milliseconds: list[float] = []

        async def listen(facility_id: str) -> None:
            address = f"{url.replace('http', 'ws')}ws?facilityId={facility_id}"
            async with websockets.connect(address, additional_headers={"Authorization": f"Bearer {key}"}) as socket:
                count, news = 0, False
                async for text in socket:
                    message = json.loads(text)
                    if message["type"] == "market-price-update":
                        news = message["data"]["kind"] == "electricity-price"
                    elif message["type"] == "chp-decision-update" and news:
                        news, count = False, count + 1
                        if count > 1:  # the first waits for connections and imports
                            milliseconds.append((time.perf_counter() - last_reply) * 1000)
                        if count > prices:
                            return

        every = max(1, len(facilities) // LISTENED_TO)
        listening = [asyncio.create_task(listen(one.id)) for one in facilities[::every]]
        await asyncio.sleep(0.5)
        clock.release()
        await asyncio.gather(*listening)
        stop.set()
        await service
    return milliseconds


def many(count: int) -> tuple[Facility, ...]:
    """So many plants like that of the example, no two of one size."""
    (one,) = load_facilities(EXAMPLE)
    body = one.as_dict()
    return tuple(
        Facility.from_dict(body | {"id": f"site-{n:04}", "demand": {"power_kw": 200 + n, "heat_kw": 500 + n}})
        for n in range(count)
    )


def main() -> int:
    """Prints a JSON line for each number of facilities (default: 1 and 1,000)."""
    counts = [int(text) for text in sys.argv[1:]] or [1, 1000]
    for count in counts:
        prices, speed = (60, 100.0) if count == 1 else (3, max(2.0, 3000.0 / count))
        with tempfile.TemporaryDirectory() as folder:
            found = sorted(asyncio.run(measure(Path(folder), many(count), prices, speed)))
        figures = {
            "facilities": count,
            "decisions_timed": len(found),
            "p50_ms": round(statistics.median(found), 1),
            "p99_ms": round(found[int(len(found) * 0.99)], 1),
            "max_ms": round(found[-1], 1),
        }
        print(json.dumps(figures), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
