"""The store, whose status of a feed also says when something new was expected, and whose prices are remembered."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from vibelux.serve.ports import Row
from vibelux.serve.stored import StoredStore
from vibelux.store.database import Database

Expectation = Callable[[Row], Row]
"""From a feed's stored status (empty where nothing is stored) to `expectedAt`, `lateSeconds` and `expected`."""


Latest = Callable[[str, str | None, str], Awaitable[Row | None]]
"""From grid, node (None: one of its hubs) and market to the newest price now (`ingest.latest`)."""


class ExpectingStore(StoredStore):
    """Knows of each feed that runs what is expected of it, and the newest prices without asking the database.

    Args:
        db: the database.
        expectations: by the name of the feed.
        latest: who remembers the newest prices.
    """

    def __init__(self, db: Database, expectations: Mapping[str, Expectation], latest: Latest) -> None:
        super().__init__(db)
        self._expectations = expectations
        self._latest = latest

    async def latest_price(self, iso_region: str, node: str | None, market: str, at: datetime) -> Row | None:
        """The newest price that had begun at `at`, which is always now."""
        del at
        return await self._latest(iso_region, node, market)

    async def feed_status(self) -> list[Row]:
        """For each feed its newest receipt, position, last error and, where it runs, what is expected of it."""
        known = {row["feed"]: row for row in await super().feed_status()}
        expected = {
            name: {"feed": name, **known.get(name, {}), **expectation(known.get(name, {}))}
            for name, expectation in self._expectations.items()
        }
        return list((known | expected).values())
