"""Challengers: they decide on what the desk knew, are scored beside it, and leave everything else alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch.plants import GAS_AT_3_CENTS, at_price, body
from dispatch.test_ledger import FIVE, NOON, answer
from realtime.test_ledger import put_prices
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.state import PlantState
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import ConfigError
from vibelux.realtime.challenger import Challengers
from vibelux.realtime.ledger import Ledger
from vibelux.realtime.situation import Situation
from vibelux.realtime.statement import Asked
from vibelux.store.challengers import challenger_decisions
from vibelux.store.database import Database
from vibelux.store.decisions import save_decision

HOUR = timedelta(hours=1)
OFF = {"chp": [body()["chp"][0] | {"availability": 0.0}]}
"""A challenger without its engine."""


def site(challenger: dict[str, Any] | None) -> Facility:
    given = body(id="salinas-1", pricing_node="TH_NP15_GEN-APND", challenger=challenger)
    prices = {"gas": {"kind": "fixed", "usd_per_mmbtu": GAS_AT_3_CENTS}, "import_adder_usd_per_kwh": 0.05}
    return Facility.from_dict(given | {"prices": prices})


@dataclass
class FixedDesk:
    """A desk whose situation is told by the test."""

    facilities: Sequence[Facility]
    now: datetime = NOON
    seq: int = 1

    async def situation(self, facility_id: str) -> Situation | None:
        (facility,) = self.facilities
        return Situation(facility, at_price(facility, 0.09, now=self.now), PlantState(), None, self.now, self.seq)


async def counts(db: Database) -> dict[str, int]:
    """How many rows every table but the challengers' own has."""
    async with db.connection() as connection:
        cursor = await connection.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relname <> 'challenger_decisions'"
            " AND relnamespace = current_schema()::regnamespace"
        )
        names = [row[0] for row in await cursor.fetchall()]
        found = {}
        for name in names:
            row = await (await connection.execute(f'SELECT count(*) FROM "{name}"'.encode())).fetchone()
            found[name] = row[0] if row else 0
        return found


async def test_it_decides_once_for_each_decision_of_the_desk_and_touches_no_other_table(database: Database) -> None:
    desk = FixedDesk([site(OFF)])
    challengers = Challengers(database, desk)
    before = await counts(database)
    await challengers.look(desk.facilities[0])
    await challengers.look(desk.facilities[0])
    desk.now, desk.seq = NOON + FIVE, 2
    await challengers.look(desk.facilities[0])
    kept = await challenger_decisions(database, "salinas-1", NOON, NOON + HOUR)
    assert [row["decided_at"] for row in kept] == [NOON, NOON + FIVE]
    assert {row["decision"]["action"] for row in kept} == {"stop"}
    assert await counts(database) == before


async def test_its_score_stands_beside_what_was_decided(database: Database) -> None:
    facility = site(OFF)
    desk = FixedDesk([facility])
    challengers = Challengers(database, desk)
    for at in range(12):
        desk.now, desk.seq = NOON + at * FIVE, at
        await challengers.look(facility)
        told = answer(desk.now, 0.09, power=800.0)
        rest = {name: value for name, value in told.items() if name != "decision"}
        await save_decision(database, facility.id, desk.now, told["decision"], rest, [])
    await put_prices(database, 0.09, NOON, count=12)
    ledger = Ledger(database, FrozenClock(NOON + HOUR))
    await ledger.keep(facility)
    score = (await ledger.savings(facility, Asked(NOON, NOON + HOUR, "hour")))["challenger"]
    # It buys 400 kW at 0.14 and burns 1000 kW of gas in the boiler; decided were 800 kW from 2000 kW of gas.
    assert score["costUsd"] == pytest.approx(56 + 30)
    assert score["decidedUsd"] == pytest.approx(60 + 8 - 400 * 0.09)
    assert score["differenceUsd"] == pytest.approx(86 - 32)


async def test_who_has_none_is_not_scored(database: Database) -> None:
    told = await Ledger(database, FrozenClock(NOON)).savings(site(None), Asked(NOON - HOUR, NOON, "hour"))
    assert told["challenger"] is None


def test_a_challenger_changes_what_it_names_and_keeps_the_rest() -> None:
    facility = site({"stability": {"least_gain_usd": 5.0}})
    other = facility.challenged()
    assert other.stability.least_gain_usd == 5.0
    assert other.challenger is None
    assert other.chp == facility.chp


@pytest.mark.parametrize(
    ("challenger", "said"),
    [
        ({"demand": {"file": "/etc/passwd"}}, "demand is the same for both"),
        ({"stability": {"least_gain": 5.0}}, "least_gain"),
        ({"chp": [{"id": "engine-1"}]}, "rated_kw"),
    ],
)
def test_what_makes_no_plant_is_refused_with_the_key(challenger: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        site(challenger)
