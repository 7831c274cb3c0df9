"""Reads CSV into columns of text or numbers, by stripped header names; what is missing is refused loudly."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vibelux.feeds._text import excerpt, refuse_html, without_bom
from vibelux.market.errors import Corrupt, SchemaChanged

if TYPE_CHECKING:
    import polars as pl


def csv_lines(text: str, name: str = "") -> list[list[str]]:
    """All lines of a small CSV as texts, for tables whose header is not in the first line.

    Raises:
        Corrupt: it is no CSV.
    """
    try:
        return list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise Corrupt(f"{name or 'payload'}: not a CSV table: {error}") from error


def header_of(body: bytes, separator: str = ",") -> list[str]:
    """The column names of the first line, stripped of blanks and quotes."""
    first = without_bom(body[: 1 << 16]).split(b"\n", 1)[0].decode("utf-8", "replace")
    return [name.strip().strip('"').strip() for name in first.rstrip("\r").split(separator)]


def read_csv(
    body: bytes,
    columns: Sequence[str],
    *,
    name: str = "",
    numbers: Sequence[str] = (),
    categories: Sequence[str] = (),
    aliases: Mapping[str, Sequence[str]] | None = None,
    optional: Sequence[str] = (),
    separator: str = ",",
) -> "pl.DataFrame":
    """The wanted columns of a CSV, in the order of the file.

    Args:
        body: the file.
        columns: the names that must be there (further ones are left unread).
        name: a label for errors.
        numbers: columns read as numbers straight away. Where one cell is no number the whole file is read as
            text instead, so that the caller can set that row aside: look at the dtype.
        categories: columns with few distinct texts, read as categories (faster, smaller).
        aliases: for a column, other names under which upstream prints it.
        optional: columns that may be missing.
        separator: between cells.

    Raises:
        Corrupt: HTML, an empty body, or bytes that are no table.
        SchemaChanged: a column is missing; the error says which, and which unknown ones there are.
    """
    import polars as pl

    refuse_html(body, name, "CSV")
    body = without_bom(body)
    if not body or body.isspace():
        raise Corrupt(f"{name or 'payload'}: empty where CSV was promised")
    header = header_of(body, separator)
    at: dict[str, int] = {}
    for wanted in (*columns, *optional):
        spelled = (wanted, *(aliases or {}).get(wanted, ()))
        found = next((header.index(spelling) for spelling in spelled if spelling in header), None)
        if found is not None:
            at[wanted] = found
    missing = [wanted for wanted in columns if wanted not in at]
    if missing:
        known = {spelling for wanted in columns for spelling in (wanted, *(aliases or {}).get(wanted, ()))}
        extra = [column for column in header if column and column not in known]
        raise SchemaChanged(
            f"{name or 'payload'}: column {', '.join(missing)} is missing; the header is {excerpt(body)!r}",
            missing=missing,
            extra=extra,
        )
    by_index = {index: wanted for wanted, index in at.items()}
    names = [by_index.get(index, f"unread {index}") for index in range(len(header))]

    def attempt(typed: Sequence[str]) -> "pl.DataFrame":
        kinds: dict[str, pl.DataType] = {
            column: pl.Float64() if column in typed else pl.Categorical() if column in categories else pl.String()
            for column in at
        }
        return pl.read_csv(
            io.BytesIO(body),
            has_header=False,
            skip_rows=1,
            separator=separator,
            columns=sorted(by_index),
            schema={column: kinds.get(column, pl.String()) for column in names},
            truncate_ragged_lines=True,
            raise_if_empty=False,
        )

    unreadable = (pl.exceptions.PolarsError, pl.exceptions.PanicException)  # it panics at a cut-off `,"`
    try:
        frame = attempt(numbers)
    except unreadable:
        try:
            frame = attempt(())
        except unreadable as error:
            raise Corrupt(f"{name or 'payload'}: not a CSV table: {str(error).splitlines()[0]}") from error
    texts = [column for column, dtype in frame.schema.items() if dtype == pl.String]
    padded = b" " in body or b"\t" in body  # a look at the bytes is far cheaper than stripping every cell
    return frame.with_columns(pl.col(texts).str.strip_chars()) if texts and padded else frame
