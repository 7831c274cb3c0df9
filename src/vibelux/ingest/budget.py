"""How often an upstream may be asked: one request each so many seconds of the clock, whoever asks."""

from datetime import datetime, timedelta
from typing import Protocol

import structlog

from vibelux.market.errors import StoreUnavailable

log = structlog.get_logger(__name__)


class Budget(Protocol):
    """Hands out slots; `vibelux.store.budgets.StoredBudget` does so for all processes on one database."""

    async def reserve(self, service: str, seconds_between: float, now: datetime) -> float:
        """Takes the next free slot and says how many seconds from `now` it lies."""
        ...


class LocalBudget:
    """The budget of one process."""

    def __init__(self) -> None:
        self._next_free: dict[str, datetime] = {}

    async def reserve(self, service: str, seconds_between: float, now: datetime) -> float:
        """Takes the next free slot and says how many seconds from `now` it lies."""
        slot = max(now, self._next_free.get(service, now))
        self._next_free[service] = slot + timedelta(seconds=seconds_between)
        return (slot - now).total_seconds()


class SharedBudget:
    """The budget in the store; while the store is away, that of this process."""

    def __init__(self, stored: Budget) -> None:
        self._stored = stored
        self._local = LocalBudget()
        self._away = False

    async def reserve(self, service: str, seconds_between: float, now: datetime) -> float:
        """Takes the next free slot and says how many seconds from `now` it lies."""
        local = await self._local.reserve(service, seconds_between, now)
        try:
            stored = await self._stored.reserve(service, seconds_between, now)
        except StoreUnavailable as error:
            if not self._away:
                log.warning("the store is away: request budgets hold for this process only", error=str(error))
            self._away = True
            return local
        self._away = False
        return stored
