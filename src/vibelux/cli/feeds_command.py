"""Lists every feed: how often it comes, whether it needs a key, whether it is on, and where it is asked."""

import argparse
from typing import TYPE_CHECKING

from vibelux.cli import _feeds_check
from vibelux.cli._output import table_or_json

if TYPE_CHECKING:
    from vibelux.feeds import Feed


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options and its verb."""
    parser.add_argument("--provider", help="only this provider's")
    parser.add_argument("--markdown", action="store_true", help="the catalogue as docs/feeds.md has it")
    parser.add_argument("--config", metavar="FILE", help="vibelux.toml")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    check = verbs.add_parser("check", help="try each once and say what it gave", description=_feeds_check.__doc__)
    _feeds_check.arguments(check)
    # Given before or after the verb; SUPPRESS keeps the one from undoing the other.
    check.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help="vibelux.toml")
    check.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON document")


def run(args: argparse.Namespace) -> int:
    """Prints the list, the catalogue, or what a trial gave."""
    from vibelux.cli._settings import load_settings
    from vibelux.feeds import all_feeds

    if args.verb == "check":
        return _feeds_check.run(args)
    if args.markdown:
        print(markdown(), end="")
        return 0
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


_HEAD = """\
# Feeds

What Vibelux reads, from the declarations of the feeds themselves: this page is written by `vibelux feeds --markdown`,
and a test compares the two. `vibelux feeds` shows which of them are on here, `vibelux feeds check` tries each once.

- *Comes* is how often something new is published, *stale after* the age over which its data no longer count as good.
- Keys in brackets are not needed: where all are set another route is asked first, else the keyless one.
- *Source* says where the form is described and whether a recording of the real thing has proved that we read it.
- Each market has its own name, and a look ahead is never under that of a price that settles: `indicative-5min` (ERCOT),
  `advisory-15min` (NYISO), `hasp-15min` (CAISO). OASIS has no report of what CAISO's 15- and 5-minute runs look
  ahead to.
- Prices that can be had by two routes are compared each quarter of an hour: PJM's and NYISO's hours with the mean of
  their five-minute prices, ERCOT's quarter hours with its dispatch runs, and one report by two addresses. Where they
  disagree, the log says so, `vibelux_price_disagreements_total` counts it, and `vibelux doctor` and
  `price_disagreements` at `GET /api/feeds` show it until a correction makes them agree.
- CAISO publishes neither frequency nor voltage. ERCOT's system conditions have the frequency of Texas, some seconds
  old; for every other grid, and for voltage anywhere, the site's own meter is the source.
"""
_COLUMNS = (
    "| feed | reports | records | comes | stale after | key | source |\n| --- | --- | --- | --- | --- | --- | --- |"
)


def markdown() -> str:
    """The catalogue of feeds, grouped by provider: the whole of docs/feeds.md."""
    from itertools import groupby

    from vibelux.feeds import all_feeds

    parts = [_HEAD]
    for provider, feeds in groupby(all_feeds(), key=lambda feed: feed.provider):
        rows = "\n".join(map(_row, feeds))
        parts.append(f"## {provider}\n\n{_COLUMNS}\n{rows}\n")
    return "\n".join(parts)


def _row(feed: "Feed") -> str:
    needed = [f"`{need.replace('|', '` or `')}`" for need in feed.needs_key]
    optional = " and ".join(f"`{need.replace('|', '` or `')}`" for need in _optional_keys(feed))
    cells = (
        f"`{feed.data_type}`",
        ", ".join(feed.reports),
        feed.kind,
        _every(feed),
        _span(feed.stale_after_seconds),
        ", ".join(needed) or (f"({optional})" if optional else "none"),
        feed.source,
    )
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _optional_keys(feed: "Feed") -> list[str]:
    """Keys that single requests take, and that have a keyless route beside them."""
    from datetime import UTC, datetime, timedelta

    from vibelux.feeds import Ask
    from vibelux.market.intervals import Interval

    end = datetime(2026, 7, 14, 19, tzinfo=UTC)
    requests = feed.requests(Ask(Interval(end - timedelta(hours=1), end)))
    return list(dict.fromkeys(need for request in requests for need in request.needs_key))


def _every(feed: "Feed") -> str:
    from vibelux.feeds import Daily

    publication = feed.publication
    if not isinstance(publication, Daily):
        return f"every {_span(feed.cadence_seconds)}"
    days = "on its days" if publication.open_on else "daily"
    return f"{days} at {publication.at:%H:%M} {publication.timezone}"


def _span(seconds: float) -> str:
    """In the unit that people would use.

    >>> _span(2700), _span(36 * 3600), _span(10 * 86400)
    ('45 min', '36 h', '10 days')
    """
    if seconds < 7_200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"
