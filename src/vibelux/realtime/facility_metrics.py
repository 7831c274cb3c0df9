"""What each facility does, pays and gets, for Prometheus: read from the desk at the moment of the scrape."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from vibelux.outlook.conditions import Conditions
from vibelux.realtime.held import Held

Figure = Callable[[Mapping[str, Any], Conditions], float | None]
"""From the decision and the prices by the clock now to a figure; None where there is none."""

_FIGURES: dict[str, tuple[str, Figure]] = {
    "vibelux_facility_power_kw": (
        "What its engines are to make.",
        lambda decision, _: sum(unit["powerKw"] for unit in decision["units"]) if decision["units"] else None,
    ),
    "vibelux_facility_grid_import_kw": ("What it takes from the grid.", lambda decision, _: decision["gridImportKw"]),
    "vibelux_facility_grid_export_kw": ("What it gives to the grid.", lambda decision, _: decision["gridExportKw"]),
    "vibelux_facility_net_benefit_usd_per_hour": (
        "What the decision is worth against the best plan without engines.",
        lambda decision, _: decision["netBenefitUsdPerHour"],
    ),
    "vibelux_facility_break_even_usd_per_kwh": (
        "The market price at which its decision turns.",
        lambda decision, _: decision["breakEvenGridPrice"],
    ),
    "vibelux_facility_confidence_percent": (
        "How far the decision can be trusted.",
        lambda decision, _: decision["confidence"],
    ),
    "vibelux_facility_grid_price_usd_per_kwh": ("The market's price.", lambda _, prices: prices.electricity.value),
    "vibelux_facility_gas_price_usd_per_mmbtu": ("The hub's price.", lambda _, prices: prices.gas.value),
    "vibelux_facility_carbon_price_usd_per_metric_ton": (
        "The allowance's price.",
        lambda _, prices: prices.carbon.value,
    ),
}


class Known(Protocol):
    """What is needed of the desk."""

    def now_known(self) -> Iterator[tuple[Held, Conditions]]:
        """All that have been decided for, with their prices by the clock now."""
        ...


class FacilityMetrics(Collector):
    """A sample a facility and figure; what is not known has none."""

    def __init__(self, desk: Known, registry: CollectorRegistry) -> None:
        self._desk = desk
        registry.register(self)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The families, without asking the desk."""
        for name, (text, _) in _FIGURES.items():
            yield GaugeMetricFamily(name, text, labels=("facility",))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All of it."""
        known = [
            (held.facility.id, held.answer["decision"], prices)
            for held, prices in self._desk.now_known()
            if held.answer is not None
        ]
        for name, (text, figure) in _FIGURES.items():
            family = GaugeMetricFamily(name, text, labels=("facility",))
            for facility_id, decision, prices in known:
                value = figure(decision, prices)
                if value is not None:
                    family.add_metric((facility_id,), value)
            yield family
