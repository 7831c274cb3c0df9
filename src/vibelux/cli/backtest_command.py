"""Plays history again through the code that decides live, and says what each way to run the plant would have cost."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vibelux.cli import _database, _output
from vibelux.cli._window import in_order
from vibelux.market.errors import UsageError, VibeluxError

if TYPE_CHECKING:
    from vibelux.backtest.gas import GasIndex
    from vibelux.backtest.points import Recorded
    from vibelux.backtest.study import Outcome
    from vibelux.backtest.window import Window
    from vibelux.dispatch.facility import Facility

STORE = "store"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("--facility", metavar="FILE", required=True, help="the plant; --id names one of several")
    parser.add_argument("--id", metavar="F", help="which facility of the file")
    parser.add_argument(
        "--prices",
        metavar="FILE",
        action="append",
        nargs="+",
        required=True,
        help="tidy CSV or Parquet (time, node, market, price_per_kwh), the grid's own files, or `store`; repeatable",
    )
    parser.add_argument("--day-ahead", metavar="FILE", help="day-ahead prices, where they are in a file of their own")
    parser.add_argument("--node", metavar="NAME", help="whose prices (default: the facility's, or the only ones)")
    parser.add_argument("--market", metavar="NAME", help="to settle in (default: real-time before day-ahead)")
    parser.add_argument("--price-column", metavar="NAME", help="where the usual names do not do")
    parser.add_argument("--gas", metavar="FILE", help="daily gas prices: EIA's workbook, FRED's CSV, or date and price")
    parser.add_argument("--carbon", type=float, metavar="USD", help="a ton's price, where the site pays it itself")
    parser.add_argument("--from", dest="start", metavar="T", help="default: the first price")
    parser.add_argument("--to", dest="end", metavar="T", help="default: the last price")
    parser.add_argument("--strategy", metavar="NAME", action="append", nargs="+", help="default: all six; repeatable")
    parser.add_argument("--threshold", type=float, metavar="USD", help="static-threshold's price of an imported kWh")
    parser.add_argument(
        "--no-causes", action="store_true", help="do not split the regret by cause: runs a third as long"
    )
    parser.add_argument(
        "--sweep", metavar="PATH=LO..HI[:N]", help="plant.chp.rated_kw=500..2000, gas=2..8, carbon=0..60"
    )
    parser.add_argument("--time-limit", type=float, default=120.0, metavar="S", help="for perfect foresight")
    parser.add_argument(
        "--proof", type=float, default=0.0, metavar="S", help="search so long for each plan of vibelux (default: quick)"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core)")
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        default=os.environ.get("DASK_SCHEDULER"),
        help="of a Dask scheduler, instead of processes (default: $DASK_SCHEDULER)",
    )
    parser.add_argument("--checkpoint", metavar="DIR", help="keep runs there, and go on with those that are there")
    parser.add_argument("--steps", metavar="FILE.parquet", help="write every step of every strategy")
    parser.add_argument("--html", metavar="FILE", help="write a report with plots")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    _database.arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Prints a row a strategy, or the contract's JSON document."""
    from vibelux.backtest.strategies import STRATEGIES
    from vibelux.backtest.sweep import Sweep
    from vibelux.backtest.window import Window
    from vibelux.market.intervals import moment_argument

    strategies = list(dict.fromkeys(name for names in args.strategy or [STRATEGIES] for name in names))
    for name in strategies:
        if name not in STRATEGIES:
            raise UsageError(f"no strategy is called {name!r}; there are {', '.join(STRATEGIES)}")
    for out in (args.steps, args.html):
        if out is not None:
            _output.has_folder(Path(out))
    sweep = None if args.sweep is None else Sweep.read(args.sweep)
    start, end = (None if text is None else moment_argument(text) for text in (args.start, args.end))
    if start is not None and end is not None:
        in_order(args, start, end)
    facility = _facility(Path(args.facility), args.id)
    window = Window.over(
        facility, _recorded(args, facility), _gas(args, facility), carbon_usd_per_t=args.carbon, start=start, end=end
    )
    if sweep is not None:
        return _swept(args, sweep, window, strategies)
    outcome = _outcome(args, window, strategies)
    if args.steps is not None:
        from vibelux.backtest.steps_file import write_steps

        write_steps(outcome, Path(args.steps))
    if args.html is not None:
        from vibelux.backtest.report import page

        try:
            Path(args.html).write_text(page(outcome), "utf-8")
        except OSError as error:
            raise VibeluxError(f"{args.html}: {error.strerror}") from error
    if args.json:
        _output.as_json_document(outcome.as_json())
    else:
        _shown(outcome)
    return 0


