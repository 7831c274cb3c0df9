"""The process that keeps the embedded PostgreSQL: starts it, restarts it, and ends it with its last user.

Started as `python -m vibelux.store.supervisor DATA_DIR`, detached from whoever asked for it. Users hold a shared
lock; once the supervisor gets it alone, nobody is left, whatever became of them, and it stops the server.
"""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from vibelux.market.errors import StoreUnavailable
from vibelux.store.folder import DataFolder, Lock
from vibelux.store.postgres import prepare

_POLL_SECONDS = 0.5
_PATIENCE_SECONDS = 8.0
_LONG_ENOUGH_SECONDS = 10.0
_FIRST_DELAY_SECONDS = 0.1
_LAST_DELAY_SECONDS = 5.0

_log = logging.getLogger("supervisor")


class Supervisor:
    """Runs the server of one data folder."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._users = Lock(folder.users_lock)
        self._asked_to_stop = False

    def run(self) -> int:
        """Keeps the server up while it has users; the exit code.

        A server that does not come up at all is given up after some tries; its users ask again while they live.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        delay = _FIRST_DELAY_SECONDS
        while delay <= _LAST_DELAY_SECONDS:
            command = prepare(self._folder)
            _end_abandoned(self._folder)
            server = subprocess.Popen(command, cwd="/", stdin=subprocess.DEVNULL)  # noqa: S603
            started = time.monotonic()
            while server.poll() is None:
                if self._unused():
                    _stop(server)
                    return 0
                self._pause(server, _POLL_SECONDS)
                if time.monotonic() - started > _LONG_ENOUGH_SECONDS and not self._folder.socket.exists():
                    _log.warning("somebody has removed the server's socket")
                    _stop(server)
            _log.warning("postgres ended with code %s", server.returncode)
            if self._unused():
                return 0
            if time.monotonic() - started > _LONG_ENOUGH_SECONDS:
                delay = _FIRST_DELAY_SECONDS
            time.sleep(delay)
            delay *= 2
        _log.error("postgres does not come up; giving up")
        return 1

    def _unused(self) -> bool:
        """True when nobody uses the server. From then on the lock is ours: who comes now waits until we are gone."""
        return self._asked_to_stop or self._users.exclusive()

    def _pause(self, server: subprocess.Popen[bytes], seconds: float) -> None:
        try:
            server.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Fast shutdown; an immediate one if that takes too long (the log is replayed at the next start)."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        server.send_signal(number)
        try:
            server.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        return


def _end_abandoned(folder: DataFolder) -> None:
    """Deals with what an earlier supervisor left when it was killed: its server, or that server's pid file."""
    pid_file = folder.pg / "postmaster.pid"
    deadline = time.monotonic() + _PATIENCE_SECONDS
    number = signal.SIGINT
    while (pid := _pid_in(pid_file)) is not None and _is_server_of(pid, folder):
        os.kill(pid, number)
        time.sleep(0.2)
        if time.monotonic() > deadline:
            number = signal.SIGQUIT
    if pid is not None and Path("/proc/self").exists():
        # Another program may carry that number by now, and PostgreSQL would wait for it for ever.
        pid_file.unlink(missing_ok=True)


def _pid_in(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _is_server_of(pid: int, folder: DataFolder) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return os.fsencode(folder.pg) in words


def _take(lock: Lock) -> bool:
    """The supervisor's lock; tried for a second, because users look at it by holding it for a moment."""
    for _ in range(50):
        if lock.exclusive():
            return True
        time.sleep(0.02)
    return False


def main(data_dir: str) -> int:
    """Leaves a detached supervisor behind, unless there is one already."""
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s", level=logging.INFO)
    folder = DataFolder(Path(data_dir))
    lock = Lock(folder.supervisor_lock)
    if not _take(lock):
        return 0
    if os.fork():
        # The asker goes on: the lock is taken, and the child that holds it is nobody's business to reap.
        os._exit(0)
    try:
        return Supervisor(folder).run()
    except StoreUnavailable as error:
        _log.error("%s", error)
        return 1
    finally:
        with contextlib.suppress(OSError):
            folder.sockets.rmdir()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
