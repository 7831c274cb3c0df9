"""The service on the live upstreams that need no key, with the example facility unless you bring one."""

import argparse
from pathlib import Path

from vibelux.cli import _database, _output, _running, _settings, demo_command, serve_command


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("--config", metavar="FILE", help="vibelux.toml (default: the one in this folder, if any)")
    parser.add_argument("--data-dir", metavar="DIR", default=".live", help="default: .live")
    parser.add_argument("--port", type=int, default=8080, help="default: 8080; 0 takes a free one")
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))


def run(args: argparse.Namespace) -> int:
    """Runs until a signal; says first what it will ask."""
    from vibelux.dispatch.facility import load_facilities
    from vibelux.service import Plan
    from vibelux.wanted import enabled_feeds

    settings = _settings.load_settings(args.config, data_dir=Path(args.data_dir))
    facilities = serve_command.facilities_of(args.config) or load_facilities(demo_command.FACILITY)
    _running.set_up_logs(args.log_level)
    hosts = sorted({feed.service.name for feed in enabled_feeds(settings)})
    _output.note(f"asks {', '.join(hosts)}; without a way to them the page says so and goes on trying")
    plan = Plan(
        settings=settings,
        facilities=facilities,
        facility_file=serve_command.file_of(args.config),
        port=args.port,
        announce=_running.telling("Vibelux is at {url}"),
    )
    return _database.run_async(_running.run_until_stopped(plan))
