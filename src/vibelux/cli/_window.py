"""The stretch of time that `--from` and `--to` mean."""

import argparse
from datetime import datetime, timedelta

from vibelux.market.errors import UsageError


def moments(args: argparse.Namespace, now: datetime, usual: timedelta) -> tuple[datetime, datetime]:
    """Both ends, UTC: what is not given is `now`, and so long before the end.

    Raises:
        UsageError: one of them is no moment.
    """
    from vibelux.market.intervals import moment_argument

    end = now if args.end is None else moment_argument(args.end)
    return end - usual if args.start is None else moment_argument(args.start), end


def in_order(args: argparse.Namespace, start: datetime, end: datetime) -> None:
    """Refuses a stretch that is empty, or ends before it begins.

    Raises:
        UsageError: it is one.
    """
    if end <= start:
        raise UsageError(f"--to {args.end} does not come after --from {args.start}")
