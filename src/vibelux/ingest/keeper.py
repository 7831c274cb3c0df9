"""What ingest needs of the store, and the store behind it."""

from datetime import datetime
from typing import Any, Protocol

from vibelux.market.errors import FeedError
from vibelux.market.records import Parsed
from vibelux.store.database import Database
from vibelux.store.journal import Receipt
from vibelux.store.reader import feed_status, latest_price, newest_price_of_region
from vibelux.store.writer import Written, write_failure, write_payload


class Keeper(Protocol):
    """Keeps payloads. All raise StoreUnavailable while it cannot."""

    async def payload(
        self, receipt: Receipt, parsed: Parsed, *, latency_ms: int | None, position: datetime | None
    ) -> Written:
        """All rows of a payload, its receipt and the feed's position, in one transaction."""
        ...

    async def failure(self, receipt: Receipt, error: FeedError) -> None:
        """A payload that could not be read, or (with no bytes) one that could not be had."""
        ...

    async def positions(self) -> dict[str, datetime]:
        """By feed, the end of the newest interval stored."""
        ...


class PriceReader(Protocol):
    """Reads prices back. Raises StoreUnavailable while it cannot."""

    async def newest_price(self, iso_region: str, market: str, at: datetime) -> dict[str, Any] | None:
        """A price of the region's newest interval that starts at or before `at`: a hub's if there is one."""
        ...


class DatabaseKeeper:
    """The store."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def payload(
        self, receipt: Receipt, parsed: Parsed, *, latency_ms: int | None, position: datetime | None
    ) -> Written:
        """See `Keeper`."""
        return await write_payload(self._db, receipt, parsed, latency_ms=latency_ms, position=position)

    async def failure(self, receipt: Receipt, error: FeedError) -> None:
        """See `Keeper`."""
        await write_failure(self._db, receipt, error)

    async def positions(self) -> dict[str, datetime]:
        """See `Keeper`."""
        return {row["feed"]: row["position"] for row in await feed_status(self._db) if row["position"] is not None}

    async def latest_price(self, iso_region: str, node: str | None, market: str, at: datetime) -> dict[str, Any] | None:
        """The newest price of a node, or of one of the region's hubs, whose interval starts at or before `at`."""
        if node is None:
            return await newest_price_of_region(self._db, iso_region, market, at=at)
        return await latest_price(self._db, iso_region, node, market, at=at)

    async def newest_price(self, iso_region: str, market: str, at: datetime) -> dict[str, Any] | None:
        """See `PriceReader`."""
        return await newest_price_of_region(self._db, iso_region, market, at=at)
