"""How Data Miner 2 is asked: windows in Eastern time with both ends inclusive, nodes by id, page by page.

Old data is archived (5-minute prices after about 186 days, hourly ones after 731). It then allows no filter but
the date, and no request across a calendar year. Windows are therefore always cut at New Year and no other filter
is sent than the nodes asked for; an ask without nodes is a request that archived data answers too.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec

from vibelux.feeds._feed import Ask, Payload, Request, Service
from vibelux.feeds._json import parse_json_as
from vibelux.feeds._text import without_bom
from vibelux.feeds._zip import unpack
from vibelux.feeds.pjm._nodes import ids_and_names
from vibelux.market.errors import FeedError
from vibelux.market.intervals import Interval, local_naive

SERVICE = Service("api.pjm.com", seconds_between=10.0, timeout_seconds=90.0)
"""Who is no member may call six times a minute."""
URL = "https://api.pjm.com/api/v1"
ZONE = "America/New_York"
NEEDS_KEY = ("PJM_API_KEY|PJM_USERNAME",)
PAGE_ROWS = 50_000
_POLL_AT_MOST = timedelta(hours=6)
_NODES_AT_ONCE = 50
_MINUTE = timedelta(minutes=1)


def is_history(window: Interval) -> bool:
    """Whether a window is longer than a poll's: reports that come days later are asked for only then."""
    return window.end - window.start > _POLL_AT_MOST


def report_requests(ask: Ask, report: str, *, by: str = "datetime_beginning") -> Iterator[Request]:
    """First pages of a report over the window; nodal ones fifty nodes at a time.

    Args:
        ask: the window and the nodes; nodes known by id are asked for by id, others by name.
        report: Data Miner's name of the report.
        by: the time column that the window is about, without `_ept`.
    """
    ids, names = ids_and_names(ask.nodes)
    filters: list[dict[str, str]] = [{"pnode_id": ";".join(part)} for part in _batches(ids)]
    filters += [{"pnode_name": ";".join(part)} for part in _batches(names)]
    for first, last in _eastern(ask.window):
        span = f"{first:%m/%d/%Y %H:%M}to{last:%m/%d/%Y %H:%M}"
        for nodes in filters or [{}]:
            yield request(report, {f"{by}_ept": span, **nodes})


def request(report: str, filters: dict[str, str], start_row: int = 1) -> Request:
    """One page of a report."""
    query = {"rowCount": str(PAGE_ROWS), "startRow": str(start_row), **filters}
    return Request(f"{URL}/{report}?{urlencode(query, safe='/:;', quote_via=quote)}")


def _batches(nodes: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(nodes), _NODES_AT_ONCE):
        yield nodes[first : first + _NODES_AT_ONCE]


def _eastern(window: Interval) -> Iterator[tuple[datetime, datetime]]:
    """The window's first and last minute on the market's clock, cut at each New Year.

    In autumn an hour is repeated: a window whose clock runs backwards is widened to that whole hour.
    """
    first, last = local_naive(window.start, ZONE), local_naive(window.end - _MINUTE, ZONE)
    if last - first < window.end - _MINUTE - window.start:
        first = first.replace(minute=0) if first.hour == 1 else first
        last = last.replace(minute=59) if last.hour == 1 else last
    while first.year < last.year:
        yield first, first.replace(month=12, day=31, hour=23, minute=59)
        first = first.replace(year=first.year + 1, month=1, day=1, hour=0, minute=0)
    yield first, last


class _Page(msgspec.Struct):
    items: list[msgspec.Raw]
    totalRows: int | None = None  # noqa: N815 (upstream's name)
    links: list[dict[str, Any]] | None = None


def next_page(ask: Ask, request: Request, payload: Payload) -> Iterable[Request]:
    """The page after this one, while there are fewer rows so far than `totalRows`, or a `next` link says so."""
    del ask
    page = _page(payload)
    if page is None or not page.items:
        return
    asked = urlsplit(request.url)
    query = dict(parse_qsl(asked.query))
    following = int(query.get("startRow", "1")) + len(page.items)
    if page.totalRows is None:
        more = any(link.get("rel") == "next" for link in page.links or ())
    else:
        more = following <= page.totalRows
    if more:
        query["startRow"] = str(following)
        yield Request(asked._replace(query=urlencode(query, safe="/:;", quote_via=quote)).geturl(), request.headers)


def rows_in(payload: Payload) -> int | None:
    """How many rows a JSON reply holds; None where it is none."""
    page = _page(payload)
    return None if page is None else len(page.items)


def _page(payload: Payload) -> _Page | None:
    """The reply's envelope; a reply that cannot be read has no next page, and `parse` says why."""
    try:
        body = unpack(payload.body, payload.name)[0].body
        return parse_json_as(body, _Page, payload.name) if without_bom(body).lstrip().startswith(b"{") else None
    except FeedError:
        return None
