"""How the plant stands when a decision is made: from telemetry, else from the last decision, supposed to be followed.

What a plan has to carry over is here too: what the storages hold, how much light today has had, how often engines
have started, the highest import of the month. All of it stands in a decision's JSON, so that it survives a restart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from vibelux.market.intervals import parse_utc, zone

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class UnitState:
    """An engine as it is now."""

    on: bool
    since: datetime | None = None
    """When it was switched to that, None when unknown (then no minimum time binds)."""
    power_kw: float | None = None
    starts_today: int = 0
    """In the local day of the state's `at`."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of lamps as it is now."""

    power_kw: float = 0.0
    today_kwh: float = 0.0
    """What it has been given in the local day of the state's `at`."""


@dataclass(frozen=True, slots=True)
class PlantState:
    """What is known of the plant; whatever is not known is left out or None."""

    units: Mapping[str, UnitState] = field(default_factory=dict)
    storage_kwh: float | None = None
    """Heat."""
    storage_change_kw: float = 0.0
    battery_kwh: float | None = None
    battery_change_kw: float = 0.0
    lights: Mapping[str, Group] = field(default_factory=dict)
    import_kw: float = 0.0
    peaks_kw: Mapping[str, float] = field(default_factory=dict)
    """By demand charge, the highest import in the local month of `at`."""
    at: datetime | None = None
    """The moment that all this is of, None when nothing is known."""
    source: str = "unknown"
    """`telemetry`, `last decision` or `unknown`."""

    @classmethod
    def from_decision(cls, decision: Mapping[str, Any]) -> "PlantState":
        """The plant as a decision (its JSON) found it and set it."""
        units = {
            unit["id"]: UnitState(
                unit["on"],
                parse_utc(unit["since"]) if unit.get("since") else None,
                unit["powerKw"],
                unit.get("startsToday", 0),
            )
            for unit in decision["units"]
        }
        return cls(
            units=units,
            storage_kwh=decision.get("storageKwh"),
            storage_change_kw=decision.get("storageChangeKw") or 0.0,
            battery_kwh=decision.get("batteryKwh"),
            battery_change_kw=decision.get("batteryChangeKw") or 0.0,
            lights={one["id"]: Group(one["powerKw"], one["todayKwh"]) for one in decision.get("lights", ())},
            import_kw=decision.get("gridImportKw") or 0.0,
            peaks_kw=decision.get("peaksKw") or {},
            at=parse_utc(decision["validFrom"]) if decision.get("validFrom") else None,
            source="last decision" if units else "unknown",
        )

    def since(self, unit_id: str, on: bool, now: datetime) -> datetime:
        """Since when a unit does what it is set to now; from now on where it is switched, or was unknown."""
        before = self.units.get(unit_id)
        return now if before is None or before.on != on or before.since is None else before.since

    def starts(self, unit_id: str, on: bool) -> int:
        """How often it has been started today, with a start now."""
        before = self.units.get(unit_id)
        return 0 if before is None else before.starts_today + (on and not before.on)

    def advanced(self, to: datetime, zone_name: str) -> "PlantState":
        """The same at a later moment, every flow as it is; a new local day starts its counts anew, so does a month.

        The peaks are taken over whatever the hour: which of them an import counts for, only the tariff knows
        (`with_peaks`).
        """
        if self.at is None or to <= self.at:
            return self if self.at is not None else replace(self, at=to)
        hours = (to - self.at) / _HOUR
        before, after = (moment.astimezone(zone(zone_name)) for moment in (self.at, to))
        same_day = before.date() == after.date()
        day_hours = hours if same_day else (after - after.replace(hour=0, minute=0, second=0, microsecond=0)) / _HOUR
        return replace(
            self,
            units=self.units
            if same_day
            else {name: replace(unit, starts_today=0) for name, unit in self.units.items()},
            storage_kwh=_later(self.storage_kwh, self.storage_change_kw, hours),
            battery_kwh=_later(self.battery_kwh, self.battery_change_kw, hours),
            lights={
                name: replace(group, today_kwh=(group.today_kwh if same_day else 0.0) + group.power_kw * day_hours)
                for name, group in self.lights.items()
            },
            peaks_kw=self.peaks_kw if (before.year, before.month) == (after.year, after.month) else {},
            at=to,
        )

    def with_peaks(self, charges: Mapping[str, bool]) -> "PlantState":
        """The same with its import in the peaks of those demand charges that hold while it flows, by their ids."""
        peaks = {
            name: max(self.peaks_kw.get(name, 0.0), self.import_kw if holds else 0.0) for name, holds in charges.items()
        }
        return replace(self, peaks_kw=peaks)

    def with_operations(self, operations: Mapping[str, Any]) -> "PlantState":
        """The same with what telemetry reports (the contract's `operations`), which wins where it speaks.

        A unit that telemetry shows switched has been so since the report at the latest; `since` and `startsToday`
        of the report, where it has them, are what was seen of it.
        """
        at = parse_utc(operations["timestamp"])
        units = dict(self.units)
        for told in operations.get("units", ()):
            before = units.get(told["id"])
            same = before is not None and before.on == told["on"]
            since = before.since if before is not None and same else at
            starts = 0 if before is None else before.starts_today + (told["on"] and not same)
            units[told["id"]] = UnitState(
                told["on"],
                parse_utc(told["since"]) if told.get("since") else since,
                told.get("powerKw"),
                told.get("startsToday", starts),
            )
        stored, imported = operations.get("storageKwh"), operations.get("gridImportKw")
        charged = operations.get("batteryKwh")
        return replace(
            self,
            units=units,
            storage_kwh=self.storage_kwh if stored is None else stored,
            battery_kwh=self.battery_kwh if charged is None else charged,
            import_kw=self.import_kw if imported is None else imported,
            source="telemetry",
        )


def _later(level: float | None, change_kw: float, hours: float) -> float | None:
    return None if level is None else max(level + change_kw * hours, 0.0)
