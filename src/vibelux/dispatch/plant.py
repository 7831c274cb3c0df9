"""The equipment of a facility: names, units and defaults of a dispatch case, in a site's terms.

Power in kW, energy in kWh, fuel and efficiencies on the higher heating value (HHV).
"""

from typing import Annotated, NamedTuple

from pydantic import Field, model_validator

from vibelux.outlook.daypart import DayPart
from vibelux.outlook.site import Block, Fraction, Name, NotNegative, Positive


class Line(NamedTuple):
    """A straight line over electric power: `fixed + slope * power_kw`, in kW, while the engine is on."""

    fixed: float
    slope: float

    def at(self, power_kw: float) -> float:
        """The line's value."""
        return self.fixed + self.slope * power_kw


class Efficiency(Block):
    """An efficiency at full and at half load."""

    full: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
    half: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] | None = None
    """None: as at full load."""

    @property
    def at_half(self) -> float:
        """The efficiency at half load."""
        return self.full if self.half is None else self.half


class Engine(Block):
    """A gas engine with heat recovery: an entry of `chp`."""

    id: Name
    rated_kw: Positive
    """Electric power at full load."""
    min_load: Fraction = 0.5
    electric_efficiency: Efficiency
    thermal_efficiency: Efficiency
    start_cost_usd: NotNegative = 0.0
    om_usd_per_kwh: NotNegative = 0.0
    om_usd_per_run_hour: NotNegative = 0.0
    min_up_h: NotNegative = 0.0
    min_down_h: NotNegative = 0.0
    ramp_up_kw_per_h: Positive | None = None
    ramp_down_kw_per_h: Positive | None = None
    availability: Fraction = 1.0
    max_starts: Annotated[int, Field(ge=0)] | None = None
    """Starts a day."""
    co2_usable_fraction: Fraction = 0.0

    @property
    def fuel(self) -> Line:
        """Fuel in kW HHV: the straight line through P/full at full load and (P/2)/half at half load.

        Slope (P/full - (P/2)/half) / (P/2) = 2/full - 1/half; fixed P/full - slope * P = P * (1/half - 1/full).
        Source: the dispatch case, `chp[].electric_efficiency`.

        >>> engine = Engine(id="e", rated_kw=1000, electric_efficiency=Efficiency(full=0.385, half=0.345),
        ...                 thermal_efficiency=Efficiency(full=0.43, half=0.47))
        >>> round(engine.fuel.at(1000), 1), round(engine.fuel.at(500), 1)   # 1000/0.385, 500/0.345
        (2597.4, 1449.3)
        """
        full, half = self.electric_efficiency.full, self.electric_efficiency.at_half
        return Line(self.rated_kw * (1 / half - 1 / full), 2 / full - 1 / half)

    @property
    def heat(self) -> Line:
        """Heat in kW: the straight line through thermal efficiency * fuel at full and at half load.

        >>> engine = Engine(id="e", rated_kw=1000, electric_efficiency=Efficiency(full=0.385, half=0.345),
        ...                 thermal_efficiency=Efficiency(full=0.43, half=0.47))
        >>> round(engine.heat.at(1000), 1), round(engine.heat.at(500), 1)   # 0.43 * 2597.4, 0.47 * 1449.3
        (1116.9, 681.2)
        """
        at_full = self.thermal_efficiency.full * self.rated_kw / self.electric_efficiency.full
        at_half = self.thermal_efficiency.at_half * (self.rated_kw / 2) / self.electric_efficiency.at_half
        slope = (at_full - at_half) / (self.rated_kw / 2)
        return Line(at_full - slope * self.rated_kw, slope)

    @model_validator(mode="after")
    def _physical(self) -> "Engine":
        if self.electric_efficiency.full + self.thermal_efficiency.full > 1:
            raise ValueError("electric and thermal efficiency at full load add up to more than 1 (HHV)")
        if self.electric_efficiency.at_half + self.thermal_efficiency.at_half > 1:
            raise ValueError("electric and thermal efficiency at half load add up to more than 1 (HHV)")
        lowest = self.min_load * self.rated_kw
        if self.fuel.at(lowest) <= 0 or self.heat.at(lowest) < 0 or self.fuel.slope <= 0:
            raise ValueError("the efficiencies at full and half load give no fuel, or negative heat, at minimum load")
        return self


class Boiler(Block):
    """A gas boiler, from 0 to its rated heat."""

    id: Name
    rated_kw: Positive
    """Heat output at full load."""
    efficiency: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
    om_usd_per_kwh: NotNegative = 0.0
    """For each kWh of heat."""
    availability: Fraction = 1.0
    co2_usable_fraction: Fraction = 0.0


class Storage(Block):
    """A heat buffer or, with `wear_usd_per_kwh`, a battery. What it holds now comes from telemetry."""

    capacity_kwh: Positive
    charge_max_kw: NotNegative
    discharge_max_kw: NotNegative
    charge_efficiency: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1.0
    discharge_efficiency: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1.0
    loss_per_h: Fraction = 0.0
    initial_kwh: NotNegative = 0.0
    min_kwh: NotNegative = 0.0
    terminal_min_kwh: NotNegative | None = None
    terminal_value_usd_per_kwh: NotNegative = 0.0
    wear_usd_per_kwh: NotNegative = 0.0

    @model_validator(mode="after")
    def _fits(self) -> "Storage":
        for name in ("initial_kwh", "min_kwh", "terminal_min_kwh"):
            if (getattr(self, name) or 0.0) > self.capacity_kwh:
                raise ValueError(f"{name} is above capacity_kwh")
        return self


class Lights(Block):
    """A group of lamps with a daily target."""

    id: Name
    max_kw: Positive
    photoperiod: DayPart | None = None
    dimmable: bool = True
    heat_fraction: Fraction = 0.0
    energy_kwh_per_day: NotNegative | None = None
    max_energy_kwh_per_day: NotNegative | None = None


class Co2(Block):
    """What the crop takes."""

    demand_kg_per_h: NotNegative = 0.0
    liquid_usd_per_kg: NotNegative = 0.0
    liquid_max_kg_per_h: NotNegative = 0.0


class Grid(Block):
    """Limits of the connection."""

    import_max_kw: NotNegative
    export_max_kw: NotNegative = 0.0


class Heat(Block):
    """The heat side as a whole."""

    dump_max_kw: NotNegative | None = None
    """Heat that may be thrown away; None: no limit."""
