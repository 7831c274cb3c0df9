"""Past prices for the database: the grids' own archives as they are, and tidy tables of whoever kept some."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vibelux.cli import _database, _output, _running
from vibelux.cli.import_command import COUNTS, as_reply
from vibelux.market.errors import UsageError

if TYPE_CHECKING:
    from vibelux.backtest.price_files import Wanted
    from vibelux.store.journal import Receipt


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="add files of past prices; what is there already is left", description=__doc__)
    add.add_argument(
        "files", metavar="FILE", nargs="+", help="a grid's own files, or CSV (also .gz) and Parquet of prices"
    )
    add.add_argument("--grid", metavar="NAME", help="whose prices they are (default: the one in the path)")
    add.add_argument("--node", metavar="NAME", help="whose prices, where the file does not say or holds several")
    add.add_argument(
        "--kept-as", metavar="NAME", help="how the grid itself calls that node (default: as the file does)"
    )
    add.add_argument("--market", metavar="NAME", help="day-ahead-hourly or a real-time one, where the file is silent")
    add.add_argument("--price-column", metavar="NAME", help="where the usual names do not do")
    add.add_argument("--json", action="store_true", help="one JSON document")
    _database.arguments(add)


def run(args: argparse.Namespace) -> int:
    """Adds each file; one that cannot be read makes the exit code that of wrong usage, the others are still added.

    Interrupted, the same command goes on: what is in the database is compared and left.
    """
    from vibelux.backtest.price_files import Wanted
    from vibelux.market.regions import region_of
    from vibelux.outlook.price_files import grid_of

    _running.set_up_logs("warning")
    paths = [Path(file) for file in args.files]
    wanted = {}
    for path in paths:
        if not path.is_file():
            raise UsageError(f"{path}: no such file")
        grid = region_of(args.grid).iso_region if args.grid else grid_of(path)
        wanted[path] = Wanted(grid, args.node or "", args.node, args.market, args.price_column)
    return _database.run_async(_add(args, wanted))


async def _add(args: argparse.Namespace, files: "dict[Path, Wanted]") -> int:
    from vibelux.backtest.archives import parts_of
    from vibelux.feeds import Payload
    from vibelux.ingest.journal import Journal
    from vibelux.market.clock import LiveClock
    from vibelux.store.writer import write_payload

    settings, now = _database.settings_of(args), LiveClock().now()
    journal = Journal(settings.data_dir)
    total = dict.fromkeys(COUNTS, 0)
    code = 0
    async with _database.open_database(settings) as db:
        for path, wanted in files.items():
            reply = as_reply(Payload(path.read_bytes(), name=path.name), now)
            receipts: dict[str, Receipt] = {}
            try:
                for part in parts_of(path, wanted, args.kept_as):
                    if part.feed.name not in receipts:
                        receipts[part.feed.name] = await journal.keep(part.feed, reply)
                    written = await write_payload(db, receipts[part.feed.name], part.parsed)
                    for name in COUNTS:
                        total[name] += getattr(written, name)
                    if part.parsed.quarantined:
                        first = part.parsed.quarantined[0]
                        told = f"{len(part.parsed.quarantined)} rows quarantined"
                        _output.note(f"{path.name}: {told}, {first.place}: {first.reason}")
                    _output.progress(f"{path.name}  {part.done:4.0%}")
            except UsageError as error:
                _output.note(f"vibelux history: {error}")
                code = error.exit_code
    _output.progress_done()
    if args.json:
        _output.as_json_document(total)
    else:
        print(", ".join(f"{count} {name}" for name, count in total.items()))
    return code
