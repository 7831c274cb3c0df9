"""Records as JSON, CSV, Parquet or Arrow: a page at once, or a file of any length while it is read.

A file is read in pages and written by polars's streaming engine in a thread of its own, which waits for its reader:
memory holds a few pages, whatever the length. No connection to the database is held while a slow reader reads.
"""

import asyncio
import io
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from vibelux.market.frames import json_lines
from vibelux.market.records import Kind
from vibelux.serve.errors import too_many
from vibelux.serve.ports import Store

if TYPE_CHECKING:
    import polars as pl

MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.file",
}

PAGE_ROWS = 1_000
"""Of a file: reading so many holds up the loop for some hundredths of a second."""
_GROUP_ROWS = 50_000
_MOST_FILES = 4
_COME_BACK_SECONDS = 30
_CHUNK_BYTES = 128 * 1024
_CHUNKS_WAITING = 4
_FORMULA = r"^[=+\-@\t\r]"
"""A text cell that begins so is run as a formula by spreadsheets; numbers are no text and stay numbers."""

T = TypeVar("T")

# Threads of their own: they wait for readers, and must not take those in which the desk decides.
_writers = ThreadPoolExecutor(_MOST_FILES, thread_name_prefix="export")
_at_work: set["_File"] = set()


@dataclass(frozen=True, slots=True)
class Pages:
    """The records of a question, a page at a time."""

    store: Store
    kind: Kind
    start: datetime
    end: datetime
    filters: Mapping[str, Any] = field(default_factory=dict)
    as_of: datetime | None = None

    async def read(self, limit: int, after: str | None) -> "tuple[pl.DataFrame, str | None]":
        """A page from a cursor on, and the cursor of the rest.

        Raises:
            UsageError: a cursor that was not given out.
        """
        return await self.store.records(
            self.kind.name,
            start=self.start,
            end=self.end,
            filters=self.filters,
            as_of=self.as_of,
            limit=limit,
            after=after,
        )


async def page_of_json(kind: Kind, frame: "pl.DataFrame", following: str | None) -> bytes:
    """The contract's list: `rows`, and `next`, the URL of the next page."""

    def made() -> bytes:
        rows = b"".join(json_lines(kind.name, frame)).strip().replace(b"\n", b",")
        return b'{"rows":[' + rows + b'],"next":' + msgspec.json.encode(following) + b"}"

    return await asyncio.to_thread(made)


async def exported(kind: Kind, frame: "pl.DataFrame", form: str) -> bytes:
    """A frame as a file."""
    out = io.BytesIO()
    await asyncio.to_thread(write_file, frame.lazy(), kind, form, out)
    return out.getvalue()


async def table_file(rows: Sequence[Mapping[str, Any]], form: str) -> bytes:
    """Rows that are no records as a file."""
    import polars as pl

    frame, out = pl.DataFrame(rows, infer_schema_length=None).lazy(), io.BytesIO()
    sinks: dict[str, Callable[[Any], Any]]
    sinks = {"csv": frame.sink_csv, "parquet": frame.sink_parquet, "arrow": frame.sink_ipc}
    await asyncio.to_thread(sinks[form], out)
    return out.getvalue()


async def file_response(pages: Pages, form: str, after: str | None) -> Response:
    """All records of a question as a file, sent while it is read.

    Raises:
        HTTPException: 429 while too many files are being sent.
        UsageError: a cursor that was not given out.
    """
    if len(_at_work) >= _MOST_FILES:
        raise too_many(_COME_BACK_SECONDS, "files at once")
    file = _File(pages, form, await pages.read(PAGE_ROWS, after))
    name = f"{pages.kind.name}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return _Sending(file, headers=headers, media_type=MEDIA_TYPES[form])


class _Sending(StreamingResponse):
    """Tells the file when its reader has left, however that came about."""

    def __init__(self, file: "_File", *, headers: Mapping[str, str], media_type: str) -> None:
        super().__init__(file.chunks(), headers=headers, media_type=media_type)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.leave()


