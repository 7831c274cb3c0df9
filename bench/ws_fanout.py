"""One update to many WebSocket clients: our `/ws` beside nchan (nginx) on the same machine, in one run.

The clients are the same process for both and look for a mark in the bytes that come, nothing more; it is timed when
the last one of them has it. nchan is left out, and said to be, where `nginx` with `libnginx-mod-nchan` is not there.
"""

import asyncio
import json
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from vibelux.market.clock import LiveClock
from vibelux.realtime.subscriptions import Subscription, Subscriptions
from vibelux.serve.app import create_app
from vibelux.serve.ports import ServeState
from vibelux.serve.server import serve
from vibelux.store.keys import Principal

UPDATES = 10
FACILITY = "salinas-1"
PATH = f"/ws?facilityId={FACILITY}"
_MODULE = Path("/usr/share/nginx/modules/ngx_nchan_module.so")
_MODULES = (_MODULE, Path("/usr/lib/nginx/modules/ngx_nchan_module.so"))
_DECISION = {
    "action": "run",
    "units": [{"id": "engine-1", "on": True, "powerKw": 1000.0, "heatKw": 1117.0, "fuelKwHhv": 2597.0}],
    "reasons": ["Run engine-1 at 1000 kW: power worth 81.50 USD/MWh costs 40.00 to make."] * 8,
}


class _Client(asyncio.Protocol):
    """Upgrades, and notes when each mark comes."""

    def __init__(self, request: bytes, seen: Callable[[int], None], opened: Callable[[], None]) -> None:
        self._request, self._seen, self._opened = request, seen, opened
        self._left = b""
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._left += data
        if not self._is_open and b"\r\n\r\n" in self._left:
            assert b" 101 " in self._left[:20], self._left[:200]
            self._is_open = True
            self._opened()
        ping = self._left.find(b"\x89\x04")
        if ping >= 0 and self._is_open:
            self._transport.write(b"\x8a\x84\0\0\0\0" + self._left[ping + 2 : ping + 6])  # else we are taken for gone
            self._left = self._left[:ping] + self._left[ping + 6 :]
        at = self._left.find(b"mark-")
        if at >= 0 and len(self._left) >= at + 9:
            self._seen(int(self._left[at + 5 : at + 9]))
            self._left = b""
        elif at < 0 and self._is_open:
            self._left = self._left[-8:]


async def _listen(port: int, path: str, count: int, pipe: Connection) -> None:
    when: dict[int, list[float]] = {}
    all_open, opened = asyncio.Event(), 0

    def seen(mark: int) -> None:
        found = when.setdefault(mark, [])
        found.append(time.perf_counter())
        if len(found) == count:
            pipe.send((mark, found))

    def one_open() -> None:
        nonlocal opened
        opened += 1
        if opened == count:
            all_open.set()

    request = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-API-Key: k\r\n\r\n"
    ).encode()
    loop = asyncio.get_running_loop()
    for start in range(0, count, 100):
        await asyncio.gather(
            *(
                loop.create_connection(lambda: _Client(request, seen, one_open), "127.0.0.1", port)
                for _ in range(min(100, count - start))
            )
        )
    await all_open.wait()
    pipe.send(("open", []))
    await asyncio.Event().wait()


def _clients(port: int, path: str, count: int, pipe: Connection) -> None:
    asyncio.run(_listen(port, path, count, pipe))


