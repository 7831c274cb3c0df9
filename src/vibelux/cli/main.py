"""`vibelux`: finds the command, runs it, and turns errors of the house into one line and an exit code."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from vibelux import __version__
from vibelux.market.errors import VibeluxError

COMMANDS = {
    "demo": "replay a market day through the whole service, with a dashboard",
    "live": "the service on the live upstreams that need no key",
    "serve": "the whole service in one process",
    "feeds": "list every feed, or try each once",
    "parse": "parse raw upstream payloads, without a database",
    "fetch": "ask an upstream now",
    "import": "parse raw payloads into the database",
    "backfill": "fetch history into the database, resumable",
    "history": "add archives and tables of past prices to the database",
    "export": "write records of the database to Parquet, CSV or Arrow",
    "dispatch": "solve one dispatch case: schedule, costs and reasons",
    "backtest": "what the plant would have cost, on past prices",
    "outlook": "price forecasts: how far off they are",
    "return": "what data and machines cost, what was saved, and when that pays back",
    "facilities": "list, add, check or remove facilities",
    "nodes": "find pricing nodes, hubs and zones",
    "keys": "create, list or revoke API keys",
    "record": "write a tape from live traffic",
    "replay": "run the service on a tape",
    "tape": "make a tape: synthetic, or from recorded prices",
    "alerts": "send a test alert by each configured way",
    "quality": "how complete, late and doubted each feed's data were, day by day",
    "db": "how to reach the embedded PostgreSQL",
    "doctor": "check configuration, database, clock and upstreams",
}


def parser() -> argparse.ArgumentParser:
    """The whole command line. Command modules import nothing heavy until they run."""
    top = argparse.ArgumentParser(prog="vibelux", description="The market desk of a greenhouse with its own plant.")
    top.add_argument("--version", action="version", version=f"vibelux {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        module = importlib.import_module(f"vibelux.cli.{name}_command")
        sub = commands.add_parser(name, help=text, description=module.__doc__)
        module.arguments(sub)
        sub.set_defaults(run=module.run)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Returns:
        0 done; 1 the work failed; 2 wrong usage; 130 interrupted.
    """
    args = parser().parse_args(argv)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except VibeluxError as error:
        print(f"vibelux {args.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read us has enough; Python must not complain when it flushes once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code
