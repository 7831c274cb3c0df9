"""The numbers of telemetry for Prometheus."""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from vibelux.market.clock import Clock
from vibelux.market.quality import age_seconds


class TelemetryMetrics:
    """Reports taken, values refused, ages; lines to brokers and devices."""

    def __init__(self, clock: Clock, registry: CollectorRegistry) -> None:
        self.reports = Counter(
            "vibelux_telemetry_reports_total",
            "Reports of sites, by what became of them: new, corrected, duplicate, late (new, but not the newest).",
            ("source", "outcome"),
            registry=registry,
        )
        self.refused = Counter(
            "vibelux_telemetry_refused_total",
            "Reports, messages and values that could not be used, by what was wrong.",
            ("source", "error"),
            registry=registry,
        )
        self.lag = Gauge(
            "vibelux_telemetry_lag_seconds",
            "From the stamp of a facility's newest report to its arrival: transport, and what clocks disagree.",
            ("facility",),
            registry=registry,
        )
        self.connected = Gauge(
            "vibelux_telemetry_connected", "1 while a broker or device answers.", ("source",), registry=registry
        )
        self.published = Counter(
            "vibelux_mqtt_published_total", "Messages published, by what they are.", ("what",), registry=registry
        )
        self._ages = _Ages(clock)
        registry.register(self._ages)

    def newest(self, facility_id: str, moment: datetime) -> None:
        """The moment of a facility's newest report."""
        self._ages.newest[facility_id] = moment


class _Ages(Collector):
    """Ages by the service's clock at the moment of the scrape."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.newest: dict[str, datetime] = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One sample a facility that has ever reported."""
        family = GaugeMetricFamily(
            "vibelux_telemetry_age_seconds", "Seconds since a facility's newest report.", labels=("facility",)
        )
        now = self._clock.now()
        for facility_id, moment in tuple(self.newest.items()):
            family.add_metric((facility_id,), age_seconds(now, moment))
        yield family
