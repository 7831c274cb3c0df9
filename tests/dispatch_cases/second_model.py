"""The contract written down once more, from its text alone: a plain program, row by row, with binaries everywhere.

Slow and loose where the model of the house is quick and tight; minimum times are pairs of steps, ramps are big-M
rows, every step has a binary for the grid's and the battery's direction. Both have to find the same cost.
"""

import math
from typing import Any

import highspy

_KWH_PER_MMBTU = 293.07107


def _series(value: Any, length: int) -> list[float]:
    return [float(value)] * length if isinstance(value, int | float) else [float(one) for one in value]


class SecondModel:
    """A case document (not a parsed case) and its cheapest cost."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.case = case
        self.hours = [float(value) for value in case["time"]["step_hours"]]
        self.T = len(self.hours)
        self.tau = [sum(self.hours[:t]) for t in range(self.T)]
        self.h = highspy.Highs()
        self.h.silent()
        for name, value in {"threads": 1, "mip_rel_gap": 1e-8, "mip_abs_gap": 1e-8, "time_limit": 60.0}.items():
            self.h.setOptionValue(name, value)
        self.cost: list[Any] = []
        self.constant = 0.0
        self.power: list[list[Any]] = [[] for _ in range(self.T)]
        self.heat: list[list[Any]] = [[] for _ in range(self.T)]
        self.exhaust: list[list[Any]] = [[] for _ in range(self.T)]
        penalties = case.get("penalties", {})
        self.penalty = {
            "power_usd_per_kwh": 10,
            "heat_usd_per_kwh": 2,
            "co2_usd_per_kg": 5,
            "light_usd_per_kwh": 5,
            "terminal_usd_per_kwh": 1,
            "spill_usd_per_kwh": 1,
        } | penalties

    def least_cost(self) -> float:
        self.grid()
        for engine in self.case.get("chp", []):
            self.engine(engine)
        for boiler in self.case.get("boiler", []):
            self.boiler(boiler)
        for name, balance in (("heat_storage", self.heat), ("battery", self.power)):
            if name in self.case:
                self.storage(self.case[name], balance, one_way=name == "battery")
        for group in self.case.get("lights", []):
            self.lights(group)
        self.co2()
        self.tariff()
        self.dr()
        demand = self.case.get("demand", {})
        for t, (power, heat) in enumerate(
            zip(_series(demand.get("power_kw", 0), self.T), _series(demand.get("heat_kw", 0), self.T), strict=True)
        ):
            self.h.addConstr(self.h.qsum(self.power[t]) == power)
            self.h.addConstr(self.h.qsum(self.heat[t]) == heat)
        self.h.minimize(self.h.qsum(self.cost))
        assert self.h.getModelStatus() == highspy.HighsModelStatus.kOptimal, self.h.getModelStatus()
        return float(self.h.getInfo().objective_function_value) + self.constant

    def var(self, high: float = math.inf, low: float = 0.0) -> Any:
        return self.h.addVariable(low, high)

    def grid(self) -> None:
        prices, grid, carbon = self.case["prices"], self.case["grid"], self.case.get("carbon", {})
        demand, heat = self.case.get("demand", {}), self.case.get("heat", {})
        bought = _series(prices["import_usd_per_kwh"], self.T)
        sold = _series(prices.get("export_usd_per_kwh", 0), self.T)
        adder = _series(self.case.get("tariff", {}).get("energy_adder_usd_per_kwh", 0), self.T)
        ton = _series(prices.get("carbon_usd_per_t", 0), self.T)
        grid_kg = _series(carbon.get("grid_kg_per_kwh", 0), self.T)
        gas = _series(prices["gas_usd_per_mmbtu"], self.T)
        kg = carbon.get("gas_kg_per_mmbtu", 53.06)
        self.kg_per_kwh = kg / _KWH_PER_MMBTU
        self.fuel_price = [
            (gas[t] + ton[t] * carbon.get("obligated_fraction", 1.0) * kg / 1000) / _KWH_PER_MMBTU
            for t in range(self.T)
        ]
        import_max, export_max = _series(grid["import_max_kw"], self.T), _series(grid.get("export_max_kw", 0), self.T)
        dump_max = _series(heat.get("dump_max_kw", math.inf), self.T)
        power, warm = _series(demand.get("power_kw", 0), self.T), _series(demand.get("heat_kw", 0), self.T)
        self.imports = []
        for t, dt in enumerate(self.hours):
            imported, exported, importing = self.var(import_max[t]), self.var(export_max[t]), self.h.addBinary()
            self.h.addConstr(imported <= import_max[t] * importing)
            self.h.addConstr(exported + export_max[t] * importing <= export_max[t])
            spill, no_power = self.var(), self.var(power[t])
            no_heat, dump = self.var(warm[t]), self.var(dump_max[t])
            price = bought[t] + adder[t] + ton[t] * grid_kg[t] * carbon.get("grid_obligated_fraction", 0) / 1000
            self.cost += [dt * price * imported, -dt * sold[t] * exported]
            self.cost += [
                dt * self.penalty["spill_usd_per_kwh"] * spill,
                dt * self.penalty["power_usd_per_kwh"] * no_power,
            ]
            self.cost += [dt * self.penalty["heat_usd_per_kwh"] * no_heat]
            self.power[t] += [1.0 * imported, -1.0 * exported, -1.0 * spill, 1.0 * no_power]
            self.heat[t] += [1.0 * no_heat, -1.0 * dump]
            self.imports.append(imported)

    def burn(self, t: int, terms: list[Any], usable: float) -> None:
        self.cost += [self.hours[t] * self.fuel_price[t] * term for term in terms]
        self.exhaust[t] += [self.hours[t] * self.kg_per_kwh * usable * term for term in terms]

    def engine(self, engine: dict[str, Any]) -> None:  # noqa: PLR0915 - one rule after the other, as they are told
        h, rated = self.h, engine["rated_kw"]
        least = engine.get("min_load", 0.5) * rated
        available = [share * rated for share in _series(engine.get("availability", 1), self.T)]
        out = [value < least or value <= 0 for value in available]
        initial = engine.get("initial", {})
        was_on = initial.get("on", False)
        hours = initial.get("hours_in_state", 1e6)
        was_kw = initial.get("power_kw", 0) if was_on else 0.0
        electric, thermal = engine["electric_efficiency"], engine["thermal_efficiency"]
        burnt = rated / electric["full"], rated / 2 / electric.get("half", electric["full"])
        warm = thermal["full"] * burnt[0], thermal.get("half", thermal["full"]) * burnt[1]
        fuel_slope, heat_slope = (burnt[0] - burnt[1]) / (rated / 2), (warm[0] - warm[1]) / (rated / 2)
        fuel_fixed, heat_fixed = burnt[0] - fuel_slope * rated, warm[0] - heat_slope * rated
        up_h, down_h = engine.get("min_up_h", 0), engine.get("min_down_h", 0)
        on = [h.addBinary() for _ in range(self.T)]
        start, stop = [h.addBinary() for _ in range(self.T)], [h.addBinary() for _ in range(self.T)]
        power = [self.var(available[t]) for t in range(self.T)]
        for t, dt in enumerate(self.hours):
            before = on[t - 1] if t else float(was_on)
            h.addConstr(start[t] - stop[t] - on[t] + before == 0) if t else h.addConstr(
                start[t] - stop[t] - on[t] == -before
            )
            h.addConstr(start[t] + stop[t] <= 1)
            h.addConstr(power[t] <= available[t] * on[t])
            h.addConstr(power[t] >= least * on[t])
            if out[t]:
                h.addConstr(on[t] <= 0)
            ended = False
            for s in range(t + 1, self.T):
                ended = ended or out[s]
                if self.tau[s] < self.tau[t] + up_h - 1e-9 and not ended:
                    h.addConstr(on[s] >= 1.0 * start[t])
                if self.tau[s] < self.tau[t] + down_h - 1e-9:
                    h.addConstr(on[s] + stop[t] <= 1)
            if was_on and self.tau[t] < up_h - hours - 1e-9 and not any(out[: t + 1]):
                h.addConstr(on[t] >= 1)
            if not was_on and self.tau[t] < down_h - hours - 1e-9:
                h.addConstr(on[t] <= 0)
            last_kw, last_on = (power[t - 1], on[t - 1]) if t else (was_kw, float(was_on))
            big = 2 * rated
            if "ramp_up_kw_per_h" in engine:
                climb = engine["ramp_up_kw_per_h"] * dt
                h.addConstr(power[t] - last_kw + big * last_on <= climb + big)
                h.addConstr(power[t] + big * start[t] <= max(least, climb) + big)
            last_available = available[t - 1] if t else was_kw
            if "ramp_down_kw_per_h" in engine and not available[t] < last_available:
                fall = engine["ramp_down_kw_per_h"] * dt
                h.addConstr(last_kw - power[t] + big * on[t] <= fall + big)
                h.addConstr(last_kw + big * stop[t] <= max(least, fall) + big)
            fixed_fuel, rising_fuel = fuel_fixed * on[t], fuel_slope * power[t]
            self.burn(t, [fixed_fuel, rising_fuel], engine.get("co2_usable_fraction", 0))
            self.power[t].append(1.0 * power[t])
            self.heat[t] += [heat_fixed * on[t], heat_slope * power[t]]
            self.cost += [
                dt * engine.get("om_usd_per_kwh", 0) * power[t],
                dt * engine.get("om_usd_per_run_hour", 0) * on[t],
            ]
            self.cost.append(engine.get("start_cost_usd", 0) * start[t])
        if "max_starts" in engine:
            h.addConstr(h.qsum(start) <= engine["max_starts"])

    def boiler(self, boiler: dict[str, Any]) -> None:
        for t, share in enumerate(_series(boiler.get("availability", 1), self.T)):
            heat = self.var(share * boiler["rated_kw"])
            self.heat[t].append(1.0 * heat)
            self.burn(t, [heat * (1 / boiler["efficiency"])], boiler.get("co2_usable_fraction", 0))
            self.cost.append(self.hours[t] * boiler.get("om_usd_per_kwh", 0) * heat)

    def storage(self, storage: dict[str, Any], balance: list[list[Any]], *, one_way: bool) -> None:
        level: Any = storage.get("initial_kwh", 0)
        most_in, most_out = storage["charge_max_kw"], storage["discharge_max_kw"]
        for t, dt in enumerate(self.hours):
            charge, discharge = self.var(most_in), self.var(most_out)
            now = self.var(storage["capacity_kwh"], storage.get("min_kwh", 0))
            kept = (1 - storage.get("loss_per_h", 0)) ** dt
            gained = dt * storage.get("charge_efficiency", 1) * charge
            lost = dt / storage.get("discharge_efficiency", 1) * discharge
            if t:
                self.h.addConstr(now - kept * level - gained + lost == 0)
            else:
                self.h.addConstr(now - gained + lost == kept * level)
            level = now
            balance[t] += [1.0 * discharge, -1.0 * charge]
            self.cost.append(dt * storage.get("wear_usd_per_kwh", 0) * discharge)
            if one_way:
                charging = self.h.addBinary()
                self.h.addConstr(charge <= most_in * charging)
                self.h.addConstr(discharge + most_out * charging <= most_out)
        missing = self.var()
        self.h.addConstr(level + missing >= storage.get("terminal_min_kwh", storage.get("initial_kwh", 0)))
        self.cost.append(self.penalty["terminal_usd_per_kwh"] * missing)
        self.cost.append(-storage.get("terminal_value_usd_per_kwh", 0) * level)

    def lights(self, group: dict[str, Any]) -> None:
        powers = []
        for t, share in enumerate(_series(group.get("allowed", 1), self.T)):
            most = share * group["max_kw"]
            power = 1.0 * self.var(most) if group.get("dimmable", True) else most * self.h.addBinary()
            powers.append(power)
            self.power[t].append(-1.0 * power)
            self.heat[t].append(group.get("heat_fraction", 0) * power)
        for target in group.get("targets", []):
            span = range(target["from_step"], target["to_step"])
            missing = self.var()
            energy = self.h.qsum([self.hours[t] * powers[t] for t in span])
            self.h.addConstr(energy + missing >= target["energy_kwh"])
            if "max_energy_kwh" in target:
                self.h.addConstr(energy <= target["max_energy_kwh"])
            self.cost.append(self.penalty["light_usd_per_kwh"] * missing)

    def co2(self) -> None:
        if "co2" not in self.case:
            return
        co2 = self.case["co2"]
        for t, demand in enumerate(_series(co2["demand_kg"], self.T)):
            liquid = self.var(co2.get("liquid_max_kg_per_h", 0) * self.hours[t])
            exhaust, missing = self.var(), self.var()
            self.h.addConstr(exhaust <= self.h.qsum([0.0 * exhaust, *self.exhaust[t]]))
            self.h.addConstr(liquid + exhaust + missing == demand)
            self.cost += [co2.get("liquid_usd_per_kg", 0) * liquid, self.penalty["co2_usd_per_kg"] * missing]

    def tariff(self) -> None:
        for charge in self.case.get("tariff", {}).get("demand_charges", []):
            base = max(charge.get("peak_so_far_kw", 0), charge.get("ratchet_floor_kw", 0))
            above = self.var()
            self.cost.append(charge["usd_per_kw"] * above)
            window = range(self.T) if charge["steps"] == "all" else charge["steps"]
            interval = charge.get("interval_h")
            groups: dict[int, list[int]] = {}
            for t in window:
                if interval is None or self.hours[t] >= interval - 1e-9:
                    self.h.addConstr(self.imports[t] - above <= base)
                else:
                    number = math.floor((self.tau[t] + charge.get("elapsed_h", 0) + 1e-9) / interval)
                    groups.setdefault(number, []).append(t)
            for number, steps in groups.items():
                passed_kwh = charge.get("elapsed_kwh", 0) if number == 0 else 0.0
                passed_h = charge.get("elapsed_h", 0) if number == 0 else 0.0
                span = passed_h + sum(self.hours[t] for t in steps)
                energy = self.h.qsum([self.hours[t] * self.imports[t] for t in steps])
                self.h.addConstr(energy - span * above <= base * span - passed_kwh)

    def dr(self) -> None:
        for event in self.case.get("dr_events", []):
            steps = list(range(self.T)) if event["steps"] == "all" else event["steps"]
            for t, baseline in zip(steps, _series(event.get("baseline_kw", 0), len(steps)), strict=True):
                if event.get("reward_usd_per_kwh", 0) > 0:
                    reduction = self.var(event.get("max_reduction_kw", math.inf), -math.inf)
                    self.h.addConstr(reduction + self.imports[t] <= baseline)
                    self.cost.append(-self.hours[t] * event["reward_usd_per_kwh"] * reduction)
                if "import_max_kw" in event:
                    over = self.var()
                    self.h.addConstr(self.imports[t] - over <= event["import_max_kw"])
                    self.cost.append(self.hours[t] * event.get("noncompliance_usd_per_kwh", 5) * over)
