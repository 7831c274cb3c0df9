"""Checks configuration, database, clock, keys, lines and every enabled upstream; says what mends each fault."""

import argparse
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from vibelux.cli import _database, _output, _running
from vibelux.cli._lines import lines
from vibelux.market.errors import AccessDenied, FeedError, StoreUnavailable, Throttled

if TYPE_CHECKING:
    from vibelux.config import Settings
    from vibelux.feeds import Feed
    from vibelux.ingest.client import Upstream
    from vibelux.realtime.repairs import Card
    from vibelux.store.database import Database

_SKEW_SECONDS = 30.0
_PATIENCE_SECONDS = 20.0
_TOLD_ABOVE = frozenset({"no-facility", "prices-disagree"})
"""Faults that have a check of their own."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    _database.arguments(parser)
    parser.add_argument("--offline", action="store_true", help="ask no upstream")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace) -> int:
    """Prints each check; exit code 1 when one failed."""
    _running.set_up_logs("warning")
    checks = _database.run_async(_all(args))
    _output.table_or_json(checks, ("check", "ok", "what", "do"), as_json=args.json)
    return 0 if all(check["ok"] is not False for check in checks) else 1


def _check(name: str, ok: bool | None, what: str, do: str = "") -> dict[str, Any]:
    """One line; `ok` is None for what is off and need not be on."""
    return {"check": name, "ok": ok, "what": " ".join(what.split()), "do": do}


async def _all(args: argparse.Namespace) -> list[dict[str, Any]]:
    settings = _database.settings_of(args)
    checks = [_check("configuration", True, "read")]
    checks += [check async for check in _store(settings)]
    checks += list(_keys(settings))
    checks += [check async for check in lines(settings)]
    if not args.offline:
        checks += [check async for check in _upstreams(settings)]
    return checks


async def _store(settings: "Settings") -> AsyncIterator[dict[str, Any]]:
    from vibelux.store.disagreements import disagreements
    from vibelux.store.facilities import all_facilities
    from vibelux.store.keys import list_keys

    try:
        async with _database.open_database(settings) as db:
            yield _check("database", True, "answers" if settings.database_url else f"embedded in {settings.data_dir}")
            count = len(await all_facilities(db))
            do = "" if count else "put [[facilities]] into vibelux.toml, or `vibelux facilities add FILE`"
            yield _check("facilities", bool(count), f"{count} known", do)
            live = [key for key in await list_keys(db) if key["revoked_at"] is None]
            do = "" if live else "`vibelux keys create --name me` for anything but the page on this machine"
            yield _check("API keys", True if live else None, f"{len(live)} in force", do)
            doubted = await disagreements(db)
            told = (
                f"{len(doubted)} said otherwise by another route, the newest {doubted[0]}" if doubted else "none known"
            )
            do = "look them up with the grid; `vibelux backfill` reads them again" if doubted else ""
            yield _check("prices that disagree", None if doubted else True, told, do)
            for card in await _faults(db, settings):
                if card.kind not in _TOLD_ABOVE:
                    yield _check(f"{card.kind}: {card.subject}", None, card.words, f"`{card.command}`")
    except StoreUnavailable as error:
        yield _check("database", False, str(error), "look at DATABASE_URL, or at the log in the data folder")


async def _faults(db: "Database", settings: "Settings") -> "list[Card]":
    """What the service shows at `/api/repairs`, of the feeds that ever ran on this database."""
    from vibelux.market.clock import LiveClock
    from vibelux.realtime.repairs import Repairs
    from vibelux.wanted import enabled_feeds, missing_keys

    return await Repairs(db, LiveClock(), enabled_feeds(settings), missing_keys(settings)).cards()


def _keys(settings: "Settings") -> list[dict[str, Any]]:
    from vibelux.feeds import all_feeds

    missing = {(feed.provider, name) for feed in all_feeds() for name in settings.missing_keys(feed.needs_key)}
    return [
        _check(f"key for {provider}", None, "not set: its feeds are off", f"set {names.replace('|', ' or ')}")
        for provider, names in sorted(missing)
    ]


async def _upstreams(settings: "Settings") -> AsyncIterator[dict[str, Any]]:
    """One small request to one feed of each enabled provider, all at once."""
    import asyncio

    from vibelux.ingest.configured import upstream_of
    from vibelux.market.clock import LiveClock
    from vibelux.wanted import enabled_feeds

    first: dict[str, Feed] = {}
    for feed in enabled_feeds(settings):
        first.setdefault(feed.provider, feed)
    async with upstream_of(settings, LiveClock()) as upstream:
        for check in await asyncio.gather(*(_asked(upstream, provider, feed) for provider, feed in first.items())):
            yield check


async def _asked(upstream: "Upstream", provider: str, feed: "Feed") -> dict[str, Any]:
    """The check, or the word that it takes too long: a person waits for it."""
    import asyncio

    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await _ask(upstream, provider, feed)
    except TimeoutError:
        what = f"no answer within {_PATIENCE_SECONDS:.0f} s"
        return _check(provider, False, what, f"is {feed.service.name} reachable from here?")


async def _ask(upstream: "Upstream", provider: str, feed: "Feed") -> dict[str, Any]:
    from email.utils import parsedate_to_datetime

    from vibelux.feeds import Ask
    from vibelux.ingest.nodes import with_hubs
    from vibelux.market.clock import LiveClock

    ask = Ask(feed.publication.window(LiveClock().now()), with_hubs(feed))
    request = next(iter(feed.requests(ask)), None)
    if request is None:
        return _check(provider, None, "nothing to ask without a place or a file")
    try:
        reply = await upstream.fetch(feed, request)
    except Throttled as error:
        return _check(provider, True, str(error), "it answers; wait a little")
    except AccessDenied as error:
        return _check(provider, False, str(error), f"set {', '.join(feed.needs_key) or 'its key'}")
    except FeedError as error:
        return _check(provider, False, str(error), f"is {feed.service.name} reachable from here?")
    stamp = reply.headers.get("date")
    skew = abs((reply.received_at - parsedate_to_datetime(stamp)).total_seconds()) if stamp else 0.0
    if skew > _SKEW_SECONDS:
        return _check(provider, False, f"its clock and ours differ by {skew:.0f} s", "set this machine's clock")
    return _check(provider, True, f"{len(reply.body)} bytes from {feed.service.name}")
