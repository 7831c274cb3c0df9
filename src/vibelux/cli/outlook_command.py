"""Measures the price forecast on a file of past prices, against yesterday's and last week's same hour."""

import argparse
from typing import TYPE_CHECKING

from vibelux.cli import _output

if TYPE_CHECKING:
    from vibelux.outlook.learn import History

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


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    score = actions.add_parser(
        "score", help="forecast a past again, each time with what was known", description=__doc__
    )
    score.add_argument("--prices", metavar="FILE", required=True, help="CSV (also .gz), Parquet or ERCOT's workbook")
    score.add_argument("--day-ahead", metavar="FILE", help="day-ahead prices beside real-time ones")
    score.add_argument("--grid", metavar="NAME", help="CAISO, PJM, ERCOT or NYISO (default: the one in the path)")
    score.add_argument("--node", metavar="NAME", help="which node, where the file has several")
    score.add_argument("--market", metavar="NAME", help="whose prices they are, where the file does not say")
    score.add_argument("--price-column", metavar="NAME", help="where the usual names do not do")
    score.add_argument("--from", dest="start", metavar="T", help="score forecasts made from here on")
    score.add_argument("--to", dest="end", metavar="T", help="and before this")
    score.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace) -> int:
    """Prints a row a range of leads; errors in USD/MWh."""
    from vibelux.outlook.scores import score

    history = _history(args)
    rows = [one.as_json() for one in score(history, start=_wall(args.start, history), end=_wall(args.end, history))]
    if args.json:
        _output.as_json_document(
            {"grid": history.rules.iso_region, "market": history.market, "days": history.prices.days, "leads": rows}
        )
        return 0
    shown = [{title: row[name] for name, title in COLUMNS.items()} for row in rows]
    _output.table_or_json(shown, list(COLUMNS.values()), as_json=False)
    return 0


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
