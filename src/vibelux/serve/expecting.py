"""The store, whose status of a feed also says when something new was expected and how late it is."""

from collections.abc import Callable, Mapping

from vibelux.serve.ports import Row
from vibelux.serve.stored import StoredStore
from vibelux.store.database import Database

Expectation = Callable[[Row], Row]
"""From a feed's stored status (empty where nothing is stored) to `expectedAt`, `lateSeconds` and `expected`."""


class ExpectingStore(StoredStore):
    """Knows of each feed that runs what is expected of it.

    Args:
        db: the database.
        expectations: by the name of the feed.
    """

    def __init__(self, db: Database, expectations: Mapping[str, Expectation]) -> None:
        super().__init__(db)
        self._expectations = expectations

    async def feed_status(self) -> list[Row]:
        """For each feed its newest receipt, position, last error and, where it runs, what is expected of it."""
        known = {row["feed"]: row for row in await super().feed_status()}
        expected = {
            name: {"feed": name, **known.get(name, {}), **expectation(known.get(name, {}))}
            for name, expectation in self._expectations.items()
        }
        return list((known | expected).values())
