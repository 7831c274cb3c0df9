"""Bytes to committed rows: an all-node OASIS hour read and written by us, against a bare COPY of the same rows.

The bare COPY gets its bytes ready-made and goes into a table with the same columns, keys and indexes, on the same
server in the same run. Synthetic payload, embedded PostgreSQL with fsync on; medians of interleaved rounds.
"""

import asyncio
import hashlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import psycopg
from psycopg import sql

from parse_caiso import all_node_file
from vibelux.feeds import Payload, feed_named, read
from vibelux.market.records import Parsed
from vibelux.store import copy
from vibelux.store.database import Database
from vibelux.store.embedded import Embedded
from vibelux.store.journal import Receipt
from vibelux.store.tables import ELECTRICITY, names
from vibelux.store.writer import Written, write_payload

NODES = 16_000
ROUNDS = 3
FEED = feed_named("caiso/real-time-pricing")
RECEIVED = datetime(2026, 7, 14, 8, 1, tzinfo=UTC)


def receipt(body: bytes, minutes: int) -> Receipt:
    return Receipt(
        feed=FEED.name,
        provider=FEED.provider,
        data_type=FEED.data_type,
        region=FEED.region,
        url=FEED.url,
        status=200,
        origin="synthetic",
        received_at=RECEIVED + timedelta(minutes=minutes),
        sha256=hashlib.sha256(body).hexdigest(),
        bytes=len(body),
    )


def ready_made(body: bytes) -> list[bytes]:
    """The same rows as the writer sends, encoded beforehand."""
    frame = read(FEED, Payload(body)).frames["electricity-price"]
    types = {field.name: field.type for field in ELECTRICITY.kind.fields}
    given = receipt(body, 0)
    columns = copy.encode(frame, types, ELECTRICITY.scale_free)
    columns += [
        copy.uuids(frame.height, given.received_at, np.random.default_rng(1)),
        copy.same(given.origin.encode(), frame.height),
        copy.same_time(given.received_at, frame.height),
        copy.same(bytes.fromhex(given.sha256), frame.height),
    ]
    return list(copy.sliced(columns))


async def bare_copy(url: str, chunks: list[bytes]) -> None:
    statement = sql.SQL("COPY bare ({}) FROM STDIN (FORMAT binary)").format(names(ELECTRICITY.columns))
    async with await psycopg.AsyncConnection.connect(url) as connection:
        async with connection.cursor() as cursor, cursor.copy(statement) as stream:
            for chunk in chunks:
                await stream.write(chunk)
        await connection.commit()


def corrected(parsed: Parsed) -> Parsed:
    """The same with one price in a hundred a little higher."""
    price = pl.col("price_per_kwh")
    hundredth = pl.int_range(pl.len()) % 100 == 0
    frame = parsed.frames["electricity-price"].with_columns(pl.when(hundredth).then(price + 0.001).otherwise(price))
    return Parsed(frames={"electricity-price": frame})


async def seconds(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def one_round(url: str, body: bytes, chunks: list[bytes]) -> dict[str, float]:
    """All measurements once, in a database of their own."""
    db = await Database.open(url)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as admin:
        await admin.execute(sql.SQL("CREATE TABLE bare (LIKE {} INCLUDING ALL)").format(ELECTRICITY.ident))
        parses: list[float] = []

        async def ours(minutes: int, change: Callable[[Parsed], Parsed], *expected: int) -> None:
            began = time.perf_counter()
            parsed = change(read(FEED, Payload(body)))
            parses.append(time.perf_counter() - began)
            written: Written = await write_payload(db, receipt(body, minutes), parsed)
            assert (written.new, written.corrected, written.unchanged) == expected, written

        rows = NODES * 12
        found = {}
        works: dict[str, Callable[[], Awaitable[object]]] = {
            "bare_copy": lambda: bare_copy(url, chunks),
            "first_time": lambda: ours(0, lambda parsed: parsed, rows, 0, 0),
            "all_unchanged": lambda: ours(5, lambda parsed: parsed, 0, 0, rows),
            "one_percent_corrected": lambda: ours(10, corrected, 0, rows // 100, rows - rows // 100),
        }
        for name, work in works.items():
            await admin.execute("CHECKPOINT")
            found[name] = await seconds(work)
    await db.close()
    return found | {"parse_alone": statistics.median(parses)}


async def measure() -> dict[str, object]:
    body = all_node_file("real-time", NODES)
    chunks = ready_made(body)
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        embedded = await Embedded.open(Path(folder))
        for number in range(ROUNDS):
            async with await psycopg.AsyncConnection.connect(embedded.url, autocommit=True) as admin:
                await admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(f"round_{number}")))
            rounds.append(await one_round(embedded.url.replace("/vibelux?", f"/round_{number}?"), body, chunks))
        await embedded.close()
    medians = {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}
    return {
        "rows": NODES * 12,
        "seconds": {name: round(value, 2) for name, value in medians.items()},
        "rate_against_bare_copy": {
            name: round(medians["bare_copy"] / medians[name], 2)
            for name in ("first_time", "all_unchanged", "one_percent_corrected")
        },
    }


def main() -> int:
    """Prints one JSON line."""
    print(json.dumps(asyncio.run(measure())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
