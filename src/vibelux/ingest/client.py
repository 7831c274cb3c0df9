"""The one client that asks upstreams: in turn, signed, bounded, patient; every failure leaves as a named error."""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import structlog

from vibelux.feeds import Feed, Request, Service
from vibelux.ingest.addresses import rebased, redirected
from vibelux.ingest.breaker import Breaker
from vibelux.ingest.budget import Budget, LocalBudget
from vibelux.ingest.credentials import Credentials
from vibelux.ingest.line import Line, Priority
from vibelux.ingest.metrics import Metrics
from vibelux.ingest.statuses import error_of, patience, worth_a_retry
from vibelux.ingest.wire import USER_AGENT, Letter, Reply, Wire
from vibelux.market.clock import Clock
from vibelux.market.errors import AccessDenied, FeedError, Throttled, Unreachable

__all__ = ["Priority", "Reply", "Upstream"]

log = structlog.get_logger(__name__)

_ATTEMPTS = 3
_REDIRECTS = 3
_FIRST_DELAY = 1.0
_WAITED_IN_LINE = 30.0
"""Patience up to this long is spent in the line; for longer the caller is told instead."""
_SHORTEST_PATIENCE = 5.0
_MOST_VALIDATORS = 1024
_REDIRECT = {301, 302, 303, 307, 308}
_random = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class _Call:
    """What one attempt after the other tries to get answered."""

    feed: Feed
    asked: Request
    signed: Request = field(repr=False)
    service: Service
    priority: Priority


@dataclass(frozen=True, slots=True)
class _Counter:
    """Where one service is asked: its line and its breaker."""

    line: Line
    breaker: Breaker


Tap = Callable[[Feed, Reply], None]
"""Is shown a reply of a feed."""


