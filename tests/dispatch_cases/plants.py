"""Plants to reckon by hand: constant efficiencies, fuel at 2 US cents a kWh, hourly steps."""

from typing import Any

from vibelux.dispatch.case_reader import read_case
from vibelux.dispatch.result import result
from vibelux.dispatch.solve import solve

GAS_AT_2_CENTS = 0.02 * 293.07107
"""USD/MMBtu."""


def engine(**changes: Any) -> dict[str, Any]:
    """1000 kW, from 500 kW; 2.5 kWh of fuel and 1 kWh of heat for each kWh: 5 cents a kWh."""
    return {
        "id": "e",
        "rated_kw": 1000,
        "electric_efficiency": {"full": 0.4},
        "thermal_efficiency": {"full": 0.4},
    } | changes


def boiler(**changes: Any) -> dict[str, Any]:
    """Heat at 2.5 cents a kWh."""
    return {"id": "b", "rated_kw": 3000, "efficiency": 0.8} | changes


def site(steps: int = 1, **blocks: Any) -> dict[str, Any]:
    """A site with a wide grid connection and no demand: what is not given is absent."""
    return {
        "schema": "vibelux.dispatch.case/1",
        "name": "by hand",
        "time": {"step_hours": [1.0] * steps},
        "prices": {"import_usd_per_kwh": 0.1, "gas_usd_per_mmbtu": GAS_AT_2_CENTS},
        "grid": {"import_max_kw": 5000},
    } | blocks


def prices(bought: Any, sold: Any = 0.0, **more: Any) -> dict[str, Any]:
    return {"import_usd_per_kwh": bought, "export_usd_per_kwh": sold, "gas_usd_per_mmbtu": GAS_AT_2_CENTS} | more


def solved(document: dict[str, Any]) -> dict[str, Any]:
    answer = result(solve(read_case(document)))
    assert answer["status"] == "optimal", answer
    return answer
