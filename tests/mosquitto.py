"""A real Mosquitto on a free loopback port, of a test's own; it lets nobody in without a password."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from getpass import getuser
from pathlib import Path
from subprocess import DEVNULL, Popen

import aiomqtt
import pytest

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
USER, PASSWORD = "desk", "p@ss/word"


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is not installed: apt-get install mosquitto")
    return found


class Mosquitto:
    """The broker; it may be ended and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self._program = _program("mosquitto")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._config, passwords = folder / "mosquitto.conf", folder / "passwords"
        subprocess.run([_program("mosquitto_passwd"), "-b", "-c", str(passwords), USER, PASSWORD], check=True)
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nuser {getuser()}\n"
            "persistence false\nlog_type none\n"
        )
        self._process: Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://{USER}:p%40ss%2Fword@127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._spawn()
        async with asyncio.timeout(10):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                await asyncio.sleep(0.02)

    def _spawn(self) -> None:
        self._process = Popen([self._program, "-c", str(self._config)], stdout=DEVNULL, stderr=DEVNULL)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def client(self) -> aiomqtt.Client:
        """Somebody else at the broker."""
        return aiomqtt.Client(
            "127.0.0.1", self.port, username=USER, password=PASSWORD, protocol=aiomqtt.ProtocolVersion.V5
        )


@asynccontextmanager
async def mosquitto(folder: Path) -> AsyncIterator[Mosquitto]:
    broker = Mosquitto(folder)
    await broker.start()
    try:
        yield broker
    finally:
        broker.stop()


async def heard(client: aiomqtt.Client, topic: str, seconds: float = 10.0) -> aiomqtt.Message:
    """The next message of a topic to which the client is subscribed."""
    async with asyncio.timeout(seconds):
        async for message in client.messages:
            if message.topic.matches(topic):
                return message
    raise AssertionError(f"nothing was said of {topic}")
