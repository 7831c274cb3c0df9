"""Writes records of the database to a file: Parquet, CSV or Arrow, as OUT's ending says."""

import argparse
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vibelux.cli import _database, _output
from vibelux.cli._window import in_order
from vibelux.market.errors import UsageError, VibeluxError

if TYPE_CHECKING:
    import polars as pl

    from vibelux.store.tables import Table

_FORMS = {".parquet": "parquet", ".csv": "csv", ".arrow": "arrow"}
_PAGE_ROWS = 20_000
_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""All that there is."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("table", metavar="TABLE", help="a kind of record (electricity-price) or the table's own name")
    parser.add_argument("--from", dest="start", metavar="T", help="default: the first record")
    parser.add_argument("--to", dest="end", metavar="T", help="records that begin before this (default: all)")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help=f"its ending is {', '.join(_FORMS)}")
    parser.add_argument(
        "--where", metavar="FIELD=VALUE", action="append", default=[], help="pricing_node=TH_NP15_GEN-APND; repeatable"
    )
    parser.add_argument("--as-of", metavar="T", help="as it was known then (default: now, corrections included)")
    _database.arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Writes the file whole or not at all, and says on stderr how many records it holds."""
    from vibelux.market.intervals import moment_argument

    table, out = _table(args.table), Path(args.output)
    if out.suffix not in _FORMS:
        raise UsageError(f"{out}: the ending says the format; known are {', '.join(_FORMS)}")
    _output.has_folder(out)
    start = _FIRST if args.start is None else moment_argument(args.start)
    end = _LAST if args.end is None else moment_argument(args.end)
    in_order(args, start, end)
    wanted = {
        "start": start,
        "end": end,
        "filters": _filters(table, args.where),
        "as_of": None if args.as_of is None else moment_argument(args.as_of),
    }
    rows = _database.run_async(_export(args, table, wanted, out))
    _output.note(f"{out}: {rows} rows of {table.kind.name}")
    return 0


def _table(name: str) -> "Table":
    from vibelux.store.tables import TABLES

    found = next((table for table in TABLES.values() if name in {table.kind.name, table.name}), None)
    if found is None:
        known = ", ".join(f"{table.kind.name} ({table.name})" for table in TABLES.values())
        raise UsageError(f"no table is called {name!r}; there are {known}")
    return found


def _filters(table: "Table", told: list[str]) -> dict[str, str]:
    from vibelux.market.records import Type

    texts = [field.name for field in table.kind.fields if field.type is Type.TEXT]
    filters = dict(text.partition("=")[::2] for text in told)
    for name in filters:
        if name not in texts:
            raise UsageError(f"--where {name}: {table.kind.name} can be chosen by {', '.join(texts)}")
    return filters


async def _export(args: argparse.Namespace, table: "Table", wanted: dict[str, Any], out: Path) -> int:
    """The database is read here, a page at a time, while polars writes in a thread."""
    import asyncio

    from polars.io.plugins import register_io_source

    from vibelux.serve.exports import write_file
    from vibelux.store.reader import order_of, records

    kind, loop = table.kind, asyncio.get_running_loop()
    wanted |= dict(zip(("start", "end"), _days(table, wanted["start"], wanted["end"]), strict=True))
    beside, rows = out.with_name(f"{out.name}.part"), 0

    async with _database.open_database(_database.settings_of(args)) as db:
        page = await records(db, kind.name, **wanted, limit=_PAGE_ROWS)

        def pages(columns: list[str] | None, *_: object) -> "Iterator[pl.DataFrame]":
            nonlocal page, rows
            while True:
                rows += page.height
                _output.progress(f"{kind.name} {rows} rows")
                yield page if columns is None else page.select(columns)
                if page.height < _PAGE_ROWS:
                    return
                after = page.select(order_of(kind.name)).row(-1)
                reading = records(db, kind.name, **wanted, limit=_PAGE_ROWS, after=after)
                page = asyncio.run_coroutine_threadsafe(reading, loop).result()

        frame = register_io_source(pages, schema=page.schema)
        try:
            await asyncio.to_thread(write_file, frame, kind, _FORMS[out.suffix], beside)
            beside.replace(out)
        except OSError as error:
            raise VibeluxError(f"{out}: {error.strerror or error}") from error
        finally:
            beside.unlink(missing_ok=True)
            _output.progress_done()
    return rows


def _days(table: "Table", start: datetime, end: datetime) -> tuple[date, date]:
    """The same as days where records are of days: every day that the time touches."""
    from vibelux.market.records import Type

    if table.kind_of(table.time) is not Type.DATE:
        return start, end
    return start.date(), (end - timedelta(microseconds=1)).date() + timedelta(days=1)
