"""A price's way as one OpenTelemetry trace: fetched, read, stored, and each decision that it caused, pushed.

Nothing on the way is instrumented. Spans are built afterwards, from the stamps that the events carry, and lie in the
wall's time also in a replay. They are sent by the SDK's own thread, which reads the usual `OTEL_*` variables.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from threading import Thread
from typing import TYPE_CHECKING, Any

import structlog

from vibelux.ingest.events import CHP_DECISION_UPDATE, MARKET_DATA_UPDATED, DecisionMade, Events, MarketDataUpdated
from vibelux.market.clock import Clock, LiveClock
from vibelux.market.intervals import iso_z, parse_utc
from vibelux.realtime.held import PRICE_KINDS

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import TracerProvider

log = structlog.get_logger(__name__)

_LAST_SECONDS = 3.0
"""How long a collector that is away may hold up the end; the SDK itself would wait for half a minute."""
_REMEMBERED = 256
"""Prices whose decisions are still waited for."""


@asynccontextmanager
async def tracing(endpoint: str | None, events: Events, clock: Clock) -> AsyncIterator["TracerProvider | None"]:
    """Traces of what the events tell, sent to a collector (OTLP over HTTP); the last ones when it ends.

    Yields:
        To whom other spans may be given; None where no endpoint is set, or the packages for it are missing.
    """
    provider = None if endpoint is None else _provider(endpoint)
    if provider is None:
        yield None
        return
    traces = PriceTraces(provider, clock)
    events.on(MARKET_DATA_UPDATED, traces.on_market_data)
    events.on(CHP_DECISION_UPDATE, traces.on_decision)
    try:
        yield provider
    finally:
        ending = Thread(target=provider.shutdown, daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, _LAST_SECONDS)


def _provider(endpoint: str) -> Any:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        log.warning("no traces are sent: pip install 'vibelux[otel]'", endpoint=endpoint, error=str(error))
        return None
    logging.getLogger(OTLPSpanExporter.__module__).setLevel(logging.ERROR)  # not each of its attempts is worth a line
    named = Resource({"service.name": "vibelux"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")))
    return provider


class PriceTraces:
    """Builds the spans."""

    def __init__(self, provider: "TracerProvider", clock: Clock) -> None:
        self._tracer = provider.get_tracer("vibelux")
        self._clock = clock
        self._wall = LiveClock()
        self._prices: OrderedDict[tuple[str, str], Context] = OrderedDict()
        """By when they were fetched and stored, as a decision's `latency` has it."""

    def on_market_data(self, event: MarketDataUpdated) -> None:
        """A price is stored: `fetch`, `parse` and `store` below a span of its own."""
        from opentelemetry.trace import set_span_in_context

        if event.kind not in PRICE_KINDS or event.stored_at is None:
            return
        fetched, stored = self._on_the_wall(event.received_at), self._on_the_wall(event.stored_at)
        asked, read = fetched, fetched
        if event.taken is not None:
            asked = fetched - timedelta(seconds=event.taken.fetch_seconds)
            read = self._on_the_wall(event.taken.read_at)
        about: dict[str, Any] = {"vibelux.feed": event.feed, "vibelux.kind": event.kind}
        if event.published_at is not None:
            about["vibelux.published_at"] = iso_z(event.published_at)
        price = self._tracer.start_span(f"price {event.feed}", attributes=about, start_time=_ns(asked))
        within = set_span_in_context(price)
        if event.taken is not None:
            self._span("fetch", asked, fetched, within)
            self._span("parse", fetched, read, within)
        self._span("store", read, stored, within)
        price.end(_ns(stored))
        self._prices[iso_z(event.received_at), iso_z(event.stored_at)] = within
        if len(self._prices) > _REMEMBERED:
            self._prices.popitem(last=False)

    def on_decision(self, event: DecisionMade) -> None:
        """A decision is pushed: `decide` and `push` join the trace of the price that has caused it."""
        decision = event.answer["decision"]
        latency = decision.get("latency") or {}
        within = self._prices.get((latency.get("fetchedAt", ""), latency.get("storedAt", "")))
        if within is not None:
            stored, decided = (self._on_the_wall(parse_utc(latency[stamp])) for stamp in ("storedAt", "decidedAt"))
            about = {"vibelux.facility": event.facility_id, "vibelux.action": decision["action"]}
            self._span("decide", stored, decided, within, about)
            self._span("push", decided, self._wall.now(), within, about)

    def _span(self, name: str, start: datetime, end: datetime, within: "Context", about: Any = None) -> None:
        self._tracer.start_span(name, within, attributes=about, start_time=_ns(start)).end(_ns(max(start, end)))

    def _on_the_wall(self, moment: datetime) -> datetime:
        """A moment of the service's clock in the wall's time: so long ago there, so long ago here."""
        ago = self._clock.real_seconds((self._clock.now() - moment).total_seconds())
        return self._wall.now() - timedelta(seconds=ago)


def _ns(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000) * 1_000
