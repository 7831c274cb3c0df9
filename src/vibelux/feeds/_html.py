"""Reads tables and text of a page; a page that only says that access is refused is told apart from one that changed."""

import re
from collections.abc import Iterator

from lxml import etree

from vibelux.feeds._text import excerpt, looks_like_html, looks_like_markup
from vibelux.market.errors import AccessDenied, Corrupt, TooLarge

MAX_BYTES = 16 * 1024 * 1024
_REFUSAL = re.compile(
    r"access denied|forbidden|\b403\b|just a moment|are you a robot|captcha|request (?:could not|unsuccessful)",
    re.IGNORECASE,
)
_HIDDEN = {"script", "style", "noscript", "template"}
_WIDEST = 50

Rows = list[list[str]]


def parse_html(body: bytes, name: str = "") -> etree._Element:
    """The root of a page.

    Raises:
        Corrupt: no page, or an empty one.
        AccessDenied: a page of a gateway that refuses the client.
        TooLarge: over 16 MiB.
    """
    label = name or "payload"
    if len(body) > MAX_BYTES:
        raise TooLarge(f"{label}: a page of {len(body)} bytes")
    if not looks_like_markup(body):
        raise Corrupt(f"{label}: no page: {excerpt(body)}")
    parser = etree.HTMLParser(no_network=True, huge_tree=False, remove_comments=True, encoding="utf-8")
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Corrupt(f"{label}: not a page ({error}): {excerpt(body)}") from error
    if root is None:
        raise Corrupt(f"{label}: an empty page: {excerpt(body)}")
    heads = " ".join(text_of(head) for head in root.iter("title", "h1"))
    if _REFUSAL.search(heads):
        raise AccessDenied(f"{label}: the host turns the client away: {heads[:160]}")
    return root


def refuse_page(body: bytes, name: str, promised: str) -> None:
    """Raises where a page came instead of data: AccessDenied for a refusal, else Corrupt."""
    if looks_like_html(body):
        parse_html(body, name)
        raise Corrupt(f"{name or 'payload'}: a page where {promised} was promised: {excerpt(body)}")


def text_of(element: etree._Element) -> str:
    """What a reader sees of an element, on one line."""
    return " ".join(" ".join(_texts(element)).split())


def _texts(element: etree._Element) -> Iterator[str]:
    if element.tag in _HIDDEN or not isinstance(element.tag, str):
        return
    yield element.text or ""
    for child in element:
        yield from _texts(child)
        yield child.tail or ""


def rows_of(table: etree._Element) -> Rows:
    """The rows of a table as text; a cell over several columns is repeated in each, those of inner tables left out."""
    rows = []
    for line in table.iter("tr"):
        if next(line.iterancestors("table")) is table:
            rows.append([text for cell in line.iterchildren("td", "th") for text in [text_of(cell)] * _span(cell)])
    return rows


def _span(cell: etree._Element) -> int:
    said = str(cell.get("colspan") or "1").strip()
    return min(max(int(said), 1), _WIDEST) if said.isdecimal() else 1
