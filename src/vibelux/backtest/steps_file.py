"""Every step of every strategy as one Parquet file."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vibelux.backtest.accounts import Account, fuel_kw
from vibelux.backtest.study import Outcome
from vibelux.dispatch.document import Array
from vibelux.market.errors import VibeluxError

if TYPE_CHECKING:
    import polars as pl


def write_steps(outcome: Outcome, path: Path) -> None:
    """Writes the file.

    Raises:
        VibeluxError: it cannot be written.
    """
    import polars as pl

    try:
        pl.concat([steps_of(outcome, one) for one in outcome.accounts.values()]).write_parquet(path)
    except OSError as error:
        raise VibeluxError(f"{path}: {error.strerror}") from error


def steps_of(outcome: Outcome, one: Account) -> "pl.DataFrame":
    """The steps of a strategy: when, which prices, what flowed (kW, the mean over the step), and what it cost (USD).

    Levels are those at the step's end. A cost is that of the step's flows and starts: demand charges, light that a day
    lacks and what a storage lacks in the end belong to no step.
    """
    import polars as pl

    window, case = outcome.study.window, outcome.case
    starts = (
        pl.from_epoch(pl.Series("start", window.starts * 60), "s").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    )
    columns: dict[str, Array] = {
        "market_price_per_kwh": window.settled,
        "import_price_per_kwh": case.prices.import_usd_per_kwh + case.energy_adder_usd_per_kwh,
        "export_price_per_kwh": case.prices.export_usd_per_kwh,
        "gas_price_per_mmbtu": case.prices.gas_usd_per_mmbtu,
        "carbon_price_per_t": case.prices.carbon_usd_per_t,
        "power_demand_kw": case.power_kw,
        "heat_demand_kw": case.heat_kw,
    }
    columns |= dict(_flows(outcome, one))
    return pl.DataFrame(
        {
            "strategy": pl.repeat(one.name, len(starts), eager=True),
            "start": starts,
            "minutes": pl.repeat(window.step, len(starts), eager=True, dtype=pl.Int32),
            "price_was_missing": window.missing,
            **columns,
            "cost_usd": one.by_step,
        }
    )


def _flows(outcome: Outcome, one: Account) -> Iterator[tuple[str, Array]]:
    schedule, case = one.schedule, outcome.case
    zero = np.zeros(case.steps)
    yield "import_kw", schedule.import_kw
    yield "export_kw", schedule.export_kw
    yield "chp_power_kw", sum((run.power_kw for run in schedule.chp.values()), zero)
    yield "chp_heat_kw", sum((run.heat_kw for run in schedule.chp.values()), zero)
    yield "boiler_heat_kw", sum((run.heat_kw for run in schedule.boiler.values()), zero)
    yield "fuel_kw_hhv", fuel_kw(schedule, case)
    yield "lights_kw", sum(schedule.lights.values(), zero)
    yield "heat_dump_kw", schedule.heat_dump_kw
    yield "spill_kw", schedule.spill_kw
    yield "unserved_power_kw", schedule.unserved_power_kw
    yield "unserved_heat_kw", schedule.unserved_heat_kw
    for name, run in schedule.chp.items():
        yield f"chp_{name}_power_kw", run.power_kw
    for kind, store in (("storage", schedule.heat_storage), ("battery", schedule.battery)):
        if store is not None:
            yield f"{kind}_charge_kw", store.charge_kw
            yield f"{kind}_discharge_kw", store.discharge_kw
            yield f"{kind}_kwh", store.level_kwh
    if schedule.co2 is not None:
        yield "co2_liquid_kg", schedule.co2.liquid_kg
        yield "co2_exhaust_kg", schedule.co2.exhaust_kg
