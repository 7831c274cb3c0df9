"""Looks at bytes before they are parsed: what was promised may be something else, with status 200."""

from vibelux.market.errors import Corrupt

_BOM = b"\xef\xbb\xbf"


def without_bom(body: bytes) -> bytes:
    """The bytes without a UTF-8 byte order mark."""
    return body.removeprefix(_BOM)


def looks_like_markup(body: bytes) -> bool:
    """XML or HTML, by its first sign."""
    return without_bom(body[:64]).lstrip().startswith(b"<")


def looks_like_html(body: bytes) -> bool:
    """HTML, by its first words."""
    head = without_bom(body[:1024]).lstrip().lower()
    return head.startswith((b"<!doctype html", b"<html")) or (head.startswith(b"<") and b"<html" in head)


def excerpt(body: bytes, length: int = 160) -> str:
    """The beginning of a payload on one line, for error texts."""
    return " ".join(body[:length].decode("utf-8", "replace").split())


def refuse_html(body: bytes, name: str, promised: str) -> None:
    """Raises Corrupt where a page came instead of data."""
    if looks_like_html(body):
        raise Corrupt(f"{name or 'payload'}: HTML where {promised} was promised: {excerpt(body)}")
