"""Reads the numbers of a BIFF8 workbook with the standard library alone, to check the reader that the feeds use."""

import struct
from collections.abc import Iterator
from datetime import date, timedelta

_END = 0xFFFFFFFE


def series(body: bytes) -> dict[date, float]:
    """Column B by the date in column A of the sheet with the most numbers."""
    cells: dict[tuple[int, int], float] = {}
    best: dict[tuple[int, int], float] = {}
    for kind, data in _records(_stream(body)):
        if kind == 0x0809:  # a sheet begins
            cells = {}
        elif kind == 0x0203:  # NUMBER
            row, column, _, value = struct.unpack("<HHHd", data)
            cells[row, column] = value
        elif kind == 0x027E:  # RK
            row, column, _, packed = struct.unpack("<HHHI", data)
            cells[row, column] = _rk(packed)
        elif kind == 0x00BD:  # MULRK
            row, first = struct.unpack_from("<HH", data)
            for at in range((len(data) - 6) // 6):
                cells[row, first + at] = _rk(struct.unpack_from("<HI", data, 4 + 6 * at)[1])
        if len(cells) > len(best):
            best = cells
    rows = sorted({row for row, column in best if column == 0})
    return {date(1899, 12, 30) + timedelta(days=best[row, 0]): best[row, 1] for row in rows if (row, 1) in best}


def _rk(packed: int) -> float:
    if packed & 2:
        value = float(struct.unpack("<i", struct.pack("<I", packed))[0] >> 2)
    else:
        value = float(struct.unpack("<d", struct.pack("<Q", (packed & 0xFFFFFFFC) << 32))[0])
    return value / 100 if packed & 1 else value


def _records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


def _stream(body: bytes) -> bytes:
    """The stream called Workbook of a compound file with sectors of 512 bytes."""
    (directory,) = struct.unpack_from("<I", body, 48)
    table: list[int] = []
    for sector in struct.unpack_from("<109I", body, 76):
        if sector < _END:
            table += struct.unpack("<128I", _sector(body, sector))
    entries = b"".join(_sector(body, one) for one in _chain(table, directory))
    for at in range(0, len(entries), 128):
        size = struct.unpack_from("<H", entries, at + 64)[0]
        if entries[at : at + max(size - 2, 0)].decode("utf-16-le") in {"Workbook", "Book"}:
            start, length = struct.unpack_from("<II", entries, at + 116)
            return b"".join(_sector(body, one) for one in _chain(table, start))[:length]
    raise ValueError("no stream called Workbook")


def _sector(body: bytes, number: int) -> bytes:
    return body[512 * (number + 1) : 512 * (number + 2)]


def _chain(table: list[int], sector: int) -> Iterator[int]:
    while sector < _END:
        yield sector
        sector = table[sector]
