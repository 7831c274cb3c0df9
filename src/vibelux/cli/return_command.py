"""What data and machines cost, what the ledger says was saved, and when that pays back."""

import argparse
from datetime import timedelta
from typing import Any

from vibelux.cli import _database, _output
from vibelux.cli._window import in_order, moments

_YEAR = timedelta(days=366)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("--from", dest="start", metavar="T", help="default: a year before --to")
    parser.add_argument("--to", dest="end", metavar="T", help="default: now")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    _database.arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the page, or one JSON document."""
    told = _database.run_async(_told(args))
    if args.json:
        _output.as_json_document(told)
    else:
        _shown(told)
    return 0


async def _told(args: argparse.Namespace) -> dict[str, Any]:
    from vibelux.market.clock import LiveClock
    from vibelux.market.intervals import floor_to
    from vibelux.realtime.returns import Returns

    clock = LiveClock()
    first, last = moments(args, clock.now(), _YEAR)
    in_order(args, first, last)
    settings = _database.settings_of(args)
    async with _database.open_database(settings) as db:
        return await Returns(db, clock, settings.costs).told(floor_to(first, timedelta(hours=1)), last)


def _shown(told: dict[str, Any]) -> None:
    _output.table_or_json(
        [{"": row["what"]} | row for row in told["costs"]],
        ("", "kind", "requestsPerMonth", "usdPerMonth"),
        as_json=False,
    )
    print()
    _output.table_or_json(
        told["facilities"],
        ("facilityId", "hours", "decisionsUsd", "peakUsd", "demandResponseUsd", "usdPerYear"),
        as_json=False,
    )
    print(f"\nUSD a year, against {told['against']}:")
    print(f"  saved {told['savingsUsdPerYear']:,.2f}, paid {told['costsUsdPerYear']:,.2f}, ", end="")
    print(f"left {told['netUsdPerYear']:,.2f}; once {told['onceUsd']:,.2f}")
    payback, first_year = told["paybackMonths"], told["firstYearReturnPercent"]
    print(f"  paid back after {'-' if payback is None else f'{payback:g}'} months, ", end="")
    print(f"return of the first year {'-' if first_year is None else f'{first_year:g} %'}")
    print("\nmeasured, and promised:")
    for name, (low, high) in told["promised"].items():
        value = told["measured"][name]
        print(f"  {name}: {'-' if value is None else f'{value:,g}'} ({low:,g} to {high:,g})")
