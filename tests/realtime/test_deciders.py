"""Decisions thought out here, or in worker processes."""

import os
from datetime import timedelta

from structlog.testing import capture_logs

from dispatch.ahead import view
from dispatch.plants import NOW, at_price, facility
from vibelux.dispatch.state import PlantState
from vibelux.realtime.deciders import FEW, Deciders, Question

STORE = {"capacity_kwh": 3000, "charge_max_kw": 1000, "discharge_max_kw": 1000, "initial_kwh": 500}


def question(name: str = "site-1", price: float = 0.08) -> Question:
    site = facility(id=name, heat_storage=STORE)
    return Question(site, at_price(site, price), PlantState(), NOW, view(site, {18: 0.3, 19: 0.3}, 0.05))


def told(decision) -> dict:
    return decision.as_json() | {"solve": None}


async def test_a_worker_process_decides_as_this_one_does_and_sends_no_solver():
    here, there = Deciders(), Deciders(1)
    there.facilities = FEW + 1
    for price in (0.08, 0.03):
        alone, sent = await here.decide(question(price=price)), await there.decide(question(price=price))
        assert told(sent) == told(alone)
        assert sent.planned.rows() == alone.planned.rows()
        assert sent.planned.seen.plan.model is None
        assert alone.planned.seen.plan.model is not None
    there.forget("site-1")
    assert told(await there.decide(question())) == told(await here.decide(question()))
    there.close()


async def test_where_a_worker_dies_this_process_decides_and_a_new_worker_takes_over():
    deciders = Deciders(1)
    deciders.facilities = FEW + 1
    first = await deciders.decide(question())
    dying = deciders._processes.submit(0, os._exit, 9)
    with capture_logs() as logs:
        second = await deciders.decide(question())
    assert dying.exception() is not None
    third = await deciders.decide(question())
    deciders.close()
    assert told(first) == told(second) == told(third)
    assert [log["event"] for log in logs if "worker" in log["event"]] == ["a worker process is gone; this one decides"]


def test_many_facilities_are_decided_for_side_by_side_and_without_a_search_for_proof():
    deciders = Deciders(2)
    assert (deciders.at_once, deciders.proof_seconds(300.0)) == (1, 0.5)
    deciders.facilities = FEW + 1
    assert (deciders.at_once, deciders.proof_seconds(300.0)) == (4, 0.0)


def test_where_market_steps_race_by_proof_takes_a_small_part_of_one():
    deciders = Deciders()
    step_seconds = timedelta(minutes=5) / timedelta(seconds=900)
    for count in (1, 4):
        deciders.facilities = count
        assert count * deciders.proof_seconds(step_seconds) < 0.1
