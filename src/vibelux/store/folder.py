"""What lies where in a data folder, and the locks by which processes agree about its server."""

import fcntl
import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

DATABASE = "vibelux"
_SHORT = Path("/tmp")  # noqa: S108 (the folder in it is private; TMPDIR may differ between users of one server)
_LONGEST_SOCKET_FOLDER = 92
"""A socket's whole path may have 107 bytes, and PostgreSQL appends `/.s.PGSQL.5432`."""


@dataclass(frozen=True)
class DataFolder:
    """The files of the embedded server of one data folder."""

    root: Path

    @property
    def pg(self) -> Path:
        """PostgreSQL's own folder."""
        return self.root / "pg"

    @property
    def log(self) -> Path:
        """What supervisor and server have to say."""
        return self.root / "postgres.log"

    @property
    def users_lock(self) -> Path:
        """Held shared by each process that uses the server, exclusively by the supervisor that ends it."""
        return self.root / "users.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the supervisor as long as it lives."""
        return self.root / "supervisor.lock"

    @cached_property
    def sockets(self) -> Path:
        """The folder of the server's socket: short, and the same for every process."""
        owner = self.root.stat().st_uid
        name = f"vibelux-{owner}-{hashlib.sha256(os.fsencode(self.root.resolve())).hexdigest()[:12]}"
        base = _SHORT if os.access(_SHORT, os.W_OK) else Path(tempfile.gettempdir())
        if len(os.fsencode(base / name)) > _LONGEST_SOCKET_FOLDER:
            base = self.root
        return base / name

    @property
    def socket(self) -> Path:
        """The server's socket."""
        return self.sockets / ".s.PGSQL.5432"

    @property
    def url(self) -> str:
        """How psycopg and psql reach the server."""
        return f"postgresql://{DATABASE}@/{DATABASE}?host={quote(str(self.sockets))}"

    def log_tail(self, most_bytes: int = 2000) -> str:
        """The end of the log, for error texts."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - most_bytes))
                return log.read().decode(errors="replace").strip()
        except FileNotFoundError:
            return "(no log)"


class Lock:
    """An flock on a file. The kernel lets go of it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def shared(self) -> bool:
        """Tries to hold it together with others; False if somebody holds it alone."""
        return self._try(fcntl.LOCK_SH)

    def exclusive(self) -> bool:
        """Tries to hold it alone; False if somebody else holds it."""
        return self._try(fcntl.LOCK_EX)

    def _try(self, mode: int) -> bool:
        try:
            fcntl.flock(self._handle, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Lets go."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def held(path: Path) -> bool:
    """Whether some process holds the lock alone just now."""
    lock = Lock(path)
    try:
        return not lock.shared()
    finally:
        lock.close()
