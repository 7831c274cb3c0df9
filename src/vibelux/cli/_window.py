"""The stretch of time that `--from` and `--to` mean."""

import argparse
from datetime import datetime, timedelta


def moments(args: argparse.Namespace, now: datetime, usual: timedelta) -> tuple[datetime, datetime]:
    """Both ends, UTC: what is not given is `now`, and so long before the end.

    Raises:
        UsageError: one of them is no moment.
    """
    from vibelux.market.intervals import moment_argument

    end = now if args.end is None else moment_argument(args.end)
    return end - usual if args.start is None else moment_argument(args.start), end
