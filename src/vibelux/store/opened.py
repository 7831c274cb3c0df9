"""The database of a configuration: an external one by its address, else the embedded one of the data folder."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from vibelux.store.database import Database
from vibelux.store.embedded import Embedded


@asynccontextmanager
async def opened(database_url: str | None, data_dir: Path) -> AsyncIterator[Database]:
    """The database for as long as the block runs; a server that runs already is joined, not disturbed.

    Raises:
        StoreUnavailable: it is away.
    """
    async with AsyncExitStack() as stack:
        if database_url is None:
            embedded = await Embedded.open(data_dir)
            stack.push_async_callback(embedded.close)
            database_url = embedded.url
        database = await Database.open(database_url)
        stack.push_async_callback(database.close)
        yield database
