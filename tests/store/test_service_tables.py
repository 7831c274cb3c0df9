"""What the service itself keeps: decisions and outbox, facilities, budgets, secrets, retention."""

import asyncio
from dataclasses import fields
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from store.samples import NOON, at, parsed, price, receipt
from vibelux.market.records import Quarantined
from vibelux.store import decisions, facilities
from vibelux.store.budgets import StoredBudget
from vibelux.store.database import Database
from vibelux.store.journal import Kept, retain
from vibelux.store.secrets import secret
from vibelux.store.writer import write_payload

DECIDED = {"action": "run", "validFrom": NOON, "units": [{"id": "engine-1", "powerKw": 800.0}]}


def messages(*types: str) -> list[dict[str, Any]]:
    return [{"type": kind, "body": {"is": kind}} for kind in types]


async def test_a_decision_and_its_messages_are_kept_together(database: Database) -> None:
    sent = messages("market-price-update", "chp-decision-update")
    assert await decisions.save_decision(database, "salinas-1", NOON, DECIDED, {"gridPrice": 0.05}, sent) == [1, 2]
    kept = await decisions.latest_decision(database, "salinas-1")
    assert kept is not None
    assert kept["decision"] == DECIDED | {"validFrom": "2026-07-14T19:00:00Z"}
    assert (kept["conditions"], kept["decided_at"]) == ({"gridPrice": 0.05}, NOON)
    found = await decisions.messages_since(database, "salinas-1", 0)
    assert found == [
        {"seq": n + 1, "type": message["type"], "body": message["body"], "created_at": NOON}
        for n, message in enumerate(sent)
    ]


async def test_neither_is_kept_when_a_message_is_refused(database: Database) -> None:
    with pytest.raises(KeyError):
        await decisions.save_decision(database, "salinas-1", NOON, DECIDED, {}, [{"type": "no body"}])
    assert await decisions.latest_decision(database, "salinas-1") is None
    assert await decisions.last_seq(database, "salinas-1") == 0


async def test_decisions_are_found_by_their_time(database: Database) -> None:
    for minutes in (0, 5, 10):
        await decisions.save_decision(database, "salinas-1", at(minutes), {"n": minutes}, {}, [])
    await decisions.save_decision(database, "salinas-1", at(10), {"n": "again"}, {}, [])
    past = await decisions.latest_decision(database, "salinas-1", at(9))
    newest = await decisions.latest_decision(database, "salinas-1")
    assert past is not None
    assert newest is not None
    assert (past["decision"], newest["decision"]) == ({"n": 5}, {"n": "again"})
    assert await decisions.latest_decision(database, "salinas-1", at(-1)) is None
    assert [row["decision"]["n"] for row in await decisions.decisions(database, "salinas-1", at(0), at(10))] == [0, 5]


async def test_numbers_rise_by_one_for_each_facility_whoever_writes(database: Database) -> None:
    numbers = await asyncio.gather(
        *(decisions.add_messages(database, f"f-{n % 2}", messages("alert", "alert"), NOON) for n in range(20))
    )
    for parity in (0, 1):
        given = sorted(seq for pair in numbers[parity::2] for seq in pair)
        assert given == list(range(1, 21))
        assert await decisions.last_seq(database, f"f-{parity}") == 20
    assert await decisions.add_messages(database, "f-0", [], NOON) == []


async def test_what_a_client_missed_is_given_or_said_to_be_gone(database: Database) -> None:
    await decisions.add_messages(database, "f", messages(*"abc"), NOON)
    await decisions.add_messages(database, "f", messages(*"de"), at(60))

    async def since(seq: int, limit: int = 100) -> list[str] | None:
        found = await decisions.messages_since(database, "f", seq, limit)
        return None if found is None else [row["type"] for row in found]

    assert await since(2) == ["c", "d", "e"]
    assert await since(2, limit=1) == ["c"]
    assert await since(5) == []
    assert await since(6) is None, "a number never given"
    assert await since(-1) is None
    await retain(database, at(60), Kept(outbox_days=1 / 48))
    assert await since(2) is None, "too old"
    assert await since(3) == ["d", "e"]
    assert await decisions.add_messages(database, "f", messages("f"), at(61)) == [6]


async def test_a_facility_is_added_replaced_and_removed(database: Database) -> None:
    assert await facilities.put_facility(database, "b", {"id": "b", "name": "one"}, "file")
    assert await facilities.put_facility(database, "a", {"id": "a"}, "rest")
    assert not await facilities.put_facility(database, "b", {"id": "b", "name": "two"}, "rest")
    assert await facilities.all_facilities(database) == [
        {"id": "a", "body": {"id": "a"}, "source": "rest"},
        {"id": "b", "body": {"id": "b", "name": "two"}, "source": "rest"},
    ]
    assert await facilities.remove_facility(database, "b")
    assert not await facilities.remove_facility(database, "b")


async def test_a_service_is_asked_at_moments_that_nobody_shares(database: Database) -> None:
    budget = StoredBudget(database)
    waits = await asyncio.gather(*(budget.reserve("oasis", 5.0, NOON) for _ in range(10)))
    assert sorted(waits) == [5.0 * n for n in range(10)]
    assert await budget.reserve("eia", 5.0, NOON) == 0.0
    assert await budget.reserve("oasis", 5.0, NOON + timedelta(seconds=48)) == 2.0
    assert await budget.reserve("oasis", 5.0, NOON + timedelta(seconds=500)) == 0.0


