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
    charge, discharge, dump = run.charge_kw.copy(), run.discharge_kw.copy(), schedule.heat_dump_kw.copy()
    level = run.level_kwh.copy()
    kept = (1.0 - storage.loss_per_h) ** case.step_hours
    for step in np.flatnonzero(dump > _LEAST_KW):
        later = np.cumprod(np.concatenate(([1.0], kept[step + 1 :])))
        room = float(np.min((storage.capacity_kwh - level[step:]) / later))
        less, more = _kept_kw(storage, room / float(case.step_hours[step]), dump[step], discharge[step], charge[step])
        discharge[step] -= less
        charge[step] += more
        dump[step] -= less + more
        stored = less / storage.discharge_efficiency + more * storage.charge_efficiency
        level[step:] += case.step_hours[step] * stored * later
    return replace(schedule, heat_dump_kw=dump, heat_storage=StorageRun(charge, discharge, level))


def _kept_kw(storage: Storage, room_kw: float, dump: float, discharge: float, charge: float) -> tuple[float, float]:
    """How much less to take out and how much more to put in, for a room that is given as kWh an hour."""
    less = max(min(dump, discharge, room_kw * storage.discharge_efficiency), 0.0)
    left = room_kw - less / storage.discharge_efficiency
    more = max(min(dump - less, storage.charge_max_kw - charge, left / storage.charge_efficiency), 0.0)
    return less, more
