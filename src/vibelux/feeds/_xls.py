"""Reads the sheets of a workbook of the old binary form (BIFF8, `.xls`) as rows of text; the new form is read too."""

from typing import TYPE_CHECKING

from vibelux.feeds._text import excerpt
from vibelux.feeds._zip import is_workbook, verify
from vibelux.market.errors import Corrupt, SchemaChanged, TooLarge

if TYPE_CHECKING:
    import polars as pl

MAX_BYTES = 64 * 1024 * 1024
_COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

Cells = list[list[str]]


def looks_like_workbook(body: bytes) -> bool:
    """A workbook of either form, by its first bytes."""
    return body.startswith(_COMPOUND_FILE) or is_workbook(body)


def sheets(body: bytes, names: tuple[str, ...], name: str = "") -> tuple[Cells, ...]:
    """The rows of the sheets of those names, all cells as text (a date as `1997-01-07 00:00:00`), blanks empty.

    Raises:
        Corrupt: not a workbook, or one that is cut off.
        TooLarge: over 64 MiB.
        SchemaChanged: a sheet is missing.
    """
    label = name or "payload"
    if len(body) > MAX_BYTES:
        raise TooLarge(f"{label}: a workbook of {len(body)} bytes")
    if not looks_like_workbook(body):
        raise Corrupt(f"{label}: no workbook: {excerpt(body)}")
    if not body.startswith(_COMPOUND_FILE):
        verify(body, name)
    frames = _loaded(body, names, label)
    missing = [wanted for wanted in names if wanted not in frames]
    if missing:
        raise SchemaChanged(
            f"{label}: the workbook has no sheet {', '.join(missing)}; it has {', '.join(frames)}",
            missing=missing,
            extra=tuple(frames),
        )
    return tuple([[cell or "" for cell in row] for row in frames[wanted].iter_rows()] for wanted in names)


def _loaded(body: bytes, names: tuple[str, ...], label: str) -> "dict[str, pl.DataFrame]":
    """The wanted sheets by name; of the others the names only."""
    import fastexcel
    import polars as pl

    try:
        workbook = fastexcel.read_excel(body)
        return {
            sheet: workbook.load_sheet(sheet, header_row=None, dtypes="string").to_polars()
            if sheet in names
            else pl.DataFrame()
            for sheet in workbook.sheet_names
        }
    except BaseException as error:
        # A damaged workbook can make the reader panic, and a panic is no Exception.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise Corrupt(f"{label}: the workbook cannot be read: {str(error).partition(chr(10))[0]}") from error
        raise
