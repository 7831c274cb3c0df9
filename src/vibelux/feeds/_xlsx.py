"""Reads the sheets of a workbook as columns of text, so that no cell is changed or lost by guessing its type.

The cells are read themselves; the dimension that a sheet states is not trusted (ERCOT's say `A1:A1`).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vibelux.feeds._zip import verify
from vibelux.market.errors import Corrupt

if TYPE_CHECKING:
    import polars as pl


def sheets(body: bytes, name: str = "") -> "Iterator[tuple[str, pl.DataFrame]]":
    """Each sheet that has a header: its name, and its rows under that header, all cells text.

    Raises:
        Corrupt: not a workbook, cut off, or a wrong checksum.
        TooLarge: over 1 GiB unpacked, or over 200 times its size.
    """
    import fastexcel

    verify(body, name)
    try:
        workbook = fastexcel.read_excel(body)
        for sheet in workbook.sheet_names:
            frame = workbook.load_sheet(sheet, dtypes="string").to_polars()
            if frame.width:
                yield sheet, frame
    except fastexcel.FastExcelError as error:
        raise Corrupt(f"{name or 'payload'}: the workbook cannot be read: {str(error).splitlines()[0]}") from error
