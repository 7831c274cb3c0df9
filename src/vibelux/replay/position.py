"""Remembers the virtual moment in the data folder, so that a demo killed on its way goes on where it was."""

import asyncio
from datetime import datetime
from pathlib import Path

import structlog

from vibelux.market.clock import Clock
from vibelux.market.errors import TimeRefused
from vibelux.market.intervals import iso_z, parse_utc
from vibelux.replay.tape import write_whole

_log = structlog.get_logger(__name__)


def remember(path: Path, moment: datetime) -> None:
    """Keeps the moment in that file, as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, iso_z(moment).encode() + b"\n")


def recall(path: Path) -> datetime | None:
    """The moment that was kept there, UTC; None where there is none that can be read."""
    try:
        return parse_utc(path.read_text("ascii"))
    except FileNotFoundError:
        return None
    except (TimeRefused, UnicodeDecodeError) as error:
        _log.warning("the remembered moment cannot be read; starting anew", path=str(path), error=str(error))
        return None


async def keep_remembering(path: Path, clock: Clock, every_seconds: float = 1.0) -> None:
    """Keeps the clock's moment each second of the wall until cancelled, and once more then."""
    try:
        while True:
            remember(path, clock.now())
            await asyncio.sleep(every_seconds)
    finally:
        remember(path, clock.now())
