"""What all tests share."""

import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
import structlog
from psycopg import sql

sys.path.insert(0, str(Path(__file__).parent))

from vibelux.store.database import Database
from vibelux.store.embedded import Embedded

_TEMPLATE = "migrated"
_numbers = count(1)

_MEMORY = Path("/dev/shm")  # noqa: S108 (pytest makes a folder of its own there that is ours alone)
_ROOM = 4 << 30
"""Bytes; an eighth of it is the most that was seen taken."""


def _has_room(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize > _ROOM and not found.f_flag & os.ST_NOEXEC


# Hundreds of databases are made here and thrown away: in memory that takes half the time it takes on a disk.
if "TMPDIR" not in os.environ and _has_room(_MEMORY):
    tempfile.tempdir = os.environ["TMPDIR"] = str(_MEMORY)


@dataclass(frozen=True)
class Server:
    """The one PostgreSQL of a test session, with a migrated database to copy from."""

    url: str

    def url_of(self, name: str) -> str:
        return self.url.replace("/vibelux?", f"/{name}?")

    async def admin(self) -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(self.url_of("postgres"), autocommit=True)


@pytest.fixture(autouse=True)
def _quiet_logs() -> Iterator[None]:
    """A test that runs a command sets up logs on its own captured stderr; the next must not write there."""
    yield
    structlog.reset_defaults()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """An embedded server in a folder of its own; one a worker."""
    embedded = await Embedded.open(tmp_path_factory.mktemp("database"))
    server = Server(embedded.url)
    async with await server.admin() as connection:
        await connection.execute("ALTER SYSTEM SET fsync = off")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
    await (await Database.open(server.url_of(_TEMPLATE), pool_size=1)).close()
    yield server
    await embedded.close()


@pytest.fixture
async def database_url(database_server: Server) -> AsyncIterator[str]:
    """A fresh database with the whole schema and nothing in it."""
    name = sql.Identifier(fresh := f"test_{next(_numbers)}")
    async with await database_server.admin() as connection:
        await connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(name, sql.Identifier(_TEMPLATE))
        )
    yield database_server.url_of(fresh)
    async with await database_server.admin() as connection:
        await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The fresh database, open."""
    db = await Database.open(database_url, pool_size=4)
    yield db
    await db.close()
