"""Heat that a schedule throws away goes into the store, or stays there, as far as it has room.

To the program both are free, so that it may well empty a store into the open air. What is kept costs nothing and is
there when things turn out otherwise than expected.
"""

from dataclasses import replace

import numpy as np

from vibelux.dispatch.case import Case, Storage
from vibelux.dispatch.schedule import Schedule, StorageRun

_LEAST_KW = 1e-6


def with_spare_heat_kept(case: Case, schedule: Schedule) -> Schedule:
    """The schedule with less heat dumped and more in the store; nothing else changes, and nothing costs more."""
    storage, run = case.heat_storage, schedule.heat_storage
    if storage is None or run is None or not (schedule.heat_dump_kw > _LEAST_KW).any():
        return schedule
    charge, discharge, dump, level = (
        values.tolist() for values in (run.charge_kw, run.discharge_kw, schedule.heat_dump_kw, run.level_kwh)
    )
    kept = ((1.0 - storage.loss_per_h) ** case.step_hours).tolist()
    room = _room(storage.capacity_kwh, level, kept)
    more_kwh = 0.0
    for step, hours in enumerate(case.step_hours.tolist()):
        more_kwh *= kept[step]
        if dump[step] > _LEAST_KW:
            room_kw = (room[step] - more_kwh) / hours
            less, more = _kept_kw(storage, room_kw, dump[step], discharge[step], charge[step])
            discharge[step] -= less
            charge[step] += more
            dump[step] -= less + more
            more_kwh += hours * (less / storage.discharge_efficiency + more * storage.charge_efficiency)
        level[step] += more_kwh
    store = StorageRun(*(np.array(values) for values in (charge, discharge, level)))
    return replace(schedule, heat_dump_kw=np.array(dump), heat_storage=store)


def _room(capacity_kwh: float, level: list[float], kept: list[float]) -> list[float]:
    """What can be added in each step so that its level, and no later one, is above the capacity, kWh."""
    room = [capacity_kwh - kwh for kwh in level]
    for step in range(len(room) - 2, -1, -1):
        if kept[step + 1] > 0:
            room[step] = min(room[step], room[step + 1] / kept[step + 1])
    return room


def _kept_kw(storage: Storage, room_kw: float, dump: float, discharge: float, charge: float) -> tuple[float, float]:
    """How much less to take out and how much more to put in, for a room that is given as kWh an hour."""
    less = max(min(dump, discharge, room_kw * storage.discharge_efficiency), 0.0)
    left = room_kw - less / storage.discharge_efficiency
    more = max(min(dump - less, storage.charge_max_kw - charge, left / storage.charge_efficiency), 0.0)
    return less, more
