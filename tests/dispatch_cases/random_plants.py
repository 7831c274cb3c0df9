"""Random plants as case documents: every feature of the contract, in every mixture, always with a schedule."""

from typing import Any

import numpy as np

SCHEMA = "vibelux.dispatch.case/1"


def random_case(seed: int, *, max_steps: int = 12) -> dict[str, Any]:
    """A case whose hard rules can be kept: engines start within their ramps, storages above their least."""
    rng = np.random.default_rng(seed)
    steps = int(rng.integers(1, max_steps + 1))
    hours = _hours(rng, steps)
    case: dict[str, Any] = {
        "schema": SCHEMA,
        "name": f"random-{seed}",
        "time": {"step_hours": hours.tolist()},
        "prices": _prices(rng, steps),
        "demand": {"power_kw": _series(rng, steps, 0, 900), "heat_kw": _series(rng, steps, 0, 2500)},
        "grid": {
            "import_max_kw": _series(rng, steps, 0, 3000),
            "export_max_kw": float(rng.choice([0.0, 200.0, 3000.0])),
        },
    }
    if _often(rng, 0.3):
        case["carbon"] = {
            "obligated_fraction": float(rng.random()),
            "grid_kg_per_kwh": _series(rng, steps, 0, 0.5),
            "grid_obligated_fraction": float(rng.random()),
        }
    engines = int(rng.choice([0, 1, 1, 1, 2, 3]))
    case["chp"] = [_engine(rng, steps, hours, f"e{number}") for number in range(engines)]
    if engines > 1 and _often(rng, 0.4):
        case["chp"][1] = case["chp"][0] | {"id": "e1"}
    case["boiler"] = [_boiler(rng, steps, f"b{number}") for number in range(int(rng.choice([0, 1, 1, 2])))]
    if _often(rng, 0.6):
        case["heat_storage"] = _storage(rng, 6000, 2000)
    if _often(rng, 0.5):
        case["battery"] = _storage(rng, 800, 400) | {"wear_usd_per_kwh": float(rng.choice([0.0, 0.01]))}
    case["lights"] = [_lights(rng, steps, hours, f"l{number}") for number in range(int(rng.choice([0, 0, 1, 2])))]
    if _often(rng, 0.4):
        case["co2"] = {
            "demand_kg": [float(value) for value in np.round(rng.uniform(0, 120, steps) * hours, 3)],
            "liquid_usd_per_kg": 0.2,
            "liquid_max_kg_per_h": float(rng.choice([0.0, 50.0, 200.0])),
        }
    tariff: dict[str, Any] = {"demand_charges": [_charge(rng, steps, n) for n in range(int(rng.choice([0, 0, 1, 2])))]}
    if _often(rng, 0.4):
        tariff["energy_adder_usd_per_kwh"] = _series(rng, steps, 0, 0.1)
    case["tariff"] = tariff
    case["dr_events"] = [_event(rng, steps, n) for n in range(int(rng.choice([0, 0, 1, 2])))]
    if _often(rng, 0.3):
        case["penalties"] = {"spill_usd_per_kwh": float(rng.choice([0.0, 0.05, 1.0])), "heat_usd_per_kwh": 0.5}
    return case


def _often(rng: np.random.Generator, share: float) -> bool:
    return bool(rng.random() < share)


def _hours(rng: np.random.Generator, steps: int) -> Any:
    kind = rng.integers(4)
    if kind == 0:
        return np.full(steps, 1.0)
    if kind == 1:
        return np.full(steps, 0.25)
    if kind == 2:
        return np.full(steps, 0.083333333333)
    return np.sort(rng.choice([0.083333333333, 0.25, 0.5, 1.0, 2.0], steps))


def _series(rng: np.random.Generator, steps: int, low: float, high: float) -> Any:
    if _often(rng, 0.3):
        return round(float(rng.uniform(low, high)), 6)
    return [round(float(value), 6) for value in rng.uniform(low, high, steps)]


def _prices(rng: np.random.Generator, steps: int) -> dict[str, Any]:
    level, spread = rng.uniform(0.02, 0.2), rng.uniform(0.01, 0.15)
    bought = rng.normal(level, spread, steps)
    # Sometimes selling pays more than buying costs, and often both are negative for a while.
    margin = rng.normal(0.02, 0.03, steps) if _often(rng, 0.3) else np.full(steps, 0.02)
    return {
        "import_usd_per_kwh": np.round(bought, 6).tolist(),
        "export_usd_per_kwh": np.round(bought - margin, 6).tolist(),
        "gas_usd_per_mmbtu": _series(rng, steps, 2, 12),
        "carbon_usd_per_t": _series(rng, steps, 0, 60),
    }


