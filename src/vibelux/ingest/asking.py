"""Gets everything that an ask of a feed needs: its requests, those that replies make necessary, and their fallbacks."""

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from vibelux.feeds import Ask, Feed, Payload, Request
from vibelux.ingest.client import Reply, Upstream
from vibelux.ingest.threads import in_thread
from vibelux.market.errors import CircuitOpen, Corrupt, FeedError, Throttled

MOST_REQUESTS = 2_000
"""In one ask. Beyond, an upstream's pages lead in a circle."""


@dataclass(slots=True)
class Answer:
    """A request with its reply, or with the reason why there is none."""

    request: Request
    reply: Reply | FeedError
    usable: bool = True
    """Whoever cannot read the reply sets this to False before asking for the next answer."""

    @property
    def is_last_word(self) -> bool:
        """Whether nothing else is asked in its place when it gives nothing usable."""
        return not self.request.fallback


def payload_of(reply: Reply) -> Payload:
    """A reply as feeds read it."""
    return Payload(reply.body, name=reply.name, received_at=reply.received_at)


async def answers(upstream: Upstream, feed: Feed, ask: Ask, *, background: bool = False) -> AsyncIterator[Answer]:
    """One request after the other, each with its reply or the reason why there is none.

    A failure does not keep the next request from being made, unless its service wants rest. Where a request
    lacks its key, fails, or gives what nobody can read, its fallback is asked, each one once. Listings are followed
    and not given out.
    """
    waiting = deque(feed.requests(ask))
    instead: set[str] = set()
    resting: set[str] = set()
    asked = 0

    def fall_back(request: Request) -> None:
        fresh = [other for other in request.fallback if other.url not in instead]
        instead.update(other.url for other in fresh)
        waiting.extendleft(reversed(fresh))

    while waiting:
        request = waiting.popleft()
        service = (request.service or feed.service).name
        if service in resting or upstream.lacks_key(request):
            fall_back(request)
            continue
        asked += 1
        if asked > MOST_REQUESTS:
            yield Answer(request, Corrupt(f"{feed.name}: over {MOST_REQUESTS} requests; pages do not end"))
            return
        answer = await _answer(upstream, feed, request, background=background)
        if isinstance(answer.reply, FeedError) or not request.listing:
            yield answer
        if not isinstance(answer.reply, FeedError):
            try:
                waiting.extend(await _further(feed, ask, request, answer.reply))
            except FeedError as error:
                answer = Answer(request, error)
                yield answer
        if isinstance(answer.reply, Throttled | CircuitOpen):
            resting.add(service)
        if isinstance(answer.reply, FeedError) or not answer.usable:
            fall_back(request)


async def _answer(upstream: Upstream, feed: Feed, request: Request, *, background: bool) -> Answer:
    try:
        return Answer(request, await upstream.fetch(feed, request, background=background))
    except FeedError as error:
        return Answer(request, error)


async def _further(feed: Feed, ask: Ask, request: Request, reply: Reply) -> list[Request]:
    follow = feed.follow
    if follow is None or reply.not_modified:
        return []
    return await in_thread(feed, lambda: list(follow(ask, request, payload_of(reply))))
