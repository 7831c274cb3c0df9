"""The desk's and the outlook's numbers for Prometheus."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from vibelux.market.clock import Clock
from vibelux.market.regions import region_of
from vibelux.realtime.latency import Latency
from vibelux.store.forecast_scores import Sums

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_LATENCY_SECONDS = (*_SECONDS, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)


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
        self.searches = Counter(
            "vibelux_plan_searches_total",
            "Searches for a better plan between the prices, by what they found.",
            ("found",),
            registry=registry,
        )
        self._latency = Histogram(
            "vibelux_decision_latency_seconds",
            "Of the price that caused a decision, the seconds between two stages of its way.",
            ("stage",),
            buckets=_LATENCY_SECONDS,
            registry=registry,
        )

    def passed(self, latency: Latency | None, clock: Clock) -> None:
        """The decision that a price has caused has just been pushed."""
        if latency is not None:
            for stage, seconds in latency.stages(clock, clock.now()).items():
                self._latency.labels(stage).observe(seconds)


class PriceMetrics:
    """How prices moved, as the brief names it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._electricity = Gauge(
            "electricity_price_change_percent",
            "Change of the real-time price against the last one, of what is below 10 USD/MWh against that.",
            ("region",),
            registry=registry,
        )
        self._gas = Gauge(
            "gas_price_change_percent",
            "Change of the gas price against that of the last trading day.",
            ("hub",),
            registry=registry,
        )

    def electricity_change(self, region: str, change: float) -> None:
        """How a region's price moved, 0.05 for five percent more."""
        self._electricity.labels(region).set(100.0 * change)

    def gas_change(self, hub: str, change: float) -> None:
        """How a hub's price moved."""
        self._gas.labels(hub).set(100.0 * change)


class ForecastMetrics:
    """How far off the expected prices of the last days were, beside the two naive forecasts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("region", "lead")
        self._mae = Gauge(
            "vibelux_forecast_mae_usd_per_mwh",
            "Mean absolute error of the expected prices of the last 7 days.",
            labels,
            registry=registry,
        )
        self._naive = Gauge(
            "vibelux_forecast_naive_mae_usd_per_mwh",
            "The same of the newest known price of the hour (yesterday), and of that of whole weeks ago (last week).",
            (*labels, "naive"),
            registry=registry,
        )
        self._coverage = Gauge(
            "vibelux_forecast_coverage_ratio",
            "How much of what came lay within p10 to p90; 0.8 is right.",
            labels,
            registry=registry,
        )

    def show(self, sums: Mapping[tuple[str, str], Sums]) -> None:
        """Shows the sums of a stretch of days, by grid and range of leads."""
        for (iso_region, lead), found in sums.items():
            place, means = (region_of(iso_region).region, lead), found.means()
            self._mae.labels(*place).set(means["mae"])
            self._naive.labels(*place, "yesterday").set(means["mae_yesterday"])
            self._naive.labels(*place, "last week").set(means["mae_last_week"])
            self._coverage.labels(*place).set(means["coverage"])
