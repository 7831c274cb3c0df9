"""Lists every feed: how often it comes, whether it needs a key, whether it is on, and where it is asked."""

import argparse

from vibelux.cli._output import table_or_json


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("--provider", help="only this provider's")
    parser.add_argument("--config", metavar="FILE", help="vibelux.toml")
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace) -> int:
    """Prints the list."""
    from vibelux.cli._settings import load_settings
    from vibelux.feeds import all_feeds

    settings = load_settings(args.config)
    rows = [
        {
            "feed": feed.name,
            "provider": feed.provider,
            "data_type": feed.data_type,
            "region": feed.region,
            "kind": feed.kind,
            "reports": list(feed.reports),
            "cadence_seconds": feed.cadence_seconds,
            "stale_after_seconds": feed.stale_after_seconds,
            "needs_key": list(feed.needs_key),
            "enabled": settings.provider_enabled(feed.provider, feed.needs_key),
            "url": feed.url,
            "source": feed.source,
        }
        for feed in all_feeds()
        if args.provider in (None, feed.provider)
    ]
    table_or_json(rows, ("feed", "region", "cadence_seconds", "needs_key", "enabled", "url"), as_json=args.json)
    return 0
