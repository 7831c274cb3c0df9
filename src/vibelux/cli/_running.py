"""Runs the service from a command: signals, logs, and the few lines that a person wants to see."""

from typing import TYPE_CHECKING

from vibelux.cli import _output
from vibelux.market.errors import UsageError

if TYPE_CHECKING:
    from asyncio import Event
    from collections.abc import Awaitable, Callable

    from vibelux.service import Plan
    from vibelux.store.database import Database


def set_up_logs(level: str = "info") -> None:
    """Logs go to stderr, readable on a terminal and as JSON elsewhere; `LOG_FORMAT` (`json`, `console`) decides too.

    Raises:
        UsageError: `LOG_FORMAT` is something else.
    """
    import logging
    import os
    import sys

    import structlog

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    form = os.environ.get("LOG_FORMAT") or ("console" if sys.stderr.isatty() else "json")
    if form not in {"json", "console"}:
        raise UsageError(f"environment variable LOG_FORMAT: should be json or console, got {form!r}")
    renderer = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def stop_on_signals() -> "Event":
    """An event that Ctrl-C and SIGTERM set."""
    import asyncio
    import signal

    # When it is imported, polars takes SIGINT for itself: a Ctrl-C amid a query would be raised in the middle of the
    # loop, and the service would not end. Imported before, it is ours that count.
    import polars as pl  # noqa: F401

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def run_until_stopped(plan: "Plan") -> int:
    """The service, until a signal ends it."""
    from vibelux.service import run

    await run(plan, stop_on_signals())
    return 0


def telling(text: str) -> "Callable[[Database, str], Awaitable[None]]":
    """An announcement on stderr; `{url}` in the text becomes the page's address."""

    async def tell(db: "Database", url: str) -> None:
        del db
        _output.note(text.format(url=url))

    return tell
