"""What a step leaves behind: the state of the plant from which the next decision is made."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from vibelux.backtest.window import moment
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.horizon import holding_charges
from vibelux.dispatch.schedule import Schedule, StorageRun
from vibelux.dispatch.state import Group, PlantState, UnitState
from vibelux.market.intervals import iso_z, parse_utc


def carried(facility: Facility, state: PlantState, schedule: Schedule, step: int, minutes: int, now: int) -> PlantState:
    """The plant at the end of a step that was carried out.

    Args:
        facility: whose.
        state: at the start of the step.
        schedule: what was planned.
        step: which of its steps.
        minutes: how long it lasts.
        now: where it starts, a UTC minute.
    """
    hours = minutes / 60
    units = {name: _unit(state.units.get(name), bool(run.on[step]), float(run.power_kw[step]), now)
             for name, run in schedule.chp.items()}  # fmt: skip
    lights = {
        name: Group(float(power[step]), state.lights[name].today_kwh if name in state.lights else 0.0)
        for name, power in schedule.lights.items()
    }
    done = PlantState(
        units=units,
        lights=lights,
        import_kw=float(schedule.import_kw[step]),
        peaks_kw=state.peaks_kw,
        at=moment(now),
        source="last decision",
    ).with_peaks(holding_charges(facility, now))
    after = done.advanced(moment(now) + timedelta(hours=hours), facility.zone_name)
    return PlantState(
        units=after.units,
        storage_kwh=_level(schedule.heat_storage, step),
        battery_kwh=_level(schedule.battery, step),
        lights=after.lights,
        import_kw=after.import_kw,
        peaks_kw=after.peaks_kw,
        at=after.at,
        source=after.source,
    )


def _unit(before: UnitState | None, on: bool, power_kw: float, now: int) -> UnitState:
    was_on = before is not None and before.on
    starts = (0 if before is None else before.starts_today) + (on and not was_on)
    since = before.since if before is not None and was_on == on else moment(now) if on != was_on else None
    return UnitState(on, since, power_kw if on else 0.0, starts)


def _level(run: StorageRun | None, step: int) -> float | None:
    return None if run is None else float(run.level_kwh[step])


def as_json(state: PlantState) -> dict[str, Any]:
    """The state as a JSON object."""
    return {
        "units": {
            name: [unit.on, iso_z(unit.since) if unit.since else None, unit.power_kw, unit.starts_today]
            for name, unit in state.units.items()
        },
        "storage_kwh": state.storage_kwh,
        "battery_kwh": state.battery_kwh,
        "lights": {name: [group.power_kw, group.today_kwh] for name, group in state.lights.items()},
        "import_kw": state.import_kw,
        "peaks_kw": dict(state.peaks_kw),
        "at": iso_z(state.at) if state.at else None,
    }


def from_json(body: Mapping[str, Any]) -> PlantState:
    """The state that `as_json` gave."""
    return PlantState(
        units={
            name: UnitState(on, parse_utc(since) if since else None, power_kw, starts)
            for name, (on, since, power_kw, starts) in body["units"].items()
        },
        storage_kwh=body["storage_kwh"],
        battery_kwh=body["battery_kwh"],
        lights={name: Group(*values) for name, values in body["lights"].items()},
        import_kw=body["import_kw"],
        peaks_kw=body["peaks_kw"],
        at=parse_utc(body["at"]) if body["at"] else None,
        source="last decision",
    )
