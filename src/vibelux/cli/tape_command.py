"""Makes a tape: `synth` a synthetic market day, `build` one out of a table of recorded prices. Each says what it is."""

import argparse
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from vibelux.cli import _output
from vibelux.market.errors import UsageError

if TYPE_CHECKING:
    from vibelux.replay.tape import Tape


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the two verbs."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    synth = verbs.add_parser("synth", help="a synthetic day with negative prices at noon and an evening spike")
    synth.add_argument("--day", required=True, metavar="D", help="e.g. 2026-07-14")
    synth.add_argument("--node", action="append", default=[], metavar="N", help="repeatable")
    build = verbs.add_parser("build", help="out of a tidy table of recorded prices (.csv, .csv.gz, .parquet)")
    build.add_argument("--prices", required=True, metavar="FILE")
    build.add_argument("--day-ahead", metavar="FILE", help="a second table, of hourly day-ahead prices")
    build.add_argument("--market", default="real-time-5min", help="which market the table is of")
    build.add_argument("--node", metavar="N", help="the pricing node (default: the table's own, else TH_SP15_GEN-APND)")
    build.add_argument("--time-column", metavar="C")
    build.add_argument("--price-column", metavar="C")
    build.add_argument("--price-unit", choices=("usd-per-mwh", "usd-per-kwh"))
    build.add_argument("--from", dest="start", metavar="T")
    build.add_argument("--to", dest="end", metavar="T")
    for verb in (synth, build):
        verb.add_argument("-o", "--output", metavar="DIR", help="folder of the tape (default: tapes/…)")
        verb.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace) -> int:
    """Writes the tape and says where it is."""
    tape = _synth(args) if args.verb == "synth" else _build(args)
    told = {
        "tape": str(tape.folder),
        "origin": tape.origin.value,
        "payloads": len(tape),
        "from": tape.start,
        "to": tape.end,
        "nodes": list(tape.nodes),
    }
    _output.table_or_json([told], list(told), as_json=False) if not args.json else _output.as_json_document(told)
    return 0


def _synth(args: argparse.Namespace) -> "Tape":
    from vibelux.replay.synth import DEFAULT_NODES, synth_tape

    try:
        day = date.fromisoformat(args.day)
    except ValueError as error:
        raise UsageError(f"--day: {args.day!r} is not a day; write 2026-07-14") from error
    folder = Path(args.output or f"tapes/synthetic-{day}")
    return synth_tape(folder, day, tuple(args.node) or DEFAULT_NODES)


def _build(args: argparse.Namespace) -> "Tape":
    from vibelux.market.intervals import moment_argument
    from vibelux.replay.build import build_tape
    from vibelux.replay.table import Columns

    prices = Path(args.prices)
    for file in (args.prices, args.day_ahead):
        if file and not Path(file).is_file():
            raise UsageError(f"{file}: no such file")
    return build_tape(
        Path(args.output or f"tapes/{prices.name.split('.')[0]}"),
        prices,
        market=args.market,
        node=args.node,
        columns=Columns(args.time_column, args.price_column, args.price_unit),
        start=moment_argument(args.start) if args.start else None,
        end=moment_argument(args.end) if args.end else None,
        day_ahead=Path(args.day_ahead) if args.day_ahead else None,
    )
