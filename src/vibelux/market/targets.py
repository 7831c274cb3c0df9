"""What a single value of a site can be: a member of its report, by name, in one unit or another."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from vibelux.market.errors import UsageError
from vibelux.market.operations import READINGS, UNIT_READINGS, Hz, Kw, Kwh, Volt, load_fault

_RANGES: Mapping[str, Any] = {"kW": Kw, "kWh": Kwh, "Hz": Hz, "V": Volt, "on": float}

_FACTORS = {"W": 1e-3, "kW": 1.0, "MW": 1e3, "Wh": 1e-3, "kWh": 1.0, "MWh": 1e3, "mHz": 1e-3, "Hz": 1.0, "V": 1.0,
            "kV": 1e3}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """Which member of a report a single value is."""

    unit_id: str | None
    """None: the site as a whole."""
    member: str
    """As the contract writes it."""

    @classmethod
    def named(cls, text: str) -> "Target":
        """The target of `units.engine-1.powerKw` or `storageKwh`.

        >>> Target.named("units.engine-1.powerKw")
        Target(unit_id='engine-1', member='powerKw')

        Raises:
            UsageError: there is none of that name.
        """
        if text in READINGS:
            return cls(None, text)
        unit, _, member = text.removeprefix("units.").rpartition(".")
        if text.startswith("units.") and unit and member in UNIT_READINGS:
            return cls(unit, member)
        known = ", ".join([*READINGS, *(f"units.ID.{name}" for name in UNIT_READINGS)])
        raise UsageError(f"{text!r} is nothing that a report holds; it holds {known}")

    @property
    def unit(self) -> str:
        """What the member is measured in; empty for `on`."""
        return (READINGS if self.unit_id is None else UNIT_READINGS)[self.member][1]

    def factor(self, unit: str | None) -> float:
        """By what a value in another unit is multiplied.

        >>> Target.named("gridImportKw").factor("MW")
        1000.0

        Raises:
            UsageError: that unit measures something else.
        """
        if unit is None or unit == self.unit:
            return 1.0
        dimensions = {name for name in _FACTORS if name.lstrip("mkM") == self.unit.lstrip("mkM")}
        if unit not in dimensions:
            raise UsageError(f"{self.member} is not measured in {unit!r}; known are {', '.join(sorted(dimensions))}")
        return _FACTORS[unit] / _FACTORS[self.unit]

    def judged(self, value: float, ratings: Mapping[str, float]) -> float:
        """The value, if it can be what the target is at a facility with engines of these ratings (kW, by id).

        Raises:
            UsageError: no number, out of the member's range, or out of reach of the engine.
        """
        if self.unit_id is not None and self.unit_id not in ratings:
            raise UsageError(f"the facility has no engine {self.unit_id!r}; it has {', '.join(ratings) or 'none'}")
        self.ranged(value)
        if self.unit_id is not None:
            fault = load_fault(UNIT_READINGS[self.member][0], value, ratings[self.unit_id])
            if fault:
                raise UsageError(f"{self.member}: {fault}")
        return value

    def ranged(self, value: float) -> float:
        """The value, if a report may hold it.

        Raises:
            UsageError: no number, or out of the member's range.
        """
        if not math.isfinite(value):
            raise UsageError(f"{self.member}: {value} is not a number")
        try:
            msgspec.convert(value, _RANGES[self.unit or "on"])
        except msgspec.ValidationError as error:
            raise UsageError(f"{self.member}: {value:g} is out of range: {error}") from error
        return value


def target_name(text: str) -> str:
    """The name of a target, as validators of settings take it.

    Raises:
        ValueError: there is none of that name.
    """
    try:
        Target.named(text)
    except UsageError as error:
        raise ValueError(str(error)) from error
    return text
