"""A tape: a folder of raw upstream payloads, each with the moment at which it was received.

`tape.jsonl` has one line a payload; the bodies lie in files beside it, equal ones once. `tape.json`, where there
is one, says what the whole is: its origin, the pricing nodes it is about, a note. A tape may come from anybody, so
everything in it is checked before it is used, and no file name leads out of the folder.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

import msgspec
import structlog

from vibelux.feeds import Payload, feed_named, read
from vibelux.market.errors import FeedError, TimeRefused, TooLarge, UsageError
from vibelux.market.intervals import iso_z, parse_utc
from vibelux.market.quality import Origin

_log = structlog.get_logger(__name__)

LINES = "tape.jsonl"
ABOUT = "tape.json"
MAX_BODY_BYTES = 128 << 20
_ENDINGS = {"zip": ".zip", "json": ".json", "csv": ".csv", "html": ".html", "xml": ".xml", "pdf": ".pdf"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One payload of a tape. The body is read, or made, when it is asked for."""

    received_at: datetime
    feed: str
    url: str
    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    origin: Origin
    load: Callable[[], bytes]


class _Line(msgspec.Struct):
    received_at: str
    feed: str
    url: str
    status: int
    file: str
    headers: dict[str, str] = {}
    origin: Origin | None = None


class _About(msgspec.Struct):
    origin: Origin = Origin.RECORDED
    nodes: tuple[str, ...] = ()
    note: str = ""


