"""The whole service in one process: collects, keeps, decides, serves."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vibelux.cli import _database, _output, _running, _settings

if TYPE_CHECKING:
    from vibelux.dispatch.facility import Facility


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    _database.arguments(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8080, help="default: 8080; 0 takes a free one")
    parser.add_argument("--no-loopback-page", action="store_true", help="ask for a key on this machine too")
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))


def run(args: argparse.Namespace) -> int:
    """Runs until a signal."""
    from vibelux.service import Plan

    settings = _database.settings_of(args)
    facilities = facilities_of(args.config)
    _running.set_up_logs(args.log_level)
    plan = Plan(
        settings=settings,
        facilities=facilities,
        facility_file=file_of(args.config),
        host=args.host,
        port=args.port,
        loopback_page=not args.no_loopback_page,
        announce=_running.telling("Vibelux is at {url}"),
    )
    return _database.run_async(_running.run_until_stopped(plan))


def file_of(config: str | None) -> str | None:
    """The path of the configuration file, whole; None where there is none."""
    path = Path(config) if config else _settings.USUAL
    return str(path.resolve()) if path.is_file() else None


def facilities_of(config: str | None) -> "tuple[Facility, ...]":
    """The facilities of the configuration file; none where it has none."""
    import tomllib

    from vibelux.dispatch.facility import load_facilities

    path = Path(config) if config else _settings.USUAL
    if not path.is_file():
        return ()
    body = tomllib.loads(path.read_text())
    return load_facilities(path, _output.note) if "facilities" in body or "id" in body else ()
