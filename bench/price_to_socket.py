"""From an upstream's reply to the WebSocket message that tells of it: the whole path in one process, p50 and p99.

The reply is timed when its last byte is there, the message when the client has it: in between lie the journal,
the parser, the database, the decision, the outbox and the socket. First one facility, then many at one node, each of
which has a decision of its own to make; a sample of them is listened to. How much of the time is planning is told by
the decisions themselves: so many plans of that length, on so many processes, against the time until the last is told.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from bisect import bisect_right
from datetime import date
from multiprocessing import cpu_count
from pathlib import Path
from typing import NamedTuple

import websockets

from vibelux.config import PROVIDERS, Settings
from vibelux.dispatch.facility import Facility, load_facilities
from vibelux.feeds import Feed
from vibelux.ingest.client import Reply
from vibelux.market.clock import LiveClock, VirtualClock
from vibelux.market.intervals import iso_z
from vibelux.replay.source import TapeSource
from vibelux.replay.synth import morning
from vibelux.replay.upstream import LoopbackUpstream
from vibelux.service import Plan, run
from vibelux.store.database import Database
from vibelux.store.keys import create_key

EXAMPLE = Path(__file__).parents[1] / "examples" / "caiso.toml"
LISTENED_TO = 50


class Told(NamedTuple):
    """A decision that has come over a socket."""

    price: int
    """Of the prices that were waited for, the how-manieth it tells of."""
    milliseconds: float
    """Since the newest reply that it rests on."""
    planning_ms: float
    """Of it, the plan itself."""


async def measure(folder: Path, facilities: tuple[Facility, ...], prices: int, speed: float) -> list[Told]:
    """The decisions that those were told who are listened to."""
    clock = VirtualClock(morning(date(2026, 7, 14)), speed, held=True)
    source = TapeSource(None, (facilities[0].pricing_node,))
    came: dict[str, float] = {}

    def tap(_: Feed, reply: Reply) -> None:
        came[iso_z(reply.received_at)] = time.perf_counter()

    listens: asyncio.Future[tuple[Database, str]] = asyncio.get_running_loop().create_future()

    async def announce(db: Database, url: str) -> None:
        listens.set_result((db, url))

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
        db, url = await listens
        key = (await create_key(db, LiveClock().now(), "bench", ["read"])).key
        told: list[Told] = []

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
                            decision, now = message["decision"], time.perf_counter()
                            since = came[decision["latency"]["fetchedAt"]]
                            told.append(Told(count, 1000 * (now - since), decision["solve"]["milliseconds"]))
                        if count > prices:
                            return

        every = max(1, len(facilities) // LISTENED_TO)
        listening = [asyncio.create_task(listen(one.id)) for one in facilities[::every]]
        await asyncio.sleep(0.5)
        clock.release()
        await asyncio.gather(*listening)
        stop.set()
        await service
    return told


def many(count: int) -> tuple[Facility, ...]:
    """So many plants like that of the example, no two of one size."""
    (one,) = load_facilities(EXAMPLE)
    body = one.as_dict()
    return tuple(
        Facility.from_dict(body | {"id": f"site-{n:04}", "demand": {"power_kw": 200 + n, "heat_kw": 500 + n}})
        for n in range(count)
    )


def figures(facilities: int, told: list[Told]) -> dict[str, float]:
    """What is shown of them: how long they took, and how much of that is planning."""
    took = sorted(one.milliseconds for one in told)
    shown = {
        "facilities": facilities,
        "decisions_timed": len(took),
        "p50_ms": round(statistics.median(took), 1),
        "p99_ms": round(took[int(len(took) * 0.99)], 1),
        "max_ms": round(took[-1], 1),
        "plan_ms": round(statistics.fmean(one.planning_ms for one in told), 1),
    }
    if facilities == 1:
        return shown
    within = {f"within_{s}_s": round(bisect_right(took, 1000 * s) / len(took), 3) for s in (10, 30, 60)}
    last = statistics.fmean(
        max(one.milliseconds for one in told if one.price == n) for n in {one.price for one in told}
    )
    planning = facilities * shown["plan_ms"] / cpu_count()
    return shown | within | {"planning_share": round(planning / last, 2)}


def main() -> int:
    """Prints a JSON line for each number of facilities (default: 1 and 1,000)."""
    for count in [int(text) for text in sys.argv[1:]] or [1, 1000]:
        prices, speed = (60, 100.0) if count == 1 else (3, max(2.0, 3000.0 / count))
        with tempfile.TemporaryDirectory() as folder:
            told = asyncio.run(measure(Path(folder), many(count), prices, speed))
        print(json.dumps(figures(count, told)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
