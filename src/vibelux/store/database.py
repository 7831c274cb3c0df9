"""The way to a PostgreSQL: a pool of connections that mends itself, and one transaction at a time out of it."""

import asyncio
import logging
import select
import time
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from typing import Protocol, Self
from weakref import WeakKeyDictionary

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from vibelux.market.errors import StoreUnavailable, UsageError
from vibelux.store.migrate import migrate
from vibelux.store.wall import raise_wall

_CONNECT_SECONDS = 10
_WAIT_SECONDS = 5.0
_TRY_SECONDS = 0.5
"""A pool that lost its server tries again only when it is asked again."""
_SURE_SECONDS = 1.0
"""A connection that worked a moment ago is asked for a sign of life only where something lies in its socket."""

# What the pool has to say on lost connections reaches callers as StoreUnavailable; a log that is set up gets it too.
logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())


_patience = ContextVar("patience", default=False)


def wait_patiently() -> None:
    """From here on this task stands in line for connections as long as it takes.

    It is for who has time, such as an open socket: that many want something else at the moment is no fault. A server
    that is away is told as ever.
    """
    _patience.set(True)


def is_patient() -> bool:
    """Whether this task waits so."""
    return _patience.get()


class Readable(Protocol):
    """Where reads get a connection from: the database, one transaction of it (`at_once`) or a part (`limited_to`)."""

    def connection(self) -> AbstractAsyncContextManager[psycopg.AsyncConnection]:
        """A connection within a transaction."""
        ...


@dataclass(frozen=True, slots=True)
class _AtOnce:
    """One transaction that several reads share."""

    shared: psycopg.AsyncConnection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection]:
        """The same for all."""
        yield self.shared


@dataclass(frozen=True, slots=True)
class _Limited:
    """The database as far as it is some facilities' own."""

    whole: "Database"
    facilities: tuple[str, ...]

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection]:
        """One transaction, in which the policies of `store.wall` hold."""
        async with self.whole.connection() as connection:
            await connection.execute(
                "SELECT set_config('vibelux.facilities', (%s::text[])::text, true),"
                " CASE WHEN %s::text IS NOT NULL THEN set_config('role', %s, true) END",
                (list(self.facilities), self.whole.tenant_role, self.whole.tenant_role),
            )
            yield connection


class Database:
    """An open database with the schema of this version. Safe for many tasks at once."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = url
        self.tenant_role: str | None = None
        """What transactions take that are limited to facilities; see `store.wall`."""
        self.known_months: set[date] = set()
        """Months whose partition this process has seen; see `store.partitions`."""
        self.known_nodes: dict[tuple[str, str, str | None], tuple[date, date]] = {}
        """Nodes that this process has noted, with the first and last day; see `store.nodes`."""
        self.known_node_sets: set[tuple[int, int, date, date]] = set()
        self._places = asyncio.Semaphore(pool_size)
        """First come, first served; who waits at the pool itself goes to the end of its queue with each new try."""
        self._worked_at = WeakKeyDictionary[psycopg.AsyncConnection, float]()
        self._pool = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=pool_size,
            open=False,
            reconnect_timeout=0,
            kwargs={"connect_timeout": _CONNECT_SECONDS},
            configure=_configure,
            check=self._check,
        )

    @classmethod
    async def open(cls, url: str, *, pool_size: int = 8) -> Self:
        """Connects and brings the schema up to date; of many processes that do so at once, one migrates.

        Raises:
            StoreUnavailable: there is no server, or its schema is not one that this version can use.
        """
        try:
            connection = await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=_CONNECT_SECONDS)
            async with connection:
                await migrate(connection)
                tenant_role = await raise_wall(connection)
        except psycopg.Error as error:
            raise _unavailable(error) from error
        database = cls(url, pool_size=pool_size)
        database.tenant_role = tenant_role
        await database._pool.open()
        return database

    async def close(self) -> None:
        """Closes all connections."""
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises:
            StoreUnavailable: the server is away or refuses. If that happened in the commit itself, it is unknown
                whether it took place.
            UsageError: a value is one that PostgreSQL cannot hold, such as text with a NUL character.
        """
        try:
            async with self._borrowed() as connection, connection:
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed, TooManyRequests) as error:
            raise _unavailable(error) from error
        except psycopg.DataError as error:
            raise UsageError(f"the database cannot hold this: {_said(error)}") from error

    @asynccontextmanager
    async def at_once(self) -> AsyncIterator[Readable]:
        """Several reads in one transaction, one after the other: they cost one connection instead of one each.

        Raises:
            StoreUnavailable: as `connection`.
        """
        async with self.connection() as connection:
            yield _AtOnce(connection)

    def limited_to(self, facilities: Collection[str]) -> Readable:
        """The same database for somebody who may see these facilities alone, whatever a statement asks for.

        Tables that belong to no facility (prices, series) are all there; keys and secrets are not.
        """
        return _Limited(self, tuple(facilities))

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[psycopg.AsyncConnection]:
        try:
            async with asyncio.timeout(None if is_patient() else _WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError as error:
            raise PoolTimeout(f"all connections were busy for {_WAIT_SECONDS:.0f} s") from error
        try:
            connection = await self._from_pool(time.monotonic() + _WAIT_SECONDS)
            try:
                yield connection
            finally:
                self._worked_at[connection] = time.monotonic()
                await self._pool.putconn(connection)
        finally:
            self._places.release()

    async def _from_pool(self, deadline: float) -> psycopg.AsyncConnection:
        while True:
            try:
                return await self._pool.getconn(_TRY_SECONDS)
            except PoolTimeout:
                if time.monotonic() > deadline:
                    raise

    async def _check(self, connection: psycopg.AsyncConnection) -> None:
        worked = time.monotonic() - self._worked_at.get(connection, 0.0) < _SURE_SECONDS
        if not worked or _has_something_to_read(connection):
            await AsyncConnectionPool.check_connection(connection)

    async def ping(self) -> None:
        """Asks the server for a sign of life.

        Raises:
            StoreUnavailable: it gives none.
        """
        async with self.connection() as connection:
            await connection.execute("SELECT 1")


def _has_something_to_read(connection: psycopg.AsyncConnection) -> bool:
    """Whether the server has spoken unasked, which most often means that it has hung up."""
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    return bool(socket.poll(0))


async def _configure(connection: psycopg.AsyncConnection) -> None:
    """All times come out in UTC whatever the server's own zone is."""
    await connection.execute("SET TIME ZONE 'UTC'")
    await connection.commit()


def _unavailable(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(f"the database is not available: {_said(error)}")


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
