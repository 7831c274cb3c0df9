"""The seat at the desk: of all processes on one database one sits there and decides, the others serve.

A lock of PostgreSQL says who sits: it is the sitting process's connection that holds it, so that it is free at once
when that process is killed. A number that rises with each change of seats goes into every decision's transaction, so
that one who has lost the seat without knowing it yet writes nothing.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from vibelux.market.errors import StoreUnavailable
from vibelux.store.database import Readable

_CONNECT_SECONDS = 5
_KEEPALIVE = "keepalives_idle=5 keepalives_interval=2 keepalives_count=3 tcp_user_timeout=10000"
_KEEPALIVE_OF_SERVER = (
    "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;"
    " SET idle_session_timeout = 0"
)
"""A machine that is gone without a word must not keep the seat for hours."""

_KEY = "hashtextextended(%s, 0)"
"""Of the lock, by the seat's name."""
_TAKEN = f"""
    SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32 | objid::bigint) = {_KEY})
"""  # noqa: S608 (our own words)


@dataclass(frozen=True, slots=True)
class Held:
    """A seat, and the time for which it is held."""

    name: str
    epoch: int

    async def check(self, connection: psycopg.AsyncConnection) -> None:
        """Holds the seat fast until the transaction ends.

        Raises:
            StoreUnavailable: another has taken it since.
        """
        cursor = await connection.execute("SELECT epoch FROM service_seats WHERE name = %s FOR SHARE", (self.name,))
        row = await cursor.fetchone()
        if row is None or row[0] != self.epoch:
            raise StoreUnavailable(f"another process has taken the seat at the {self.name}")


class Seat:
    """One named seat.

    Args:
        url: of the database; it must be a session of one's own, so a pooler has to be in session mode.
        name: of the seat.
    """

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._connection: psycopg.AsyncConnection | None = None
        self.epoch: int | None = None
        """Of the time for which we sit; None while we do not."""

    async def take(self) -> bool:
        """Takes the seat if it is free; whether we sit. Who sits already makes sure of it.

        Raises:
            StoreUnavailable: the database is away, and nothing is known.
        """
        try:
            connection = await self._connected()
            if self.epoch is None:
                self.epoch = await self._won(connection)
            else:
                await connection.execute("SELECT 1")
        except psycopg.Error as error:
            await self.leave()
            raise StoreUnavailable(f"the seat cannot be taken: {' '.join(str(error).split())}") from error
        return self.epoch is not None

    async def _won(self, connection: psycopg.AsyncConnection) -> int | None:
        """The number of our time, if the seat was free."""
        cursor = await connection.execute(f"SELECT pg_try_advisory_lock({_KEY})", (self._name,))
        row = await cursor.fetchone()
        if row is None or not row[0]:
            return None
        cursor = await connection.execute(
            "INSERT INTO service_seats AS held (name, epoch) VALUES (%s, 1)"
            " ON CONFLICT (name) DO UPDATE SET epoch = held.epoch + 1, taken_at = now() RETURNING epoch",
            (self._name,),
        )
        row = await cursor.fetchone()
        return None if row is None else int(row[0])

    @property
    def held(self) -> Held:
        """What a decision's transaction checks.

        Raises:
            StoreUnavailable: we do not sit, or cannot know it at the moment.
        """
        if self.epoch is None:
            raise StoreUnavailable("whether this process still has the seat is not known")
        return Held(self._name, self.epoch)

    async def leave(self) -> None:
        """Gives the seat back: it is free when this returns, unless the connection is broken already."""
        connection, self._connection, self.epoch = self._connection, None, None
        if connection is not None:
            with suppress(psycopg.Error):
                # The server notices a closed connection a moment later; the next to sit shall not have to wait for it.
                await connection.execute("SELECT pg_advisory_unlock_all()")
            await connection.close()

    async def _connected(self) -> psycopg.AsyncConnection:
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(
                make_conninfo(self._url, connect_timeout=_CONNECT_SECONDS, **conninfo_to_dict(_KEEPALIVE)),
                autocommit=True,
            )
            await self._connection.execute(_KEEPALIVE_OF_SERVER)
        return self._connection

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()


async def seat_is_taken(db: Readable, name: str) -> bool:
    """Whether some process holds a seat.

    Raises:
        StoreUnavailable: the database is away.
    """
    async with db.connection() as connection:
        row = await (await connection.execute(_TAKEN, (name,))).fetchone()
    return row is not None and row[0]
