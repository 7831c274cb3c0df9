"""Gets everything that an ask of a feed needs: its requests, and those that the replies make necessary."""

from collections import deque
from collections.abc import AsyncIterator

from vibelux.feeds import Ask, Feed, Payload, Request
from vibelux.ingest.client import Reply, Upstream
from vibelux.ingest.threads import in_thread
from vibelux.market.errors import CircuitOpen, Corrupt, FeedError, Throttled

MOST_REQUESTS = 2_000
"""In one ask. Beyond, an upstream's pages lead in a circle."""


def payload_of(reply: Reply) -> Payload:
    """A reply as feeds read it."""
    return Payload(reply.body, name=reply.name, received_at=reply.received_at)


async def answers(
    upstream: Upstream, feed: Feed, ask: Ask, *, background: bool = False
) -> AsyncIterator[tuple[Request, Reply | FeedError]]:
    """One request after the other, each with its reply or the reason why there is none.

    A failure does not keep the next request from being made, unless the service wants rest. Listings are
    followed and not given out.
    """
    waiting = deque(feed.requests(ask))
    asked = 0
    while waiting:
        request = waiting.popleft()
        asked += 1
        if asked > MOST_REQUESTS:
            yield request, Corrupt(f"{feed.name}: over {MOST_REQUESTS} requests for one window; pages do not end")
            return
        try:
            reply = await upstream.fetch(feed, request, background=background)
            if not request.listing:
                yield request, reply
            waiting.extend(await _further(feed, ask, request, reply))
        except FeedError as error:
            yield request, error
            if isinstance(error, Throttled | CircuitOpen):
                return


async def _further(feed: Feed, ask: Ask, request: Request, reply: Reply) -> list[Request]:
    follow = feed.follow
    if follow is None or reply.not_modified:
        return []
    return await in_thread(feed, lambda: list(follow(ask, request, payload_of(reply))))
