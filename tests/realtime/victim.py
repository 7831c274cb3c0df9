"""A process to be killed: takes numbered prices in and decides on each, as the service does; says what it promises.

Each line on the pipe is a promise: `row N` once the row is committed, `told SEQ TYPE WHAT` once a listener heard it.
The process finds its place by itself: it goes on after the position that the store has.
"""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from prometheus_client import CollectorRegistry

from ingest.fakes import NOON, PRICES, STEP
from vibelux.feeds import Ask, Request
from vibelux.ingest.client import Reply
from vibelux.ingest.events import Events
from vibelux.ingest.intake import Intake
from vibelux.ingest.journal import Journal
from vibelux.ingest.keeper import DatabaseKeeper
from vibelux.ingest.metrics import Metrics
from vibelux.market.clock import FrozenClock
from vibelux.market.intervals import Interval
from vibelux.outlook.conditions import Limits
from vibelux.realtime.desk import Desk
from vibelux.realtime.metrics import DeskMetrics, PriceMetrics
from vibelux.realtime.processor import MarketDataProcessor
from vibelux.store.database import Database
from vibelux.store.seat import Seat

FACILITY = "salinas-1"
FIRST = NOON.replace(second=0)


def start_of(n: int) -> datetime:
    """When the interval of price number N starts."""
    return FIRST + n * STEP


def price_of(n: int) -> float:
    """Now above the break-even, now below it; no two alike."""
    return round((0.09 if n % 2 else -0.02) + n / 1e6, 6)


def live(url: str, folder: str, pipe: Connection, last: int | None) -> None:
    """The whole life; with `last`, it takes nothing in after that number and ends by itself when all is decided."""
    asyncio.run(_live(url, Path(folder), pipe, last))
    os._exit(0)  # nothing of the parent's is to be tidied up here


async def _live(url: str, folder: Path, pipe: Connection, last: int | None) -> None:
    db = await Database.open(url, pool_size=4)
    events, clock, registry = Events(), FrozenClock(FIRST), CollectorRegistry()
    keeper = DatabaseKeeper(db)
    position = (await keeper.positions()).get(PRICES.name)
    n = 0 if position is None else round((position.astimezone(UTC) - FIRST) / STEP)
    clock.moment = start_of(max(n - 1, 0)) + timedelta(minutes=1)
    async with Seat(url, "desk") as seat:
        while not await seat.take():
            await asyncio.sleep(0.01)
        desk = Desk(
            db, clock, limits=Limits(), missing_keys={}, metrics=DeskMetrics(registry), events=events, seat=seat
        )
        MarketDataProcessor(db, clock, events, desk, metrics=PriceMetrics(registry))
        intake = Intake(clock, keeper, events, Journal(folder), Metrics(clock, registry))
        await desk.start()
        listening = asyncio.create_task(_listen(desk, pipe))
        deciding = asyncio.create_task(desk.run())
        pipe.send("ready")
        while last is None or n <= last:
            clock.moment = start_of(n) + timedelta(minutes=1)
            await intake.take(PRICES, _ask(n), _reply(n, clock.now()))
            pipe.send(f"row {n}")
            n += 1
            await asyncio.sleep(0.002)
        while not await _has_decided(desk, price_of(n - 1)):
            await asyncio.sleep(0.01)
        deciding.cancel()
        desk.close()
        await asyncio.gather(deciding, listening, return_exceptions=True)
    pipe.send("end")


async def _has_decided(desk: Desk, price: float) -> bool:
    answer = await desk.latest(FACILITY)
    return answer is not None and answer["marketConditions"]["gridPrice"] == price and not desk._due


async def _listen(desk: Desk, pipe: Connection) -> None:
    async for message in await desk.subscribe(FACILITY):
        pipe.send(f"told {message['seq']} {message['type']} {what_of(message['type'], message['body'])}")


def what_of(kind: str, body: dict) -> str:  # type: ignore[type-arg]
    """What a message is about: the interval of a price, the beginning of a decision."""
    if kind == "market-price-update":
        return str(body["data"].get("market_interval_start", "gas"))
    return str(body["decision"]["validFrom"])


def _ask(n: int) -> Ask:
    return Ask(Interval(start_of(n), start_of(n + 1)), ("NODE",))


def _reply(n: int, at: datetime) -> Reply:
    body = f"start,node,price\n{start_of(n):%Y-%m-%dT%H:%M:%SZ},NODE,{price_of(n)}\n".encode()
    return Reply(
        request=Request(f"https://prices.test/data?n={n}"), status=200, headers={}, body=body, received_at=at,
        origin="synthetic", elapsed_seconds=0.0,
    )  # fmt: skip
