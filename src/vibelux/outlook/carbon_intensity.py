"""How much CO2 a kWh of the grid holds: on average, and at the margin, where one kWh more or less is decided.

An average is for the books (a site's share of what was emitted), a marginal one for choices: what a kWh of import or
export really changes. California publishes both; elsewhere the average comes from the fuel mix and national factors
of each fuel, and a gas plant stands in for the margin. What is estimated says so.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vibelux.market.intervals import iso_z
from vibelux.market.quality import Quality, age_seconds, quality_of_age
from vibelux.outlook.quotes import Row

VARIABLES = ("co2-emissions", "load", "fuel-mix", "carbon-intensity-marginal")
"""The series that it is made of."""
LOOK_BACK = timedelta(hours=4)
"""PJM's fuel mix is an hourly one and comes more than an hour late."""
_STALE_AFTER_SECONDS = 3 * 3600.0
_GAS, _COAL, _OIL = 0.437, 1.050, 1.08
"""kg/kWh of U.S. power plants by fuel: 790 Mt / 1,806,063 GWh and 709 Mt / 675,115 GWh in 2023, and 2.38 lb/kWh in 2022
(EIA, "How much carbon dioxide is produced per kilowatthour of U.S. electricity generation?")."""
_KG_PER_KWH = {
    "gas": _GAS,
    "natural gas": _GAS,
    "dual fuel": _GAS,
    "multiple fuels": _GAS,
    "coal": _COAL,
    "coal and lignite": _COAL,
    "oil": _OIL,
    "other fossil fuels": _OIL,
    **dict.fromkeys(("nuclear", "hydro", "large hydro", "small hydro", "wind", "solar", "geothermal"), 0.0),
    **dict.fromkeys(("other renewables", "biomass", "biogas"), 0.0),
}
"""By upstream's name of the fuel. What it does not hold (storage, imports, sums, `Other`) is left out of the mix."""


@dataclass(frozen=True, slots=True)
class Intensity:
    """CO2 of a kWh, and how far to trust it."""

    kg_per_kwh: float
    quality: Quality
    source: str
    at: datetime | None
    """The moment it is of; None for a constant."""

    def as_json(self) -> dict[str, Any]:
        """For REST."""
        return {
            "kgPerKwh": round(self.kg_per_kwh, 6),
            "quality": self.quality.value,
            "source": self.source,
            "at": None if self.at is None else iso_z(self.at),
        }


@dataclass(frozen=True, slots=True)
class CarbonIntensity:
    """The grid's at one moment."""

    average: Intensity | None
    """None where nothing is known of the mix."""
    marginal: Intensity

    def as_json(self) -> dict[str, Any]:
        """For REST."""
        return {
            "average": None if self.average is None else self.average.as_json(),
            "marginal": self.marginal.as_json(),
        }


GAS_AT_THE_MARGIN = Intensity(_GAS, Quality.ESTIMATED, "a gas plant at the margin, mean of the United States", None)


def places(iso_region: str, pricing_node: str) -> tuple[str, ...]:
    """The locations whose series tell of a node: the grid, and in California the utility of the marginal signal.

    >>> places("CAISO", "TH_SP15_GEN-APND"), places("PJM", "WESTERN HUB")
    (('CAISO', 'SCE'), ('PJM',))
    """
    if iso_region != "CAISO":
        return (iso_region,)
    south = {"SP15": "SCE", "SCE": "SCE", "SDG": "SDGE"}
    return iso_region, next((utility for mark, utility in south.items() if mark in pricing_node), "PGE")


def carbon_intensity(rows: Iterable[Row], at: datetime) -> CarbonIntensity:
    """The intensity at a moment, from the newest series of the hours before it.

    Args:
        rows: series records of one grid (`places`), of the `VARIABLES`, at or before the moment.
        at: the moment, UTC.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 7, 14, 19, tzinfo=UTC)
    >>> def row(variable, value, category=None):
    ...     return {"variable": variable, "category": category, "value": value, "valid_start": noon, "valid_end": noon,
    ...             "issued_at": None, "data_source": "test"}
    >>> carbon_intensity([row("co2-emissions", 4.2e6), row("load", 28_000.0)], noon).average.kg_per_kwh
    0.15
    >>> mix = {"Gas": 30_000.0, "Nuclear": 20_000.0, "Storage": -500.0}
    >>> fuels = [row("fuel-mix", value, fuel) for fuel, value in mix.items()]
    >>> round(carbon_intensity(fuels, noon).average.kg_per_kwh, 4)          # 0.437 * 30 / 50
    0.2622
    """
    by_variable: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["value"] is not None and row["valid_start"] <= at:
            by_variable[row["variable"]].append(row)
    average = _measured(by_variable["co2-emissions"], by_variable["load"], at) or _of_mix(by_variable["fuel-mix"], at)
    return CarbonIntensity(average, _marginal(by_variable["carbon-intensity-marginal"], at) or GAS_AT_THE_MARGIN)


def _measured(emissions: Sequence[Row], loads: Sequence[Row], at: datetime) -> Intensity | None:
    """The grid's own emission (kg/h) by its load (MW) of the same moment."""
    total = {row["valid_start"]: row for row in emissions if row["category"] is None}
    load = {row["valid_start"]: row["value"] for row in loads if row["category"] is None and row["issued_at"] is None}
    both = [moment for moment in total if load.get(moment, 0.0) > 0]
    if not both:
        return None
    newest = max(both)
    row = total[newest]
    quality = quality_of_age(age_seconds(at, newest), _STALE_AFTER_SECONDS)
    return Intensity(row["value"] / load[newest] / 1000, quality, f"{row['data_source']} by its load", newest)


def _of_mix(mix: Sequence[Row], at: datetime) -> Intensity | None:
    """Of the fuels that are known, those that give power."""
    newest = max((row["valid_start"] for row in mix), default=None)
    fuels = [
        (row["value"], _KG_PER_KWH[row["category"].casefold()], row["data_source"])
        for row in mix
        if row["valid_start"] == newest and row["value"] > 0 and str(row["category"]).casefold() in _KG_PER_KWH
    ]
    power = sum(value for value, _, _ in fuels)
    if newest is None or power <= 0:
        return None
    old = age_seconds(at, newest) > _STALE_AFTER_SECONDS
    emitted = sum(value * factor for value, factor, _ in fuels)
    source = f"{fuels[0][2]}, mean emission of each fuel in the United States"
    return Intensity(emitted / power, Quality.STALE if old else Quality.ESTIMATED, source, newest)


def _marginal(signal: Sequence[Row], at: datetime) -> Intensity | None:
    """The interval that holds the moment, of the newest issue; else the last one before."""
    newest = max(signal, key=lambda row: (row["valid_start"], row["issued_at"] is None), default=None)
    if newest is None:
        return None
    if at < newest["valid_end"]:
        quality = Quality.GOOD
    else:
        quality = quality_of_age(age_seconds(at, newest["valid_end"]), _STALE_AFTER_SECONDS)
    return Intensity(newest["value"] / 1000, quality, newest["data_source"], newest["valid_start"])
