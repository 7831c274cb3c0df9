"""OASIS, as all its reports are asked for and answered (interface specification 5.1.8).

A reply is a zip with status 200, of CSV members or of XML; an error too is a zip with status 200, holding an
XML document with a code. Versions of one report differ in members and columns, so all members are read.
"""

from collections.abc import Iterator, Mapping
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
_CSV_NAMES = {"start": "INTERVALSTARTTIME_GMT", "end": "INTERVALENDTIME_GMT", "day": "OPR_DT", "value": "MW"}


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
    value_names: tuple[str, ...] = (),
    others: Mapping[str, str] | None = None,
) -> "pl.DataFrame":
    """All members as one long frame: `start`, `end` (UTC), `day`, `item`, `what`, `value`, and the others asked.

    Args:
        payload: as served.
        quarantined: rows with an unreadable time or value are put here.
        item: the column that says what the value is, in CSV and in XML.
        what: the column that says whom it is about, in CSV and in XML.
        value_names: further names of the value column in CSV.
        others: further columns, CSV name to XML name.

    Raises:
        FeedError: see `documents`; SchemaChanged for a missing column or element.
    """
    import polars as pl

    frames = []
    for name, body in documents(payload):
        read = _from_xml if looks_like_markup(body) else _from_csv
        frames.append(read(name, body, item, what, value_names, others or {}))
    frame = pl.concat(frames) if len(frames) > 1 else frames[0]
    frame = _utc(frame, quarantined)
    if frame.schema["value"] == pl.String:
        numbers = frame["value"].cast(pl.Float64, strict=False)
        bad = numbers.is_null()
        _set_aside(frame.filter(bad), "the value is not a number", quarantined)
        frame = frame.with_columns(numbers).filter(~bad)
    return frame


def _from_csv(
    name: str,
    body: bytes,
    item: tuple[str, str],
    what: tuple[str, str],
    value_names: tuple[str, ...],
    others: Mapping[str, str],
) -> "pl.DataFrame":
    columns = {**_CSV_NAMES, "item": item[0], "what": what[0], **{column: column for column in others}}
    frame = read_csv(
        body,
        tuple(columns.values()),
        name=name,
        numbers=("MW",),
        categories=[column for column in columns.values() if column != "MW"],
        aliases={"MW": value_names},
    )
    return frame.select([frame[column].alias(alias) for alias, column in columns.items()])


def _from_xml(
    name: str,
    body: bytes,
    item: tuple[str, str],
    what: tuple[str, str],
    value_names: tuple[str, ...],
    others: Mapping[str, str],
) -> "pl.DataFrame":
    import polars as pl

    del value_names  # XML has one name for it
    root = parse_xml(body, name)
    if local_name(root) != "OASISReport":
        raise SchemaChanged(
            f"{name}: the root element is {local_name(root)}, not OASISReport", missing=("OASISReport",)
        )
    names = {**_XML_NAMES, "item": item[1], "what": what[1], **others}
    rows = []
    for report_item in root.iter("{*}REPORT_ITEM"):
        header = {local_name(e): e.text for e in report_item.iterfind("{*}REPORT_HEADER/{*}*")}
        rows += [_xml_row(name, data, header, names) for data in report_item.iterfind("{*}REPORT_DATA")]
    return pl.DataFrame(rows, schema={alias: pl.Categorical() for alias in names} | {"value": pl.String()})


def _xml_row(
    name: str, data: "etree._Element", header: Mapping[str, str | None], names: Mapping[str, str]
) -> dict[str, str | None]:
    cells = dict(header) | {local_name(element): element.text for element in data}
    missing = [element for element in names.values() if element not in cells]
    if missing:
        raise SchemaChanged(f"{name}: REPORT_DATA without {', '.join(missing)}", missing=missing, extra=list(cells))
    return {alias: cells[element] for alias, element in names.items()}


def _utc(frame: "pl.DataFrame", quarantined: list[Quarantined]) -> "pl.DataFrame":
    """The GMT stamps as times: each distinct stamp is parsed once."""
    import polars as pl

    moments: dict[str, datetime] = {}
    for column in ("start", "end"):
        for stamp in frame[column].unique().drop_nulls().to_list():
            try:
                moments[stamp] = parse_utc(stamp)
            except TimeRefused:
                continue
    as_time = pl.Datetime("us", "UTC")
    table = pl.DataFrame(
        {"stamp": list(moments), "moment": list(moments.values())},
        schema={"stamp": pl.String(), "moment": as_time},
    )
    times = [
        frame.select(pl.col(column).cast(pl.String))
        .to_series()
        .replace_strict(table["stamp"], table["moment"], default=None, return_dtype=as_time)
        for column in ("start", "end")
    ]
    bad = times[0].is_null() | times[1].is_null()
    if bad.any():
        _set_aside(frame.filter(bad), "the time has no offset or is none", quarantined)
    return frame.with_columns(times).filter(~bad) if bad.any() else frame.with_columns(times)


def _set_aside(frame: "pl.DataFrame", reason: str, quarantined: list[Quarantined]) -> None:
    for row in frame.iter_rows(named=True):
        place = f"{row['what']} {row['item']} {row['start']}"
        quarantined.append(Quarantined(reason, place, ",".join(str(cell) for cell in row.values())))
