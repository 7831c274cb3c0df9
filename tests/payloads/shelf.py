"""Where the tests' own payloads lie: good ones by feed, and one or more for each failure of the catalogue by number.

A folder whose name ends in `.zip` is served as a zip of its files, so that what is in an archive can be read here.
"""

import io
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
GOOD = HERE / "good"


def body_of(path: Path) -> bytes:
    """The bytes of a payload as an upstream would serve them; the same each time."""
    if not path.is_dir():
        return path.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in sorted(path.iterdir()):
            archive.writestr(zipfile.ZipInfo(member.name), member.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def failure(name: str) -> bytes:
    """The payload of a failure by its file name, such as `01_column_split.csv`."""
    return body_of(HERE / name)


def good(feed: str) -> dict[str, bytes]:
    """The good payloads of a feed by name."""
    folder = GOOD / feed
    return {path.name: body_of(path) for path in sorted(folder.iterdir())} if folder.is_dir() else {}
