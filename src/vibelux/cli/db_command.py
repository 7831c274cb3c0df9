"""How to reach the database: `vibelux db url` prints an address that psql takes, while the service runs."""

import argparse

from vibelux.cli import _database
from vibelux.market.errors import StoreUnavailable


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the one verb."""
    url = parser.add_subparsers(dest="verb", metavar="VERB", required=True).add_parser("url", help="print the address")
    _database.arguments(url)


def run(args: argparse.Namespace) -> int:
    """Prints the address of the database that is set, or of the embedded one if it runs."""
    from vibelux.store.embedded import url_of_running

    settings = _database.settings_of(args)
    if settings.database_url is not None:
        print(settings.database_url.get_secret_value())
        return 0
    url = _database.run_async(url_of_running(settings.data_dir))
    if url is None:
        raise StoreUnavailable(f"the embedded database in {settings.data_dir} is not running; start `vibelux serve`")
    print(url)
    return 0
