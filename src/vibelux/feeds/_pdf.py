"""Reads the text of a PDF line by line, as a table's rows are printed."""

import io
import logging

from vibelux.feeds._text import excerpt
from vibelux.market.errors import Corrupt, TooLarge

MAX_BYTES = 16 * 1024 * 1024
MAX_PAGES = 64


def pdf_lines(body: bytes, name: str = "") -> list[str]:
    """All lines of text, top to bottom, columns apart by blanks.

    Raises:
        Corrupt: no PDF, a damaged or encrypted one, or one without text.
        TooLarge: over 16 MiB or 64 pages.
    """
    import pypdf

    label = name or "payload"
    if len(body) > MAX_BYTES:
        raise TooLarge(f"{label}: a PDF of {len(body)} bytes")
    if not body.lstrip()[:5] == b"%PDF-":
        raise Corrupt(f"{label}: no PDF: {excerpt(body)}")
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    try:
        pages = pypdf.PdfReader(io.BytesIO(body)).pages
        text = "\n".join(page.extract_text(extraction_mode="layout") for page in pages[:MAX_PAGES])
        count = len(pages)
    except Exception as error:  # damaged objects make pypdf fail in every way that Python can
        raise Corrupt(f"{label}: the PDF is damaged: {type(error).__name__}: {error}") from error
    if count > MAX_PAGES:
        raise TooLarge(f"{label}: a PDF of {count} pages")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise Corrupt(f"{label}: a PDF without text")
    return lines
