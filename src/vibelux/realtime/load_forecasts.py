"""What operators themselves expect that their sites will need: asked for at their addresses, the last good one kept."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog

from vibelux.dispatch.facility import Facility
from vibelux.dispatch.loads import Loads, Told, loads_of
from vibelux.ingest.documents import named_document
from vibelux.ingest.named_address import LookUp, looked_up
from vibelux.market.clock import Clock
from vibelux.market.errors import ConfigError, FeedError, StoreUnavailable
from vibelux.store.database import Database
from vibelux.store.load_forecasts import Answer, forecast_of, put_forecast

log = structlog.get_logger(__name__)

_ASKED_EVERY = timedelta(minutes=15)
_OLD = timedelta(hours=1)
"""Four times without a good answer."""
_LOOK_SECONDS = 5.0
_AT_ONCE = 8
_WHAT = "the address of the demand"


@dataclass(frozen=True, slots=True)
class _Held:
    url: str
    loads: Loads
    received_at: datetime


class LoadForecasts:
    """Asks for them, and hands them to who looks ahead.

    Args:
        db: where the last good ones are kept over a restart.
        clock: the service's.
        allow_private: whether addresses may be in the operator's own network or on this machine.
        look_up: who knows the addresses of names.
    """

    def __init__(self, db: Database, clock: Clock, *, allow_private: bool, look_up: LookUp = looked_up) -> None:
        self._db = db
        self._clock = clock
        self._allow_private = allow_private
        self._look_up = look_up
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._held: dict[str, _Held | None] = {}
        self._asked_at: dict[str, tuple[str, datetime]] = {}

    async def told(self, facility: Facility, now: datetime) -> Told | None:
        """The newest forecast of a facility, with a word where it is old; None where none has ever come.

        Raises:
            StoreUnavailable: the database is away.
        """
        url = facility.demand.url
        if url is None:
            return None
        if facility.id not in self._held:
            kept = await forecast_of(self._db, facility.id)
            self._held.setdefault(facility.id, None if kept is None else _read(kept))
        held = self._held[facility.id]
        if held is None or held.url != url:
            return None
        age = now - held.received_at
        if age <= _OLD:
            return Told(held.loads)
        return Told(held.loads, (f"The forecast of its demand is {age / timedelta(hours=1):.1f} h old.",))

    async def run(self, facilities: Callable[[], Iterable[Facility]], came: Callable[[str], None]) -> None:
        """Asks until cancelled.

        Args:
            facilities: all that there are.
            came: is told of each facility whose forecast is another than before.
        """

        async def one(facility: Facility) -> None:
            try:
                if await self.ask(facility):
                    came(facility.id)
            except StoreUnavailable as error:
                log.warning("the store is away; no forecast is kept", facility=facility.id, error=str(error))

        while True:
            await asyncio.gather(*(one(facility) for facility in facilities() if facility.demand.url is not None))
            await asyncio.sleep(_LOOK_SECONDS)

    async def ask(self, facility: Facility) -> bool:
        """Asks for a facility's forecast if that is due; True if another came.

        What cannot be had or read is told in the log, and the last good one stays.

        Raises:
            StoreUnavailable: the database is away.
        """
        url, now = facility.demand.url, self._clock.now()
        if url is None or not self._is_due(facility.id, url, now):
            return False
        self._asked_at[facility.id] = url, now
        before = await self.told(facility, now)
        try:
            async with self._turns:
                body = await named_document(
                    url,
                    what=_WHAT,
                    allow_private=self._allow_private,
                    setting="DEMAND_ALLOW_PRIVATE",
                    look_up=self._look_up,
                )
            answer = Answer(url, body, now)
            held = _read(answer)
        except (ConfigError, FeedError) as error:
            log.warning("no forecast of the demand; the last good one stays", facility=facility.id, error=str(error))
            return False
        await put_forecast(self._db, facility.id, answer)
        self._held[facility.id] = held
        return before is None or before.loads != held.loads

    def _is_due(self, facility_id: str, url: str, now: datetime) -> bool:
        asked = self._asked_at.get(facility_id)
        return asked is None or asked[0] != url or not timedelta(0) <= now - asked[1] < _ASKED_EVERY


def _read(answer: Answer) -> _Held:
    """Reads an answer; its source is called by the host, as the rest of an address may hold a key."""
    host = urlsplit(answer.url).hostname or answer.url
    return _Held(answer.url, loads_of(answer.body, host, f"the table of {host}"), answer.received_at)