class Tape:
    """A tape on disk, opened and found sound. Entries are in the order of their reception."""

    def __init__(self, folder: Path, entries: tuple[Entry, ...], about: _About) -> None:
        self.folder = folder
        self.entries = entries
        self.origin = about.origin
        self.note = about.note
        self._nodes = about.nodes

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The tape in that folder; bodies stay on disk.

        Half a line at the end is what a recorder leaves behind that was killed; it is left out.

        Raises:
            UsageError: no tape is there, or a line is wrong: the text names file and line.
        """
        lines = folder / LINES
        if not lines.is_file():
            raise UsageError(f"{folder} is not a tape: there is no {LINES} in it")
        about = _read_about(folder)
        root = folder.resolve()
        entries = []
        for number, line in enumerate(lines.read_bytes().splitlines(keepends=True), start=1):
            if _torn(line):
                _log.warning("tape ends in the middle of a line", tape=str(folder), line=number)
            elif line.strip():
                entries.append(_entry(root, f"{lines}:{number}", line, about.origin))
        if not entries:
            raise UsageError(f"{lines}: a tape without a single payload")
        return cls(folder, tuple(sorted(entries, key=lambda entry: entry.received_at)), about)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def start(self) -> datetime:
        """When the first payload was received, UTC."""
        return self.entries[0].received_at

    @property
    def end(self) -> datetime:
        """When the last payload was received, UTC."""
        return self.entries[-1].received_at

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """The pricing nodes it is about: as it says itself, as its requests name them, or as in its prices."""
        return self._nodes or _named_nodes(self.entries) or _priced_nodes(self.entries)


def _read_about(folder: Path) -> _About:
    try:
        about = msgspec.json.decode((folder / ABOUT).read_bytes(), type=_About)
    except FileNotFoundError:
        return _About()
    except msgspec.DecodeError as error:
        raise UsageError(f"{folder / ABOUT}: {error}") from error
    _refuse_live(about.origin, str(folder / ABOUT))
    return about


def _entry(root: Path, place: str, text: bytes, origin: Origin) -> Entry:
    try:
        line = msgspec.json.decode(text, type=_Line)
        received_at = parse_utc(line.received_at)
    except (msgspec.DecodeError, TimeRefused) as error:
        raise UsageError(f"{place}: {error}") from error
    if not 100 <= line.status <= 599:
        raise UsageError(f"{place}: {line.status} is no HTTP status")
    if urlsplit(line.url).scheme not in {"http", "https"}:
        raise UsageError(f"{place}: {line.url!r} is no http address")
    headers = {name.lower(): value for name, value in line.headers.items()}
    if any(not text.isprintable() for header in headers.items() for text in header):
        raise UsageError(f"{place}: a header with control characters")
    _refuse_live(line.origin, place)
    path = _inside(root, line.file, place)
    return Entry(received_at, line.feed, line.url, line.status, headers, line.origin or origin, partial(_body, path))


def _refuse_live(origin: Origin | None, place: str) -> None:
    if origin is Origin.LIVE:
        raise UsageError(f"{place}: what is on a tape is not live; its origin is recorded, rebuilt or synthetic")


def _inside(root: Path, name: str, place: str) -> Path:
    path = PurePosixPath(name)
    if not name or "\\" in name or "\0" in name or path.is_absolute() or ".." in path.parts:
        raise UsageError(f"{place}: {name!r} is no file name inside the tape")
    found = root / path
    if not found.resolve().is_relative_to(root):
        raise UsageError(f"{place}: {name!r} leads out of the tape")
    if not found.is_file():
        raise UsageError(f"{place}: the file {name!r} is not there")
    return found


def _body(path: Path) -> bytes:
    if path.stat().st_size > MAX_BODY_BYTES:
        raise TooLarge(f"{path}: a payload of more than {MAX_BODY_BYTES} bytes")
    return path.read_bytes()


def _named_nodes(entries: Iterable[Entry]) -> tuple[str, ...]:
    named: dict[str, None] = {}
    for entry in entries:
        for value in parse_qs(urlsplit(entry.url).query).get("node", []):
            named.update(dict.fromkeys(value.split(",")))
    return tuple(named)


def _priced_nodes(entries: Iterable[Entry]) -> tuple[str, ...]:
    for entry in entries:
        try:
            parsed = read(feed_named(entry.feed), Payload(entry.load(), received_at=entry.received_at))
        except (FeedError, UsageError) as error:
            _log.info("payload of the tape is not read", feed=entry.feed, error=str(error))
            continue
        prices = parsed.frames.get("electricity-price")
        if prices is not None and prices.height:
            return tuple(prices["pricing_node"].unique(maintain_order=True))
    return ()


class TapeWriter:
    """Writes a tape, payload by payload: first the file, then the line that names it, so a kill loses one at most."""

    def __init__(
        self, folder: Path, *, origin: Origin, nodes: Iterable[str] = (), note: str = "", go_on: bool = False
    ) -> None:
        """Makes the folder, or goes on with the tape that is in it.

        Args:
            folder: of the tape.
            origin: of the tape as a whole.
            nodes: the pricing nodes it is about, if known.
            note: a sentence for people.
            go_on: append to a tape that is already there.

        Raises:
            UsageError: a tape is already there and `go_on` is not set.
        """
        lines = folder / LINES
        if lines.exists() and not go_on:
            raise UsageError(f"{folder} already holds a tape; name another folder")
        self._folder = folder
        self._payloads = folder / "payloads"
        self._payloads.mkdir(parents=True, exist_ok=True)
        if lines.exists():
            _end_last_line(lines)
        else:
            about = _About(origin, tuple(nodes), note)
            write_whole(folder / ABOUT, msgspec.json.format(msgspec.json.encode(about)) + b"\n")
        self._lines = lines.open("ab")

    def append(
        self,
        *,
        received_at: datetime,
        feed: str,
        url: str,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        origin: Origin,
    ) -> None:
        """Adds one payload."""
        name = f"{hashlib.sha256(body).hexdigest()[:32]}{_ending(headers.get('content-type', ''))}"
        path = self._payloads / name
        if not path.exists():
            write_whole(path, body)
        line = {
            "received_at": iso_z(received_at),
            "feed": feed,
            "url": url,
            "status": status,
            "headers": dict(headers),
            "file": f"payloads/{name}",
            "origin": origin.value,
        }
        self._lines.write(json.dumps(line).encode() + b"\n")
        self._lines.flush()

    def close(self) -> None:
        """Ends the writing."""
        self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def write_tape(
    folder: Path, entries: Iterable[Entry], *, origin: Origin, nodes: Iterable[str] = (), note: str = ""
) -> Tape:
    """Writes entries as a new tape and opens it.

    Raises:
        UsageError: a tape is already there, or there are no entries.
    """
    with TapeWriter(folder, origin=origin, nodes=nodes, note=note) as writer:
        for entry in entries:
            writer.append(
                received_at=entry.received_at,
                feed=entry.feed,
                url=entry.url,
                status=entry.status,
                headers=entry.headers,
                body=entry.load(),
                origin=entry.origin,
            )
    return Tape.open(folder)


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file so that a reader sees the old one or the new one, never a part."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(path)


def _torn(line: bytes) -> bool:
    """Half a line: without its end, and no JSON."""
    if line.endswith(b"\n"):
        return False
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return True
    return False


def _end_last_line(lines: Path) -> None:
    """Makes room for the next line: half a line is dropped, a whole one gets its end."""
    with lines.open("r+b") as file:
        content = file.read()
        last = content.rfind(b"\n") + 1
        if _torn(content[last:]):
            file.truncate(last)
        elif last < len(content):
            file.write(b"\n")


def _ending(content_type: str) -> str:
    return next((ending for word, ending in _ENDINGS.items() if word in content_type), ".bin")
