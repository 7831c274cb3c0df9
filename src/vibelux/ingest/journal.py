"""The journal: raw bytes on disk, named by their hash, before anybody reads them; and what still awaits the store."""

import asyncio
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import msgspec

from vibelux.feeds import Feed
from vibelux.ingest.client import Reply
from vibelux.market.errors import StoreUnavailable
from vibelux.store.journal import Receipt

SMALL_JSON = 64 * 1024
"""JSON up to here goes into the table as it is; everything else by hash and file."""
_ENDINGS = ((b"PK", "zip"), (b"\x1f\x8b", "gz"), (b"%PDF", "pdf"), (b"\xd0\xcf\x11\xe0", "xls"))
_BOM = b"\xef\xbb\xbf"


Given = ParamSpec("Given")
Result = TypeVar("Result")


class Waiting(msgspec.Struct, frozen=True):
    """A journalled payload whose rows are not yet in the store."""

    receipt: Receipt
    name: str
    latency_ms: int | None
    position: datetime | None
    nodes: tuple[str, ...] = ()
    """Those that it was asked for."""


class Journal:
    """Files under `<data_dir>/journal`. What it says to have kept has reached the disk."""

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir / "journal"
        self._pending = self._root / "pending"
        self._has_pending = any(self._pending.glob("*.json"))

    async def keep(self, feed: Feed, reply: Reply) -> Receipt:
        """Writes the bytes down, once however often the same bytes come in a day.

        Raises:
            StoreUnavailable: the disk refuses.
        """
        digest = hashlib.sha256(reply.body).hexdigest()
        day = f"{reply.received_at:%Y-%m-%d}"
        file = f"{feed.provider}/{feed.data_type}/{day}/{digest}.{_ending(reply.body)}"
        await _on_disk(_write, self._root / file, reply.body)
        return Receipt(
            feed=feed.name,
            provider=feed.provider,
            data_type=feed.data_type,
            region=feed.region,
            url=reply.request.url,
            status=reply.status,
            origin=reply.origin,
            received_at=reply.received_at,
            sha256=digest,
            bytes=len(reply.body),
            file=file,
            raw_json=_small_json(reply.body),
            etag=reply.headers.get("etag"),
            last_modified=reply.headers.get("last-modified"),
        )

    @property
    def has_pending(self) -> bool:
        """Whether payloads wait for the store."""
        return self._has_pending

    async def postpone(self, waiting: Waiting) -> None:
        """Remembers, over restarts too, that a payload's rows are still to be stored."""
        receipt = replace(waiting.receipt, raw_json=None)  # the bytes lie in the journal anyway
        name = f"{receipt.received_at:%Y%m%dT%H%M%S%f}-{receipt.sha256[:16]}.json"
        entry = msgspec.json.encode(msgspec.structs.replace(waiting, receipt=receipt))
        await _on_disk(_write, self._pending / name, entry)
        self._has_pending = True

    async def pending(self) -> list[Path]:
        """The entries that wait, oldest first."""
        return await _on_disk(lambda: sorted(self._pending.glob("*.json")))

    async def taken_up(self, entry: Path) -> tuple[Waiting, bytes] | None:
        """An entry with its payload's bytes; None where they are gone, so that there is nothing to store.

        Raises:
            StoreUnavailable: the disk refuses.
        """
        return await _on_disk(self._take_up, entry)

    async def settle(self, entry: Path) -> None:
        """The rows of a waiting payload are stored, or can never be."""
        await _on_disk(lambda: entry.unlink(missing_ok=True))
        self._has_pending = any(self._pending.glob("*.json"))

    async def remove_before(self, day: date) -> int:
        """Deletes the folders of days before `day` (UTC); says how many."""
        return await _on_disk(self._remove_before, day)

    def _take_up(self, entry: Path) -> tuple[Waiting, bytes] | None:
        try:
            waiting = msgspec.json.decode(entry.read_bytes(), type=Waiting)
            body = (self._root / str(waiting.receipt.file)).read_bytes()
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        receipt = replace(waiting.receipt, raw_json=_small_json(body))
        return msgspec.structs.replace(waiting, receipt=receipt), body

    def _remove_before(self, day: date) -> int:
        removed = 0
        for folder in self._root.glob("*/*/????-??-??"):
            if folder.name < day.isoformat():
                shutil.rmtree(folder)
                removed += 1
        return removed


async def _on_disk(work: Callable[Given, Result], *args: Given.args, **more: Given.kwargs) -> Result:
    try:
        return await asyncio.to_thread(work, *args, **more)
    except OSError as error:
        raise StoreUnavailable(f"the journal cannot be used: {error}") from error


def _write(path: Path, body: bytes) -> None:
    """All or nothing: a file of that name has all its bytes on the disk."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    with unfinished.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _ending(body: bytes) -> str:
    """The file's ending, by its bytes."""
    for start, ending in _ENDINGS:
        if body.startswith(start):
            return ending
    head = body[:1024].removeprefix(_BOM).lstrip()
    if head.startswith((b"{", b"[")):
        return "json"
    if head.startswith(b"<"):
        return "html" if b"<html" in head.lower() else "xml"
    return "csv" if b"," in head else "txt"


def _small_json(body: bytes) -> Any | None:
    if len(body) > SMALL_JSON or _ending(body) != "json":
        return None
    try:
        return msgspec.json.decode(body.removeprefix(_BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
