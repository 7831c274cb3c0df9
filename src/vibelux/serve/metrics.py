"""The server's own numbers, and the exposition of everybody's."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

__all__ = ["CONTENT_TYPE_LATEST", "ServeMetrics", "generate_latest"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class ServeMetrics:
    """Requests by route (as declared, never as asked: a stranger must not make labels), and open sockets."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "vibelux_http_requests_total", "HTTP requests answered", ("route", "status"), registry=registry
        )
        self.seconds = Histogram(
            "vibelux_http_seconds",
            "Seconds to the last byte of an answer",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.sockets = Gauge("vibelux_ws_clients", "Open WebSockets that are authenticated", registry=registry)
        self.resyncs = Counter(
            "vibelux_ws_resyncs_total", "Times a slow WebSocket was brought to the newest state", registry=registry
        )
