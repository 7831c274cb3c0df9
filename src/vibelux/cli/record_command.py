"""Runs the service on its upstreams and writes every payload onto a tape, without keys, until stopped."""

import argparse
from pathlib import Path

from vibelux.cli import _database, _output, _running, serve_command
from vibelux.market.errors import UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("folder", metavar="DIR", help="the tape; one that is there is continued")
    _database.arguments(parser)
    parser.add_argument("--port", type=int, default=8080, help="default: 8080; 0 takes a free one")
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))


def run(args: argparse.Namespace) -> int:
    """Records until a signal."""
    from vibelux.replay.record import Recorder
    from vibelux.service import Plan

    folder = Path(args.folder)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: not a folder")
    settings = _database.settings_of(args)
    _running.set_up_logs(args.log_level)
    with Recorder(folder) as recorder:
        plan = Plan(
            settings=settings,
            facilities=serve_command.facilities_of(args.config),
            facility_file=serve_command.file_of(args.config),
            port=args.port,
            tap=recorder.tap,
            announce=_running.telling(f"recording into {folder}; Vibelux is at {{url}}"),
        )
        code = _database.run_async(_running.run_until_stopped(plan))
        _output.note(f"{recorder.payloads} payloads in {folder}")
    return code
