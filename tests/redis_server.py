"""A real Redis on a free loopback port, of a test's own."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from vibelux.store.shared import Shared

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/bin"


class RedisServer:
    """The server; it may be killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("redis-server", path=_PATH)
        if found is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)("redis-server is not installed: apt-get install it")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port: int = free.getsockname()[1]
        self._command = [found, "--port", str(self._port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


@asynccontextmanager
async def redis_server(folder: Path) -> AsyncIterator[RedisServer]:
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@asynccontextmanager
async def sharing(*shared: Shared) -> AsyncIterator[None]:
    """All of them run and are connected."""
    tasks = [asyncio.create_task(one.run()) for one in shared]
    try:
        for one in shared:
            await until(lambda one=one: one.is_there)  # type: ignore[misc]
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
