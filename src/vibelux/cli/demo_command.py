"""The whole service on a replayed market day: same fetcher, database and decisions as in earnest, another clock.

Without a tape the day is synthetic, and every price says so. The data folder is taken up again: a demo that was
stopped or killed goes on at its last virtual moment.
"""

import argparse
import os
import sys
from datetime import date, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from vibelux.cli import _database, _output, _running
from vibelux.market.errors import UsageError

if TYPE_CHECKING:
    from vibelux.config import Settings
    from vibelux.dispatch.facility import Facility
    from vibelux.replay.tape import Tape
    from vibelux.store.database import Database

FACILITY = Path(__file__).with_name("demo.toml")
DAY = date(2026, 7, 14)
SPEED = 120.0
"""A five-minute price comes every 2.5 seconds."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("--tape", metavar="DIR", help="replay this recording (default: a synthetic day)")
    parser.add_argument("--day", metavar="D", help=f"the synthetic day to begin with (default: {DAY})")
    parser.add_argument("--facility", metavar="FILE", help="a facility of your own")
    replay_arguments(parser)


def replay_arguments(parser: argparse.ArgumentParser) -> None:
    """Options that `demo` and `replay` share."""
    parser.add_argument("--speed", type=float, default=SPEED, help=f"times real time (default: {SPEED:.0f})")
    parser.add_argument("--port", type=int, default=8080, help="default: 8080; 0 takes a free one")
    parser.add_argument("--data-dir", metavar="DIR", default=".demo", help="default: .demo")
    parser.add_argument("--webhook", metavar="URL", help="post alerts there too; may be on this machine")
    parser.add_argument("--headless", action="store_true", help="open no browser")
    parser.add_argument("--log-level", default="warning", choices=("debug", "info", "warning", "error"))


def run(args: argparse.Namespace) -> int:
    """Runs until a signal."""
    from vibelux.dispatch.facility import load_facilities
    from vibelux.replay.synth import morning
    from vibelux.replay.tape import Tape

    if args.speed <= 0:
        raise UsageError(f"--speed: {args.speed} is not a positive number")
    tape = Tape.open(_existing(args.tape)) if args.tape else None
    if args.day and tape:
        raise UsageError("--day is for synthetic days, --tape brings its own")
    begin = tape.start if tape else morning(_day(args.day))
    facilities = load_facilities(_existing(args.facility) if args.facility else FACILITY)
    return _database.run_async(_replay(args, tape, begin, _placed(facilities, tape)))


def _existing(name: str) -> Path:
    path = Path(name)
    if not path.exists():
        raise UsageError(f"{name}: not there")
    return path


def _day(text: str | None) -> date:
    try:
        return date.fromisoformat(text) if text else DAY
    except ValueError as error:
        raise UsageError(f"--day: {text!r} is not a day; write 2026-07-14") from error


def _placed(facilities: "tuple[Facility, ...]", tape: "Tape | None") -> "tuple[Facility, ...]":
    """The facilities; one whose node the tape does not hold is moved to the tape's first node, and this is said."""
    if tape is None or not tape.nodes:
        return facilities
    placed = []
    for one in facilities:
        if one.pricing_node in tape.nodes:
            placed.append(one)
            continue
        _output.note(f"{one.id}: the tape has no price for {one.pricing_node}; it is put at {tape.nodes[0]}")
        placed.append(type(one).from_dict(one.as_dict() | {"pricing_node": tape.nodes[0]}))
    return tuple(placed)


async def _replay(
    args: argparse.Namespace, tape: "Tape | None", begin: datetime, facilities: "tuple[Facility, ...]"
) -> int:
    import asyncio

    from vibelux.market.clock import VirtualClock
    from vibelux.replay.position import keep_remembering, recall
    from vibelux.replay.source import TapeSource
    from vibelux.replay.upstream import LoopbackUpstream
    from vibelux.service import Plan

    _running.set_up_logs(args.log_level)
    folder = Path(args.data_dir) / _label(tape, begin)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = _alone(folder)
    position = folder / "moment"
    clock = VirtualClock(recall(position) or begin, args.speed, held=True)
    nodes = tuple(sorted({one.pricing_node for one in facilities}))
    source = TapeSource(tape, nodes)

    async def announce(db: "Database", url: str) -> None:
        clock.release()
        key = await _demo_key(db, folder / "key")
        await asyncio.to_thread(_say, args, url, facilities[0].id, key, folder)

    async with LoopbackUpstream(source, clock) as upstream:
        plan = Plan(
            settings=_settings(folder, source.feeds, upstream.url, args.webhook),
            facilities=facilities,
            port=args.port,
            clock=clock,
            with_hubs=False,
            only=source.feeds,
            announce=announce,
            drill=upstream,
        )
        remembering = asyncio.create_task(keep_remembering(position, clock))
        try:
            return await _running.run_until_stopped(plan)
        finally:
            remembering.cancel()
            await asyncio.gather(remembering, return_exceptions=True)
            lock.close()


def _alone(folder: Path) -> IO[str]:
    """Two virtual clocks must not drive one database; the lock goes with the process, however it ends."""
    import fcntl

    lock = (folder / "running").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise UsageError(f"{folder} is in use by another demo; stop it, or give another --data-dir") from error
    return lock


def _label(tape: "Tape | None", begin: datetime) -> str:
    """A folder of its own for each tape: two days that never met must not share a database."""
    if tape is None:
        return f"synthetic-{begin:%Y-%m-%d}"
    import hashlib

    where = str(tape.folder.resolve())
    return f"{tape.folder.name or 'tape'}-{hashlib.sha256(where.encode()).hexdigest()[:8]}"


def _settings(folder: Path, feeds: frozenset[str], upstream: str, webhook: str | None) -> "Settings":
    """Only what the tape holds is asked for, at the loopback upstream."""
    from vibelux.config import PROVIDERS, Settings

    served = {name.partition("/")[0] for name in feeds}
    providers = {name: {"enabled": name in served, "base_url": upstream} for name in PROVIDERS}
    alerts = {} if webhook is None else {"alert_webhook_url": webhook, "alert_allow_private": True}
    # The environment must not reach a demo: a DATABASE_URL or a webhook there is somebody's real one.
    return Settings.load(None, env={}, data_dir=folder, providers=providers, **alerts)


def _say(args: argparse.Namespace, url: str, facility: str, key: str, folder: Path) -> None:
    print(
        f"\n  Vibelux demo   {url}\n"
        f"  facility       {facility}\n"
        f"  API key        {key}\n"
        f"  data folder    {folder}\n\n"
        f"  curl -H 'Authorization: Bearer {key}' '{url}api/chp/decision?facilityId={facility}'\n\n"
        "  Ctrl-C ends it; the next start goes on where it was.\n",
        flush=True,
    )
    if not args.headless and sys.stdout.isatty():
        import webbrowser

        webbrowser.open(url)


async def _demo_key(db: "Database", path: Path) -> str:
    """One key for the demo, kept beside its data, so that a restart does not break what uses it."""
    from vibelux.market.clock import LiveClock
    from vibelux.store.keys import create_key, verify

    now = LiveClock().now()
    key = _kept_key(path)
    if key and await verify(db, key, now) is not None:
        return key
    made = await create_key(db, now, "demo", ["admin"], [], None)
    _keep_key(path, made.key)
    return made.key


def _kept_key(path: Path) -> str:
    return path.read_text().strip() if path.is_file() else ""


def _keep_key(path: Path, key: str) -> None:
    path.touch(mode=0o600)
    path.write_text(key + os.linesep)
