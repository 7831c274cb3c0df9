"""A schedule: what flows in every step. Model and fast path make it, the checker judges it, the result prints it."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vibelux.dispatch.document import Array


@dataclass(frozen=True)
class EngineRun:
    """An engine, step by step."""

    on: npt.NDArray[np.bool_]
    power_kw: Array
    heat_kw: Array
    fuel_kw: Array


@dataclass(frozen=True)
class BoilerRun:
    """A boiler, step by step."""

    heat_kw: Array
    fuel_kw: Array


@dataclass(frozen=True)
class StorageRun:
    """Heat storage or battery; levels at step end."""

    charge_kw: Array
    discharge_kw: Array
    level_kwh: Array


@dataclass(frozen=True)
class Co2Run:
    """Where the crop's CO2 comes from, kg a step."""

    liquid_kg: Array
    exhaust_kg: Array
    unserved_kg: Array


@dataclass(frozen=True)
class Schedule:
    """All flows, kW unless their names say otherwise; arrays of shape (T,). Units stand under their ids."""

    import_kw: Array
    export_kw: Array
    spill_kw: Array
    unserved_power_kw: Array
    unserved_heat_kw: Array
    heat_dump_kw: Array
    chp: dict[str, EngineRun] = field(default_factory=dict)
    boiler: dict[str, BoilerRun] = field(default_factory=dict)
    heat_storage: StorageRun | None = None
    battery: StorageRun | None = None
    lights: dict[str, Array] = field(default_factory=dict)
    co2: Co2Run | None = None
