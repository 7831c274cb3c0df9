"""ERCOT's public API (api.ercot.com), which needs a subscription key and an ID token: what it asks and answers.

A reply holds `fields` and `data`, an array a row; `data` may be empty. Thirty requests a minute are allowed. A
report is here five to ten minutes after its document is on the keyless lists (`_mis`), which are asked by default.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qsl, urlencode

from vibelux.feeds._feed import Ask, Payload, Request, Service
from vibelux.feeds._json import parse_json
from vibelux.market.errors import AccessDenied, Corrupt, SchemaChanged, Throttled, UpstreamError
from vibelux.market.intervals import local_naive

if TYPE_CHECKING:
    import polars as pl

API = Service("api.ercot.com", seconds_between=2.0)
URL = "https://api.ercot.com/api/public-reports"
KEYS = ("ERCOT_API_KEY", "ERCOT_USERNAME", "ERCOT_PASSWORD")
"""All of them must be set; with one missing the keyless lists are asked."""
AUTH = "ercot"
_BEGINS = datetime(2023, 12, 12, tzinfo=UTC)
"""Older data are in no report of the API."""
ARTIFACTS = {
    "NP6-905-CD": ("np6-905-cd/spp_node_zone_hub", "deliveryDate"),
    "NP6-788-CD": ("np6-788-cd/lmp_node_zone_hub", "SCEDTimestamp"),
    "NP4-190-CD": ("np4-190-cd/dam_stlmnt_pnt_prices", "deliveryDate"),
    "NP4-188-CD": ("np4-188-cd/dam_clear_price_for_cap", "deliveryDate"),
    "NP6-331-CD": ("np6-331-cd/rt_clear_price_cap", "deliveryDate"),
    "NP6-345-CD": ("np6-345-cd/act_sys_load_by_wzn", "operatingDay"),
    "NP6-346-CD": ("np6-346-cd/act_sys_load_by_fzn", "operatingDay"),
    "NP3-560-CD": ("np3-560-cd/7d_load_fcast_by_fzn", "postedDatetime"),
    "NP3-565-CD": ("np3-565-cd/lf_by_model_weather_zone", "postedDatetime"),
    "NP4-732-CD": ("np4-732-cd/wpp_hrly_avrg_actl_fcast", "postedDatetime"),
    "NP4-742-CD": ("np4-742-cd/wpp_hrly_actual_fcast_geo", "postedDatetime"),
    "NP4-737-CD": ("np4-737-cd/spp_hrly_avrg_actl_fcast", "postedDatetime"),
    "NP4-745-CD": ("np4-745-cd/spp_hrly_actual_fcast_geo", "postedDatetime"),
}
"""For each report: its path, and the field by whose `From` and `To` it is asked (dates, or Central time)."""
_PAGE_ROWS = 100_000
_SECONDS = re.compile(r"in (\d+) seconds")


def requests(report: str, ask: Ask) -> Iterator[Request]:
    """The first page of a report over the window, for each node asked; Central time without offset, end inclusive.

    They are sent only where the keys are set.
    """
    path, field = ARTIFACTS[report]
    first, last = (local_naive(moment, "America/Chicago") for moment in (ask.window.start, ask.window.end))
    form = "%Y-%m-%dT%H:%M:%S" if field.endswith(("Timestamp", "Datetime")) else "%Y-%m-%d"
    query = {f"{field}From": first.strftime(form), f"{field}To": last.strftime(form), "size": _PAGE_ROWS, "page": 1}
    for node in ask.nodes or (None,):
        address = f"{URL}/{path}?{urlencode(query | ({'settlementPoint': node} if node else {}), safe=':')}"
        yield Request(address, needs_key=KEYS, service=API)


def requests_or(report: str, ask: Ask, keyless: tuple[Request, ...]) -> Iterator[Request]:
    """The API's first pages where it has the whole window, with the keyless requests to fall back on; else those."""
    if ask.window.start < _BEGINS:
        yield from keyless
    else:
        yield from (replace(request, fallback=keyless) for request in requests(report, ask))


def is_page(request: Request) -> bool:
    """Whether a request went to the API."""
    return request.url.startswith(URL)


def next_page(request: Request, payload: Payload) -> Iterator[Request]:
    """The page after this one, where the reply says that there is one."""
    meta = _document(payload.body, payload.name).get("_meta") or {}
    page, pages = meta.get("currentPage"), meta.get("totalPages")
    if isinstance(page, int) and isinstance(pages, int) and page < pages:
        address, _, query = request.url.partition("?")
        yield replace(request, url=f"{address}?{urlencode(dict(parse_qsl(query)) | {'page': page + 1}, safe=':')}")


def archive_downloads(payload: Payload) -> Iterator[Request]:
    """The zip of each document in a list of the archive (`/archive/<report>`), newest first as served."""
    archives = _document(payload.body, payload.name).get("archives")
    if not isinstance(archives, list):
        raise SchemaChanged(f"{payload.name or 'payload'}: a list of the archive without `archives`")
    for entry in archives:
        yield Request(str(entry["_links"]["endpoint"]["href"]))


def rows(body: bytes, name: str) -> "pl.DataFrame":
    """The rows of a reply as text under the names of its fields; no columns where it has neither.

    Raises:
        AccessDenied, Throttled, UpstreamError: an error document.
        SchemaChanged: not a reply with `fields` and `data`.
        Corrupt: a row is not as long as the list of fields.
    """
    import polars as pl

    document = _document(body, name)
    fields, data = document.get("fields"), document.get("data")
    if not isinstance(data, list) or not isinstance(fields, list | None):
        raise SchemaChanged(
            f"{name or 'payload'}: JSON without `fields` and `data`; its keys are {', '.join(document)[:200]}",
            missing=("fields", "data"),
            extra=tuple(document),
        )
    names = [str(field.get("name")) for field in fields or () if isinstance(field, dict)]
    if len(set(names)) < len(names):
        raise SchemaChanged(f"{name or 'payload'}: a field occurs twice among {', '.join(names)[:200]}")
    if any(not isinstance(row, list) or len(row) != len(names) for row in data):
        raise Corrupt(f"{name or 'payload'}: a row does not have {len(names)} cells, one for each field")
    columns = zip(*data, strict=True) if data else ([] for _ in names)
    return pl.DataFrame(
        [
            pl.Series(label, [None if cell is None else str(cell) for cell in cells], pl.String())
            for label, cells in zip(names, columns, strict=True)
        ]
    )


def _document(body: bytes, name: str) -> dict[str, Any]:
    document = parse_json(body, name)
    if not isinstance(document, dict):
        raise SchemaChanged(f"{name or 'payload'}: a JSON {type(document).__name__} where an object was promised")
    text = document.get("message") or document.get("error_message")
    if text is not None and "data" not in document:
        _refuse(str(text), str(document.get("statusCode") or document.get("error_key") or ""))
    return document


def _refuse(text: str, code: str) -> NoReturn:
    if code in {"401", "403"}:
        raise AccessDenied(f"ERCOT public API: {text} (set ERCOT_API_KEY, ERCOT_USERNAME and ERCOT_PASSWORD)")
    if code in {"429", "throttled"}:
        seconds = _SECONDS.search(text)
        raise Throttled(f"ERCOT public API: {text}", retry_after_seconds=float(seconds[1]) if seconds else None)
    raise UpstreamError(f"ERCOT public API: {text}", code=code, retryable=code.startswith("5"))
