"""A process that does not decide answers from what is stored: one reading for many who ask, and never an older one."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from realtime.test_desk import NOW, facility
from vibelux.market.clock import FrozenClock
from vibelux.outlook.conditions import Limits
from vibelux.realtime import recall as module
from vibelux.realtime.desk import Desk
from vibelux.realtime.metrics import DeskMetrics
from vibelux.store.database import Database
from vibelux.store.decisions import save_decision
from vibelux.store.facilities import one_facility, put_facility

DECISION = {"action": "run", "validUntil": None, "units": [], "breakEvenGridPrice": None}


async def decided(db: Database, action: str) -> None:
    context = {"marketConditions": {}, "operations": None, "dataFreshness": {}}
    message = {"type": "chp-decision-update", "body": {}}
    await save_decision(db, "salinas-1", NOW, DECISION | {"action": action}, context, [message])


async def test_of_many_who_ask_at_once_one_reads_for_all_and_sees_what_was_decided_before(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_facility(database, "salinas-1", facility(), "file")
    await decided(database, "run")
    readings = 0

    async def counted(*arguments):
        nonlocal readings
        readings += 1
        return await one_facility(*arguments)

    monkeypatch.setattr(module, "one_facility", counted)
    metrics = DeskMetrics(CollectorRegistry())
    serving = Desk(database, FrozenClock(NOW), limits=Limits(), missing_keys={}, metrics=metrics)
    before = [asyncio.create_task(serving.latest("salinas-1")) for _ in range(50)]
    while not readings:
        await asyncio.sleep(0)
    await decided(database, "stop")
    after = [asyncio.create_task(serving.latest("salinas-1")) for _ in range(50)]
    assert all(answer is not None for answer in await asyncio.gather(*before))
    assert {answer["decision"]["action"] for answer in await asyncio.gather(*after) if answer} == {"stop"}
    assert 2 <= readings <= 3