class Upstream:
    """Asks upstreams. One object a process; close it, or use it as an async context manager.

    Args:
        clock: for budgets, waiting and stamps; timeouts are in real seconds.
        budget: who hands out the turns; of this process alone by default.
        credentials: the keys.
        base_urls: for a provider, another address below which all its URLs hang.
        metrics: counters.
        tap: is shown every reply that has a body, after keys were taken out (the recorder of tapes).
        user_agent: how we call ourselves; some upstreams want a contact in it.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        budget: Budget | None = None,
        credentials: Credentials | None = None,
        base_urls: Mapping[str, str] | None = None,
        metrics: Metrics | None = None,
        tap: Tap | None = None,
        user_agent: str = USER_AGENT,
    ) -> None:
        self._clock = clock
        self._budget = budget or LocalBudget()
        self._credentials = credentials or Credentials()
        self._base_urls = dict(base_urls or {})
        self._metrics = metrics
        self._tap = tap
        self._wire = Wire(clock, self._credentials, metrics, user_agent)
        self._counters: dict[str, _Counter] = {}
        self._validators: OrderedDict[str, dict[str, str]] = OrderedDict()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all waiting and closes the connections."""
        await asyncio.gather(*(counter.line.close() for counter in self._counters.values()))
        await self._wire.close()

    async def fetch(self, feed: Feed, request: Request, *, background: bool = False) -> Reply:
        """Asks in turn, and a few times again where that may help.

        Args:
            feed: for whom; gives service, budget, key scheme and labels.
            request: as the feed wants it, without keys; it may name a service of its own.
            background: history: everything else goes first.

        Raises:
            FeedError: Unreachable, Throttled, AccessDenied, NotYetPublished, UpstreamError, Corrupt, TooLarge or
                CircuitOpen; the text holds no key.
        """
        priority = Priority.BACKGROUND if background else Priority.PRICE if feed.is_price else Priority.ORDINARY
        try:
            try:
                reply = await self._signed_and_answered(feed, request, priority)
            except AccessDenied:
                if not self._credentials.renew(feed, request):
                    raise
                reply = await self._signed_and_answered(feed, request, priority)
        except FeedError as error:
            error.args = (self._credentials.hidden(str(error)), *error.args[1:])
            if self._metrics:
                self._metrics.failed(feed, error)
            raise
        if self._metrics:
            self._metrics.payload(feed, len(reply.body))
        if self._tap and not reply.not_modified:
            self._tap(feed, reply)
        return reply

    def lacks_key(self, request: Request) -> bool:
        """Whether a setting is not there without which this one request is not to be sent."""
        return bool(self._credentials.missing(request))

    async def authenticate(self, feed: Feed) -> None:
        """Sees to it that requests of the feed can be signed; fetches a token where there is such a thing.

        Raises:
            AccessDenied: a setting is missing or refused; the text names it.
            FeedError: the token could not be had.
        """
        await self._signed(feed, Request(feed.url), Priority.ORDINARY)

    def stored(self, reply: Reply) -> None:
        """The reply was read and kept: from now on its address is asked only for what is newer.

        Until then a reply that turned out useless is asked for whole again.
        """
        named = {"If-None-Match": "etag", "If-Modified-Since": "last-modified"}
        validators = {ours: reply.headers[theirs] for ours, theirs in named.items() if theirs in reply.headers}
        if validators and reply.request.method == "GET":
            self._validators[reply.request.url] = validators
            self._validators.move_to_end(reply.request.url)
            if len(self._validators) > _MOST_VALIDATORS:
                self._validators.popitem(last=False)

    def leave_alone(self, service: Service, seconds: float | None, attempt: int = 0) -> None:
        """The service asked for patience, by its status or in a payload: all requests to it wait."""
        if seconds is None:
            seconds = max(service.seconds_between, _SHORTEST_PATIENCE) * 2**attempt
        counter, now = self._counter(service), self._clock.now()
        if seconds > _WAITED_IN_LINE:
            counter.breaker.hold(now, seconds)
        else:
            counter.line.hold(now + timedelta(seconds=seconds))

    def _counter(self, service: Service) -> _Counter:
        counter = self._counters.get(service.name)
        if counter is None:
            line = Line(service.name, service.seconds_between, self._clock, self._budget)
            counter = self._counters[service.name] = _Counter(line, Breaker(service.name))
        return counter

    async def _signed(self, feed: Feed, request: Request, priority: Priority) -> Request:
        async def exchange(asked: Request, service: Service) -> bytes:
            return (await self._answered(_Call(feed, asked, asked, service, priority))).body

        return await self._credentials.signed(feed, request, self._clock.now(), exchange)

    async def _signed_and_answered(self, feed: Feed, request: Request, priority: Priority) -> Reply:
        signed = await self._signed(feed, request, priority)
        return await self._answered(_Call(feed, request, signed, request.service or feed.service, priority))

    async def _answered(self, call: _Call) -> Reply:
        """Several attempts, each admitted by the breaker and each in its turn."""
        breaker, price = self._counter(call.service).breaker, call.priority is Priority.PRICE
        attempt = 0
        while True:
            breaker.admit(self._clock.now(), price=price)
            try:
                reply = await self._attempt(call)
            except FeedError as error:
                if not worth_a_retry(error):
                    breaker.succeeded()  # it answers; what it answers is another matter
                    raise
                breaker.failed(self._clock.now())
                if isinstance(error, Throttled):
                    self.leave_alone(call.service, error.retry_after_seconds, attempt)
                attempt += 1
                if attempt == _ATTEMPTS or breaker.closed_until(self._clock.now(), price=price) is not None:
                    raise
                log.info("asks again", feed=call.feed.name, attempt=attempt, error=self._credentials.hidden(str(error)))
                await self._clock.sleep(_FIRST_DELAY * 2 ** (attempt - 1) * _random.uniform(0.5, 1.5))
            except BaseException:
                breaker.abandoned()
                raise
            else:
                breaker.succeeded()
                return reply
            finally:
                if self._metrics:
                    self._metrics.circuit(call.service.name, is_open=breaker.is_open)

    async def _attempt(self, call: _Call) -> Reply:
        """One request, and those to which its answer redirects; each takes a turn."""
        feed, signed = call.feed, call.signed
        base = None if signed.own_address else self._base_urls.get(feed.provider)
        url = rebased(signed.url, base)
        headers = {**signed.headers, **self._validators.get(call.asked.url, {})}
        for _ in range(_REDIRECTS + 1):
            letter = Letter(call.asked, url, headers, signed.body)
            async with self._counter(call.service).line.turn(call.priority) as sent:
                reply = await self._wire.send(feed, call.service, letter, sent, stand_in=base is not None)
            if reply.status not in _REDIRECT or signed.method != "GET" or "location" not in reply.headers:
                return self._judged(call, reply)
            there = redirected(url, reply.headers["location"], base)
            if urlsplit(there).netloc != urlsplit(url).netloc:
                headers = dict(call.asked.headers)  # keys are for the host that they were given for
            url = there
        raise Unreachable(f"{feed.name}: more than {_REDIRECTS} redirects", status=reply.status)

    def _judged(self, call: _Call, reply: Reply) -> Reply:
        if reply.status == 304 and call.asked.url in self._validators:
            return replace(reply, not_modified=True)
        if 200 <= reply.status < 300:
            return reply
        if reply.status == 503 and (seconds := patience(reply.headers, b"", reply.received_at)) is not None:
            self.leave_alone(call.service, seconds)
        raise error_of(reply.status, reply.headers, reply.body, call.feed, call.asked, reply.received_at)
