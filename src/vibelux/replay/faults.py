"""The known ways in which an upstream breaks, and what each does to a good reply."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from functools import partial

from vibelux.replay import oasis
from vibelux.replay._http import Answer

PLAIN = {"content-type": "text/plain; charset=utf-8"}
HTML = {"content-type": "text/html"}

_PRICES = frozenset({"MW", "VALUE", "PRC", "GHG_PRC_IDX", "LBMP ($/MWHr)", "SettlementPointPrice"})
"""Columns that hold prices, as upstreams name them."""
_JUMP = 1000.0
_SURPRISE = 5.0


class Fault(StrEnum):
    """The ways in which a feed can be broken."""

    HTML = "html"
    ERROR_DOCUMENT = "error-document"
    TRUNCATED = "truncated"
    THROTTLED = "429"
    SERVER_ERROR = "500"
    UNAVAILABLE = "503"
    TIMEOUT = "timeout"
    EMPTY = "empty"
    STALE = "stale"
    SHIFTED = "shifted-column"
    JUMP = "price-jump"
    SURPRISE = "unexpected-price"


WORDS = {
    Fault.HTML: "A page for people comes where data should be.",
    Fault.ERROR_DOCUMENT: "Upstream sends its own error document.",
    Fault.TRUNCATED: "The second half of each payload is missing.",
    Fault.THROTTLED: "Upstream asks for patience (429).",
    Fault.SERVER_ERROR: "Upstream fails (500).",
    Fault.UNAVAILABLE: "Upstream is out of service (503).",
    Fault.TIMEOUT: "Upstream takes requests and never answers.",
    Fault.EMPTY: "The payload has no bytes.",
    Fault.STALE: "The same payload comes again and again.",
    Fault.SHIFTED: "The values of each row (of CSV) stand one column too far to the left.",
    Fault.JUMP: f"Each price (of CSV) is {_JUMP:.0f} times what it was.",
    Fault.SURPRISE: f"Each price (of CSV) is {_SURPRISE:.0f} times what it was: possible, but not what was expected.",
}
"""What each does, for people."""


def spoilt(good: Answer, fault: Fault, moment: datetime) -> Answer:
    """A good reply as the fault leaves it; what hangs or repeats itself is the server's affair."""
    spoil = {
        Fault.HTML: lambda: Answer(200, HTML, b"<!DOCTYPE html><html><body>Scheduled maintenance</body></html>"),
        Fault.ERROR_DOCUMENT: lambda: Answer(
            200, oasis.zip_headers("INVALID_REQUEST.zip"), oasis.error_zip(oasis.SYSTEM_ERROR, moment)
        ),
        Fault.TRUNCATED: lambda: replace(good, body=good.body[: len(good.body) // 2]),
        Fault.THROTTLED: lambda: Answer(429, HTML, oasis.TOO_FAST_PAGE),
        Fault.SERVER_ERROR: lambda: Answer(500, PLAIN, b"Internal Server Error"),
        Fault.UNAVAILABLE: lambda: Answer(503, PLAIN, b"Service Unavailable"),
        Fault.EMPTY: lambda: replace(good, body=b""),
        Fault.SHIFTED: lambda: replace(good, body=_rewritten(good.body, _shifted)),
        Fault.JUMP: lambda: replace(good, body=_rewritten(good.body, partial(_risen, times=_JUMP))),
        Fault.SURPRISE: lambda: replace(good, body=_rewritten(good.body, partial(_risen, times=_SURPRISE))),
    }.get(fault)
    return good if spoil is None else spoil()


Table = list[list[str]]
"""Rows of a CSV file, its head first."""


def _shifted(table: Table) -> Table:
    head, *rows = table
    return [head, *([*row[1:], row[0]] for row in rows)]


def _risen(table: Table, times: float) -> Table:
    head, *rows = table
    prices = {place for place, name in enumerate(head) if name.strip('"') in _PRICES}
    return [head, *([_product(cell, times) if at in prices else cell for at, cell in enumerate(row)] for row in rows)]


def _product(cell: str, times: float) -> str:
    try:
        return f"{float(cell) * times:.5f}"
    except ValueError:
        return cell


def _rewritten(body: bytes, change: Callable[[Table], Table]) -> bytes:
    """A CSV payload, or each one of a zip, with its table changed."""
    if not zipfile.is_zipfile(io.BytesIO(body)):
        table = [line.split(",") for line in body.decode("latin-1").splitlines()]
        return "\n".join(",".join(row) for row in change(table)).encode("latin-1") if table else body
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as before, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            after.writestr(name, _rewritten(before.read(name), change))
    return packed.getvalue()
