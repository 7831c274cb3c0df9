"""Better plans, looked for between the prices."""

from dataclasses import dataclass, replace

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from dispatch.ahead import view
from dispatch.plants import NOW, at_price, facility
from vibelux.dispatch.decision import decide
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.planned import Planned
from vibelux.dispatch.planner import Plan, replan
from vibelux.dispatch.state import PlantState
from vibelux.market.clock import FrozenClock
from vibelux.realtime.deciders import FEW, Deciders, Question
from vibelux.realtime.metrics import DeskMetrics
from vibelux.realtime.searches import FAR, Searches

STORE = {"capacity_kwh": 3000, "charge_max_kw": 1000, "discharge_max_kw": 1000, "initial_kwh": 500}
SITE = facility(id="site-1", heat_storage=STORE)
VIEW = view(SITE, {18: 0.3, 19: 0.3}, 0.05)


@dataclass
class Decided:
    facility: Facility
    planned: Planned | None


def decided(name: str, *, dearer_usd: float = 0.0, doubt: float = 0.0) -> Decided:
    """A facility whose plan costs so much more than its best one, and is said to be so far from the bound."""
    planned = decide(SITE, at_price(SITE, 0.08), PlantState(), NOW, VIEW).planned
    assert planned is not None
    best = planned.seen.plan
    assert best.audit is not None
    audit = replace(best.audit, cost={**best.audit.cost, "mistaken": dearer_usd})
    plan = replace(best, audit=audit, bound_usd=audit.objective_usd - doubt * abs(audit.objective_usd))
    return Decided(facility(id=name), replace(planned, seen=replace(planned.seen, plan=plan)))


class Found:
    """A searcher that plans at once, and keeps what it is offered."""

    def __init__(self, error: Exception | None = None) -> None:
        self.offered: dict[str, Plan] = {}
        self._error = error

    async def search(self, case, seconds: float) -> Plan:
        if self._error is not None:
            raise self._error
        return replan(case, seconds=0.0)

    def offer(self, facility_id: str, plan: Plan, at) -> None:
        assert at == NOW
        self.offered[facility_id] = plan


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOW)


def searches(clock, searcher: Found, registry: CollectorRegistry | None = None) -> Searches:
    return Searches(clock, searcher, DeskMetrics(registry or CollectorRegistry()), 5.0)


def test_the_plan_of_the_most_doubtful_money_comes_first_and_a_good_one_never(clock):
    good, bad, worse = decided("good", doubt=FAR / 2), decided("bad", doubt=0.02), decided("worse", doubt=0.2)
    looks = searches(clock, Found())
    assert looks.next([good, bad, worse, Decided(SITE, None)])[0] == "worse"
    assert looks.next([good]) is None


async def test_a_better_plan_is_offered_and_a_facility_is_left_alone_for_an_hour(clock):
    searcher, registry, far = Found(), CollectorRegistry(), decided("far", dearer_usd=50.0, doubt=0.5)
    looks = searches(clock, searcher, registry)
    await looks.search(*looks.next([far]))
    assert searcher.offered["far"].solution.objective_usd < far.planned.seen.plan.objective_usd - 40.0
    assert registry.get_sample_value("vibelux_plan_searches_total", {"found": "better"}) == 1
    assert looks.next([far]) is None
    clock.move(3600.0)
    assert looks.next([far]) is not None


async def test_a_plan_that_is_no_better_is_not_offered_and_a_failed_search_stops_no_other(clock):
    searcher, registry = Found(), CollectorRegistry()
    await searches(clock, searcher, registry).search("site-1", decided("site-1", dearer_usd=-50.0).planned.seen.plan)
    fails = searches(clock, Found(ValueError("no such program")))
    with capture_logs() as logs:
        await fails.search("site-1", decided("site-1").planned.seen.plan)
    assert [log["event"] for log in logs] == ["a search has failed"]
    assert searcher.offered == {}
    assert registry.get_sample_value("vibelux_plan_searches_total", {"found": "none better"}) == 1


@pytest.mark.parametrize("facilities", [1, FEW + 1])
async def test_what_a_process_of_low_priority_finds_reaches_who_decides(facilities):
    deciders = Deciders(1)
    deciders.facilities = facilities
    question = Question(SITE, at_price(SITE, 0.08), PlantState(), NOW, VIEW)
    try:
        first = await deciders.decide(question)
        found = await deciders.search(first.planned.seen.case, 1.0)
        deciders.offer(SITE.id, found, NOW)
        deciders.offer("gone", found, NOW)
        second = await deciders.decide(question)
    finally:
        deciders.close()
    assert found.solution.objective_usd == pytest.approx(first.planned.seen.plan.objective_usd, rel=1e-4)
    assert second.planned.rows() == first.planned.rows()
