"""Reports of a site about itself: the contract's `operations`, read strictly.

A report says what was measured at its timestamp; what it leaves out is not known. Power in kW, energy in kWh, fuel on
the higher heating value (HHV).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from vibelux.market.errors import UsageError
from vibelux.market.intervals import iso_z
from vibelux.market.records import OPERATIONS, SERIES

if TYPE_CHECKING:
    import polars as pl

Kw = Annotated[float, msgspec.Meta(ge=-1e7, le=1e7)]
Kwh = Annotated[float, msgspec.Meta(ge=0, le=1e8)]
Hz = Annotated[float, msgspec.Meta(ge=40, le=70)]
Volt = Annotated[float, msgspec.Meta(ge=0, le=1e6)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]

_CLOCKS_AGREE = timedelta(seconds=5)
"""So far ahead of ours may a site's clock be."""
_OLDEST = timedelta(days=400)
_MOST_LOAD = {"power_kw": 1.5, "heat_kw": 5.0, "fuel_kw_hhv": 10.0}
"""Times the rated electric power: above it stand watts for kilowatts, not a gas engine."""
_LEAST_LOAD = -0.1
"""Auxiliaries of an engine that stands, and meters around zero."""


class UnitReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """One engine; None is: not measured."""

    id: _Id
    on: bool
    power_kw: Kw | None = None
    heat_kw: Kw | None = None
    fuel_kw_hhv: Kw | None = None


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """The contract's `operations`; None is: not measured."""

    timestamp: _Moment
    units: Annotated[tuple[UnitReport, ...], msgspec.Meta(max_length=100)] = ()
    storage_kwh: Kwh | None = None
    """Heat."""
    battery_kwh: Kwh | None = None
    grid_import_kw: Kw | None = None
    """Below zero: export."""
    heat_demand_kw: Kw | None = None
    """What the site's heat meter shows: the heat that it takes, whoever makes it."""
    frequency_hz: Hz | None = None
    voltage_v: Volt | None = None

    def __post_init__(self) -> None:
        """Brings the moment to UTC and refuses a report that says nothing."""
        try:
            moment = self.timestamp.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("timestamp lies at the end of the calendar") from error
        msgspec.structs.force_setattr(self, "timestamp", moment)
        if not self.units and all(getattr(self, name) is None for name, _ in READINGS.values()):
            raise ValueError("nothing is measured: neither units nor a reading of the site")

    def series(self) -> list[tuple[str, str, float, datetime]]:
        """Variable, unit, value and moment of each reading that is a series."""
        return [
            (variable, unit, value, self.timestamp)
            for name, (variable, unit) in _SERIES.items()
            if (value := getattr(self, name)) is not None
        ]

    def as_json(self) -> dict[str, Any]:
        """The contract's form, all members."""
        plain: dict[str, Any] = msgspec.to_builtins(self, builtin_types=(datetime,))
        return plain | {"timestamp": iso_z(self.timestamp), "units": list(plain["units"])}


Reports = Report | Annotated[list[Report], msgspec.Meta(min_length=1, max_length=1000)]
"""One report, or a few at once."""

READINGS: Mapping[str, tuple[str, str]] = {
    "storageKwh": ("storage_kwh", "kWh"),
    "batteryKwh": ("battery_kwh", "kWh"),
    "gridImportKw": ("grid_import_kw", "kW"),
    "heatDemandKw": ("heat_demand_kw", "kW"),
    "frequencyHz": ("frequency_hz", "Hz"),
    "voltageV": ("voltage_v", "V"),
}
"""Members of a report by the contract's name: ours, and their unit."""
_SERIES = {"frequency_hz": ("grid-frequency", "Hz"), "voltage_v": ("grid-voltage", "V")}
"""Readings that are series too: their variable and unit."""
UNIT_READINGS: Mapping[str, tuple[str, str]] = {
    "on": ("on", ""),
    "powerKw": ("power_kw", "kW"),
    "heatKw": ("heat_kw", "kW"),
    "fuelKwHhv": ("fuel_kw_hhv", "kW"),
}


def ratings_of(facility: Mapping[str, Any]) -> dict[str, float]:
    """The rated power of each engine of a facility (the facility file's object), kW, by id."""
    return {unit["id"]: float(unit["rated_kw"]) for unit in facility.get("chp", ())}


def refuse_wrong(reports: Sequence[Report], ratings: Mapping[str, float], now: datetime) -> None:
    """Refuses reports that cannot be of this facility and of a moment that has been.

    Args:
        reports: read already.
        ratings: rated power of the facility's engines, kW, by id.
        now: by the service's clock, UTC.

    Raises:
        UsageError: the text names the member.
    """
    for place, report in enumerate(reports):
        at = f"[{place}]." if len(reports) > 1 else ""
        for fault in _faults(report, ratings, now):
            raise UsageError(f"{at}{fault}")


def load_fault(name: str, value: float | None, rated_kw: float) -> str | None:
    """What is wrong with a unit's reading (`power_kw`, ...), None when it can be that of an engine of that size."""
    if name not in _MOST_LOAD or value is None or _LEAST_LOAD <= value / rated_kw <= _MOST_LOAD[name]:
        return None
    return f"{value:g} kW is out of reach of an engine of {rated_kw:g} kW"


def _faults(report: Report, ratings: Mapping[str, float], now: datetime) -> Iterator[str]:
    ahead = report.timestamp - now
    if ahead > _CLOCKS_AGREE:
        yield (
            f"timestamp: {iso_z(report.timestamp)} lies {ahead.total_seconds():.0f} s after {iso_z(now)}, "
            "the service's time: the two clocks disagree"
        )
    if -ahead > _OLDEST:
        yield f"timestamp: {iso_z(report.timestamp)} is over {_OLDEST.days} days past: is that clock set?"
    seen = set()
    for place, unit in enumerate(report.units):
        at = f"units[{place}]"
        if unit.id not in ratings:
            yield f"{at}.id: the facility has no engine {unit.id!r}; it has {', '.join(ratings) or 'none'}"
            return
        if unit.id in seen:
            yield f"{at}.id: {unit.id} is told twice"
        seen.add(unit.id)
        rated = ratings[unit.id]
        for member, (name, _) in UNIT_READINGS.items():
            if fault := load_fault(name, getattr(unit, name), rated):
                yield f"{at}.{member}: {fault}"


def records_of(facility_id: str, reports: Sequence[Report], source: str) -> "dict[str, pl.DataFrame]":
    """Reports as records: `operations`, and `series` (`provider` site, `location` the facility) where there are any."""
    import polars as pl

    operations = [
        {"facility_id": facility_id, "data_source": source}
        | {name: getattr(report, name) for name in report.__struct_fields__}
        | {"units": list(msgspec.to_builtins(report.units))}
        for report in reports
    ]
    series = [
        dict.fromkeys(SERIES.names)
        | {"provider": "site", "location": facility_id, "data_source": source}
        | {"variable": variable, "unit": unit, "value": value, "valid_start": at, "valid_end": at}
        for report in reports
        for variable, unit, value, at in report.series()
    ]
    return {
        kind.name: pl.DataFrame([pl.Series(name, [row[name] for row in rows], dtype)
                                 for name, dtype in kind.schema().items()])
        for kind, rows in ((OPERATIONS, operations), (SERIES, series))
        if rows
    }  # fmt: skip
