"""Feeds: one folder a provider, one file a feed. A feed is found by where its file lies; nothing lists them."""

import importlib
import pkgutil
from functools import cache
from types import ModuleType

from vibelux.feeds._check import check
from vibelux.feeds._feed import Ask, Daily, Feed, Payload, Request, Rolling, Service
from vibelux.market.errors import UsageError
from vibelux.market.records import Parsed, Quarantined

__all__ = [
    "Ask",
    "Daily",
    "Feed",
    "Parsed",
    "Payload",
    "Quarantined",
    "Request",
    "Rolling",
    "Service",
    "all_feeds",
    "feed_named",
    "read",
]


def _feed_in(module: ModuleType) -> Feed | None:
    found = getattr(module, "FEED", None)
    return found if isinstance(found, Feed) else None


@cache
def all_feeds() -> tuple[Feed, ...]:
    """Every feed, by name."""
    feeds = []
    for info in pkgutil.walk_packages(__path__, prefix=f"{__name__}."):
        if not info.name.rsplit(".", 1)[-1].startswith("_"):
            feed = _feed_in(importlib.import_module(info.name))
            if feed is not None:
                feeds.append(feed)
    return tuple(sorted(feeds, key=lambda feed: feed.name))


def feed_named(name: str) -> Feed:
    """The feed called `provider/data-type`.

    Raises:
        UsageError: there is none; the text names the nearest.
    """
    provider, _, data_type = name.partition("/")
    module = f"{__name__}.{provider.replace('-', '_')}.{data_type.replace('-', '_')}"
    try:
        feed = _feed_in(importlib.import_module(module)) if data_type.replace("-", "").isalnum() else None
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        feed = None
    if feed is None or feed.name != name:
        import difflib

        near = difflib.get_close_matches(name, [known.name for known in all_feeds()], n=1)
        if near == [name]:
            raise UsageError(f"{name} stands elsewhere than in {module}: folder and file are called as it is")
        hint = f"; did you mean {near[0]}?" if near else "; `vibelux feeds` lists them"
        raise UsageError(f"no feed is called {name!r}{hint}")
    return feed


def read(feed: Feed, payload: Payload) -> Parsed:
    """Parses a payload and checks what came out: the way every caller reads.

    Raises:
        FeedError: the payload cannot be read at all.
        UsageError: `payload.report` is not one of the feed's.
    """
    if payload.report is not None and payload.report not in feed.reports:
        raise UsageError(f"{feed.name} has no report {payload.report!r}; it reads {', '.join(feed.reports)}")
    return check(feed, feed.parse(payload))
