"""The desk's numbers for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class DeskMetrics:
    """Decisions, how long they took, and those that failed."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.decisions = Counter(
            "vibelux_decisions_total", "Decisions made, by action.", ("action",), registry=registry
        )
        self.failed = Counter(
            "vibelux_decision_failures_total",
            "Facilities whose decision failed, by error.",
            ("error",),
            registry=registry,
        )
        self.seconds = Histogram(
            "vibelux_decision_seconds",
            "Real seconds from reading the market's records to the committed decision.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.degraded = Gauge(
            "vibelux_decisions_degraded", "Facilities that decide on less than a live price.", registry=registry
        )
