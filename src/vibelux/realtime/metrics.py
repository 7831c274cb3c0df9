"""The desk's and the outlook's numbers for Prometheus."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from vibelux.market.regions import region_of
from vibelux.market.units import MWH_PER_KWH
from vibelux.store.forecast_scores import Sums

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
            place, all_mwh = (region_of(iso_region).region, lead), found.steps * MWH_PER_KWH
            self._mae.labels(*place).set(found.abs_error / all_mwh)
            self._naive.labels(*place, "yesterday").set(found.abs_error_yesterday / all_mwh)
            self._naive.labels(*place, "last week").set(found.abs_error_last_week / all_mwh)
            self._coverage.labels(*place).set(found.within / found.steps)
