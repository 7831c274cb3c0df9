"""Writes a tape from live traffic. Secrets never reach it."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from vibelux.feeds import Feed
from vibelux.market.quality import Origin
from vibelux.replay.tape import TapeWriter

if TYPE_CHECKING:
    from vibelux.ingest.client import Reply

KEPT_HEADERS = ("content-type", "content-disposition", "etag", "last-modified", "retry-after")
MASK = "***"
_SECRET = re.compile(r"(?i)key$|token|secret|passw|signature|credential|^auth|^user(name)?$|^sig$")
_NOT_MODIFIED = 304


class Recorder:
    """Takes each raw reply that ingest gets and adds it to a tape. A reply without news (304) is not kept."""

    def __init__(self, folder: Path, note: str = "") -> None:
        """Begins a tape in the folder, or goes on with the one that is there."""
        self._writer = TapeWriter(folder, origin=Origin.RECORDED, note=note, go_on=True)
        self.payloads = 0

    def record(
        self,
        *,
        feed: str,
        url: str,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        received_at: datetime,
        origin: str = Origin.LIVE,
    ) -> None:
        """Adds one reply.

        Args:
            feed: `provider/data-type`.
            url: as asked; keys in it are masked.
            status: of HTTP.
            headers: as received; only those that tell something about the payload are kept.
            body: as received.
            received_at: UTC.
            origin: `live`, or what a loopback upstream said that its payload is.
        """
        if status == _NOT_MODIFIED:
            return
        lower = {name.lower(): value for name, value in headers.items()}
        self._writer.append(
            received_at=received_at,
            feed=feed,
            url=without_secrets(url),
            status=status,
            headers={name: lower[name] for name in KEPT_HEADERS if name in lower},
            body=body,
            origin=Origin.RECORDED if origin == Origin.LIVE else Origin(origin),
        )
        self.payloads += 1

    def tap(self, feed: Feed, reply: "Reply") -> None:
        """The same for a reply of ingest's client: its `tap`."""
        self.record(
            feed=feed.name,
            url=reply.request.url,
            status=reply.status,
            headers=reply.headers,
            body=reply.body,
            received_at=reply.received_at,
            origin=reply.origin,
        )

    def close(self) -> None:
        """Ends the tape."""
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_secret(parameter: str) -> bool:
    """Whether a query parameter of that name holds a key."""
    return _SECRET.search(parameter) is not None


def without_secrets(url: str) -> str:
    """The address without user, password and the values of parameters that hold keys."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    if any(is_secret(name) for name, _ in query):
        masked = [(name, MASK if is_secret(name) else value) for name, value in query]
        parts = parts._replace(query=urlencode(masked, safe=":,*"))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
