"""What all tests share."""

import sys
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
        await connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
    await (await Database.open(server.url_of(_TEMPLATE), pool_size=1)).close()
    yield server
    await embedded.close()


@pytest.fixture
async def database_url(database_server: Server) -> AsyncIterator[str]:
    """A fresh database with the whole schema and nothing in it."""
    name = sql.Identifier(fresh := f"test_{next(_numbers)}")
    async with await database_server.admin() as connection:
        await connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(_TEMPLATE)))
    yield database_server.url_of(fresh)
    async with await database_server.admin() as connection:
        await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The fresh database, open."""
    db = await Database.open(database_url, pool_size=4)
    yield db
    await db.close()
