"""Solves one dispatch case and prints the schedule, the costs and the reasons as one JSON document."""

import argparse
import sys
from pathlib import Path
from typing import Any

from vibelux.cli import _output
from vibelux.market.errors import ConfigError, UsageError, VibeluxError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("case", metavar="CASE.json", help="the case, docs/dispatch.md tells its fields; - reads stdin")
    parser.add_argument(
        "--set",
        dest="changes",
        metavar="PATH=VALUE",
        action="append",
        default=[],
        help="change a field first: prices.gas_usd_per_mmbtu=6, chp.engine-1.rated_kw=800, chp[0].min_load=0.6, "
        "prices.import_usd_per_kwh[3]=0.4; one number for a list of numbers sets all; repeatable",
    )
    parser.add_argument(
        "--time-limit",
        type=_positive,
        default=45.0,
        metavar="S",
        help="seconds after which the best schedule so far is given, with its proven gap (default 45)",
    )
    parser.add_argument(
        "--gap", type=_positive, default=1e-6, help="relative gap that counts as optimal (default 1e-6)"
    )
    parser.add_argument(
        "--explain", action="store_true", help="add binding limits, their shadow prices, and the best plan without CHP"
    )
    parser.add_argument("--plot", metavar="FILE.html", help="also draw the schedule, as one page of its own")


def run(args: argparse.Namespace) -> int:
    """Solves the case; 0 whenever there is a schedule, 1 where none keeps the hard rules."""
    from vibelux.dispatch.case_reader import read_case
    from vibelux.dispatch.changes import change
    from vibelux.dispatch.result import result
    from vibelux.dispatch.solve import solve

    document = _document(args.case)
    changed = [change(document, text) for text in args.changes]
    if args.plot is not None:
        _output.has_folder(Path(args.plot))
    case = read_case(document, must_read=changed)
    solution = solve(case, time_limit=args.time_limit, gap=args.gap)
    answer = result(solution)
    if args.explain and solution.schedule is not None:
        from vibelux.dispatch.explain import explain

        answer["explanation"] = explain(solution, time_limit=args.time_limit, gap=args.gap)
    if args.plot is not None and solution.schedule is not None:
        from vibelux.dispatch.plot import page

        try:
            Path(args.plot).write_text(page(solution), "utf-8")
        except OSError as error:
            raise VibeluxError(f"{args.plot}: {error.strerror}") from error
    _output.as_json_document(answer)
    return 0 if solution.schedule is not None else 1


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("should be a number above 0")
    return value


def _document(name: str) -> Any:
    import msgspec

    try:
        body = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from error
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{name}: not JSON: {error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 text (byte {error.start})") from error
