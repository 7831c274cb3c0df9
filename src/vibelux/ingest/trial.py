"""Tries a feed once: asks what the service would ask for now, reads it, stores nothing."""

import time
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from vibelux.feeds import Ask, Feed
from vibelux.ingest.asking import answers, payload_of
from vibelux.ingest.check import examine
from vibelux.ingest.client import Upstream
from vibelux.ingest.threads import in_thread
from vibelux.market.errors import FeedError, NotYetPublished
from vibelux.market.intervals import iso_z

NOBODY_TO_ASK = "not_asked"
"""The outcome of a feed whose files the operator hands in."""


@dataclass(slots=True)
class Trial:
    """What came of it."""

    feed: str
    outcome: str = "ok"
    """`ok`, `empty` (a good answer without rows), `not_asked`, or the outcome of the error."""
    rows: int = 0
    newest: datetime | None = None
    """End of the newest interval, UTC."""
    bytes: int = 0
    milliseconds: int = 0
    """From the first request to the last row read, waiting in line included."""
    wrong: str = ""
    """What went wrong, in one line; also what a fallback made good."""
    failed: bool = False
    """Whether the feed gave nothing usable for one of its requests. What is not out yet is no failure."""

    def as_json(self) -> dict[str, Any]:
        """A row of the table."""
        return {
            "feed": self.feed,
            "outcome": self.outcome,
            "rows": self.rows,
            "newest": iso_z(self.newest) if self.newest else None,
            "bytes": self.bytes,
            "milliseconds": self.milliseconds,
            "wrong": self.wrong or None,
        }


async def trial(upstream: Upstream, feed: Feed, ask: Ask) -> Trial:
    """Asks a feed for a window, all that it takes, and says what came."""
    found, began, asked = Trial(feed.name), time.perf_counter(), 0
    wrong: list[str] = []
    async for answer in answers(upstream, feed, ask):
        asked += 1
        try:
            if isinstance(answer.reply, FeedError):
                raise answer.reply
            reply = answer.reply
            found.bytes += len(reply.body)
            findings = await in_thread(feed, partial(examine, feed, payload_of(reply), ask.nodes))
        except FeedError as error:
            answer.usable = False
            wrong.append(" ".join(str(error).split()))
            if answer.is_last_word:
                found.outcome = error.outcome
                found.failed = found.failed or not isinstance(error, NotYetPublished)
        else:
            found.rows += findings.parsed.rows
            ends = [end for end in (found.newest, findings.covered.newest_end) if end is not None]
            found.newest = max(ends, default=None)
    if found.outcome == "ok" and not found.rows:
        found.outcome = "empty" if asked else NOBODY_TO_ASK
    found.milliseconds = round((time.perf_counter() - began) * 1000)
    found.wrong = "; ".join(dict.fromkeys(wrong))
    return found