def _engine(rng: np.random.Generator, steps: int, hours: Any, name: str) -> dict[str, Any]:
    rated = float(rng.choice([250.0, 600.0, 1000.0]))
    least = float(rng.choice([0.0, 0.4, 0.5, 0.7, 1.0]))
    full = float(rng.uniform(0.35, 0.42))
    engine: dict[str, Any] = {
        "id": name,
        "rated_kw": rated,
        "min_load": least,
        "electric_efficiency": {"full": full, "half": full * float(rng.uniform(0.85, 1.0))},
        "thermal_efficiency": {"full": 0.42, "half": float(rng.uniform(0.42, 0.48))},
        "start_cost_usd": float(rng.choice([0.0, 5.0, 40.0])),
        "om_usd_per_kwh": 0.01,
        "om_usd_per_run_hour": float(rng.choice([0.0, 2.0])),
        "min_up_h": float(rng.choice([0.0, 0.5, 1.0, 3.0])),
        "min_down_h": float(rng.choice([0.0, 0.5, 2.0])),
        "co2_usable_fraction": float(rng.choice([0.0, 0.85])),
    }
    if _often(rng, 0.3):
        engine["max_starts"] = int(rng.integers(0, 3))
    if _often(rng, 0.4):
        engine["availability"] = rng.choice([1.0, 1.0, 1.0, 0.8, 0.45, 0.0], steps).tolist()
    for ramp in ("ramp_up_kw_per_h", "ramp_down_kw_per_h"):
        if _often(rng, 0.4):
            engine[ramp] = float(rng.choice([rated, 2 * rated, 4 * rated])) * float(rng.uniform(0.3, 1.5))
    if _often(rng, 0.5):
        engine["initial"] = {
            "on": True,
            "hours_in_state": float(rng.choice([0.0, 0.25, 1.0, 5.0])),
            "power_kw": rated * float(rng.uniform(least, 1.0)),
        }
    elif _often(rng, 0.5):
        engine["initial"] = {"on": False, "hours_in_state": float(rng.choice([0.0, 0.25, 1.0]))}
    return engine


def _boiler(rng: np.random.Generator, steps: int, name: str) -> dict[str, Any]:
    boiler: dict[str, Any] = {
        "id": name,
        "rated_kw": float(rng.uniform(200, 3000)),
        "efficiency": float(rng.uniform(0.7, 0.95)),
        "om_usd_per_kwh": 0.001,
        "co2_usable_fraction": float(rng.choice([0.0, 0.9])),
    }
    if _often(rng, 0.3):
        boiler["availability"] = rng.choice([1.0, 0.5, 0.0], steps).tolist()
    return boiler


def _storage(rng: np.random.Generator, capacity: float, power: float) -> dict[str, Any]:
    initial = float(rng.uniform(0, capacity))
    storage: dict[str, Any] = {
        "capacity_kwh": capacity,
        "charge_max_kw": float(rng.uniform(0, power)),
        "discharge_max_kw": float(rng.uniform(0, power)),
        "charge_efficiency": float(rng.choice([1.0, 0.95])),
        "discharge_efficiency": float(rng.choice([1.0, 0.9])),
        "loss_per_h": float(rng.choice([0.0, 0.002, 0.02])),
        "initial_kwh": initial,
    }
    if _often(rng, 0.3):
        storage["min_kwh"] = initial * 0.3
    if _often(rng, 0.5):
        storage["terminal_min_kwh"] = float(rng.uniform(0, capacity))
    if _often(rng, 0.3):
        storage["terminal_value_usd_per_kwh"] = float(rng.uniform(0, 0.1))
    return storage


def _lights(rng: np.random.Generator, steps: int, hours: Any, name: str) -> dict[str, Any]:
    allowed = rng.choice([0.0, 0.5, 1.0, 1.0], steps)
    middle = int(rng.integers(0, steps + 1))
    most = float(rng.uniform(50, 700))
    targets = []
    for start, end in ((0, middle), (middle, steps)):
        if end > start:
            energy = most * float((allowed * hours)[start:end].sum()) * float(rng.uniform(0, 1.2))
            target: dict[str, Any] = {"from_step": start, "to_step": end, "energy_kwh": energy}
            if _often(rng, 0.4):
                target["max_energy_kwh"] = energy * float(rng.uniform(0.9, 1.5))
            targets.append(target)
    return {
        "id": name,
        "max_kw": most,
        "allowed": allowed.tolist(),
        "dimmable": _often(rng, 0.6),
        "heat_fraction": float(rng.choice([0.0, 0.4])),
        "targets": targets,
    }


def _some_steps(rng: np.random.Generator, steps: int) -> Any:
    if _often(rng, 0.4):
        return "all"
    return sorted(int(step) for step in rng.choice(steps, int(rng.integers(1, steps + 1)), replace=False))


def _charge(rng: np.random.Generator, steps: int, number: int) -> dict[str, Any]:
    charge: dict[str, Any] = {
        "id": f"d{number}",
        "usd_per_kw": float(rng.uniform(0.5, 15)),
        "steps": _some_steps(rng, steps),
        "peak_so_far_kw": float(rng.choice([0.0, 300.0])),
        "ratchet_floor_kw": float(rng.choice([0.0, 400.0])),
    }
    if _often(rng, 0.6):
        charge["interval_h"] = float(rng.choice([0.25, 0.5, 1.0]))
        if _often(rng, 0.5):
            charge["elapsed_h"] = charge["interval_h"] * float(rng.choice([1 / 3, 0.5]))
            charge["elapsed_kwh"] = float(rng.uniform(0, 200))
    return charge


def _event(rng: np.random.Generator, steps: int, number: int) -> dict[str, Any]:
    chosen = _some_steps(rng, steps)
    event: dict[str, Any] = {"id": f"r{number}", "steps": chosen}
    if _often(rng, 0.6):
        event["import_max_kw"] = float(rng.uniform(0, 600))
        event["noncompliance_usd_per_kwh"] = float(rng.choice([0.1, 5.0]))
    if _often(rng, 0.7):
        event["reward_usd_per_kwh"] = float(rng.uniform(0, 0.5))
        length = steps if chosen == "all" else len(chosen)
        event["baseline_kw"] = _series(rng, length, 0, 900)
        if _often(rng, 0.5):
            event["max_reduction_kw"] = float(rng.uniform(50, 600))
    return event
