"""`vibelux feeds check`: tries feeds once, against their upstreams or against a tape, and says what each gave."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vibelux.cli import _database, _output, _running
from vibelux.cli._settings import load_settings
from vibelux.market.errors import UsageError

if TYPE_CHECKING:
    from vibelux.config import Settings
    from vibelux.feeds import Feed
    from vibelux.ingest.trial import Trial
    from vibelux.replay.tape import Tape

_NO_KEY = "a tape asks for no key"
_COLUMNS = ("feed", "outcome", "rows", "newest", "bytes", "milliseconds", "wrong")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the verb's options."""
    parser.add_argument("feeds", nargs="*", metavar="FEED", help="default: all that are enabled, or all on the tape")
    parser.add_argument("--tape", metavar="DIR", help="ask this recording, at its end, instead of the upstreams")


def run(args: argparse.Namespace) -> int:
    """Prints the table; 1 where one failed."""
    from vibelux.feeds import feed_named

    _running.set_up_logs("error")
    settings = load_settings(args.config)
    named = [feed_named(name) for name in dict.fromkeys(args.feeds)]
    trials = _database.run_async(_on_tape(_opened(args.tape), named) if args.tape else _live(settings, named))
    _output.progress_done()
    _output.table_or_json([one.as_json() for one in trials], _COLUMNS, as_json=args.json)
    return 1 if any(one.failed for one in trials) else 0


async def _live(settings: "Settings", named: "Sequence[Feed]") -> "list[Trial]":
    """Feeds of different services at the same time; those of one take turns as its budget demands."""
    import asyncio

    from vibelux.feeds import Ask
    from vibelux.ingest.client import Upstream
    from vibelux.ingest.configured import upstream_of
    from vibelux.ingest.nodes import with_hubs
    from vibelux.ingest.trial import trial
    from vibelux.market.clock import LiveClock
    from vibelux.wanted import enabled_feeds

    clock, done = LiveClock(), 0
    feeds = list(named) or enabled_feeds(settings)

    async def tried(upstream: Upstream, feed: "Feed") -> "Trial":
        nonlocal done
        found = await trial(upstream, feed, Ask(feed.publication.window(clock.now()), with_hubs(feed)))
        done += 1
        _output.progress(f"{done} of {len(feeds)}  {feed.name}")
        return found

    async with upstream_of(settings, clock) as upstream:
        return list(await asyncio.gather(*(tried(upstream, feed) for feed in feeds)))


def _opened(folder: str) -> "Tape":
    from vibelux.replay.tape import Tape

    if not Path(folder).is_dir():
        raise UsageError(f"--tape: {folder}: no such folder")
    return Tape.open(Path(folder))


async def _on_tape(tape: "Tape", named: "Sequence[Feed]") -> "list[Trial]":
    """Under a clock at the tape's end: each report's newest payload is what is found."""
    from vibelux.config import PROVIDERS
    from vibelux.feeds import Ask, feed_named
    from vibelux.ingest.client import Upstream
    from vibelux.ingest.credentials import Credentials
    from vibelux.ingest.trial import trial
    from vibelux.market.clock import FrozenClock
    from vibelux.replay.source import TapeSource
    from vibelux.replay.upstream import LoopbackUpstream

    source = TapeSource(tape)
    feeds = list(named) or [feed_named(name) for name in sorted(source.feeds)]
    # The upstream's clock stands still, ours moves at each wait: nothing is to be asked from after the end.
    async with LoopbackUpstream(source, FrozenClock(tape.end), oasis_rule=False) as there:
        served = dict.fromkeys(PROVIDERS, there.url)
        keys = Credentials({need.split("|")[0]: _NO_KEY for feed in feeds for need in feed.needs_key})
        async with Upstream(FrozenClock(tape.end), credentials=keys, base_urls=served) as upstream:
            return [
                await trial(upstream, feed, Ask(feed.publication.window(tape.end), source.nodes if feed.nodal else ()))
                for feed in feeds
            ]
