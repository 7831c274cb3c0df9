"""A dispatch case: what is known of a plant and its prices over the horizon, as `vibelux dispatch` takes it.

The contract is `docs/dispatch.md`. Power in kW (mean over the step), energy in kWh, time in hours, money in USD, fuel
and efficiencies on the higher heating value. Arrays have one entry a step, shape (T,), where nothing else is said.
A case holds what was given and nothing derived from it, so that model and checker each derive on their own.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from vibelux.dispatch.document import Array, Steps


@dataclass(frozen=True)
class Prices:
    """What the site pays and gets."""

    import_usd_per_kwh: Array
    export_usd_per_kwh: Array
    gas_usd_per_mmbtu: Array
    carbon_usd_per_t: Array


@dataclass(frozen=True)
class Carbon:
    """Which emissions are paid for."""

    gas_kg_per_mmbtu: float
    obligated_fraction: float
    grid_kg_per_kwh: Array
    grid_obligated_fraction: float


@dataclass(frozen=True)
class Efficiencies:
    """At 100 % and at 50 % of rated power."""

    full: float
    half: float


@dataclass(frozen=True)
class Engine:
    """An entry of `chp`."""

    id: str
    rated_kw: float
    min_load: float
    electric: Efficiencies
    thermal: Efficiencies
    start_cost_usd: float
    om_usd_per_kwh: float
    om_usd_per_run_hour: float
    min_up_h: float
    min_down_h: float
    ramp_up_kw_per_h: float
    """Infinite where there is no limit."""
    ramp_down_kw_per_h: float
    availability: Array
    max_starts: int | None
    co2_usable_fraction: float
    initial_on: bool
    initial_hours: float
    initial_kw: float
    """0 where it is off."""

    @cached_property
    def outage(self) -> npt.NDArray[np.bool_]:
        """The steps in which it cannot run: the available power is below the least load, or nothing."""
        available = self.availability * self.rated_kw
        return (available < self.min_load * self.rated_kw) | (available <= 0)


@dataclass(frozen=True)
class Boiler:
    """An entry of `boiler`; `rated_kw` is heat."""

    id: str
    rated_kw: float
    efficiency: float
    om_usd_per_kwh: float
    availability: Array
    co2_usable_fraction: float


@dataclass(frozen=True)
class Storage:
    """`heat_storage` or `battery`."""

    capacity_kwh: float
    charge_max_kw: float
    discharge_max_kw: float
    charge_efficiency: float
    discharge_efficiency: float
    loss_per_h: float
    initial_kwh: float
    min_kwh: float
    terminal_min_kwh: float
    terminal_value_usd_per_kwh: float
    wear_usd_per_kwh: float


@dataclass(frozen=True)
class Target:
    """Light to deliver from `from_step` until before `to_step`."""

    from_step: int
    to_step: int
    energy_kwh: float
    max_energy_kwh: float
    """Infinite where there is no limit."""


@dataclass(frozen=True)
class Lights:
    """An entry of `lights`."""

    id: str
    max_kw: float
    allowed: Array
    dimmable: bool
    heat_fraction: float
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Co2:
    """What the crop takes, kg a step."""

    demand_kg: Array
    liquid_usd_per_kg: float
    liquid_max_kg_per_h: float


@dataclass(frozen=True)
class DemandCharge:
    """A price on the highest metered import in a window."""

    id: str
    usd_per_kw: float
    steps: Steps
    peak_so_far_kw: float
    ratchet_floor_kw: float
    interval_h: float | None
    elapsed_h: float
    elapsed_kwh: float


@dataclass(frozen=True)
class DrEvent:
    """A demand-response event; `baseline_kw` has one value a step of `steps`."""

    id: str
    steps: Steps
    import_max_kw: float
    noncompliance_usd_per_kwh: float
    reward_usd_per_kwh: float
    baseline_kw: Array
    max_reduction_kw: float


@dataclass(frozen=True)
class Penalties:
    """Prices of shortfalls."""

    power_usd_per_kwh: float = 10.0
    heat_usd_per_kwh: float = 2.0
    co2_usd_per_kg: float = 5.0
    light_usd_per_kwh: float = 5.0
    terminal_usd_per_kwh: float = 1.0
    spill_usd_per_kwh: float = 1.0


@dataclass(frozen=True)
class Case:
    """One problem. `vibelux.dispatch.solve` answers it."""

    name: str
    step_hours: Array
    prices: Prices
    carbon: Carbon
    power_kw: Array
    heat_kw: Array
    import_max_kw: Array
    export_max_kw: Array
    dump_max_kw: Array
    energy_adder_usd_per_kwh: Array
    chp: tuple[Engine, ...] = ()
    boiler: tuple[Boiler, ...] = ()
    lights: tuple[Lights, ...] = ()
    heat_storage: Storage | None = None
    battery: Storage | None = None
    co2: Co2 | None = None
    demand_charges: tuple[DemandCharge, ...] = ()
    dr_events: tuple[DrEvent, ...] = ()
    penalties: Penalties = field(default_factory=Penalties)

    @property
    def steps(self) -> int:
        """T."""
        return len(self.step_hours)

    @cached_property
    def starts_h(self) -> Array:
        """tau: when each step starts, hours after the first."""
        return np.concatenate(([0.0], np.cumsum(self.step_hours)[:-1]))

    @cached_property
    def reward_usd_per_kwh(self) -> Array:
        """What events pay for each kWh that is imported less."""
        paid = np.zeros(self.steps)
        for event in self.dr_events:
            paid[event.steps] += event.reward_usd_per_kwh
        return paid
