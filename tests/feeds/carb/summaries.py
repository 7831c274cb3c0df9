"""Writes a PDF as small as the form allows: lines of text, each cell at its own place, some broken as CARB's are."""

from collections.abc import Sequence

COLUMNS = (36, 200, 265, 330, 385, 450, 515)
TITLE = "California Cap-and-Trade Program Summary of Auction Settlement Prices and Results"
HEADING = ("", "Current Auction", "", "", "Advance Auction", "", "")
NAMES = ("Auction", "Offered", "Sold", "Price", "Offered", "Sold", "Price")


def pdf(rows: Sequence[Sequence[str]], heading: Sequence[str] = HEADING, rows_on_a_page: int = 40) -> bytes:
    """A title and a heading on the first page, then the rows."""
    lines = [(TITLE,), heading, NAMES, *rows]
    pages = [lines[at : at + rows_on_a_page] for at in range(0, len(lines), rows_on_a_page)]
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for at, page in enumerate(pages):
        content = _content(page)
        looks = "/MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>"
        objects.append(f"<< /Type /Page /Parent 2 0 R {looks} /Contents {5 + 2 * at} 0 R >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    body, offsets = b"%PDF-1.4\n", []
    for number, item in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, item)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return (
        body
        + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (
            size,
            table,
            size,
            len(body),
        )
    )


def _content(lines: Sequence[Sequence[str]]) -> bytes:
    shown = []
    for at, line in enumerate(lines):
        for place, cell in zip(COLUMNS, line, strict=False):
            if cell:
                escaped = cell.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
                shown.append(f"BT /F1 8 Tf 1 0 0 1 {place} {760 - 16 * at} Tm ({escaped}) Tj ET")
    return "\n".join(shown).encode("latin-1")
