"""The embedded PostgreSQL of a data folder, as its users see it: open, url, close.

Any number of processes may use one folder. Each holds a shared lock while it does; a supervisor of its own
runs the server and ends it when the last of them is gone, even if it was killed.
"""

import asyncio
import contextlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import psycopg
import structlog

from vibelux.market.errors import StoreUnavailable
from vibelux.store.folder import DataFolder, Lock, held

_PATIENCE_SECONDS = 60.0
"""A start may have to replay the log of a server that was killed."""
_STEP_SECONDS = 0.05
_WATCH_SECONDS = 1.0
_CLOSE_SECONDS = 10.0

_log = structlog.get_logger(__name__)


class Embedded:
    """One process's use of a data folder's server."""

    def __init__(self, folder: DataFolder, lock: Lock) -> None:
        self.url = folder.url
        self._folder = folder
        self._lock = lock
        self._watch: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, data_dir: Path) -> Self:
        """Joins the folder's server, or starts it; returns when it answers.

        Raises:
            StoreUnavailable: it does not come up within a minute; the text has the end of its log.
        """
        folder, lock = _entered(data_dir)
        found = cls(folder, lock)
        try:
            await found._until_ready()
        except BaseException:
            lock.close()
            raise
        found._watch = asyncio.create_task(found._keep_supervised())
        return found

    async def close(self) -> None:
        """Lets go of the server. The last user waits until it has ended."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        last = self._lock.exclusive()
        self._lock.close()
        if last:
            await self._until_ended()

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        joined = started = False
        while time.monotonic() < deadline:
            joined = joined or self._lock.shared()
            if joined:
                if await answers(self.url):
                    return
                if not held(self._folder.supervisor_lock):
                    if started:
                        raise StoreUnavailable(f"the embedded PostgreSQL did not start: {self._folder.log_tail()}")
                    await asyncio.to_thread(start_supervisor, self._folder)
                    started = True
            await asyncio.sleep(_STEP_SECONDS)
        raise StoreUnavailable(
            f"the embedded PostgreSQL in {self._folder.root} was not ready within {_PATIENCE_SECONDS:.0f} s: "
            f"{self._folder.log_tail()}"
        )

    async def _until_ended(self) -> None:
        deadline = time.monotonic() + _CLOSE_SECONDS
        while time.monotonic() < deadline:
            if not held(self._folder.supervisor_lock):
                return
            await asyncio.sleep(_STEP_SECONDS)

    async def _keep_supervised(self) -> None:
        """A supervisor that was killed took the server with it: starts another."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if not held(self._folder.supervisor_lock):
                _log.warning("embedded_server_restarted", folder=str(self._folder.root))
                await asyncio.to_thread(start_supervisor, self._folder)


def _entered(data_dir: Path) -> tuple[DataFolder, Lock]:
    """The folder, made if need be, and its users' lock, not held yet."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = DataFolder(data_dir.resolve())
        return folder, Lock(folder.users_lock)
    except OSError as error:
        raise StoreUnavailable(f"the data folder {data_dir} cannot be used: {error.strerror}") from error


def _known_url(data_dir: Path) -> str | None:
    folder = DataFolder(data_dir.resolve())
    return folder.url if folder.supervisor_lock.exists() else None


async def url_of_running(data_dir: Path) -> str | None:
    """The address of the folder's server if it runs just now."""
    url = _known_url(data_dir)
    return url if url and await answers(url) else None


async def answers(url: str) -> bool:
    """Whether a server takes connections at that address."""
    try:
        connection = await psycopg.AsyncConnection.connect(url, connect_timeout=5)
    except psycopg.OperationalError:
        return False
    await connection.close()
    return True


def start_supervisor(folder: DataFolder) -> None:
    """Starts a detached supervisor; on return one holds its lock, unless it failed already."""
    command = [sys.executable, "-P", "-m", "vibelux.store.supervisor", str(folder.root)]
    with folder.log.open("ab") as log:
        subprocess.run(  # noqa: S603
            command, check=False, cwd="/", start_new_session=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
