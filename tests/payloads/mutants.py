"""Payloads changed in the ways in which upstreams change them, and in ways in which only chance does.

`mangled` is for finding crashes: any bytes at all. A `Table` is for finding silent changes: one column or row is
altered and everything else is left as it was.
"""

import copy
import csv
import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

Below = Callable[[int], int]
"""Chooses a number from 0 up to and without its argument."""

UNREADABLE = (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, OSError, EOFError, RuntimeError)
TROUBLE = (
    b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"'", b",", b"\n", b"\r", b";", b"NaN", b"Infinity", b"-1e309",
    b"1e308", b"9" * 400, b"-0.0", b"null", b"true", b"[]", b"{}", b"<", b"</", b"&amp;", b"&x;", b"<!DOCTYPE a>",
    b"]]>", b"2026-02-30", b"9999-12-31T23:59:59-00:00", b"0001-01-01T00:00:00Z", b"12/31/9999 23:55:00",
    b"11/01/2026 01:30:00", b"03/08/2026 02:30:00", b"24:00", b"25:00", b"00:00", b"\xe2\x82\xac", b"\xed\xa0\x80",
    b"=cmd()", b"\t", b"1,234.5", b"$1", b"(3.2)", b"N/A", b"-", b".", b"0", b"-9999", b"99999",
)  # fmt: skip
CELLS = (
    "", " ", "null", "NaN", "inf", "-inf", "1e309", "1e20", "-1e20", "0", "-0", "-9999", "abc", "1,234.5", "$3.10",
    "N/A", "12:00 PM", "2026-07-14", "2026-07-14T07:00:00-00:00", "07/14/2026 25:00", "9999-12-31T23:55:00-00:00",
    "99/99/9999", "12/31/9999 23:55:00", "0001-01-01T00:00:00-00:00", "01/01/0001", "11/01/2026 01:30:00",
    "03/08/2026 02:30:00", "Y", "TRUE", "\u00e9", "\u2028", "x" * 300, '"', "\x00", "\u00b2", "\u0663",
    "\uff11\uff12", "1_000", "0x10", "--1", "+5", "5 ",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**30, -(10**30), 1e308, -0.0, "", "x", "12", "2026-07-14T07:00:00Z",
    "9999-12-31T23:00:00Z", "0001-01-01T00:00:00Z", [], {}, [None], {"a": None}, [[]], "x" * 300, "\u00b2",
    253402300799, -62135596800, 1784050280,
)  # fmt: skip


def mangled(body: bytes, below: Below, others: Sequence[bytes] = ()) -> bytes:
    """The payload with one accident: to its form where it has one that is known, or to its bytes."""
    if below(3) == 0:
        return _bytes_hurt(body, below, others)
    if body.startswith(b"PK\x03\x04"):
        return _archive_hurt(body, below, others)
    if body.startswith(b"\x1f\x8b"):
        return gzip.compress(mangled(_unzipped(body), below, others), mtime=0)
    if body.lstrip()[:1] in {b"{", b"["}:
        return _json_hurt(body, below)
    if body.lstrip()[:1] == b"<":
        return _markup_hurt(body, below)
    return _text_hurt(body, below) if below(2) else _cell_hurt(body, below)


def _bytes_hurt(  # noqa: PLR0911 (one return a kind of accident)
    body: bytes, below: Below, others: Sequence[bytes]
) -> bytes:
    at, to = sorted((below(len(body) + 1), below(len(body) + 1)))
    match below(8):
        case 0:
            return body[:at]
        case 1:
            return body[at:]
        case 2:
            return body[:at] + body[to:]
        case 3:
            return body[:at] + body[at : min(to, at + 4096)] * 2 + body[to:]
        case 4:
            return body[:at] + TROUBLE[below(len(TROUBLE))] + body[at:]
        case 5:
            return body[:at] + bytes([below(256)]) + body[at + 1 :]
        case 6:
            hurt = bytearray(body)
            for _ in range(1 + below(8)):
                if hurt:
                    hurt[below(len(hurt))] ^= 1 << below(8)
            return bytes(hurt)
        case _:
            other = others[below(len(others))] if others else b""
            return body[:at] + other[below(len(other) + 1) :]


