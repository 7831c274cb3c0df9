"""A fleet of varied plants over the rolling horizon: 5 min for 2 h, 15 min to 12 h, hourly to 48 h."""

import math
from typing import Any

import numpy as np

MIXED_HOURS = [1 / 12] * 24 + [0.25] * 40 + [1.0] * 36


def plant(seed: int, hours: list[float] | None = None) -> dict[str, Any]:
    """A case document: a greenhouse of some size with one to three engines and most of what a site may have."""
    rng = np.random.default_rng([seed, 2026])
    hours = MIXED_HOURS if hours is None else hours
    steps = len(hours)
    tau = np.concatenate(([0.0], np.cumsum(hours)[:-1])) + float(rng.uniform(0, 24))
    size = float(rng.choice([0.5, 1.0, 2.0, 4.0]))
    engines = int(rng.choice([1, 1, 1, 2, 2, 3]))
    rated = size * 1000 / engines
    day_angle = tau / 24 * 2 * math.pi
    power = size * rng.uniform(150, 700) * (1 - 0.25 * np.cos(day_angle - 0.8) + rng.normal(0, 0.05, steps))
    heat = size * rng.uniform(400, 2200) * (1 + 0.6 * np.cos(day_angle) + rng.normal(0, 0.04, steps))
    level, gas = rng.uniform(0.04, 0.16), rng.uniform(3, 11)
    market = level * (1 - 0.35 * np.sin(day_angle)) + rng.normal(0, 0.25 * level, steps)
    market[rng.random(steps) < 0.01] += rng.uniform(0.1, 1.0)
    adder = float(rng.uniform(0.0, 0.06))
    case: dict[str, Any] = {
        "schema": "vibelux.dispatch.case/1",
        "name": f"plant-{seed}",
        "time": {"step_hours": hours},
        "prices": {
            "import_usd_per_kwh": _listed(market + adder),
            "export_usd_per_kwh": _listed(market - rng.uniform(0.0, 0.01)),
            "gas_usd_per_mmbtu": round(float(gas), 4),
            "carbon_usd_per_t": float(rng.choice([0.0, 15.0, 30.0])),
        },
        "demand": {"power_kw": _listed(np.maximum(power, 0)), "heat_kw": _listed(np.maximum(heat, 0))},
        "grid": {"import_max_kw": size * 4000, "export_max_kw": size * float(rng.choice([0, 500, 3000, 3000]))},
        "chp": [_engine(rng, rated, f"chp{number}") for number in range(engines)],
        "boiler": [
            {
                "id": "boiler",
                "rated_kw": size * 4000,
                "efficiency": float(rng.uniform(0.78, 0.9)),
                "om_usd_per_kwh": 0.001,
            }
        ],
    }
    if rng.random() < 0.85:
        capacity = size * float(rng.uniform(2000, 12000))
        case["heat_storage"] = {
            "capacity_kwh": capacity,
            "charge_max_kw": size * 2500,
            "discharge_max_kw": size * 2500,
            "loss_per_h": float(rng.uniform(0, 0.005)),
            "initial_kwh": capacity * float(rng.uniform(0.1, 0.9)),
        }
    if rng.random() < 0.3:
        case["battery"] = {
            "capacity_kwh": size * 600,
            "charge_max_kw": size * 300,
            "discharge_max_kw": size * 300,
            "charge_efficiency": 0.95,
            "discharge_efficiency": 0.95,
            "initial_kwh": size * 300,
            "wear_usd_per_kwh": 0.01,
        }
    if rng.random() < 0.5:
        case["lights"] = [_lights(rng, size, hours, tau)]
    if rng.random() < 0.5:
        day = (tau % 24 > 7) & (tau % 24 < 19)
        case["co2"] = {
            "demand_kg": _listed(np.where(day, size * rng.uniform(40, 150), 0.0) * np.array(hours)),
            "liquid_usd_per_kg": float(rng.uniform(0.1, 0.3)),
            "liquid_max_kg_per_h": size * 200,
        }
        for engine in case["chp"]:
            engine["co2_usable_fraction"] = 0.85
    if rng.random() < 0.5:
        charge = {"id": "peak", "usd_per_kw": float(rng.uniform(2, 15)), "steps": "all", "interval_h": 0.25}
        case["tariff"] = {"demand_charges": [charge | {"peak_so_far_kw": size * float(rng.choice([0, 200, 500]))}]}
    if rng.random() < 0.15:
        first = int(rng.integers(0, steps - 4))
        case["dr_events"] = [
            {
                "id": "dr",
                "steps": list(range(first, first + 4)),
                "reward_usd_per_kwh": 0.4,
                "baseline_kw": size * 400,
                "max_reduction_kw": size * 400,
            }
        ]
    return case


def _listed(values: Any) -> list[float]:
    return [round(float(value), 6) for value in values]


def _engine(rng: np.random.Generator, rated: float, name: str) -> dict[str, Any]:
    on = bool(rng.random() < 0.5)
    engine: dict[str, Any] = {
        "id": name,
        "rated_kw": rated,
        "min_load": float(rng.choice([0.4, 0.5, 0.5, 0.6])),
        "electric_efficiency": {"full": 0.385, "half": float(rng.uniform(0.33, 0.37))},
        "thermal_efficiency": {"full": 0.43, "half": float(rng.uniform(0.44, 0.48))},
        "start_cost_usd": rated * float(rng.uniform(0.01, 0.06)),
        "om_usd_per_kwh": float(rng.uniform(0.008, 0.016)),
        "min_up_h": float(rng.choice([0.0, 0.5, 1.0, 2.0, 4.0])),
        "min_down_h": float(rng.choice([0.0, 0.5, 1.0, 2.0])),
        "initial": {"on": on, "hours_in_state": float(rng.choice([0.25, 1.0, 12.0])), "power_kw": rated if on else 0.0},
    }
    if rng.random() < 0.25:
        engine["ramp_up_kw_per_h"] = engine["ramp_down_kw_per_h"] = rated * float(rng.choice([1.5, 4.0]))
    return engine


def _lights(rng: np.random.Generator, size: float, hours: list[float], tau: Any) -> dict[str, Any]:
    """Lamps with a target for each half of the horizon."""
    most = size * float(rng.uniform(200, 900))
    allowed = np.where((tau % 24 > 3) & (tau % 24 < 21), 1.0, 0.0)
    middle = len(hours) * 7 // 10
    energy = allowed * most * np.array(hours)
    share = float(rng.uniform(0.3, 0.7))
    return {
        "id": "led",
        "max_kw": most,
        "allowed": allowed.tolist(),
        "heat_fraction": 0.4,
        "dimmable": bool(rng.random() < 0.8),
        "targets": [
            {"from_step": start, "to_step": end, "energy_kwh": float(energy[start:end].sum()) * share}
            for start, end in ((0, middle), (middle, len(hours)))
        ],
    }