async def test_a_clock_far_ahead_does_not_hold_up_an_earlier_one(database: Database) -> None:
    budget = StoredBudget(database)
    await budget.reserve("oasis", 5.0, NOON + timedelta(days=300))
    assert await budget.reserve("oasis", 5.0, NOON) == 0.0
    assert await budget.reserve("oasis", 5.0, NOON) == 5.0


async def test_of_old_decisions_the_newest_of_each_facility_stays(database: Database) -> None:
    for name, minutes in (("a", 0), ("a", 5), ("a", 600), ("b", 0), ("b", 5)):
        await decisions.save_decision(database, name, at(minutes), {"n": minutes}, {}, [])
    gone = await retain(database, at(600), Kept(decision_days=1 / 24))
    assert gone["chp_decisions"] == 3
    left = {name: await decisions.decisions(database, name, at(0), at(999)) for name in "ab"}
    assert {name: [row["decision"]["n"] for row in rows] for name, rows in left.items()} == {"a": [600], "b": [5]}


async def test_whether_a_decision_was_kept_is_found_by_its_id(database: Database) -> None:
    mine, other = uuid4(), uuid4()
    sent = messages("market-price-update", "chp-decision-update")
    await decisions.add_messages(database, "f", messages("alert"), NOON)
    assert await decisions.save_decision(database, "f", NOON, DECIDED, {}, sent, decision_id=mine) == [2, 3]
    await decisions.add_messages(database, "f", messages("alert"), NOON)
    assert await decisions.numbers_of(database, mine, 2) == [2, 3]
    assert await decisions.numbers_of(database, other, 2) is None
    latest = await decisions.latest_decision(database, "f")
    assert latest is not None
    assert latest["seq"] == 3


async def test_the_plan_behind_each_decision_is_kept_for_a_while(database: Database) -> None:
    assert await decisions.latest_schedule(database, "f") is None
    for n in (1, 2):
        await decisions.save_decision(database, "f", at(n), DECIDED, {}, [], schedule={"rows": [n]})
    assert await decisions.latest_schedule(database, "f") == {"rows": [2]}
    await decisions.save_decision(database, "f", at(3), DECIDED, {}, [])
    assert await decisions.latest_schedule(database, "f") is None, "the newest rests on none"
    assert await decisions.latest_schedule(database, "f", at(0)) is None
    assert await decisions.latest_schedule(database, "f", at(1)) == {"rows": [1]}
    gone = await retain(database, at(2), Kept(outbox_days=0.5 / 24 / 60))
    assert gone["chp_schedules"] == 1
    assert await decisions.latest_schedule(database, "f", at(1)) is None
    assert await decisions.latest_schedule(database, "f", at(2)) == {"rows": [2]}


async def test_what_a_facility_was_last_told_of_each_price_is_read_from_its_outbox(database: Database) -> None:
    def told(kind: str, value: float) -> dict[str, object]:
        return {"type": "market-price-update", "body": {"data": {"kind": kind, "value": value}}}

    await decisions.add_messages(database, "f", [told("gas-price", 3.8), told("electricity-price", 0.05)], NOON)
    await decisions.add_messages(database, "f", [told("electricity-price", 0.0625), *messages("alert")], NOON)
    await decisions.add_messages(database, "g", [told("carbon-price", 29.0)], NOON)
    found = await decisions.told_prices(database, "f", ("electricity-price", "gas-price", "carbon-price"))
    assert {kind: record["value"] for kind, record in found.items()} == {"electricity-price": 0.0625, "gas-price": 3.8}


async def test_a_secret_is_made_once(database: Database) -> None:
    first = await secret(database, "session")
    assert len(first) == 32
    assert await secret(database, "session") == first
    assert await secret(database, "webhooks") != first


async def test_retention_deletes_what_is_old_and_nothing_else(database: Database) -> None:
    aside = [Quarantined("why", "where", "what")]
    for days in (-70, -1):
        moment = NOON + timedelta(days=days)
        await write_payload(database, receipt(moment), parsed(price(0.05, moment), quarantined=aside))
        await write_payload(database, receipt(moment + timedelta(minutes=1)), parsed(price(0.06, moment)))
        await write_payload(database, receipt(moment + timedelta(minutes=2)), parsed(price(0.06, moment)))
    for_ever = Kept(**dict.fromkeys(field.name for field in fields(Kept)))
    assert await retain(database, NOON, for_ever) == {}
    gone = await retain(database, NOON, Kept(feed_days=30, outbox_days=7, operations_days=None, price_days=31))
    assert {table: count for table, count in gone.items() if count} == {
        "market_data_feeds": 3,
        "quarantined_rows": 1,
        "confirmations": 1,
        "feed_intervals": 1,
        "real_time_electricity_prices": 1,
    }
    async with database.connection() as connection:
        for table in ("real_time_electricity_prices", "real_time_electricity_prices_revisions", "market_intervals"):
            row = await (await connection.execute(f"SELECT count(*) FROM {table}")).fetchone()
            assert row == (1,)