def _unzipped(body: bytes) -> bytes:
    try:
        return gzip.decompress(body)
    except UNREADABLE:
        return b""


def _archive_hurt(body: bytes, below: Below, others: Sequence[bytes]) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    except UNREADABLE:
        members = []
    if not members:
        return _bytes_hurt(body, below, others)
    at = below(len(members))
    name, content = members[at]
    match below(8):
        case 0:
            members.pop(at)
        case 1:
            members.append((name, content))
        case 2:
            members[at] = (f"../{name}\n", content)
        case 3:
            members[at] = (name, body)
        case 4:
            members.append(("surprise.csv", others[below(len(others))] if others else b""))
        case _:
            members[at] = (name, mangled(content, below, others))
    return zipped(members)


def zipped(members: Sequence[tuple[str, bytes]]) -> bytes:
    """A zip of files, the same each time; names may repeat."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for at, (name, body) in enumerate(members):
            repeated = any(other == name for other, _ in members[:at])
            archive.writestr(zipfile.ZipInfo(f"again {at} {name}" if repeated else name), body, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _text_hurt(body: bytes, below: Below) -> bytes:
    lines = body.splitlines(keepends=True)
    if not lines:
        return body
    at, to = below(len(lines)), below(len(lines))
    match below(6):
        case 0:
            lines.pop(at)
        case 1:
            lines.insert(to, lines[at])
        case 2:
            lines[at], lines[to] = lines[to], lines[at]
        case 3:
            lines[at] = lines[at].rstrip(b"\r\n")
        case 4:
            lines = [lines[0]] * (1 + below(3)) + lines[1:]
        case _:
            lines[at] = lines[at] * (1 + below(3))
    return b"".join(lines)


def _cell_hurt(body: bytes, below: Below) -> bytes:
    table = Table.of(body)
    if table is None or not table.header:
        return _text_hurt(body, below)
    table = table.copied()
    column = below(len(table.header))
    if not table.rows or below(6) == 0:
        table.header[column] = CELLS[below(len(CELLS))]
        return table.body()
    row = table.rows[below(len(table.rows))]
    if column < len(row):
        row[column] = CELLS[below(len(CELLS))]
    return table.body()


def _json_hurt(body: bytes, below: Below) -> bytes:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return _bytes_hurt(body, below, ())
    places = list(_places(document))
    if not places:
        return json.dumps(VALUES[below(len(VALUES))]).encode()
    holder, key = places[below(len(places))]
    match below(7):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[f"{key}X"] = holder.pop(key)
        case 2 if isinstance(holder, list):
            holder.insert(below(len(holder) + 1), copy.deepcopy(holder[key]))
        case 3:
            holder[key] = [holder[key]]
        case 4:
            holder[key] = str(holder[key])
        case _:
            holder[key] = copy.deepcopy(VALUES[below(len(VALUES))])
    return json.dumps(document).encode()


def _places(document: Any, most: int = 4_000) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    queue = [document]
    while queue and len(found) < most:
        part = queue.pop()
        keys = list(part) if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
        found += [(part, key) for key in keys]
        queue += [part[key] for key in keys]
    return found


def _markup_hurt(body: bytes, below: Below) -> bytes:  # noqa: PLR0911 (as above)
    tags = list(re.finditer(rb"<[^<>]*>", body))
    if not tags:
        return _bytes_hurt(body, below, ())
    tag = tags[below(len(tags))]
    name = re.match(rb"</?([\w:.-]+)", tag.group())
    match below(6):
        case 0:
            return body[: tag.start()] + body[tag.end() :]
        case 1 if name:
            return body.replace(name[1], name[1] + b"X")
        case 2:
            other = tags[below(len(tags))]
            return body[: tag.start()] + other.group() + body[tag.end() :]
        case 3:
            other = tags[below(len(tags))]
            first, last = sorted((tag.start(), other.start()))
            return body[:first] + body[first:last] * 2 + body[last:]
        case 4:
            return body[: tag.end()] + TROUBLE[below(len(TROUBLE))] + body[tag.end() :]
        case _:
            following = body.find(b"<", tag.end())
            text = CELLS[below(len(CELLS))].encode("utf-8", "replace")
            return body[: tag.end()] + text + body[following if following > 0 else tag.end() :]


@dataclass
class Table:
    """A payload that is in the main a table, and how to write it down again."""

    header: list[str]
    rows: list[list[Any]]
    write: Callable[[list[str], list[list[Any]]], bytes] = field(repr=False)

    @classmethod
    def of(cls, body: bytes) -> Self | None:
        """CSV, a JSON list of objects, or the only member of a zip; None for anything else."""
        if body.startswith(b"PK\x03\x04"):
            return cls._zipped(body)
        start = body.lstrip()[:1]
        if start in {b"{", b"["}:
            return cls._json(body)
        text = body.decode("utf-8", "replace")
        if start == b"<" or "," not in text.partition("\n")[0] or "\x00" in text:
            return None
        try:
            lines = list(csv.reader(io.StringIO(text, newline="")))
        except csv.Error:
            return None
        width = max(map(len, lines))
        header, *rows = ([*line, *[""] * (width - len(line))] for line in lines if line)
        return cls(header, rows, _csv)

    @classmethod
    def _zipped(cls, body: bytes) -> Self | None:
        try:
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                members = [(info.filename, archive.read(info)) for info in archive.infolist()]
        except UNREADABLE:
            return None
        inner = cls.of(members[0][1]) if len(members) == 1 else None
        if inner is None:
            return None
        write = inner.write
        return replace(inner, write=lambda header, rows: zipped([(members[0][0], write(header, rows))]))

    @classmethod
    def _json(cls, body: bytes) -> Self | None:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return None
        lists = [(None, None, document), *((holder, key, holder[key]) for holder, key in _places(document))]
        tables = [
            found
            for found in lists
            if isinstance(found[2], list)
            and found[2]
            and all(isinstance(row, dict) and len(row) > 2 for row in found[2])
        ]
        if not tables:
            return None
        holder, key, rows = max(tables, key=lambda found: len(found[2]))
        header = list(dict.fromkeys(name for row in rows for name in row))

        def write(header: list[str], cells: list[list[Any]]) -> bytes:
            records = [dict(zip(header, row, strict=True)) for row in cells]
            if holder is None:
                return json.dumps(records).encode()
            before, holder[key] = holder[key], records
            try:
                return json.dumps(document).encode()
            finally:
                holder[key] = before

        return cls(header, [[row.get(name) for name in header] for row in rows], write)

    def body(self) -> bytes:
        """The payload."""
        return self.write(self.header, self.rows)

    def copied(self) -> Self:
        """Another that can be changed alone."""
        return replace(self, header=list(self.header), rows=[list(row) for row in self.rows])

    def renamed(self, column: int, name: str) -> Self:
        """One column under another name."""
        other = self.copied()
        other.header[column] = name
        return other

    def without_column(self, column: int) -> Self:
        """One column less."""
        picked = [at for at in range(len(self.header)) if at != column]
        return self.picked(picked)

    def picked(self, columns: Sequence[int]) -> Self:
        """These columns in this order."""
        return replace(
            self, header=[self.header[at] for at in columns], rows=[[row[at] for at in columns] for row in self.rows]
        )

    def with_column(self, at: int, name: str, cell: Any) -> Self:
        """A further column with the same in each row."""
        other = self.copied()
        other.header.insert(at, name)
        for row in other.rows:
            row.insert(at, cell)
        return other

    def with_rows(self, rows: Sequence[list[Any]]) -> Self:
        """Other rows."""
        return replace(self, rows=[list(row) for row in rows])

    def with_cells(self, column: int, change: Callable[[Any], Any], where: Callable[[list[Any]], bool] = bool) -> Self:
        """Each cell of a column changed, in the rows where that holds."""
        other = self.copied()
        for row in other.rows:
            if where(row):
                row[column] = change(row[column])
        return other


def _is_record(row: object) -> bool:
    return isinstance(row, dict) and len(row) > 2


def _csv(header: list[str], rows: list[list[Any]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([header, *rows])
    return out.getvalue().encode("utf-8", "replace")
