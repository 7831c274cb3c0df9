"""One step, exactly: against numbers by hand, and against brute force on plants that nobody has seen."""

import doctest
import itertools
import json
import math
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dispatch.plants import GAS_AT_3_CENTS, NOW, engine, facility
from shared_files import case
from vibelux.dispatch import economics, step
from vibelux.dispatch.build import build_step
from vibelux.dispatch.economics import Plan, solve
from vibelux.dispatch.plant import Line
from vibelux.dispatch.state import PlantState
from vibelux.dispatch.step import BoilerStep, EngineStep, Step, StepPrices

PRICES = StepPrices(
    import_adder=0.05, export_factor=1.0, export_adder=-0.005, gas_usd_per_mmbtu=GAS_AT_3_CENTS, carbon_usd_per_t=0.0
)


def by_hand() -> Step:
    """1 kWh of power: fuel 2.5 * 0.03 = 0.075, O&M 0.01, and 1 kWh of heat that saves 0.03 / 0.8 = 0.0375."""
    site = facility()
    return build_step(site, site.load_at(NOW), PlantState(), NOW, PRICES)[0]


def test_the_worked_numbers_in_the_modules_are_true():
    assert doctest.testmod(step).failed == 0
    assert doctest.testmod(economics).failed == 0


@pytest.mark.parametrize(
    ("price", "power_kw"),
    [
        (0.0084, 0),  # 500 kW cost 42.50 - 18.75 = 23.75 and are worth 500 p + 400 * 0.05 - 100 * 0.005 = 500 p + 19.50
        (0.0086, 500),
        (0.0524, 500),  # the next kWh costs 0.085 - 0.0375 = 0.0475 and earns p - 0.005
        (0.0526, 800),
        (0.0899, 800),  # beyond 800 kW of heat the next kWh costs 0.085
        (0.0901, 1000),
    ],
)
def test_power_follows_the_prices_reckoned_by_hand(price, power_kw):
    best = solve(by_hand(), PRICES, price).best
    assert best.power_kw == pytest.approx(power_kw)
    assert best.imported_kw - best.exported_kw == pytest.approx(400 - power_kw)
    assert best.boiler_kw == pytest.approx(max(0, 800 - power_kw))


def test_costs_and_break_even_are_those_reckoned_by_hand():
    solution = solve(by_hand(), PRICES, 0.1)
    assert solution.break_even == pytest.approx((23.75 - 19.5) / 500)
    assert solution.without.operating_usd_per_h == pytest.approx(400 * 0.15 + 800 * 0.0375)
    best = solution.best
    assert best.grid_usd_per_h == pytest.approx(-600 * 0.095)
    assert (best.gas_usd_per_h, best.om_usd_per_h, best.carbon_usd_per_h) == pytest.approx((75.0, 10.0, 0.0))
    assert best.heat_usd_per_h == 0.0
    assert best.dumped_kw == pytest.approx(200)
    assert best.operating_usd_per_h == pytest.approx(28.0)


def test_carbon_falls_on_all_gas_burnt_on_site():
    paid = replace(PRICES, carbon_usd_per_t=100.0)
    per_kwh = 100 * 53.06 / 1000 / 293.07107
    solution = solve(by_hand(), paid, 0.2)
    assert solution.best.carbon_usd_per_h == pytest.approx(2500 * per_kwh)
    assert solution.without.heat_usd_per_h == pytest.approx(1000 * (0.03 + per_kwh))


def test_limits_of_export_and_dump_hold_the_power_down_and_free_an_obliged_engine():
    no_export = replace(by_hand(), export_max_kw=0.0)
    assert not solve(no_export, PRICES, 5.0).best.running
    assert solve(replace(no_export, power_kw=700.0), PRICES, 5.0).best.power_kw == pytest.approx(700)
    assert solve(replace(by_hand(), dump_max_kw=50.0), PRICES, 5.0).best.power_kw == pytest.approx(850)
    obliged = replace(no_export, engines=(replace(no_export.engines[0], must=True),))
    solution = solve(obliged, PRICES, 5.0)
    assert not solution.best.running
    assert solution.released


def test_shortfalls_are_priced_and_never_infeasible():
    small = replace(by_hand(), import_max_kw=100.0, boilers=(), heat_kw=3000.0, power_kw=2000.0)
    best = solve(small, PRICES, 0.0).best
    assert best.power_kw == pytest.approx(1000)
    assert (best.unserved_power_kw, best.unserved_heat_kw) == pytest.approx((900, 2000))


