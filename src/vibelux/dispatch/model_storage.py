"""Heat storage and battery in the program.

level[t] = level[t-1] * (1 - loss_per_h)^dt + dt * (charge_efficiency * charge - discharge / discharge_efficiency)
"""

import numpy as np

from vibelux.dispatch.case import Storage
from vibelux.dispatch.document import Steps
from vibelux.dispatch.linear import Index
from vibelux.dispatch.model_parts import Common, StorageColumns


def add_storage(common: Common, storage: Storage, balance: Index, exclusive: Steps | None = None) -> StorageColumns:
    """Adds a storage that feeds `balance`; in `exclusive` steps it flows one way only."""
    case, builder = common.case, common.builder
    steps, hours = case.steps, case.step_hours
    charge = builder.columns(steps, upper=storage.charge_max_kw)
    discharge = builder.columns(steps, cost=hours * storage.wear_usd_per_kwh, upper=storage.discharge_max_kw)
    level = builder.columns(steps, lower=storage.min_kwh, upper=storage.capacity_kwh)
    builder.add_cost(level[-1:], -storage.terminal_value_usd_per_kwh)
    builder.put(balance, discharge, 1.0)
    builder.put(balance, charge, -1.0)

    kept = (1 - storage.loss_per_h) ** hours
    carried = np.where(np.arange(steps) == 0, kept * storage.initial_kwh, 0.0)
    rows = builder.rows(steps, lower=carried, upper=carried)
    builder.put(rows, level, 1.0)
    builder.put(rows[1:], level[:-1], -kept[1:])
    builder.put(rows, charge, -hours * storage.charge_efficiency)
    builder.put(rows, discharge, hours / storage.discharge_efficiency)

    missing = builder.columns(1, cost=case.penalties.terminal_usd_per_kwh)
    end = builder.rows(1, lower=storage.terminal_min_kwh)
    builder.put(end, level[-1:], 1.0)
    builder.put(end, missing, 1.0)

    at = np.empty(0, dtype=np.intp) if exclusive is None else exclusive
    charging = builder.columns(len(at), upper=1.0, integer=True, at=at)
    one_way = builder.rows(len(at), upper=0.0, at=at)
    builder.put(one_way, charge[at], 1.0)
    builder.put(one_way, charging, -storage.charge_max_kw)
    other_way = builder.rows(len(at), upper=storage.discharge_max_kw, at=at)
    builder.put(other_way, discharge[at], 1.0)
    builder.put(other_way, charging, storage.discharge_max_kw)
    return StorageColumns(
        charge=charge, discharge=discharge, level=level, missing=missing, charging=charging, balance=rows
    )