def _outcome(args: argparse.Namespace, window: "Window", strategies: list[str], said: str = "") -> "Outcome":
    from vibelux.backtest.study import Study, backtest

    study = Study.of(
        window,
        threshold_usd_per_kwh=args.threshold,
        perfect_seconds=args.time_limit,
        proof_seconds=args.proof,
        folder=None if args.checkpoint is None else Path(args.checkpoint),
    )

    def progress(done: int, total: int, what: str) -> None:
        full = 30 * done // total
        _output.progress(f"{said}[{'#' * full}{'.' * (30 - full)}] {100 * done // total:3d}%  {what}")

    try:
        causes = not args.no_causes and not said
        return backtest(
            study, strategies, causes=causes, workers=args.workers, scheduler=args.scheduler, progress=progress
        )
    finally:
        _output.progress_done()


def _facility(path: Path, wanted: str | None) -> "Facility":
    from vibelux.dispatch.facility import load_facilities

    found = {one.id: one for one in load_facilities(path, _output.note)}
    if wanted is None and len(found) == 1:
        return next(iter(found.values()))
    if wanted not in found:
        said = f"no facility {wanted}" if wanted else "several facilities, and --id names none"
        raise UsageError(f"{path}: {said}; there are {', '.join(found)}")
    return found[wanted]


def _recorded(args: argparse.Namespace, facility: "Facility") -> "Recorded":
    from vibelux.backtest.price_files import Wanted, read_prices
    from vibelux.backtest.stored import stored_prices
    from vibelux.outlook.learn import DAY_AHEAD

    files = [name for names in args.prices for name in names]
    if files == [STORE]:
        return _database.run_async(stored_prices(_database.settings_of(args), facility, args.node, args.market))
    wanted = Wanted(facility.iso_region, facility.pricing_node, args.node, args.market, args.price_column)
    recorded = read_prices([Path(name) for name in files], wanted)
    if args.day_ahead is None:
        return recorded
    from dataclasses import replace

    beside = read_prices([Path(args.day_ahead)], replace(wanted, market=DAY_AHEAD))
    return replace(recorded, day_ahead=beside.prices)


def _gas(args: argparse.Namespace, facility: "Facility") -> "GasIndex":
    from vibelux.backtest.gas import GasIndex, read_gas
    from vibelux.backtest.stored import stored_gas

    hub = facility.prices.gas_market
    if args.gas is not None:
        return read_gas(Path(args.gas), hub)
    if facility.prices.contract.kind == "index" and [name for names in args.prices for name in names] == [STORE]:
        return _database.run_async(stored_gas(_database.settings_of(args), hub))
    return GasIndex()


def _swept(args: argparse.Namespace, sweep: Any, window: "Window", strategies: list[str]) -> int:
    rows = []
    for value, changed in sweep.windows(window):
        outcome = _outcome(args, changed, strategies, said=f"{sweep.path}={value:g} ")
        rows.append({"value": value, **outcome.as_json()})
    if args.json:
        _output.as_json_document({"sweep": sweep.path, "values": rows})
        return 0
    shown = [
        {sweep.path: f"{row['value']:g}"}
        | {name: f"{row['strategies'][name]['total_cost_usd']:,.0f}" for name in strategies}
        for row in rows
    ]
    _output.table_or_json(shown, [sweep.path, *strategies], as_json=False)
    return 0


def _shown(outcome: "Outcome") -> None:
    body = outcome.as_json()
    rows = []
    for name, one in body["strategies"].items():
        saves = body["savings_usd"].get(name)
        rows.append(
            {
                "strategy": name,
                "USD": f"{one['total_cost_usd']:,.2f}",
                "vibelux saves": "" if saves is None else f"{saves:,.2f}",
                "of it": "" if saves is None or not one["total_cost_usd"] else f"{saves / one['total_cost_usd']:.1%}",
                "CHP h": f"{one['run_hours']:,.0f}",
                "starts": one["starts"],
                "peak kW": f"{max(one['peak_kw'].values()):,.0f}",
                "t CO2": f"{one['co2_kg'] / 1000:,.1f}",
            }
        )
    _output.table_or_json(rows, list(rows[0]), as_json=False)
    print(f"{body['from']} to {body['to']}, {body['steps']} steps of {body['step_minutes']} min, {body['node']}")
    for cause, usd in body.get("regret_parts_usd", {}).items():
        print(f"regret, {cause.replace('_', ' ')}: {usd:,.2f} USD")
    for told in body["notes"]:
        _output.note(told)
