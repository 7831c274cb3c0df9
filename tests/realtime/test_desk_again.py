"""A price that crosses the break-even within its step: run or stop at once, the whole plan after it, each once."""

from contextlib import asynccontextmanager

from dispatch.ahead import demands, outlook
from realtime.test_desk import NODE, NOW, Market, facility, running, until
from vibelux.dispatch.facility import Facility
from vibelux.market.clock import FrozenClock
from vibelux.store import decisions as kept

SITE = facility(stability={"least_gain_usd": 0.0})


async def ahead(site: Facility, now):
    return outlook(site, {18: 0.3}, 0.03, now), demands(site, now)


@asynccontextmanager
async def decided(database, price: float):
    """A desk that has decided at a price."""
    async with running(database, FrozenClock(NOW), SITE, ahead=ahead) as (desk, market, _):
        await market.gas(3.8)
        await market.carbon(29.3)
        await market.electricity(price)

        async def at_this_price():
            answer = await desk.latest(SITE["id"])
            return answer is not None and answer["marketConditions"]["gridPrice"] == price

        await until(at_this_price)
        yield desk, market


async def told_after_a_crossing(database, desk, market: Market, price: float) -> list[dict]:
    """The decisions that are told of until the whole plan at the new price is."""
    last = await kept.last_seq(database, SITE["id"])
    await market.electricity(price)
    desk.on_market_data(market.last, {NODE: price})

    async def look():
        messages = await kept.messages_since(database, SITE["id"], last)
        told = [message["body"]["decision"] for message in messages if message["type"] == "chp-decision-update"]
        return told if told and told[-1]["rule"] == "plan" else None

    return await until(look)


async def test_the_action_comes_at_once_and_the_whole_plan_after_it(database):
    async with decided(database, -0.3) as (desk, market):
        before = (await desk.latest(SITE["id"]))["decision"]
        swift, whole = await told_after_a_crossing(database, desk, market, 0.4)
        assert (before["action"], swift["action"], whole["action"]) == ("stop", "run", "run")
        assert (swift["rule"], swift["solve"]["status"]) == ("break-even", "heuristic")
        assert swift["breakEvenGridPrice"] == before["breakEvenGridPrice"]
        assert swift["units"][0]["startsToday"] == whole["units"][0]["startsToday"] == 1
        assert "is above the break-even" in swift["reasons"][0]


async def test_a_price_on_the_same_side_is_answered_by_a_whole_plan_alone(database):
    async with decided(database, 0.3) as (desk, market):
        (whole,) = await told_after_a_crossing(database, desk, market, 0.4)
        assert whole["action"] == "run"
