"""The breaker's three states, and budgets that hold for all who share them."""

import asyncio
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from ingest.fakes import NOON, PatientClock
from vibelux.ingest.breaker import FAILURES_TO_OPEN, Breaker
from vibelux.ingest.budget import Budget, LocalBudget, SharedBudget
from vibelux.ingest.line import Line, Priority
from vibelux.market.errors import CircuitOpen, StoreUnavailable


def opened(failures: int = FAILURES_TO_OPEN) -> Breaker:
    breaker = Breaker("prices.test")
    for _ in range(failures):
        breaker.failed(NOON)
    return breaker


def test_some_failures_leave_it_closed() -> None:
    breaker = opened(FAILURES_TO_OPEN - 1)
    breaker.admit(NOON, price=False)
    breaker.succeeded()
    assert opened().is_open
    assert not breaker.is_open


def test_it_stays_open_longer_each_time_but_for_prices_never_half_a_minute() -> None:
    for failures, seconds in ((5, 30), (6, 60), (9, 300), (99, 300)):
        breaker = opened(failures)
        assert breaker.closed_until(NOON, price=False) == NOON + timedelta(seconds=seconds)
        retry_at = breaker.closed_until(NOON, price=True)
        assert retry_at is not None
        assert retry_at - NOON < timedelta(seconds=30)


def test_half_open_lets_one_through() -> None:
    breaker, later = opened(), NOON + timedelta(seconds=31)
    breaker.admit(later, price=False)
    with pytest.raises(CircuitOpen):
        breaker.admit(later, price=True)
    breaker.abandoned()
    breaker.admit(later, price=True)
    breaker.succeeded()
    breaker.admit(later, price=False)


def test_a_probe_that_fails_opens_it_again() -> None:
    breaker, later = opened(), NOON + timedelta(seconds=31)
    breaker.admit(later, price=False)
    breaker.failed(later)
    with pytest.raises(CircuitOpen) as caught:
        breaker.admit(later + timedelta(seconds=31), price=False)
    assert caught.value.retry_at == later + timedelta(seconds=60)


def test_a_service_that_asks_for_patience_gets_it_from_all() -> None:
    breaker = Breaker("prices.test")
    breaker.hold(NOON, 90)
    assert breaker.closed_until(NOON, price=True) == NOON + timedelta(seconds=90)
    assert breaker.closed_until(NOON + timedelta(seconds=90), price=True) is None


async def test_a_budget_hands_out_slots_at_its_distance_and_forgets_what_is_over() -> None:
    budget = LocalBudget()
    assert [await budget.reserve("a", 5, NOON) for _ in range(3)] == [0, 5, 10]
    assert await budget.reserve("b", 5, NOON) == 0
    assert await budget.reserve("a", 5, NOON + timedelta(minutes=1)) == 0


class AwayAtFirst:
    def __init__(self) -> None:
        self.away = True

    async def reserve(self, service: str, seconds_between: float, now: datetime) -> float:
        del service, seconds_between, now
        if self.away:
            raise StoreUnavailable("away")
        return 42.0


async def test_while_the_store_is_away_the_budget_of_this_process_holds() -> None:
    stored = AwayAtFirst()
    budget = SharedBudget(stored)
    with capture_logs() as logs:
        assert [await budget.reserve("a", 5, NOON) for _ in range(2)] == [0, 5]
    assert len(logs) == 1
    stored.away = False
    assert await budget.reserve("a", 5, NOON) == 42


class Broken:
    async def reserve(self, service: str, seconds_between: float, now: datetime) -> float:
        raise ZeroDivisionError


async def test_a_budget_with_a_fault_leaves_nobody_waiting() -> None:
    broken: Budget = Broken()
    line = Line("a", 5, PatientClock(NOON), broken)

    async def wait() -> None:
        async with line.turn(Priority.PRICE):
            pass

    results = await asyncio.gather(wait(), wait(), return_exceptions=True)
    assert [type(result) for result in results] == [ZeroDivisionError, ZeroDivisionError]


async def test_two_lines_on_one_budget_share_its_turns() -> None:
    clock, budget, turns = PatientClock(NOON), LocalBudget(), []

    async def take(line: Line) -> None:
        async with line.turn(Priority.PRICE):
            turns.append(clock.now())

    lines = [Line("a", 5, clock, budget) for _ in range(2)]
    await asyncio.gather(*(take(line) for line in lines for _ in range(3)))
    assert (max(turns) - min(turns)) >= timedelta(seconds=25)
