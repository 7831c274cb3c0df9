"""History, a market day (or an archived month) at a time: polite, and taken up again where it was left."""

import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from vibelux.feeds import Ask, Feed
from vibelux.ingest.collector import Collector
from vibelux.ingest.schedule import sleep_until
from vibelux.market.clock import Clock
from vibelux.market.contracts import next_month
from vibelux.market.errors import CircuitOpen, FeedError, StoreUnavailable, Throttled, Unreachable
from vibelux.market.intervals import Interval, iso_z, local_date, local_day
from vibelux.store.writer import Written

_TRIES = 6
_PAUSE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Progress:
    """One chunk of history, over with."""

    chunk: Interval
    done: int
    """How many chunks are over with, this one included."""
    total: int
    written: Written
    skipped: bool = False
    """An earlier run has it."""
    error: FeedError | None = None
    """It gave nothing usable; the next run will ask again."""


async def backfill(
    collector: Collector, clock: Clock, feed: Feed, window: Interval, nodes: Sequence[str], data_dir: Path
) -> AsyncIterator[Progress]:
    """Asks for a window in chunks, oldest first; see `chunks_of`.

    Args:
        collector: takes in what comes, behind everything live.
        clock: the service's.
        feed: whose history.
        window: from, to.
        nodes: for nodal feeds.
        data_dir: where the chunks that are done are remembered.

    Raises:
        FeedError: the upstream cannot be reached or wants no more, also after some patience.
        StoreUnavailable: the store is away. Run it again later: it goes on from there.
    """
    done = _Done(data_dir / "backfill" / feed.provider / f"{feed.data_type}.json", nodes)
    chunks = chunks_of(feed, window, clock.now())
    await collector.catch_up()
    for number, chunk in enumerate(chunks, start=1):
        if chunk in done:
            yield Progress(chunk, number, len(chunks), Written(), skipped=True)
            continue
        try:
            written = await _patiently(collector, clock, feed, Ask(chunk, tuple(nodes), clock.now()))
        except FeedError as error:
            if _of_service(error):
                raise
            yield Progress(chunk, number, len(chunks), Written(), error=error)
            continue
        if collector.store_is_behind:
            raise StoreUnavailable(f"the store is away; {feed.name} is filled up to {iso_z(chunk.start)}")
        if chunk.end <= feed.publication.known_until(clock.now()):
            done.add(chunk)
        yield Progress(chunk, number, len(chunks), written)


def chunks_of(feed: Feed, window: Interval, now: datetime) -> list[Interval]:
    """The window cut at the midnights of the market; into months where upstream serves days that old by the month."""
    archived_until = window.start
    if feed.archived_after is not None:
        archived_until = local_day(local_date(now - feed.archived_after, feed.timezone), feed.timezone).start
    chunks = []
    start = window.start
    while start < window.end:
        day = local_date(start, feed.timezone)
        end = local_day(day, feed.timezone).end
        if end < archived_until:
            end = min(local_day(next_month(day), feed.timezone).start, archived_until)
        chunks.append(Interval(start, min(end, window.end)))
        start = end
    return chunks


def _of_service(error: FeedError) -> bool:
    return isinstance(error, Unreachable | Throttled | CircuitOpen)


async def _patiently(collector: Collector, clock: Clock, feed: Feed, ask: Ask) -> Written:
    """Bad moments of the service are waited out, some times."""
    tries = 0
    while True:
        try:
            return await collector.poll(feed, ask, background=True)
        except (Unreachable, Throttled, CircuitOpen) as error:
            tries += 1
            if tries == _TRIES:
                raise
            if isinstance(error, CircuitOpen):
                await sleep_until(clock, error.retry_at)
            else:
                await clock.sleep(_PAUSE_SECONDS * tries)


class _Done:
    """The chunks that are stored, in a small file; a chunk counts for the nodes that it was asked for."""

    def __init__(self, path: Path, nodes: Sequence[str]) -> None:
        self._path = path
        self._nodes = sha256("\n".join(sorted(nodes)).encode()).hexdigest()[:16] if nodes else "all"
        try:
            self._all: dict[str, list[str]] = msgspec.json.decode(path.read_bytes(), type=dict[str, list[str]])
        except (FileNotFoundError, msgspec.DecodeError):  # lost, it only costs asking again
            self._all = {}

    def __contains__(self, chunk: Interval) -> bool:
        return _label(chunk) in self._all.get(self._nodes, [])

    def add(self, chunk: Interval) -> None:
        self._all.setdefault(self._nodes, []).append(_label(chunk))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(f".{os.getpid()}.part")
        unfinished.write_bytes(msgspec.json.encode(self._all))
        unfinished.replace(self._path)


def _label(chunk: Interval) -> str:
    return f"{iso_z(chunk.start)}/{iso_z(chunk.end)}"
