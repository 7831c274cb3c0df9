"""The desk with a view ahead: it decides by plans, shows the schedule, and answers what-if without being moved."""

import asyncio
from contextlib import asynccontextmanager
from datetime import datetime

import pytest
from prometheus_client import CollectorRegistry

from dispatch.ahead import demands, outlook
from realtime.test_desk import NOW, Market, action_is, facility, until
from vibelux.dispatch.facility import Facility
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import ConfigError, UsageError
from vibelux.outlook.conditions import Limits
from vibelux.outlook.demand import Demands
from vibelux.outlook.price import Outlook
from vibelux.realtime.desk import Desk
from vibelux.realtime.metrics import DeskMetrics
from vibelux.store import decisions as kept
from vibelux.store.facilities import put_facility

STORE = {"capacity_kwh": 3000, "charge_max_kw": 1000, "discharge_max_kw": 1000, "initial_kwh": 500}


@asynccontextmanager
async def looking_ahead(db, clock, body: dict):
    async def ahead(site: Facility, now: datetime) -> tuple[Outlook, Demands]:
        return outlook(site, {18: 0.3, 19: 0.3}, 0.05, now), demands(site, now)

    await put_facility(db, body["id"], body, "file")
    desk = Desk(db, clock, limits=Limits(), missing_keys={}, metrics=DeskMetrics(CollectorRegistry()), ahead=ahead)
    await desk.start()
    task = asyncio.create_task(desk.run())
    market = Market(db, desk, clock)
    for told in (market.gas(3.0), market.carbon(29.0), market.electricity(0.08)):
        await told
    try:
        yield desk, market
    finally:
        desk.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_decision_is_the_first_row_of_the_schedule(database):
    async with looking_ahead(database, FrozenClock(NOW), facility(heat_storage=STORE)) as (desk, _):
        answer = await until(action_is(desk, "run"))
        decision = answer["decision"]
        assert decision["rule"] == "plan"
        assert decision["storageKwh"] == 500.0
        plan = await desk.schedule("salinas-1")
        assert plan["decidedAt"] == decision["validFrom"]
        assert plan["rows"][0]["units"][0]["powerKw"] == decision["units"][0]["powerKw"]
        assert plan["rows"][0]["gridExportKw"] == decision["gridExportKw"]
        assert plan["nextChange"] == decision["nextChange"]
        assert len(plan["rows"]) > 90
        assert await desk.schedule("nobody") is None


async def test_a_question_is_answered_and_changes_nothing(database):
    async with looking_ahead(database, FrozenClock(NOW), facility()) as (desk, _):
        before = await until(action_is(desk, "run"))
        stored = await kept.last_seq(database, "salinas-1")
        cheap = await desk.what_if("salinas-1", {"gridPrice": -0.2})
        assert cheap["decision"]["action"] == "stop"
        assert cheap["marketConditions"]["gridPrice"] == -0.2
        assert cheap["marketConditions"]["origin"]["electricity"] == "assumed"
        assert cheap["inForce"] == before["decision"]
        assert cheap["assumed"]["gridPrice"] == -0.2
        dear_gas = await desk.what_if("salinas-1", {"gasPrice": 40.0})
        assert dear_gas["decision"]["action"] == "stop"
        smaller = await desk.what_if("salinas-1", {"set": {"chp.engine-1.rated_kw": 400}})
        assert smaller["decision"]["units"][0]["powerKw"] == pytest.approx(400.0)
        assert (await desk.latest("salinas-1"))["decision"] == before["decision"]
        assert await kept.last_seq(database, "salinas-1") == stored
        assert await desk.what_if("nobody", {}) is None


@pytest.mark.parametrize(
    ("body", "told", "error"),
    [
        ({"gridPrice": "dear"}, "gridPrice", UsageError),
        ({"price": 1}, "price", UsageError),
        ({"expectedPriceFactor": -1}, "expectedPriceFactor", UsageError),
        ({"set": {"chp.engine-9.rated_kw": 1}}, "engine-1", UsageError),
        ({"set": {"demand.file": "secrets.csv"}}, "files cannot be named", UsageError),
        ({"set": {"chp.engine-1.rated_kw": -5}}, "rated_kw", ConfigError),
        ({"set": {"id": "another"}}, "stays who it is", ConfigError),
    ],
)
async def test_a_question_that_makes_no_sense_is_told_where(database, body, told, error):
    async with looking_ahead(database, FrozenClock(NOW), facility()) as (desk, _):
        await until(action_is(desk, "run"))
        with pytest.raises(error, match=told):
            await desk.what_if("salinas-1", body)
