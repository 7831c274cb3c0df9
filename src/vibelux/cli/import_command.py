"""Parses raw upstream payloads into the database; prints rows new, corrected, unchanged and quarantined."""

import argparse
from typing import TYPE_CHECKING

from vibelux.cli import _database, _output, _running
from vibelux.cli._payloads import arguments as payload_arguments
from vibelux.cli._payloads import payloads
from vibelux.market.errors import FeedError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from vibelux.feeds import Feed, Payload
    from vibelux.ingest.client import Reply

COUNTS = ("new", "corrected", "unchanged", "quarantined")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    payload_arguments(parser)
    parser.add_argument("--received-at", metavar="T", help="when the payload was served (default: now)")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    _database.arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Imports each file; one that cannot be read makes the exit code 1, the others are still imported."""
    from vibelux.feeds import feed_named

    _running.set_up_logs("warning")
    feed = feed_named(args.feed)
    return _database.run_async(_import(args, feed, list(payloads(feed, args))))


async def _import(args: argparse.Namespace, feed: "Feed", found: "list[Payload]") -> int:
    from vibelux.feeds import read
    from vibelux.ingest.journal import Journal
    from vibelux.market.clock import LiveClock
    from vibelux.market.intervals import moment_argument
    from vibelux.store.writer import write_payload

    settings = _database.settings_of(args)
    now = LiveClock().now()
    received_at = moment_argument(args.received_at) if args.received_at else now
    if received_at > now:
        raise UsageError(f"--received-at: {args.received_at} is in the future")
    journal = Journal(settings.data_dir)
    total = dict.fromkeys(COUNTS, 0)
    failed = False
    async with _database.open_database(settings) as db:
        for payload in found:
            receipt = await journal.keep(feed, as_reply(payload, received_at))
            try:
                written = await write_payload(db, receipt, read(feed, payload))
            except FeedError as error:
                _output.note(f"vibelux import: {payload.name}: {' '.join(str(error).split())}")
                failed = True
                continue
            for name in COUNTS:
                total[name] += getattr(written, name)
    if args.json:
        _output.as_json_document(total)
    else:
        print(", ".join(f"{count} {name}" for name, count in total.items()))
    return 1 if failed else 0


def as_reply(payload: "Payload", received_at: "datetime") -> "Reply":
    """A file as the reply that it once was."""
    from vibelux.feeds import Request
    from vibelux.ingest.client import Reply

    return Reply(
        request=Request(payload.name),
        status=200,
        headers={},
        body=payload.body,
        received_at=received_at,
        origin="recorded",
        elapsed_seconds=0.0,
    )
