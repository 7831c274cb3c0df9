"""How the plant stands when a decision is made: from telemetry, else from the last decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vibelux.market.intervals import parse_utc


@dataclass(frozen=True, slots=True)
class UnitState:
    """An engine as it is now."""

    on: bool
    since: datetime | None = None
    """When it was switched to that, None when unknown (then no minimum time binds)."""
    power_kw: float | None = None


@dataclass(frozen=True, slots=True)
class PlantState:
    """The engines that something is known of, and what the storage holds."""

    units: Mapping[str, UnitState] = field(default_factory=dict)
    storage_kwh: float | None = None
    source: str = "unknown"
    """`telemetry`, `last decision` or `unknown`."""

    @classmethod
    def from_decision(cls, decision: Mapping[str, Any]) -> "PlantState":
        """The plant as the last decision (its JSON) left it, supposing that it was followed."""
        units = {
            unit["id"]: UnitState(unit["on"], parse_utc(unit["since"]) if unit.get("since") else None, unit["powerKw"])
            for unit in decision["units"]
        }
        return cls(units, decision.get("storageKwh"), "last decision" if units else "unknown")

    def with_operations(self, operations: Mapping[str, Any]) -> "PlantState":
        """The same with what telemetry reports (the contract's `operations`), which wins where it speaks.

        A unit that telemetry shows switched has been so since the report at the latest.
        """
        at = parse_utc(operations["timestamp"])
        units = dict(self.units)
        for told in operations.get("units", ()):
            before = units.get(told["id"])
            since = before.since if before is not None and before.on == told["on"] else at
            units[told["id"]] = UnitState(told["on"], since, told.get("powerKw"))
        stored = operations.get("storageKwh")
        return PlantState(units, self.storage_kwh if stored is None else stored, "telemetry")
