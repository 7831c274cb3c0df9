"""Parses XML with entities, DTDs and the network off, bounded in size and depth."""

from lxml import etree

from vibelux.feeds._text import excerpt, refuse_html
from vibelux.market.errors import Corrupt, TooLarge

MAX_BYTES = 256 * 1024 * 1024
MAX_DEPTH = 64


def parse_xml(body: bytes, name: str = "") -> etree._Element:
    """The root element.

    Raises:
        Corrupt: not well formed, HTML, a document type or an entity (refused, never resolved).
        TooLarge: over 256 MiB or nested deeper than 64.
    """
    refuse_html(body, name, "XML")
    if len(body) > MAX_BYTES:
        raise TooLarge(f"{name or 'payload'}: {len(body)} bytes of XML")
    head = body[:4096]
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
        raise Corrupt(f"{name or 'payload'}: XML with a document type or entities is refused")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Corrupt(f"{name or 'payload'}: not well-formed XML ({error}): {excerpt(body)}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Corrupt(f"{name or 'payload'}: XML with a document type is refused")
    if _depth(root) > MAX_DEPTH:
        raise TooLarge(f"{name or 'payload'}: XML nested deeper than {MAX_DEPTH}")
    return root


def local_name(element: etree._Element) -> str:
    """The tag without its namespace, whether that was the default one or had a prefix."""
    return str(element.tag).rpartition("}")[2]


def _depth(root: etree._Element) -> int:
    deepest, depth = 0, 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
        if deepest > MAX_DEPTH:
            break
    return deepest
