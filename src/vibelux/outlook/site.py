"""How market prices become one site's prices, and what of a site the outlook needs to know."""

from datetime import datetime
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]


class Block(BaseModel):
    """A table of a facility file: frozen, every key known, no value bent to fit."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Prices(Block):
    """`[facilities.prices]`: from market prices to what the site pays and gets."""

    import_adder_usd_per_kwh: Finite = 0.0
    """Delivery and other charges on each imported kWh."""
    export_factor: NotNegative = 1.0
    export_adder_usd_per_kwh: Finite = 0.0
    """Export price = factor * market price + adder."""
    gas_hub: Name
    """Upstream's own name of the hub whose price the gas contract follows."""
    gas_adder_usd_per_mmbtu: Finite = 0.0
    carbon: Literal["direct", "embedded", "none"] = "embedded"
    """`direct`: the site itself pays for its emission; `embedded`: the gas price already holds it; `none`: nobody pays.
    Only `direct` adds a cost, so that carbon is never paid twice."""
    carbon_market: Name | None = None
    """The market whose allowances count; None: that of the grid's state."""
    carbon_obligated_fraction: Fraction = 1.0
    """The share of the emission that must be paid for."""

    def import_price(self, market_price: float, adder: float = 0.0) -> float:
        """What an imported kWh costs, USD/kWh.

        >>> round(Prices(gas_hub="h", import_adder_usd_per_kwh=0.062).import_price(0.041), 4)
        0.103
        """
        return market_price + self.import_adder_usd_per_kwh + adder

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
