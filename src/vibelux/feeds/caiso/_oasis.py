"""OASIS, as all its reports are asked for and answered (interface specification 5.1.8).

A reply is a zip with status 200, of CSV members or of XML; an error too is a zip with status 200, holding an
XML document with a code. Versions of one report differ in members and columns, so all members are read.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlencode

from vibelux.feeds._csv import read_csv
from vibelux.feeds._feed import Ask, Payload, Request, Service
from vibelux.feeds._text import looks_like_html, looks_like_markup
from vibelux.feeds._xml import local_name, parse_xml
from vibelux.feeds._zip import unpack
from vibelux.market.errors import (
    Corrupt,
    NotYetPublished,
    SchemaChanged,
    Throttled,
    TimeRefused,
    UpstreamError,
)
from vibelux.market.intervals import parse_utc
from vibelux.market.records import Quarantined

if TYPE_CHECKING:
    import polars as pl
    from lxml import etree

OASIS = Service("oasis.caiso.com", seconds_between=5.0, timeout_seconds=90.0)
URL = "https://oasis.caiso.com/oasisapi/SingleZip"
ZONE = "America/Los_Angeles"
MOST_NODES = 10
"""Error 1017 beyond."""
_NO_DATA = "1000"
_WORTH_A_RETRY = {"1003", "1010", "1012", "1013", "1015"}
_XML_NAMES = {"start": "INTERVAL_START_GMT", "end": "INTERVAL_END_GMT", "day": "OPR_DATE", "value": "VALUE"}
_CSV_NAMES = {"start": "INTERVALSTARTTIME_GMT", "end": "INTERVALENDTIME_GMT", "day": "OPR_DT"}


def oasis_requests(ask: Ask, queryname: str, version: int, **params: str) -> Iterator[Request]:
    """Requests for a report over the window; nodal ones ten nodes at a time."""
    query = {
        "queryname": queryname,
        "version": str(version),
        "resultformat": "6",
        "startdatetime": _gmt(ask.window.start),
        "enddatetime": _gmt(ask.window.end),
        **params,
    }
    if not ask.nodes:
        yield Request(f"{URL}?{urlencode(query, safe=':')}")
    for first in range(0, len(ask.nodes), MOST_NODES):
        nodes = ",".join(ask.nodes[first : first + MOST_NODES])
        yield Request(f"{URL}?{urlencode(query | {'node': nodes}, safe=':,')}")


def _gmt(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H:%M}-0000"


def documents(payload: Payload) -> list[tuple[str, bytes]]:
    """The CSV or XML members of a reply, by name; an error document is raised, never returned.

    Raises:
        UpstreamError: OASIS's own error document; NotYetPublished for its code 1000 (no data).
        Throttled: the acceptable-use page.
        Corrupt: anything else that is not data.
    """
    found = []
    for member in unpack(payload.body, payload.name):
        if looks_like_html(member.body):
            _refuse_page(member.body, member.name)
        if looks_like_markup(member.body):
            _raise_error_document(member.body, member.name)
        found.append((member.name, member.body))
    return found


def _refuse_page(body: bytes, name: str) -> NoReturn:
    if b"Acceptable Use Policy" in body:
        raise Throttled(
            "CAISO Acceptable Use Policy Violation: one request in 5 seconds",
            retry_after_seconds=OASIS.seconds_between,
        )
    raise Corrupt(f"{name or 'payload'}: HTML where an OASIS zip was promised")


def _raise_error_document(body: bytes, name: str) -> None:
    if b"ERR_CODE" not in body:
        return
    texts = {local_name(element): (element.text or "").strip() for element in parse_xml(body, name).iter()}
    code, text = texts.get("ERR_CODE", ""), texts.get("ERR_DESC", "")
    if code == _NO_DATA:
        raise NotYetPublished(f"OASIS error {code}: {text}")
    raise UpstreamError(f"OASIS error {code}: {text}", code=code, retryable=code in _WORTH_A_RETRY)


def long_rows(
    payload: Payload,
    quarantined: list[Quarantined],
    *,
    item: tuple[str, str],
    what: tuple[str, str],
    value: str = "MW",
    value_names: tuple[str, ...] = (),
    others: Mapping[str, str] | None = None,
    report: str | None = None,
) -> "list[pl.DataFrame]":
    """Each member as a long frame: `start`, `end`, `day`, `item`, `what` as printed, `value`, and the others asked.

    The stamps stay text, as most rows of a long file repeat those of another: see `to_utc`.

    Args:
        payload: as served.
        quarantined: rows whose value is not a number are put here.
        item: the column that says what the value is, in CSV and in XML.
        what: the column that says whom it is about, in CSV and in XML.
        value: the name of the value column in CSV.
        value_names: further names of it.
        others: further columns, CSV name to XML name.
        report: what an XML header must call the report, where its items do not tell it from others.

    Raises:
        FeedError: see `documents`; SchemaChanged for a missing column or element.
    """
    csv_names = _CSV_NAMES | {"value": value, "item": item[0], "what": what[0]} | {name: name for name in others or {}}
    xml_names = _XML_NAMES | {"item": item[1], "what": what[1]} | dict(others or {})
    frames = []
    for name, body in documents(payload):
        if looks_like_markup(body):
            frame = _from_xml(name, body, xml_names, report)
        else:
            frame = _from_csv(name, body, csv_names, value_names)
        frames.append(_numeric(frame, quarantined))
    return frames


def _from_csv(name: str, body: bytes, names: Mapping[str, str], value_names: tuple[str, ...]) -> "pl.DataFrame":
    value = names["value"]
    frame = read_csv(body, tuple(names.values()), name=name, numbers=(value,), aliases={value: value_names})
    return frame.select([frame[column].alias(alias) for alias, column in names.items()])


def _from_xml(name: str, body: bytes, names: Mapping[str, str], report: str | None) -> "pl.DataFrame":
    import polars as pl

    root = parse_xml(body, name)
    if local_name(root) != "OASISReport":
        raise SchemaChanged(f"{name}: the root is {local_name(root)}, not OASISReport", missing=("OASISReport",))
    rows = []
    for report_item in root.iter("{*}REPORT_ITEM"):
        header = {local_name(e): e.text for e in report_item.iterfind("{*}REPORT_HEADER/{*}*")}
        if report is not None and header.get("REPORT") != report:
            raise SchemaChanged(f"{name}: the report is {header.get('REPORT')}, not {report}", missing=(report,))
        rows += [_xml_row(name, data, header, names) for data in report_item.iterfind("{*}REPORT_DATA")]
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String()))


def _xml_row(
    name: str, data: "etree._Element", header: Mapping[str, str | None], names: Mapping[str, str]
) -> dict[str, str | None]:
    cells = dict(header) | {local_name(element): element.text for element in data}
    missing = [element for element in names.values() if element not in cells]
    if missing:
        raise SchemaChanged(f"{name}: REPORT_DATA without {', '.join(missing)}", missing=missing, extra=list(cells))
    return {alias: cells[element] for alias, element in names.items()}


def _numeric(frame: "pl.DataFrame", quarantined: list[Quarantined]) -> "pl.DataFrame":
    import polars as pl

    if frame.schema["value"] != pl.String:
        return frame
    numbers = frame["value"].cast(pl.Float64, strict=False)
    _set_aside(frame.filter(numbers.is_null()), "the value is not a number", quarantined)
    return frame.with_columns(numbers).filter(numbers.is_not_null())


def to_utc(frame: "pl.DataFrame", quarantined: list[Quarantined]) -> "pl.DataFrame":
    """`start` and `end` as times in UTC; each distinct stamp is parsed once, rows with an unreadable one set aside."""
    import polars as pl

    as_time = pl.Datetime("us", "UTC")
    columns = []
    for name in ("start", "end"):
        moments: dict[str, datetime] = {}
        for stamp in frame[name].unique().drop_nulls():
            with suppress(TimeRefused):
                moments[stamp] = parse_utc(stamp)
        stamps, times = pl.Series(list(moments), dtype=pl.String()), pl.Series(list(moments.values()), dtype=as_time)
        columns.append(frame[name].replace_strict(stamps, times, default=None, return_dtype=as_time))
    bad = columns[0].is_null() | columns[1].is_null()
    if not bad.any():
        return frame.with_columns(columns)
    _set_aside(frame.filter(bad), "the time has no offset or is none", quarantined)
    return frame.with_columns(columns).filter(~bad)


def _set_aside(frame: "pl.DataFrame", reason: str, quarantined: list[Quarantined]) -> None:
    for row in frame.iter_rows(named=True):
        quarantined.append(Quarantined(reason, f"{row['what']} {row['start']}", ",".join(map(str, row.values()))))
