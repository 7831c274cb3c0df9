"""Measures the price forecast on past prices, against yesterday's and last week's same hour.

The prices are those of a file, or of a node in the database; or the outlooks that the service gave out are measured.
"""

import argparse
from typing import TYPE_CHECKING, Any

from vibelux.cli import _database, _output
from vibelux.cli._window import moments
from vibelux.market.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from vibelux.outlook.learn import History
    from vibelux.realtime.known import Subject
    from vibelux.store.database import Database

COLUMNS = {
    "lead": "lead",
    "steps": "steps",
    "mae": "MAE",
    "mae_yesterday": "yesterday's",
    "mae_last_week": "last week's",
    "rmse": "RMSE",
    "rmse_yesterday": "yesterday's RMSE",
    "rmse_last_week": "last week's RMSE",
    "pinball": "pinball",
    "coverage": "p10-p90 holds",
}
_GIVEN_OUT = ("lead", "steps", "mae", "mae_yesterday", "mae_last_week", "coverage")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    score = actions.add_parser(
        "score", help="forecast a past again, each time with what was known", description=__doc__
    )
    source = score.add_mutually_exclusive_group(required=True)
    source.add_argument("--prices", metavar="FILE", help="CSV (also .gz), Parquet or ERCOT's workbook")
    source.add_argument("--region", metavar="NAME", help="a grid whose prices are in the database")
    score.add_argument("--node", metavar="NAME", help="which node, where there are several")
    score.add_argument("--market", metavar="NAME", help="whose prices they are, where the file does not say")
    score.add_argument("--given-out", action="store_true", help="with --region: what the service expected, as it came")
    score.add_argument("--day-ahead", metavar="FILE", help="with --prices: day-ahead prices beside real-time ones")
    score.add_argument("--grid", metavar="NAME", help="with --prices: whose they are (default: the one in the path)")
    score.add_argument("--price-column", metavar="NAME", help="with --prices: where the usual names do not do")
    score.add_argument("--from", dest="start", metavar="T", help="score forecasts made from here on")
    score.add_argument("--to", dest="end", metavar="T", help="and before this")
    score.add_argument("--json", action="store_true", help="one JSON document")
    _database.arguments(score)


def run(args: argparse.Namespace) -> int:
    """Prints a row a range of leads; errors in USD/MWh."""
    if args.given_out and args.region is None:
        raise UsageError("--given-out needs --region: what was given out is in the database")
    if args.region is not None:
        return _database.run_async(_of_store(args))
    return _scored(args, _history(args), {})


async def _of_store(args: argparse.Namespace) -> int:
    from vibelux.market.clock import LiveClock

    now = LiveClock().now()
    async with _database.open_database(_database.settings_of(args)) as db:
        if args.given_out:
            return await _given_out(args, db, now)
        subject = await _subject(args, db, now)
        history = await _stored(args, db, subject, now)
    return _scored(args, history, {"node": subject.pricing_node})


def _scored(args: argparse.Namespace, history: "History", more: dict[str, Any]) -> int:
    from vibelux.outlook.scores import score

    rows = [one.as_json() for one in score(history, start=_wall(args.start, history), end=_wall(args.end, history))]
    said = {"grid": history.rules.iso_region, "market": history.market, "days": history.prices.days}
    return _shown(args, said | more, rows, tuple(COLUMNS))


async def _given_out(args: argparse.Namespace, db: "Database", now: "datetime") -> int:
    from datetime import timedelta

    from vibelux.market.intervals import local_date
    from vibelux.market.regions import region_of
    from vibelux.realtime.expect import score_rows

    grid = region_of(args.region)
    stretch = moments(args, now, timedelta(days=30))
    first, last = (local_date(moment, grid.timezone) for moment in stretch)
    found = await score_rows(db, grid.iso_region, args.node, args.market, first, last)
    if not found and not args.json:
        raise UsageError(f"nothing that was expected in {grid.iso_region} from {first} to {last} has been scored")
    rows = [
        {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()} for row in found
    ]
    said = {"grid": grid.iso_region, "node": args.node, "market": args.market, "from": f"{first}", "to": f"{last}"}
    return _shown(args, said, rows, _GIVEN_OUT)


def _shown(args: argparse.Namespace, said: dict[str, Any], rows: list[dict[str, Any]], names: tuple[str, ...]) -> int:
    if args.json:
        _output.as_json_document(said | {"leads": rows})
        return 0
    titles = {name: COLUMNS[name] for name in names}
    shown = [{title: row[name] for name, title in titles.items()} for row in rows]
    _output.table_or_json(shown, list(titles.values()), as_json=False)
    return 0


async def _subject(args: argparse.Namespace, db: "Database", now: "datetime") -> "Subject":
    """The node and market that are meant; without a node one of the grid's hubs."""
    from vibelux.market.regions import region_of
    from vibelux.realtime.known import Subject, checked
    from vibelux.store.reader import newest_price_of_region

    grid = region_of(args.region)
    market = args.market or grid.real_time_market
    node = args.node
    if node is None:
        newest = await newest_price_of_region(db, grid.iso_region, market, at=now)
        if newest is None:
            raise UsageError(f"the database has no prices of {grid.iso_region} in {market}")
        node = newest["pricing_node"]
    return checked(Subject(grid.iso_region, node, market))


async def _stored(args: argparse.Namespace, db: "Database", subject: "Subject", now: "datetime") -> "History":
    """What the database has of a node, as far back as one learns, or as `--from` asks."""
    from datetime import timedelta

    from vibelux.market.intervals import moment_argument
    from vibelux.outlook.learn import LEARN_DAYS
    from vibelux.realtime.known import GridLoad, NodePrices

    start = now - timedelta(days=LEARN_DAYS)
    if args.start is not None:
        start = min(start, moment_argument(args.start) - timedelta(days=LEARN_DAYS))
    days = (now - start).days
    prices = NodePrices(db, subject)
    await prices.read(now, days)
    if not prices.count:
        raise UsageError(f"the database has no prices of {subject.pricing_node} in {subject.market}")
    return prices.history(await GridLoad(db, subject.iso_region).at(now, days))


def _history(args: argparse.Namespace) -> "History":
    from pathlib import Path

    from vibelux.outlook.learn import DAY_AHEAD
    from vibelux.outlook.price_files import grid_of, read_history, with_day_ahead

    path = Path(args.prices)
    grid = args.grid or grid_of(path)
    history = read_history(path, grid, node=args.node, market=args.market, price=args.price_column)
    if args.day_ahead is None:
        return history
    return with_day_ahead(history, read_history(Path(args.day_ahead), grid, node=args.node, market=DAY_AHEAD))


def _wall(text: str | None, history: "History") -> int | None:
    if text is None:
        return None
    import numpy as np

    from vibelux.market.intervals import moment_argument
    from vibelux.outlook.past import utc_minutes, wall_minutes

    return int(wall_minutes(np.array([utc_minutes(moment_argument(text))]), history.rules.zone_name)[0])
