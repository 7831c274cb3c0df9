"""Fetches history into the database: in pieces, at the pace that the upstream allows, resumable."""

import argparse
from typing import TYPE_CHECKING

from vibelux.cli import _database, _output, _running
from vibelux.cli.fetch_command import ask_of
from vibelux.cli.import_command import COUNTS

if TYPE_CHECKING:
    from vibelux.feeds import Feed


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("feed", metavar="FEED", help="provider/data-type, see `vibelux feeds`")
    parser.add_argument("--from", dest="start", metavar="T", required=True)
    parser.add_argument("--to", dest="end", metavar="T", required=True)
    parser.add_argument("--node", action="append", default=[], metavar="N", help="for nodal feeds; repeatable")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    _database.arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Fetches what is not there yet; interrupted, the next call goes on where this one was."""
    from vibelux.feeds import feed_named

    _running.set_up_logs("warning")
    return _database.run_async(_backfill(args, feed_named(args.feed)))


async def _backfill(args: argparse.Namespace, feed: "Feed") -> int:
    from prometheus_client import CollectorRegistry

    from vibelux.ingest.backfill import backfill
    from vibelux.ingest.budget import SharedBudget
    from vibelux.ingest.collector import Collector
    from vibelux.ingest.configured import upstream_of
    from vibelux.ingest.events import Events
    from vibelux.ingest.journal import Journal
    from vibelux.ingest.keeper import DatabaseKeeper
    from vibelux.ingest.metrics import Metrics
    from vibelux.market.clock import LiveClock
    from vibelux.store.budgets import StoredBudget

    settings, clock = _database.settings_of(args), LiveClock()
    ask = ask_of(args, feed, clock.now())
    metrics = Metrics(clock, CollectorRegistry())
    total = dict.fromkeys(COUNTS, 0)
    failed = False
    async with (
        _database.open_database(settings) as db,
        upstream_of(settings, clock, budget=SharedBudget(StoredBudget(db)), metrics=metrics) as upstream,
    ):
        collector = Collector(
            clock, upstream, DatabaseKeeper(db), Events(), Journal(settings.data_dir), metrics=metrics
        )
        async for step in backfill(collector, clock, feed, ask.window, ask.nodes, settings.data_dir):
            _output.progress(f"{feed.name} {step.chunk.start:%Y-%m-%d}  {step.done}/{step.total}")
            if step.error is not None:
                _output.note(f"{feed.name} {step.chunk.start:%Y-%m-%d}: {step.error}")
                failed = True
            for name in COUNTS:
                total[name] += getattr(step.written, name)
    _output.progress_done()
    if args.json:
        _output.as_json_document(total)
    else:
        print(", ".join(f"{count} {name}" for name, count in total.items()))
    return 1 if failed else 0
