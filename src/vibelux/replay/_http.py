"""A very small HTTP/1.1 server for loopback: GET and HEAD, connections kept, nothing else."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import structlog

_log = structlog.get_logger(__name__)

_IDLE_SECONDS = 120
_NO_BODY = {204, 304}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its target as sent, and its headers by lower-case name."""

    target: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class HttpServer:
    """Listens on 127.0.0.1 and lets one function answer."""

    def __init__(self, answer: Callable[[Asked], Awaitable[Answer]]) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> str:
        """Begins to listen; port 0 is any free one. Returns the address, `http://127.0.0.1:PORT`."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Stops listening and ends all connections, also those that wait for an answer."""
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._converse(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ConnectionError) as error:
            _log.debug("connection ends: the client went away, idled or talks no HTTP", error=repr(error))
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its reply; False where the connection ends with it."""
        async with asyncio.timeout(_IDLE_SECONDS):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        words = first.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            await _send(writer, Answer(400, body=b"this is no HTTP request\n"), whole=True)
            return False
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if words[0] not in {"GET", "HEAD"}:
            await _send(writer, Answer(405, {"allow": "GET, HEAD"}, b"a tape can only be read\n"), whole=True)
            return False
        await _send(writer, await self._answer(Asked(words[1], headers)), whole=words[0] == "GET")
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        return words[2] == "HTTP/1.1" and headers.get("connection", "").lower() != "close" and not has_body


async def _send(writer: asyncio.StreamWriter, answer: Answer, *, whole: bool) -> None:
    headers = dict(answer.headers)
    if answer.status not in _NO_BODY:
        headers["content-length"] = str(len(answer.body))
    try:
        reason = HTTPStatus(answer.status).phrase
    except ValueError:
        reason = ""
    lines = [f"HTTP/1.1 {answer.status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"))
    if whole and answer.status not in _NO_BODY:
        writer.write(answer.body)
    await writer.drain()
