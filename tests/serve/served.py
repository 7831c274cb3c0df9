"""The app of a test on a real port, for WebSockets and browsers."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import websockets

from serve.fakes import World
from vibelux.serve.server import serve


@contextlib.asynccontextmanager
async def listening(world: World, port: int = 0) -> AsyncIterator[int]:
    """The port on which the world's app is served."""
    stop = asyncio.Event()
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        serve(world.app, "127.0.0.1", port, stop, on_listening=lambda _url, real_port: told.set_result(real_port))
    )
    try:
        async with asyncio.timeout(10):
            await asyncio.wait({told, running}, return_when=asyncio.FIRST_COMPLETED)
        yield told.result() if told.done() else await running
    finally:
        stop.set()
        async with asyncio.timeout(5):
            await running


def dial(port: int, query: str, key: str | None = None, **more: Any) -> websockets.connect:
    """A client of the WebSocket, with the key in its header if one is given."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return websockets.connect(
        f"ws://127.0.0.1:{port}/ws?{query}",
        additional_headers=headers | more.pop("headers", {}),
        proxy=None,
        **more,
    )


async def heard(socket: websockets.ClientConnection, seconds: float = 5.0) -> dict[str, Any]:
    """The next message."""
    async with asyncio.timeout(seconds):
        return json.loads(await socket.recv())


async def close_code(socket: websockets.ClientConnection, seconds: float = 5.0) -> tuple[int | None, list[Any]]:
    """The code with which the server closes, and what it sent before."""
    before = []
    with contextlib.suppress(websockets.ConnectionClosed):
        async with asyncio.timeout(seconds):
            while True:
                before.append(await socket.recv())
    return socket.close_code, before


async def until(holds: Callable[[], object], seconds: float = 5.0) -> None:
    """Returns as soon as it holds."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)
