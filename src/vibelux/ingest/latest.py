"""The newest price of a place, answered from memory: this process's own, then what all processes share, then the store.

A price is forgotten when a newer one of its region comes, when its interval ends, and after the time to live in any
case. What is read while a newer one comes is answered but not remembered.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from vibelux.ingest.events import MarketDataUpdated
from vibelux.market.clock import Clock
from vibelux.market.records import ELECTRICITY_PRICE, Type
from vibelux.store.shared import Shared

CACHE_SECONDS = 300.0

Row = dict[str, Any]
Read = Callable[[str, str | None, str, datetime], Awaitable[Row | None]]
"""From grid, node (None: one of its hubs), market and moment to the newest price that had begun then."""
Place = tuple[str, str | None, str]

_CHANNEL = "prices"
_TIMES = (*(field.name for field in ELECTRICITY_PRICE.fields if field.type is Type.TIME), "known_at")


@dataclass(frozen=True, slots=True)
class _Remembered:
    row: Row
    until: datetime


class LatestPrices:
    """See the module.

    Args:
        clock: the service's.
        read: the store.
        shared: what processes share; None: nothing.
        seconds: the time to live.
        hears: whether this process is told of all new prices. One that is not remembers nothing by itself.
    """

    def __init__(
        self,
        clock: Clock,
        read: Read,
        *,
        shared: Shared | None = None,
        seconds: float = CACHE_SECONDS,
        hears: Callable[[], bool] = lambda: True,
    ) -> None:
        self._clock = clock
        self._read = read
        self._shared = shared
        self._seconds = seconds
        self._live_for = timedelta(seconds=seconds)
        self._hears = hears
        self._remembered: dict[Place, _Remembered] = {}
        self._version: dict[str, int] = defaultdict(int)
        if shared is not None:
            shared.hear(_CHANNEL, self._forget_grid)
            shared.on_return(self._remembered.clear)

    async def newest(self, iso_region: str, node: str | None, market: str) -> Row | None:
        """The newest price that has begun; None where none is known.

        Raises:
            StoreUnavailable: it is not remembered and the store is away.
        """
        place, now = (iso_region, node, market), self._clock.now()
        remembered = self._remembered.get(place)
        if remembered is not None and now < remembered.until and self._is_told:
            return remembered.row
        version = self._version[iso_region]
        row, shared_version = await self._from_shared(place, now)
        if row is None:
            row = await self._read(iso_region, node, market, now)
            if row is not None:
                await self._share(place, row, now, shared_version)
        if row is not None and version == self._version[iso_region]:
            self._remembered[place] = _Remembered(row, self._until(row, now))
        return row

    async def on_market_data(self, event: MarketDataUpdated) -> None:
        """Forgets the prices of a grid that has new ones, here and in all processes."""
        if event.kind == ELECTRICITY_PRICE.name:
            grid = event.provider.upper()
            self._forget_grid(grid)
            if self._shared is not None:
                await self._shared.raise_version(_version_key(grid))
                self._shared.hint(_CHANNEL, grid)

    @property
    def _is_told(self) -> bool:
        return self._hears() or (self._shared is not None and self._shared.is_there)

    def _forget_grid(self, grid: str) -> None:
        self._version[grid] += 1
        for place in [place for place in self._remembered if place[0] == grid]:
            del self._remembered[place]

    def _until(self, row: Row, now: datetime) -> datetime:
        """An hour's price is not answered into the next hour."""
        end: datetime = row["market_interval_end"]
        return min(now + self._live_for, end) if end > now else now + self._live_for

    async def _from_shared(self, place: Place, now: datetime) -> tuple[Row | None, int | None]:
        """The copy, if it was made under the present version and still holds; and that version."""
        if self._shared is None or not self._shared.is_there:
            return None, None
        found, counted = await self._shared.read([_copy_key(place), _version_key(place[0])])
        version = int(counted or 0)
        if found is None:
            return None, version
        copy = msgspec.json.decode(found)
        row = {name: datetime.fromisoformat(v) if name in _TIMES and v else v for name, v in copy["row"].items()}
        holds = copy["version"] == version and now < datetime.fromisoformat(copy["until"])
        return (row if holds else None), version

    async def _share(self, place: Place, row: Row, now: datetime, version: int | None) -> None:
        if self._shared is not None and version is not None:
            copy = {"version": version, "until": self._until(row, now), "row": row}
            await self._shared.lay(_copy_key(place), msgspec.json.encode(copy), self._seconds)


def _copy_key(place: Place) -> str:
    iso_region, node, market = place
    return f"price:{iso_region}:{market}:{node or ''}"


def _version_key(iso_region: str) -> str:
    return f"prices:{iso_region}"