def test_an_obliged_engine_has_no_break_even_and_neither_has_a_plant_without_engines():
    bound = replace(by_hand(), engines=(replace(by_hand().engines[0], must=True),))
    assert solve(bound, PRICES, -0.1).break_even is None
    assert solve(bound, PRICES, -0.1).best.power_kw == pytest.approx(500)
    away = replace(by_hand(), engines=(replace(by_hand().engines[0], must=False),))
    assert solve(away, PRICES, 1.0).break_even is None
    assert solve(away, PRICES, 1.0).runner is None
    none = solve(replace(by_hand(), engines=()), PRICES, 0.1)
    assert none.best.operating_usd_per_h == pytest.approx(90.0)


def test_equal_costs_leave_the_engine_off():
    free = StepPrices(0.0, 0.0, 0.0, 0.0, 0.0)
    idle = replace(by_hand(), engines=(replace(by_hand().engines[0], om_usd_per_kwh=0.0),))
    assert not solve(idle, free, 0.0).best.running


def test_six_engines_are_solved_too():
    site = facility(chp=[engine(id=f"e{n}", rated_kw=100 * n, om_usd_per_kwh=0.01 * n) for n in range(1, 7)])
    made, _ = build_step(site, site.load_at(NOW), PlantState(), NOW, PRICES)
    best = solve(made, PRICES, 0.06).best
    # Engine n makes a kWh for 0.0375 + 0.01 n. Own use is worth 0.11, export 0.055: e1 runs full, e2 and e3 share what
    # is left of 400 kW, and e3 cannot go below 150 kW.
    assert [unit.power_kw for unit in best.units] == pytest.approx([100, 150, 150, 0, 0, 0])
    assert best.operating_usd_per_h <= min(brute_force(made, PRICES, 0.06, 3)) + 1e-9


def test_the_documented_case_of_one_hour_costs_its_optimum():
    given_case = json.loads(case("s01_one_hour.json").read_text())
    (boiler,) = given_case["boiler"]
    one_hour = Step(
        engines=(),
        boilers=(BoilerStep(boiler["id"], boiler["rated_kw"], boiler["efficiency"]),),
        power_kw=given_case["demand"]["power_kw"],
        heat_kw=given_case["demand"]["heat_kw"],
        import_max_kw=given_case["grid"]["import_max_kw"],
    )
    prices = StepPrices(0.0, 1.0, 0.0, given_case["prices"]["gas_usd_per_mmbtu"], 0.0)
    best = solve(one_hour, prices, given_case["prices"]["import_usd_per_kwh"]).best
    assert best.operating_usd_per_h == pytest.approx(given_case["expected"]["objective_usd"], rel=1e-6)


def cost_of(problem: Step, prices: StepPrices, market: float, powers: tuple[float | None, ...]) -> float:
    """The same physics written a second time, one set-point at a time; infinite outside the limits."""
    gas = prices.gas_usd_per_mmbtu / 293.07107
    carbon = prices.carbon_usd_per_t * 53.06 / 1000 / 293.07107
    total = power = heat = 0.0
    for unit, kw in zip(problem.engines, powers, strict=True):
        if kw is None:
            total += unit.stop_usd_per_h
            continue
        power += kw
        heat += unit.heat.fixed + unit.heat.slope * kw
        total += (unit.fuel.fixed + unit.fuel.slope * kw) * (gas + carbon)
        total += unit.om_usd_per_kwh * kw + unit.om_usd_per_h + unit.start_usd_per_h
    if power - problem.power_kw > problem.export_max_kw + 1e-6 or heat - problem.heat_kw > problem.dump_max_kw + 1e-6:
        return math.inf
    if power >= problem.power_kw:
        total -= (power - problem.power_kw) * (prices.export_factor * market + prices.export_adder)
    else:
        bought = min(problem.power_kw - power, problem.import_max_kw)
        total += bought * (market + prices.import_adder) + 10 * (problem.power_kw - power - bought)
    lacking = max(0.0, problem.heat_kw - heat)
    for boiler in sorted(problem.boilers, key=lambda one: (gas + carbon) / one.efficiency + one.om_usd_per_kwh):
        made = min(lacking, boiler.high_kw)
        total += made * ((gas + carbon) / boiler.efficiency + boiler.om_usd_per_kwh)
        lacking -= made
    return total + 2 * lacking


def brute_force(problem: Step, prices: StepPrices, market: float, points: int) -> list[float]:
    """The cost of every set-point on a grid that obeys the engines' obligations."""
    choices = []
    for unit in problem.engines:
        grid = [unit.low_kw + (unit.high_kw - unit.low_kw) * n / (points - 1) for n in range(points)]
        choices.append([None] if unit.must is False else grid if unit.must else [None, *grid])
    return [cost_of(problem, prices, market, powers) for powers in itertools.product(*choices)]


def cost_of_plan(problem: Step, prices: StepPrices, market: float, plan: Plan) -> float:
    return cost_of(problem, prices, market, tuple(unit.power_kw if unit.on else None for unit in plan.units))


