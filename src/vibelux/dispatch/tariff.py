"""The electricity tariff of a facility: charges on imported energy by time of use, and charges on the peak.

All hours are local wall-clock time. A step counts by its start: one that starts at 15:30 lies before a window from
16:00. Months are calendar months; weekends are Saturday and Sunday, and public holidays count as the day they fall on.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from vibelux.dispatch.document import Array
from vibelux.outlook.daypart import DayPart
from vibelux.outlook.past import DAY, Minutes, kind_of_day, utc_minutes, wall_minutes
from vibelux.outlook.site import Block, Finite, Name, NotNegative, Positive

Bools = NDArray[np.bool_]


def _one_or_many(value: Any) -> Any:
    """`hours = { start = …, end = … }` is short for a list of one."""
    return (value,) if isinstance(value, dict | DayPart) else value


Hours = Annotated[tuple[DayPart, ...], Field(strict=False, min_length=1), BeforeValidator(_one_or_many)]
Months = Annotated[tuple[Annotated[int, Field(ge=1, le=12)], ...], Field(strict=False, min_length=1)]


class Window(Block):
    """When a charge holds: in these months, on these days, in any of these parts of the day."""

    months: Months = tuple(range(1, 13))
    days: Literal["all", "weekdays", "weekends"] = "all"
    hours: Hours | None = None
    """One part of the day or several; None: the whole day."""
    weekend_hours: Hours | None = None
    """What stands for `hours` on Saturdays and Sundays; None: `hours` as well."""

    def holds_over(self, wall: Minutes) -> Bools:
        """Whether it holds.

        Args:
            wall: local wall-clock minutes since 1970 (`wall_minutes`), any shape.

        Returns:
            the same shape.
        """
        month = wall.astype("datetime64[m]").astype("datetime64[M]").astype(np.int64) % 12 + 1
        weekend = kind_of_day(wall // DAY) > 0
        holds = np.isin(month, self.months)
        if self.days != "all":
            holds &= weekend if self.days == "weekends" else ~weekend
        if self.weekend_hours is None:
            return np.asarray(holds & _within(self.hours, wall))
        return np.asarray(holds & np.where(weekend, _within(self.weekend_hours, wall), _within(self.hours, wall)))

    @model_validator(mode="after")
    def _weekend_is_meant(self) -> "Window":
        if self.weekend_hours is not None and self.days != "all":
            raise ValueError('weekend_hours go with days = "all"')
        return self


def _within(hours: tuple[DayPart, ...] | None, wall: Minutes) -> Bools:
    if hours is None:
        return np.ones(wall.shape, dtype=np.bool_)
    return np.asarray(np.any([part.holds_over(wall) for part in hours], axis=0))


class EnergyAdder(Window):
    """A charge on each imported kWh while it holds; those that hold at once add up."""

    id: Name | None = None
    usd_per_kwh: Finite


class DemandCharge(Window):
    """A price on the highest import of a billing month, in the hours in which it holds."""

    id: Name
    usd_per_kw: NotNegative
    ratchet_floor_kw: NotNegative = 0.0
    interval_h: Positive | None = None


class Tariff(Block):
    """What the distributor charges beside the energy price."""

    energy_adder_usd_per_kwh: Finite = 0.0
    """At all times."""
    energy_adders: Annotated[tuple[EnergyAdder, ...], Field(strict=False)] = ()
    """By time of use, on top."""
    demand_charges: Annotated[tuple[DemandCharge, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _own_ids(self) -> "Tariff":
        for group in (self.energy_adders, self.demand_charges):
            ids = [one.id for one in group if one.id is not None]
            if twice := sorted({one for one in ids if ids.count(one) > 1}):
                raise ValueError(f"the id {twice[0]} is given twice")
        return self

    def energy_adder_over(self, wall: Minutes) -> Array:
        """What is added to each imported kWh, USD/kWh.

        Args:
            wall: local wall-clock minutes since 1970, the starts of the steps, any shape.

        Returns:
            the same shape.
        """
        total = np.full(wall.shape, self.energy_adder_usd_per_kwh)
        for adder in self.energy_adders:
            total[adder.holds_over(wall)] += adder.usd_per_kwh
        return total

    def energy_adder_at(self, moment: datetime, zone_name: str) -> float:
        """What is added to a kWh imported at a moment (UTC) in a time zone, USD/kWh."""
        wall = wall_minutes(np.array([utc_minutes(moment)]), zone_name)
        return float(self.energy_adder_over(wall)[0])
