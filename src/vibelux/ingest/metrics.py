"""The numbers for Prometheus: the brief's under its names, our own under `vibelux_`."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector as MetricCollector

from vibelux.feeds import Daily, Feed
from vibelux.market.clock import Clock
from vibelux.market.quality import age_seconds

if TYPE_CHECKING:
    from vibelux.market.errors import FeedError

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Metrics:
    """All metrics of ingest, in a registry of the caller's."""

    def __init__(self, clock: Clock, registry: CollectorRegistry) -> None:
        self.registry = registry
        feed = ("provider", "data_type")
        self._requests = Counter(
            "api_requests_total", "Requests to upstreams by HTTP status.", (*feed, "status"), registry=registry
        )
        self._errors = Counter(
            "api_errors_total",
            "Requests that gave nothing usable, by what went wrong.",
            (*feed, "error"),
            registry=registry,
        )
        self._response_time = Histogram(
            "api_response_time_seconds",
            "Real seconds from sending a request to the last byte of the reply.",
            ("provider",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._quarantined = Counter(
            "vibelux_quarantined_rows_total", "Rows set aside with a reason.", ("feed",), registry=registry
        )
        self._bytes = Counter("vibelux_payload_bytes_total", "Bytes of payloads read.", ("feed",), registry=registry)
        self._rows = Counter("vibelux_rows_total", "Rows stored, new or corrected.", ("feed", "how"), registry=registry)
        self._missing = Gauge(
            "vibelux_missing_intervals", "Intervals missing in the newest reply.", ("feed",), registry=registry
        )
        self._waiting = Gauge(
            "vibelux_pending_payloads", "Journalled payloads that wait for the store.", registry=registry
        )
        self._circuit = Gauge(
            "vibelux_circuit_open", "1 while a service is left alone after failures.", ("service",), registry=registry
        )
        self._disagreements = Counter(
            "vibelux_price_disagreements_total",
            "Prices of which two routes say different things, each counted once.",
            (*feed, "comparison"),
            registry=registry,
        )
        self._compared = Gauge(
            "vibelux_prices_compared",
            "Prices that could be compared with the same price by another route at the last look.",
            feed,
            registry=registry,
        )
        self._ages = _Ages(clock)
        registry.register(self._ages)

    def answered(self, feed: Feed, status: str, seconds: float) -> None:
        """One request, with the HTTP status or, where there was none, `unreachable`."""
        self._requests.labels(feed.provider, feed.data_type, status).inc()
        self._response_time.labels(feed.provider).observe(seconds)

    def failed(self, feed: Feed, error: "FeedError") -> None:
        """One failure, by the outcome of its error."""
        self._errors.labels(feed.provider, feed.data_type, error.outcome).inc()

    def payload(self, feed: Feed, body_bytes: int) -> None:
        """One payload came."""
        self._bytes.labels(feed.name).inc(body_bytes)

    def rows(self, feed: Feed, *, new: int, corrected: int, quarantined: int) -> None:
        """What a payload brought."""
        self._rows.labels(feed.name, "new").inc(new)
        self._rows.labels(feed.name, "corrected").inc(corrected)
        self._quarantined.labels(feed.name).inc(quarantined)

    def compared(self, feed: str, count: int) -> None:
        """How many prices of a feed were held against what another route says."""
        self._compared.labels(*feed.split("/")).set(count)

    def disagree(self, feed: str, comparison: str, count: int) -> None:
        """So many more prices of a feed are said otherwise by another route."""
        self._disagreements.labels(*feed.split("/"), comparison).inc(count)

    def gaps(self, feed: Feed, count: int) -> None:
        """How many intervals were missing."""
        self._missing.labels(feed.name).set(count)

    def pending(self, count: int) -> None:
        """How many payloads wait for the store."""
        self._waiting.set(count)

    def circuit(self, service: str, *, is_open: bool) -> None:
        """A breaker's state."""
        self._circuit.labels(service).set(is_open)

    def fresh_until(self, feed: Feed, newest_end: datetime) -> None:
        """The end of the newest interval known of a feed, UTC."""
        self._ages.newest[feed] = newest_end


class _Ages(MetricCollector):
    """Ages by the service's clock at the moment of the scrape."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.newest: dict[Feed, datetime] = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One sample a feed."""
        family = GaugeMetricFamily(
            "market_data_age_seconds",
            "Seconds since the end of the newest interval; of daily data, since its publication.",
            labels=("provider", "data_type"),
        )
        now = self._clock.now()
        for feed, newest_end in tuple(self.newest.items()):
            family.add_metric((feed.provider, feed.data_type), age_seconds(now, known_since(feed, newest_end, now)))
        yield family


def known_since(feed: Feed, newest_end: datetime, now: datetime) -> datetime:
    """From when on data counts as ageing: the end of its newest interval; daily data from its last publication."""
    publication = feed.publication
    if isinstance(publication, Daily) and newest_end >= publication.known_until(now):
        return publication.next_after(now - timedelta(days=1))
    return newest_end