kw = st.floats(0, 2000).map(lambda value: round(value, 1))
usd = st.floats(-0.1, 0.2).map(lambda value: round(value, 4))


@st.composite
def engines(draw: st.DrawFn, name: str) -> EngineStep:
    rated = draw(st.floats(50, 1500).map(round))
    return EngineStep(
        id=name,
        low_kw=rated * draw(st.sampled_from([0.0, 0.25, 0.5, 1.0])),
        high_kw=float(rated),
        fuel=Line(rated * draw(st.floats(0, 0.6)), draw(st.floats(1.8, 2.8))),
        heat=Line(rated * draw(st.floats(0, 0.4)), draw(st.sampled_from([0.0, 0.7, 0.9, 1.1, -0.05]))),
        om_usd_per_kwh=draw(st.sampled_from([0.0, 0.01, 0.03])),
        om_usd_per_h=draw(st.sampled_from([0.0, 3.0])),
        must=draw(st.sampled_from([None, None, None, None, True, False])),
        start_usd_per_h=draw(st.sampled_from([0.0, 0.0, 5.0])),
        stop_usd_per_h=draw(st.sampled_from([0.0, 0.0, 5.0])),
    )


@st.composite
def problems(draw: st.DrawFn) -> tuple[Step, StepPrices]:
    prices = StepPrices(
        import_adder=draw(usd),
        export_factor=draw(st.sampled_from([0.0, 0.5, 1.0, 1.2])),
        export_adder=draw(usd),
        gas_usd_per_mmbtu=draw(st.floats(-1, 15)),
        carbon_usd_per_t=draw(st.sampled_from([0.0, 30.0])),
    )
    fuel = prices.gas_usd_per_kwh + prices.carbon_usd_per_kwh
    boilers = [
        BoilerStep(f"b{n}", draw(kw), draw(st.floats(0.7, 0.95)), draw(st.sampled_from([0.0, 0.002])))
        for n in range(draw(st.integers(0, 2)))
    ]
    problem = Step(
        engines=tuple(draw(engines(f"e{n}")) for n in range(draw(st.integers(0, 3)))),
        boilers=tuple(sorted(boilers, key=lambda one: fuel / one.efficiency + one.om_usd_per_kwh)),
        power_kw=draw(kw),
        heat_kw=draw(kw),
        import_max_kw=draw(kw),
        export_max_kw=draw(kw),
        dump_max_kw=draw(st.sampled_from([math.inf, math.inf, 0.0, 100.0, 1000.0])),
    )
    return problem, prices


@settings(max_examples=100, deadline=None)
@given(problems(), st.floats(-0.3, 1.0))
def test_no_set_point_of_a_grid_is_cheaper_and_no_limit_is_broken(made, market):
    problem, prices = made
    solution = solve(problem, prices, market)
    if solution.released:
        problem = replace(
            problem, engines=tuple(replace(one, must=None if one.must else one.must) for one in problem.engines)
        )
    best = solution.best
    own = cost_of_plan(problem, prices, market, best)
    assert own == pytest.approx(best.operating_usd_per_h + best.switching_usd_per_h, abs=1e-6, rel=1e-9)
    points = {0: 2, 1: 101, 2: 21, 3: 8}[len(problem.engines)]
    assert own <= min(brute_force(problem, prices, market, points)) + 1e-6
    for unit, engine_step in zip(best.units, problem.engines, strict=True):
        assert unit.on is engine_step.must or engine_step.must is None
        assert unit.power_kw == 0.0 if not unit.on else engine_step.low_kw <= unit.power_kw <= engine_step.high_kw
    assert best.exported_kw <= problem.export_max_kw + 1e-6
    assert best.imported_kw <= problem.import_max_kw + 1e-6
    assert min(best.imported_kw, best.exported_kw) == 0.0
    heat = sum(unit.heat_kw for unit in best.units) + best.boiler_kw - best.dumped_kw + best.unserved_heat_kw
    assert heat == pytest.approx(problem.heat_kw, abs=1e-6)
    assert best.dumped_kw <= problem.dump_max_kw + 1e-6


@settings(max_examples=100, deadline=None)
@given(problems())
def test_run_and_stop_change_places_exactly_at_the_break_even_price(made):
    problem, prices = made
    edge = solve(problem, prices, 0.05).break_even
    if edge is None:
        actions = {bool(solve(problem, prices, market).best.running) for market in (-50.0, -0.1, 0.05, 0.5, 50.0)}
        assert len(actions) == 1
    else:
        assume(abs(edge) < 1e4)
        assert not solve(problem, prices, edge - 1e-6).best.running
        assert solve(problem, prices, edge + 1e-6).best.running
        assert solve(problem, prices, edge + 1.0).break_even == pytest.approx(edge)
