"""How good the data of each feed were on each day: completeness, lateness, corrections, and what was set aside."""

import argparse
from typing import Any

from vibelux.cli import _database, _output
from vibelux.cli._window import moments

_COLUMNS = {
    "day": "day",
    "feed": "feed",
    "stored": "intervals",
    "complete": "complete",
    "half": "late p50",
    "most": "late p95",
    "payloads": "payloads",
    "failures": "failed",
    "corrections": "corrected",
    "quarantined": "set aside",
    "implausible": "implausible",
    "disagreements": "disagree",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("feed", nargs="?", metavar="FEED", help="only this one (provider/data-type)")
    parser.add_argument("--provider", help="only this provider's")
    parser.add_argument("--from", dest="start", metavar="T", help="default: 7 days before --to")
    parser.add_argument("--to", dest="end", metavar="T", help="default: now")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    _database.arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Prints a row a feed and market day, the newest day first."""
    rows = _database.run_async(_rows(args))
    if args.json:
        _output.as_json_document(rows)
        return 0
    shown = [{title: _shown(row)[name] for name, title in _COLUMNS.items()} for row in rows]
    _output.table_or_json(shown, list(_COLUMNS.values()), as_json=False)
    return 0


async def _rows(args: argparse.Namespace) -> list[dict[str, Any]]:
    from datetime import timedelta

    from vibelux.ingest.quality import DataQuality
    from vibelux.market.clock import LiveClock
    from vibelux.market.errors import UsageError
    from vibelux.market.intervals import iso_z
    from vibelux.wanted import enabled_feeds

    clock = LiveClock()
    start, end = moments(args, clock.now(), timedelta(days=7))
    if start > end:
        raise UsageError(f"--from ({iso_z(start)}) lies after --to ({iso_z(end)})")
    settings = _database.settings_of(args)
    async with _database.open_database(settings) as db:
        quality = DataQuality(db, clock, {feed.name for feed in enabled_feeds(settings)})
        return await quality.rows(start, end, feed=args.feed, provider=args.provider)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """In the units that people read."""
    from vibelux.market.intervals import local_naive

    due, share, since = row["intervalsExpected"], row["completeness"], row["since"]
    begun = "" if since is None else f" since {local_naive(since, row['timezone']):%H:%M}"
    return row | {
        "stored": row["intervalsStored"] if due is None else f"{row['intervalsStored']}/{due}",
        "complete": None if share is None else f"{100 * share:.1f} %{begun}",
        "half": _length(row["latenessP50Seconds"]),
        "most": _length(row["latenessP95Seconds"]),
    }


def _length(seconds: float | None) -> str | None:
    """In the unit that people would use.

    >>> _length(-262.0), _length(5400.0), _length(None)
    ('-262 s', '90 min', None)
    """
    if seconds is None:
        return None
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if abs(seconds) >= 10 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
