"""How market prices become one site's prices, and what of a site the outlook needs to know."""

from datetime import date, datetime
from functools import cached_property
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

HENRY_HUB = "Henry Hub"
"""The hub against which gas is priced everywhere in North America."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]


class Block(BaseModel):
    """A table of a facility file: frozen, every key known, no value bent to fit."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class GasStep(Block):
    """A price of a gas tariff, in force from its first day on."""

    first_day: Annotated[date, Field(strict=False)]
    usd_per_mmbtu: Finite


class GasContract(Block):
    """How a facility buys its gas: an index with an adder, one fixed price, or a table of prices by day."""

    kind: Literal["index", "fixed", "table"] = "index"
    hub: Name | None = None
    """Upstream's own name of the hub that an index contract follows, or that is shown beside another contract."""
    adder_usd_per_mmbtu: Finite = 0.0
    """Transport and other charges on top of the index."""
    usd_per_mmbtu: Finite | None = None
    """The price of a fixed contract, all charges in it."""
    table: Annotated[tuple[GasStep, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _whole(self) -> "GasContract":
        needed = {"index": self.hub, "fixed": self.usd_per_mmbtu, "table": self.table or None}
        names = {"index": "hub", "fixed": "usd_per_mmbtu", "table": "table"}
        if needed[self.kind] is None:
            raise ValueError(f"a contract of kind {self.kind} needs {names[self.kind]}")
        own = {"index": "adder_usd_per_mmbtu", "fixed": "usd_per_mmbtu", "table": "table"}
        others = sorted(self.model_fields_set & (set(own.values()) - {own[self.kind]}))
        if others:
            raise ValueError(f"a contract of kind {self.kind} has no {others[0]}")
        days = [step.first_day for step in self.table]
        if days != sorted(set(days)):
            raise ValueError("the first days of the table must rise")
        return self

    def price(self, index: float | None, day: date) -> float | None:
        """What an MMBtu costs the facility on a day; None where its index is not known or its table has not begun.

        >>> GasContract(hub="PG&E Citygate", adder_usd_per_mmbtu=0.95).price(3.81, date(2026, 7, 14))
        4.76
        """
        if self.kind == "fixed":
            return self.usd_per_mmbtu
        if self.kind == "table":
            return next((step.usd_per_mmbtu for step in reversed(self.table) if step.first_day <= day), None)
        return None if index is None else index + self.adder_usd_per_mmbtu


class Prices(Block):
    """`[facilities.prices]`: from market prices to what the site pays and gets."""

    import_factor: NotNegative = 1.0
    import_adder_usd_per_kwh: Finite = 0.0
    """Import price = factor * market price + adder (delivery and other charges on each kWh) + what the tariff adds.

    A factor of 0: a rate of the utility that holds the energy itself, paid whatever the market does."""
    export_factor: NotNegative = 1.0
    export_adder_usd_per_kwh: Finite = 0.0
    """Export price = factor * market price + adder."""
    gas_hub: Name | None = None
    """Upstream's own name of the hub whose price the gas contract follows; short for an index contract in `gas`."""
    gas_adder_usd_per_mmbtu: Finite = 0.0
    gas: GasContract | None = None
    """The gas contract, where it is no index with an adder."""
    carbon: Literal["direct", "embedded", "none"] = "embedded"
    """`direct`: the site itself pays for its emission; `embedded`: the gas price already holds it; `none`: nobody pays.
    Only `direct` adds a cost, so that carbon is never paid twice."""
    carbon_market: Name | None = None
    """The market whose allowances count; None: that of the grid's state."""
    carbon_obligated_fraction: Fraction = 1.0
    """The share of the emission that must be paid for."""

    @model_validator(mode="after")
    def _one_gas_contract(self) -> "Prices":
        if (self.gas_hub is None) == (self.gas is None):
            raise ValueError("give gas_hub, or a contract in gas")
        if self.gas is not None and self.gas_adder_usd_per_mmbtu:
            raise ValueError("gas_adder_usd_per_mmbtu goes with gas_hub; a contract in gas has its own adder")
        return self

    @cached_property
    def contract(self) -> GasContract:
        """How the site buys its gas."""
        return self.gas or GasContract(hub=self.gas_hub, adder_usd_per_mmbtu=self.gas_adder_usd_per_mmbtu)

    @property
    def gas_market(self) -> str:
        """The hub whose price is shown as the market's: the contract's own, else the Henry Hub."""
        return self.gas_hub or (self.gas.hub if self.gas is not None else None) or HENRY_HUB

    def import_price(self, market_price: float, adder: float = 0.0) -> float:
        """What an imported kWh costs, USD/kWh.

        >>> round(Prices(gas_hub="h", import_adder_usd_per_kwh=0.062).import_price(0.041), 4)
        0.103
        """
        return self.import_factor * market_price + self.import_adder_usd_per_kwh + adder

    def export_price(self, market_price: float) -> float:
        """What an exported kWh earns, USD/kWh.

        >>> round(Prices(gas_hub="h", export_adder_usd_per_kwh=-0.004).export_price(0.041), 4)
        0.037
        """
        return self.export_factor * market_price + self.export_adder_usd_per_kwh


class Site(Protocol):
    """What the outlook needs of a facility."""

    @property
    def iso_region(self) -> str:
        """`CAISO`, `PJM`, `ERCOT` or `NYISO`."""
        ...

    @property
    def pricing_node(self) -> str:
        """Upstream's own name of the node, hub or zone."""
        ...

    @property
    def prices(self) -> Prices:
        """How market prices become its own."""
        ...

    @property
    def zone_name(self) -> str:
        """Its IANA time zone."""
        ...

    def energy_adder_at(self, moment: datetime) -> float:
        """What its tariff adds to a kWh imported at a moment (UTC), USD/kWh."""
        ...