class _File(io.RawIOBase):
    """A file that polars writes in its thread and the loop sends on: each waits for the other."""

    def __init__(self, pages: Pages, form: str, first: "tuple[pl.DataFrame, str | None]") -> None:
        super().__init__()
        self._pages = pages
        self._form = form
        self._page = first
        self._schema = first[0].schema
        self._loop = asyncio.get_running_loop()
        self._sent: asyncio.Queue[bytes | None] = asyncio.Queue(_CHUNKS_WAITING)
        self._left = threading.Event()
        self._size = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes as they come. A fault in the middle breaks off, so that nobody takes a part for the whole."""
        _at_work.add(self)
        writing = self._loop.run_in_executor(_writers, self._write_all)
        writing.add_done_callback(self._ended)
        while (chunk := await self._sent.get()) is not None:
            yield chunk
        await writing

    def leave(self) -> None:
        """Nobody reads any more."""
        self._left.set()

    def _ended(self, writing: "asyncio.Future[None]") -> None:
        _at_work.discard(self)
        if not writing.cancelled():
            writing.exception()  # taken note of: its reader has been told, or has left

    def _write_all(self) -> None:
        from polars.io.plugins import register_io_source

        try:
            write_file(register_io_source(self._frames, schema=self._schema), self._pages.kind, self._form, self)
        finally:
            if not self._left.is_set():
                self._in_loop(lambda: self._sent.put(None))

    def _frames(self, columns: list[str] | None, *_: object) -> "Iterator[pl.DataFrame]":
        """The pages, one after the other; what polars leaves out of a whole file it would not ask for."""
        page, cursor = self._page
        while True:
            yield page if columns is None else page.select(columns)
            if cursor is None:
                return
            page, cursor = self._in_loop(partial(self._next_page, cursor))

    async def _next_page(self, cursor: str) -> "tuple[pl.DataFrame, str | None]":
        """Reads on, and then leaves the loop to others for a while: the more files, the longer."""
        began = time.perf_counter()
        page = await self._pages.read(PAGE_ROWS, cursor)
        await asyncio.sleep((time.perf_counter() - began) * len(_at_work))
        return page

    def _in_loop(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the loop makes of it, waited for in the writer's thread until the reader has left."""
        if self._left.is_set():
            raise BrokenPipeError("the reader has left")
        asked = asyncio.run_coroutine_threadsafe(work(), self._loop)
        while True:
            try:
                return asked.result(1.0)
            except TimeoutError:
                if self._left.is_set() or not self._loop.is_running():
                    asked.cancel()
                    raise BrokenPipeError("the reader has left") from None

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, content: Any) -> int:
        """Hands bytes to the loop."""
        with memoryview(content) as view:
            for first in range(0, len(view), _CHUNK_BYTES):
                self._in_loop(partial(self._sent.put, bytes(view[first : first + _CHUNK_BYTES])))
            self._size += len(view)
            return len(view)


def write_file(frame: "pl.LazyFrame", kind: Kind, form: str, out: Any) -> None:
    """Writes records as CSV, Parquet or Arrow, row group after row group, to a path or an open file."""
    if form == "csv":
        _safe_for_spreadsheets(frame).sink_csv(out, datetime_format="%Y-%m-%dT%H:%M:%S%.fZ")
    elif form == "parquet":
        units = {field.name: field.unit for field in kind.fields if field.unit}
        frame.sink_parquet(out, row_group_size=_GROUP_ROWS, metadata={"kind": kind.name, "units": json.dumps(units)})
    else:
        frame.sink_ipc(out)


def _safe_for_spreadsheets(frame: "pl.LazyFrame") -> "pl.LazyFrame":
    import polars as pl

    texts = [pl.col(name) for name, dtype in frame.collect_schema().items() if dtype == pl.String]
    return frame.with_columns(
        pl.when(text.str.contains(_FORMULA)).then(pl.lit("'") + text).otherwise(text).name.keep() for text in texts
    )
