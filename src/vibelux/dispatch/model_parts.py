"""What the parts of a model share, and the variables that each part adds."""

from dataclasses import dataclass

from vibelux.dispatch.case import Case
from vibelux.dispatch.document import Array
from vibelux.dispatch.linear import Builder, Index


@dataclass(frozen=True)
class Common:
    """What all parts of a model share: the program under construction, its balances and what fuel costs."""

    case: Case
    builder: Builder
    power: Index
    """Rows of the power balance, kW."""
    heat: Index
    """Rows of the heat balance, kW."""
    usable_co2: Index | None
    """Rows of the CO2 balance, kg a step; None where the crop takes none."""
    fuel_usd_per_kwh: Array
    """Gas and its carbon."""
    fuel_kg_per_kwh: float

    def put_fuel(self, columns: Index, fuel_kw: Array | float, co2_usable_fraction: float) -> None:
        """Makes columns burn `fuel_kw` for each unit of theirs: cost and exhaust."""
        burnt = fuel_kw * self.case.step_hours
        self.builder.add_cost(columns, burnt * self.fuel_usd_per_kwh)
        if self.usable_co2 is not None and co2_usable_fraction > 0:
            self.builder.put(self.usable_co2, columns, burnt * self.fuel_kg_per_kwh * co2_usable_fraction)


@dataclass(frozen=True)
class EngineColumns:
    """An engine's variables: on (0 or 1) and power above its least load while on."""

    on: Index
    above: Index
    start: Index | None


@dataclass(frozen=True)
class StorageColumns:
    """A storage's variables; `missing` is what the last level lacks."""

    charge: Index
    discharge: Index
    level: Index
    missing: Index
    charging: Index
    """1: may charge, 0: may discharge; for `exclusive` steps only."""
    balance: Index
    """Rows that carry the level from step to step: their duals are what a kWh held is worth."""


@dataclass(frozen=True)
class LightColumns:
    """A group's variables: power is `scale * column`."""

    level: Index
    scale: Array
    missing: Index
    """kWh that each target lacks."""
