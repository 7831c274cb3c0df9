"""A stand-in for upstreams on loopback: answers what the test says, byte for byte, and remembers what was asked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self

from vibelux.market.clock import Clock


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: datetime


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    promised_length: int | None = None
    """A Content-Length other than the true one."""
    pause: float = 0.0
    """Real seconds before the answer."""
    pieces: int | None = None
    """Sends that many times the body, and no Content-Length."""
    hang_up: bool = False
    """Closes without a word."""


def redirect(location: str) -> Answer:
    return Answer(302, headers={"Location": location})


class StandIn:
    """Use as an async context manager; `answer` is asked for each request."""

    def __init__(self, clock: Clock, answer: Callable[[Asked], Answer]) -> None:
        self._clock = clock
        self.answer = answer
        self.asked: list[Asked] = []
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        with contextlib.suppress(ConnectionError):
            async for asked in self._requests(reader):
                self.asked.append(asked)
                answer = self.answer(asked)
                await asyncio.sleep(answer.pause)
                if answer.hang_up:
                    break
                await self._write(writer, answer)
                if answer.pieces is not None or answer.promised_length is not None:
                    break
            writer.close()
            await writer.wait_closed()
        del self._open[task]

    async def _requests(self, reader: asyncio.StreamReader) -> AsyncIterator[Asked]:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            except asyncio.IncompleteReadError:
                return
            method, path, _ = head[0].split(" ", 2)
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            yield Asked(method, path, headers, body, self._clock.now())

    @staticmethod
    async def _write(writer: asyncio.StreamWriter, answer: Answer) -> None:
        head = [f"HTTP/1.1 {answer.status} Whatever", *(f"{name}: {value}" for name, value in answer.headers.items())]
        if answer.pieces is None:
            length = len(answer.body) if answer.promised_length is None else answer.promised_length
            head.append(f"Content-Length: {length}")
        else:
            head.append("Connection: close")
        writer.write("\r\n".join([*head, "", ""]).encode("latin-1"))
        for _ in range(1 if answer.pieces is None else answer.pieces):
            writer.write(answer.body)
            await writer.drain()
