"""The database as commands reach it: the one in the settings, or the embedded one of the data folder."""

import argparse
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeVar

from vibelux.cli._settings import load_settings

if TYPE_CHECKING:
    from vibelux.config import Settings
    from vibelux.store.database import Database

Result = TypeVar("Result")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of every command that needs the database."""
    parser.add_argument("--config", metavar="FILE", help="vibelux.toml (default: the one in this folder, if any)")
    parser.add_argument("--data-dir", metavar="DIR", help="folder of the embedded database and the journal")


def settings_of(args: argparse.Namespace) -> "Settings":
    """The settings that these options mean."""
    return load_settings(args.config, data_dir=args.data_dir)


def open_database(settings: "Settings") -> "AbstractAsyncContextManager[Database]":
    """The database, for as long as the block runs; a running service is joined, not disturbed.

    Raises:
        StoreUnavailable: it is away.
    """
    from vibelux.store.opened import opened

    url = settings.database_url
    return opened(url.get_secret_value() if url is not None else None, settings.data_dir)


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs a command's asynchronous part."""
    import asyncio

    return asyncio.run(work)
