"""How commands print: a table for people or one JSON document for programs; notes go to stderr."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vibelux.market.errors import UsageError

if TYPE_CHECKING:
    from vibelux.market.records import Quarantined


def note(text: str) -> None:
    """A line for the person at the terminal, never on stdout."""
    print(text, file=sys.stderr)


def has_folder(out: Path) -> None:
    """Refuses a file whose folder does not exist, before any work is done for it.

    Raises:
        UsageError: there is no such folder.
    """
    if not out.parent.is_dir():
        raise UsageError(f"{out}: no such folder")


def progress(text: str) -> None:
    """One line that is overwritten, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def progress_done() -> None:
    """Leaves the progress line clean."""
    progress("")


def as_json_document(value: Any) -> None:
    """One JSON document on stdout."""
    from vibelux.market.frames import plain

    print(json.dumps(value, default=lambda cell: str(plain(cell)), ensure_ascii=False))


def table_or_json(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """The rows as one JSON list, or the chosen columns as an aligned table."""
    if as_json:
        as_json_document(rows)
        return
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max([len(column), *(len(row[at]) for row in cells)]) for at, column in enumerate(columns)]
    for row in [list(columns), *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ",".join(str(item) for item in value) or "-"
    return str(value)


def quarantined_json(row: "Quarantined") -> dict[str, str]:
    """A row that was set aside, as `parse` reports it."""
    return {"kind": "quarantined", "reason": row.reason, "place": row.place, "raw": row.raw}
