"""Payload files as commands read them: which feed, which report, which day."""

import argparse
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from vibelux.market.errors import UsageError

if TYPE_CHECKING:
    from vibelux.feeds import Feed, Payload

_DAY_IN_NAME = re.compile(r"(?<!\d)(20\d{2})-?(\d{2})-?(\d{2})(?!\d)")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options shared by `parse` and `import`."""
    parser.add_argument("feed", metavar="FEED", help="provider/data-type, see `vibelux feeds`")
    parser.add_argument("files", metavar="FILE", nargs="+", help="payloads as served: plain, .gz or .zip")
    parser.add_argument("--report", metavar="NAME", help="upstream's name of the report, where it is not recognised")
    parser.add_argument("--date", metavar="D", help="the market day, where the payload does not hold it")


def payloads(feed: "Feed", args: argparse.Namespace) -> "Iterator[Payload]":
    """The files as payloads.

    Raises:
        UsageError: a file is not there, the report is not the feed's, the date is none.
    """
    from vibelux.feeds import Payload

    if args.report is not None and args.report not in feed.reports:
        raise UsageError(f"--report: {feed.name} reads {', '.join(feed.reports)}, not {args.report!r}")
    day = _day_argument(args.date)
    paths = [Path(file) for file in args.files]
    for path in paths:
        if not path.is_file():
            raise UsageError(f"{path}: no such file")
    for path in paths:
        yield Payload(path.read_bytes(), name=path.name, report=args.report, day=day or day_in_name(path.name))


def _day_argument(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--date: {text!r} is not a day; write 2026-07-14") from error


def day_in_name(name: str) -> date | None:
    """The day that a file name holds, as upstreams name their files."""
    for year, month, day in _DAY_IN_NAME.findall(name):
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            continue
    return None
