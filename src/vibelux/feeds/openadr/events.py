"""Demand-response events of a VTN: OpenADR 3 over REST, and documents of OpenADR 2.0b.

Every URL hangs below `OPENADR_BASE_URL`, the VTN's own; the address here leads nowhere. Of OpenADR 3 the events of the
programmes that facilities name in `[dr] programs` are asked for, of all where none is named.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling, Service
from vibelux.feeds._json import parse_json
from vibelux.feeds._text import excerpt, looks_like_html, looks_like_markup
from vibelux.feeds._xml import parse_xml
from vibelux.feeds.openadr import _v2b, _v3
from vibelux.market.dr_events import Event
from vibelux.market.errors import SchemaChanged, TimeRefused, UpstreamError
from vibelux.market.records import DR_EVENT, Parsed, Quarantined

VTN = Service("OpenADR VTN", seconds_between=1.0, timeout_seconds=30.0, max_body_bytes=16 * 1024 * 1024)
URL = "https://vtn.openadr.invalid/events"
PAGE = 50
"""The most that the specification lets a VEN ask for at once."""
_FAULTS = (ValueError, KeyError, TypeError, AttributeError, TimeRefused, OverflowError)


def requests(ask: Ask) -> Iterator[Request]:
    """The events as they stand now: their own times say when they are."""
    for program in ask.nodes or ("",):
        yield _page(program, 0)


def follow(ask: Ask, request: Request, payload: Payload) -> Iterator[Request]:
    """The next page, where this one is full."""
    del ask
    if looks_like_markup(payload.body):
        return
    document = parse_json(payload.body, payload.name)
    if isinstance(document, list) and len(document) >= PAGE:
        program, skip = asked(request.url)
        yield _page(program or "", skip + PAGE)


def asked(url: str) -> tuple[str | None, int]:
    """The programme (None: all) and the place of the first event that a request's URL asks for."""
    query = parse_qs(urlsplit(url).query)
    skip = query.get("skip", ["0"])[0]
    return query.get("programID", [None])[0], int(skip) if skip.isdigit() else 0


def parse(payload: Payload) -> Parsed:
    """One record an event; those that cannot be understood are set aside, each with its reason.

    Raises:
        Corrupt, TooLarge: neither JSON nor XML.
        UpstreamError: the VTN's own error document.
        SchemaChanged: no document of events.
    """
    import polars as pl

    parsed = Parsed()
    xml = looks_like_markup(payload.body) or looks_like_html(payload.body)
    events = _of_xml(payload, parsed) if xml else _of_json(payload, parsed)
    rows = [event.as_row() for event in events]
    parsed.frames[DR_EVENT.name] = pl.DataFrame(rows, schema=DR_EVENT.schema(), orient="row")
    return parsed


def _of_json(payload: Payload, parsed: Parsed) -> Iterator[Event]:
    document = parse_json(payload.body, payload.name)
    if isinstance(document, dict) and {"title", "status"} <= document.keys() and "programID" not in document:
        detail = document.get("detail") or document["title"]
        raise UpstreamError(f"the VTN refuses: {document['status']} {detail}", code=str(document["status"]))
    told = document
    if isinstance(document, dict):  # an event as it is handed to a VTN, which gives it its id
        told = [{"id": document.get("eventName")} | document]
    is_events = isinstance(told, list) and all(isinstance(one, dict) for one in told)
    if not is_events or (told and not any("programID" in one for one in told)):
        raise SchemaChanged(
            f"{payload.name or 'payload'}: no events of OpenADR 3: {excerpt(payload.body)}", missing=("programID",)
        )
    for place, one in enumerate(told):
        members = partial(_v3.event, one)
        yield from _read(members, f"event {one.get('id', place)}", one, parsed)


def _of_xml(payload: Payload, parsed: Parsed) -> Iterator[Event]:
    root = parse_xml(payload.body, payload.name)
    told = list(_v2b.events(root))
    refusal = _v2b.is_response(root)
    if refusal is not None and not told:
        raise UpstreamError(f"the VTN refuses: {refusal}", code=refusal.partition(" ")[0])
    if not told and not any(True for _ in root.iter("{*}oadrDistributeEvent")):
        raise SchemaChanged(
            f"{payload.name or 'payload'}: no oadrDistributeEvent: {excerpt(payload.body)}",
            missing=("oadrDistributeEvent",),
        )
    newest: dict[tuple[str, str], tuple[int, Event]] = {}
    for place, one in enumerate(told):
        for event in _read(partial(_v2b.event, one), f"eiEvent {place}", _raw(one), parsed):
            version = _v2b.modification(one)
            if event.key not in newest or version > newest[event.key][0]:
                newest[event.key] = (version, event)
    yield from (event for _, event in newest.values())


def _read(members: Callable[[], dict[str, Any]], place: str, raw: Any, parsed: Parsed) -> Iterator[Event]:
    try:
        yield msgspec.convert(members(), Event)
    except _FAULTS as error:  # msgspec's faults are ValueErrors
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        parsed.quarantined.append(Quarantined(f"no event that can be read: {reason}", place, str(raw)[:2000]))


def _raw(element: Any) -> str:
    from lxml import etree

    return etree.tostring(element, encoding="unicode")


def _page(program: str, skip: int) -> Request:
    of = f"programID={quote(program, safe='')}&" if program else ""
    return Request(f"{URL}?{of}skip={skip}&limit={PAGE}", headers={"Accept": "application/json"})


FEED = Feed(
    provider="openadr",
    data_type="events",
    region="all",
    kind="dr-event",
    reports=("events", "oadrDistributeEvent"),
    service=VTN,
    url=URL,
    publication=Rolling(step=timedelta(minutes=1), lag=timedelta(0)),
    stale_after_seconds=900,
    timezone="UTC",
    unit="",
    plausible=(-100.0, 1e7),
    columns=("programID", "intervals"),
    requests=requests,
    parse=parse,
    follow=follow,
    auth="openadr",
    nodal=True,
    source="specifications 3.0.1, 3.1.0 and 2.0b; read from their own examples, and from a 2.0b VTN's documents",
)
