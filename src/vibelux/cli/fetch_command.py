"""Asks an upstream now and prints the records as JSON lines; nothing is stored."""

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from vibelux.cli import _database, _output, _running
from vibelux.cli._settings import load_settings
from vibelux.market.errors import FeedError, UsageError

if TYPE_CHECKING:
    from vibelux.feeds import Ask, Feed
    from vibelux.ingest.client import Reply


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("feed", metavar="FEED", help="provider/data-type, see `vibelux feeds`")
    parser.add_argument("--from", dest="start", metavar="T", help="default: what the service would ask for now")
    parser.add_argument("--to", dest="end", metavar="T")
    parser.add_argument("--node", action="append", default=[], metavar="N", help="for nodal feeds; repeatable")
    parser.add_argument("--raw", metavar="DIR", help="keep the payloads as served in this folder")
    parser.add_argument("--config", metavar="FILE", help="vibelux.toml")


def run(args: argparse.Namespace) -> int:
    """Asks once for each request that the window needs."""
    from vibelux.feeds import feed_named

    _running.set_up_logs("warning")
    return _database.run_async(_fetch(args, feed_named(args.feed)))


def ask_of(args: argparse.Namespace, feed: "Feed", now: datetime) -> "Ask":
    """The window and nodes that the options mean.

    Raises:
        UsageError: only one end, or the ends reversed.
    """
    from vibelux.feeds import Ask
    from vibelux.ingest.nodes import with_hubs
    from vibelux.market.intervals import Interval, moment_argument

    if (args.start is None) != (args.end is None):
        raise UsageError("--from and --to go together")
    if args.start is None:
        window = feed.publication.window(now)
    else:
        start, end = moment_argument(args.start), moment_argument(args.end)
        if end <= start:
            raise UsageError(f"--from {args.start} is not before --to {args.end}")
        window = Interval(start, end)
    nodes = tuple(args.node) if args.node and feed.nodal else with_hubs(feed)
    return Ask(window, nodes, now)


async def _fetch(args: argparse.Namespace, feed: "Feed") -> int:
    from vibelux.feeds import read
    from vibelux.ingest.asking import answers, payload_of
    from vibelux.ingest.configured import upstream_of
    from vibelux.market.clock import LiveClock
    from vibelux.market.frames import json_lines

    settings, clock = load_settings(args.config), LiveClock()
    ask = ask_of(args, feed, clock.now())
    failed = False
    async with upstream_of(settings, clock) as upstream:
        async for answer in answers(upstream, feed, ask):
            reply = answer.reply
            try:
                if isinstance(reply, FeedError):
                    raise reply
                if args.raw:
                    _keep(Path(args.raw), reply)
                parsed = read(feed, payload_of(reply))
            except FeedError as error:
                _output.note(f"vibelux fetch: {feed.name}: {' '.join(str(error).split())}")
                answer.usable = False
                failed = failed or answer.is_last_word
                continue
            for kind, frame in parsed.frames.items():
                sys.stdout.buffer.writelines(json_lines(kind, frame))
            for row in parsed.quarantined:
                _output.note(f"quarantined: {row.reason}: {row.place}")
    return 1 if failed else 0


def _keep(folder: Path, reply: "Reply") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{reply.received_at:%Y%m%dT%H%M%S%f}-{reply.name or 'payload'}").write_bytes(reply.body)
