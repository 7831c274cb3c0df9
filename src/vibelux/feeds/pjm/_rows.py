"""The rows of a Data Miner payload as columns, before any cell is understood: from JSON by typed structs, or CSV."""

import operator
import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from vibelux.feeds._csv import header_of, read_csv
from vibelux.feeds._json import parse_json_as
from vibelux.feeds.pjm._refusals import raise_for
from vibelux.feeds.pjm._report import VERSION, Report
from vibelux.market.errors import SchemaChanged

if TYPE_CHECKING:
    import polars as pl

_NO_ERRORS = (b"", b"null", b"[]", b"{}")
_REPORT_IN_LINK = re.compile(r"/api/v1/(\w+)")


class _Document(msgspec.Struct):
    """Either rows, or what PJM says instead."""

    items: msgspec.Raw = msgspec.Raw()
    links: list[dict[str, Any]] | None = None
    errors: msgspec.Raw = msgspec.Raw()
    statusCode: msgspec.Raw = msgspec.Raw()  # noqa: N815 (upstream's name)


def items(body: bytes, name: str) -> tuple[bytes, str | None]:
    """The JSON list of rows, and the report's name where a link gives it."""
    if body.startswith(b"["):
        return body, None
    document = parse_json_as(body, _Document, name)
    if not bytes(document.items) or bytes(document.errors) not in _NO_ERRORS or bytes(document.statusCode):
        raise_for(parse_json_as(body, dict[str, msgspec.Raw], name), name)
    for link in document.links or ():
        if found := _REPORT_IN_LINK.search(str(link.get("href", ""))):
            return bytes(document.items), found[1]
    return bytes(document.items), None


def keys(items: bytes, name: str) -> list[str]:
    """The columns of a JSON list, by its first row; none where it is empty."""
    rows = parse_json_as(items, list[msgspec.Raw], name)
    return list(parse_json_as(bytes(rows[0]), dict[str, msgspec.Raw], name)) if rows else []


def from_json(items: bytes, report: Report, name: str) -> "pl.DataFrame":
    """Columns of a list of rows: by typed structs, or as texts where a cell is of another type than declared."""
    import polars as pl

    shape, schema = _shape(report)
    try:
        rows = parse_json_as(items, list[shape], name)  # type: ignore[valid-type] # made at run time
    except SchemaChanged:
        return _texts_of(parse_json_as(items, list[dict[str, msgspec.Raw]], name), report, name)
    cells = {column: list(map(operator.attrgetter(column), rows)) for column in schema}
    return pl.DataFrame(cells, schema=schema)


@cache
def _shape(report: Report) -> tuple[type[msgspec.Struct], dict[str, Any]]:
    """A struct of a row with times in UTC, and the polars types of its columns."""
    import polars as pl

    texts = (*(f"{name}_utc" for name in report.times), *report.texts)
    required = {**dict.fromkeys(texts, str | None), **dict.fromkeys(report.numbers, float | None)}
    optional = {
        **dict.fromkeys(report.optional_texts, str | None),
        **dict.fromkeys(report.optional_numbers, float | None),
        "row_is_current": bool | None,
        "version_nbr": float | None,
    }
    fields: list[Any] = [*required.items(), *((column, type_, None) for column, type_ in optional.items())]
    polars_of = {str | None: pl.String(), float | None: pl.Float64(), bool | None: pl.Boolean()}
    schema = {column: polars_of[type_] for column, type_ in (required | optional).items()}
    return msgspec.defstruct(report.name, fields, gc=False), schema


def _texts_of(rows: Sequence[dict[str, msgspec.Raw]], report: Report, name: str) -> "pl.DataFrame":
    import polars as pl

    have = list(dict.fromkeys(column for row in rows for column in row))
    wanted, optional = _wanted(report, have)
    missing = [column for column in wanted if column not in have]
    if missing:
        raise SchemaChanged(
            f"{name or 'payload'}: {report.name} without {', '.join(missing)}; it has {', '.join(have)}",
            missing=missing,
            extra=[column for column in have if column not in wanted],
        )
    columns = [*wanted, *(column for column in optional if column in have)]
    cells = {column: [_text(row.get(column), name) for row in rows] for column in columns}
    return pl.DataFrame(cells, schema=dict.fromkeys(columns, pl.String()))


def _text(cell: msgspec.Raw | None, name: str) -> str | None:
    raw = b"null" if cell is None else bytes(cell)
    if raw == b"null":
        return None
    return parse_json_as(raw, str, name) if raw.startswith(b'"') else raw.decode("utf-8", "replace")


def from_csv(body: bytes, report: Report, name: str) -> "pl.DataFrame":
    """The report's columns of a CSV; numbers are texts where a cell of the file is none."""
    wanted, optional = _wanted(report, header_of(body))
    numbers = [*report.numbers, *report.optional_numbers]
    return read_csv(body, wanted, name=name, numbers=numbers, optional=optional)


def _wanted(report: Report, header: Sequence[str]) -> tuple[list[str], list[str]]:
    """The columns to read, those that must be there first; Eastern time only where UTC is missing."""
    times = [
        f"{name}_ept" if f"{name}_utc" not in header and f"{name}_ept" in header else f"{name}_utc"
        for name in report.times
    ]
    wanted = [*times, *report.texts, *report.numbers]
    return wanted, [*report.optional_texts, *report.optional_numbers, *VERSION]