async def _measure(port: int, path: str, count: int, publish: Callable[[str], Awaitable[None]]) -> dict[str, float]:
    """Milliseconds to the last client (and to the middle one), median of some updates."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_clients, args=(port, path, count, theirs), daemon=True)
    process.start()
    theirs.close()  # so that the end of the process ends the pipe
    try:
        return await _timed(ours, count, publish)
    finally:
        process.kill()


async def _timed(pipe: Connection, count: int, publish: Callable[[str], Awaitable[None]]) -> dict[str, float]:
    assert (await asyncio.to_thread(pipe.recv))[0] == "open"
    await asyncio.sleep(1.0)
    last, middle = [], []
    for number in range(UPDATES):
        body = json.dumps({"decision": _DECISION, "mark": f"mark-{number:04}"})
        began = time.perf_counter()
        await publish(body)
        mark, found = await asyncio.wait_for(asyncio.to_thread(pipe.recv), 60)
        assert (mark, len(found)) == (number, count)
        last.append((max(found) - began) * 1000)
        middle.append((statistics.median(found) - began) * 1000)
        await asyncio.sleep(0.2)
    return {"last_ms": round(statistics.median(last), 1), "median_ms": round(statistics.median(middle), 1)}


class _Desk:
    """Tells what it is told to."""

    def __init__(self) -> None:
        self._all = Subscriptions()
        self.seq = 0

    async def subscribe(self, facility_id: str) -> Subscription:
        return self._all.join(facility_id)

    async def latest(self, _: str) -> dict[str, Any]:
        return {"decision": _DECISION, "seq": self.seq}

    async def tell(self, body: str) -> None:
        self.seq += 1
        message = {"seq": self.seq, "type": "chp-decision-update", "body": json.loads(body)}
        self._all.publish(FACILITY, [message | {"created_at": datetime.now(UTC)}])


class _Store:
    """One key, one facility, no past."""

    def __init__(self, desk: _Desk) -> None:
        self._desk = desk

    def in_name_of(self, _: Principal) -> "_Store":
        return self

    async def principal_with_key(self, *_: object) -> Principal:
        return Principal(id="k", name="k", scopes=frozenset({"read"}), facilities=frozenset())

    async def principal_with_id(self, *_: object) -> Principal:
        return await self.principal_with_key()

    async def facility(self, facility_id: str) -> dict[str, str]:
        return {"id": facility_id}

    async def last_seq(self, _: str) -> int:
        return self._desk.seq

    async def messages_since(self, *_: object) -> list[dict[str, Any]]:
        return []


async def ours(count: int) -> dict[str, float]:
    """Our own server."""
    desk, stop = _Desk(), asyncio.Event()
    state = ServeState(clock=LiveClock(), store=_Store(desk), desk=desk, version="bench", requests_per_minute=0)  # type: ignore[arg-type]
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(
        serve(create_app(state), "127.0.0.1", 0, stop, on_listening=lambda _, port: listening.set_result(port))
    )
    try:
        return await _measure(await listening, PATH, count, desk.tell)
    finally:
        stop.set()
        await server


def _start(folder: Path, program: str, module: Path) -> tuple[subprocess.Popen[bytes], int]:
    folder.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    (folder / "nginx.conf").write_text(
        f"load_module {module};\ndaemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\n"
        "events { worker_connections 12000; }\n"
        f"http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;"
        f" fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;"
        f" server {{ listen 127.0.0.1:{port};"
        " location /sub { nchan_subscriber websocket; nchan_channel_id one; nchan_subscriber_first_message newest; }"
        " location /pub { nchan_publisher http; nchan_channel_id one; } } }\n"
    )
    return subprocess.Popen([program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]), port


@asynccontextmanager
async def _nginx(folder: Path, program: str, module: Path) -> AsyncIterator[int]:
    process, port = _start(folder, program, module)
    try:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
        yield port
    finally:
        process.terminate()
        process.wait(10)


async def nchan(count: int) -> dict[str, float] | None:
    """nginx with nchan; None where it is not installed."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    module = next((one for one in _MODULES if one.exists()), None)
    if program is None or module is None:
        return None
    with tempfile.TemporaryDirectory() as name:
        async with _nginx(Path(name), program, module) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)

            async def publish(body: str) -> None:
                head = f"POST /pub HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body.encode())
                answer = await reader.readuntil(b"\r\n\r\n")
                length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                await reader.readexactly(length)

            return await _measure(port, "/sub", count, publish)


def main() -> int:
    """Prints a JSON line; the number of clients may be given (default: 2,000)."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a socket is a file for each of the three
    mine, theirs = asyncio.run(ours(count)), asyncio.run(nchan(count))
    figures: dict[str, Any] = {"clients": count, "vibelux": mine, "nchan": theirs or "not installed: left out"}
    if theirs is not None:
        figures["ratio"] = round(mine["last_ms"] / theirs["last_ms"], 2)
    print(json.dumps(figures), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
