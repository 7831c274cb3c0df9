"""What the rooms tell each other: new market data, upstreams that fail, prices that move, decisions."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import structlog

from vibelux.market.errors import FeedError, UsageError
from vibelux.store.writer import Written

if TYPE_CHECKING:
    import polars as pl

log = structlog.get_logger(__name__)

MARKET_DATA_UPDATED = "market-data-updated"
PROVIDER_ERROR = "provider-error"
PRICE_UPDATE = "price-update"
CHP_DECISION_UPDATE = "chp-decision-update"

Callback = Callable[[Any], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class Taken:
    """How a payload came in."""

    fetch_seconds: float
    """Real seconds until upstream had answered."""
    read_at: datetime
    """When it had been read and checked."""


@dataclass(frozen=True, slots=True)
class MarketDataUpdated:
    """Rows of one kind that are new or were corrected, and are committed."""

    provider: str
    data_type: str
    region: str
    feed: str
    kind: str
    names: frozenset[str]
    """The nodes, hubs or market names that were touched."""
    newest_end: datetime | None
    """End of the newest interval of the payload, UTC; None where records of the kind have none."""
    received_at: datetime
    written: Written
    origin: str
    """`live`, `recorded`, `rebuilt` or `synthetic`."""
    rows: "pl.DataFrame | None" = None
    """All rows of the kind that the payload held, as `market.records` has them."""
    published_at: datetime | None = None
    """When it was due by the feed's declaration, where that is known."""
    stored_at: datetime | None = None
    taken: Taken | None = None
    """None for what waited for the store."""


@dataclass(frozen=True, slots=True)
class ProviderFailed:
    """A feed could not be asked, or its answer could not be used."""

    provider: str
    data_type: str
    feed: str
    error: FeedError
    at: datetime


@dataclass(frozen=True, slots=True)
class PriceUpdated:
    """A price that facilities or the region's hubs have, and how it stands to the last one."""

    kind: str
    """`electricity-price`, `gas-price` or `carbon-price`."""
    region: str
    name: str
    """The node, hub or allowance market."""
    price: float
    """In the unit of the record's own price."""
    last: float | None
    """What it was before; None where nothing was known."""
    change: float | None
    """Relative to the last one, 0.05 for five percent more."""
    significant: bool
    """Whether that is over the threshold."""
    since: datetime | date
    """The interval's start, or the trading day."""
    origin: str


@dataclass(frozen=True, slots=True)
class DecisionMade:
    """A decision that is kept and told."""

    facility_id: str
    answer: dict[str, Any]
    """That of `/api/chp/decision`."""
    degraded: bool
    """Whether it rests on less than a live price."""


class Subscription:
    """A callback's place in line, until it is cancelled."""

    def __init__(self, cancel: Callable[[], object]) -> None:
        self._cancel = cancel

    def cancel(self) -> None:
        """Ends it; a second time does nothing."""
        self._cancel()


class Events:
    """Callbacks by the name of the event."""

    def __init__(self) -> None:
        names = (MARKET_DATA_UPDATED, PROVIDER_ERROR, PRICE_UPDATE, CHP_DECISION_UPDATE)
        self._callbacks: dict[str, list[Callback]] = {name: [] for name in names}

    def on(self, name: str, callback: Callback) -> Subscription:
        """Calls `callback(event)`, plain or async, at each event of that name.

        Raises:
            UsageError: there is no such event.
        """
        if name not in self._callbacks:
            raise UsageError(f"no event is called {name!r}; known: {', '.join(self._callbacks)}")
        callbacks = self._callbacks[name]
        callbacks.append(callback)

        def cancel() -> None:
            if callback in callbacks:
                callbacks.remove(callback)

        return Subscription(cancel)

    async def emit(self, name: str, event: Any) -> None:
        """Tells all, in the order in which they came; one that fails is logged and stops no other."""
        for callback in tuple(self._callbacks[name]):
            try:
                result = callback(event)
                if inspect.isawaitable(result):
                    await result
            except Exception:
                log.exception("a listener failed", event_name=name, feed=getattr(event, "feed", None))
