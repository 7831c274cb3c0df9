"""A facility as the store has it: for a process that does not decide itself, and until it has decided again."""

import asyncio
import time
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from vibelux.dispatch.facility import Facility
from vibelux.dispatch.state import PlantState
from vibelux.market.clock import Clock
from vibelux.market.errors import ConfigError
from vibelux.market.intervals import parse_utc
from vibelux.outlook.conditions import Limits
from vibelux.realtime.carbon_intensity import Intensities
from vibelux.realtime.gather import market_rows
from vibelux.realtime.held import Held
from vibelux.realtime.reported import newest_report
from vibelux.store import decisions as kept
from vibelux.store.database import Database
from vibelux.store.facilities import one_facility

_ANYWHERE = Path("/")
"""Facilities that an operator's own file or command put there name their demand files by whole paths."""

_GRACE = timedelta(minutes=15)
"""A decision that ran out longer ago is none: whoever should have renewed it is not there."""


def facility_of(row: dict[str, object]) -> Facility:
    """A facility from its row in the store.

    Raises:
        ConfigError: it cannot be read.
    """
    body = row["body"]
    if not isinstance(body, dict):
        raise ConfigError(f"{row['id']}: is no object")
    return Facility.from_dict(body, folder=None if row["source"] == "rest" else _ANYWHERE)


class Memory:
    """Recalls facilities.

    Args:
        db: the store.
        clock: the service's.
        limits: ages over which prices are stale.
        stale_operations_seconds: a report of a facility that is older is not planned on.
    """

    def __init__(self, db: Database, clock: Clock, limits: Limits, stale_operations_seconds: float) -> None:
        self._db = db
        self._clock = clock
        self._limits = limits
        self._stale_operations = stale_operations_seconds
        self._intensities = Intensities(db)
        self._reading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._read: dict[str, tuple[float, Held | None]] = {}
        """What the last reading found of a facility, and when it began."""

    async def recall(self, facility_id: str) -> Held | None:
        """What its last decision left and what the market has said since; None for a facility that there is not.

        Of many who ask at the same time one reads for all: whoever asked before that reading began.

        Raises:
            StoreUnavailable: the database is away.
        """
        asked = time.monotonic()
        async with self._reading[facility_id]:
            began, found = self._read.get(facility_id, (0.0, None))
            if began <= asked:
                began = time.monotonic()
                found = await self._read_now(facility_id)
                self._read[facility_id] = began, found
        return found

    async def _read_now(self, facility_id: str) -> Held | None:
        async with self._db.at_once() as reads:
            row = await one_facility(reads, facility_id)
            last = await kept.latest_decision(reads, facility_id)
        if row is None:
            return None
        try:
            held = Held(facility_of(row))
        except ConfigError:
            return None
        now, facility = self._clock.now(), held.facility
        if last is not None:
            held.state = PlantState.from_decision(last["decision"])
            if not _has_run_out(last["decision"]["validUntil"], now):
                held.answer = {"decision": last["decision"], **last["conditions"]}
                held.answer |= {} if last["seq"] is None else {"seq": last["seq"]}
        rows = await market_rows(self._db, facility, now, self._limits.real_time(facility.iso_region))
        held.rows = replace(rows, intensity=await self._intensities.at(facility, now))
        held.reported = await newest_report(self._db, facility, held.state, now, self._stale_operations)
        return held


def _has_run_out(valid_until: str | None, now: datetime) -> bool:
    return valid_until is not None and now >= parse_utc(valid_until) + _GRACE
