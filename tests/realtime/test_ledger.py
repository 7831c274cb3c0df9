"""The ledger on a real store: hours are kept, restated when prices or reports say otherwise, and add up."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from dispatch.plants import GAS_AT_3_CENTS, body
from dispatch.test_ledger import FIVE, NOON, answer
from store.samples import parsed, price, receipt
from vibelux.dispatch.facility import Facility
from vibelux.market.clock import FrozenClock
from vibelux.market.operations import Report, UnitReport
from vibelux.realtime.ledger import Ledger
from vibelux.realtime.statement import Asked
from vibelux.store.database import Database
from vibelux.store.decisions import save_decision
from vibelux.store.operations import write_operations
from vibelux.store.writer import write_payload

HOUR = timedelta(hours=1)
SITE = Facility.from_dict(
    body(id="salinas-1", pricing_node="TH_NP15_GEN-APND")
    | {"prices": {"gas": {"kind": "fixed", "usd_per_mmbtu": GAS_AT_3_CENTS}, "import_adder_usd_per_kwh": 0.05}}
)
WHOLE = Asked(NOON, NOON + 2 * HOUR, "hour")


async def put_prices(db: Database, value: float, known_at: datetime, *, first: int = 0, count: int = 24) -> None:
    rows = [price(value, NOON + at * FIVE) for at in range(first, first + count)]
    await write_payload(db, receipt(known_at), parsed(*rows))


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON + 2 * HOUR + timedelta(minutes=1))


@pytest.fixture
async def ledger(database: Database, clock: FrozenClock) -> Ledger:
    """Two hours of decisions at 0.06 USD/kWh that let 400 kW be bought; it is a minute after."""
    for at in range(24):
        told = answer(NOON + at * FIVE, 0.06)
        rest = {name: value for name, value in told.items() if name != "decision"}
        await save_decision(database, SITE.id, NOON + at * FIVE, told["decision"], rest, [])
    return Ledger(database, clock)


async def test_hours_that_have_ended_are_kept_and_add_up(database: Database, ledger: Ledger) -> None:
    await put_prices(database, 0.06, NOON)
    fresh = await ledger.savings(SITE, WHOLE)
    await ledger.keep(SITE)
    kept = await ledger.savings(SITE, WHOLE)
    assert kept == fresh
    # 400 kW at 0.11 and a boiler of 1000 kW of gas at 0.03.
    assert [row["costUsd"] for row in kept["rows"]] == [74.0, 74.0]
    assert kept["decided"]["costUsd"] == 148.0
    assert kept["hoursMissing"] == 0.0


async def test_a_corrected_price_restates_a_settled_hour_and_the_difference_is_kept(
    database: Database, ledger: Ledger, clock: FrozenClock
) -> None:
    await put_prices(database, 0.06, NOON)
    await ledger.keep(SITE)
    await put_prices(database, 0.08, NOON + 3 * HOUR, count=12)
    clock.moment = NOON + 4 * HOUR
    await ledger.keep(SITE)
    await ledger.keep(SITE)  # nothing is restated twice
    told = await ledger.savings(SITE, WHOLE)
    assert [row["restatedUsd"] for row in told["rows"]] == [8.0, 0.0]
    assert told["decided"] | {"parts": None} == {"costUsd": 156.0, "knownUsd": 148.0, "restatedUsd": 8.0, "parts": None}
    own = [one for one in told["restatements"] if one["plan"] == "decided"]
    assert [(one["wasUsd"], one["isUsd"]) for one in own] == [(74.0, 82.0)]


async def test_an_hour_whose_prices_come_late_settles_without_being_called_restated(
    database: Database, ledger: Ledger, clock: FrozenClock
) -> None:
    await ledger.keep(SITE)
    assert (await ledger.savings(SITE, WHOLE))["hoursUnsettled"] == 2.0
    await put_prices(database, 0.07, NOON + 3 * HOUR)
    clock.moment = NOON + 4 * HOUR
    await ledger.keep(SITE)
    told = await ledger.savings(SITE, WHOLE)
    assert (told["hoursUnsettled"], told["decided"]["restatedUsd"]) == (0.0, 0.0)
    assert told["decided"]["costUsd"] == 156.0


async def test_a_report_that_comes_late_tells_what_was_done(
    database: Database, ledger: Ledger, clock: FrozenClock
) -> None:
    await put_prices(database, 0.06, NOON)
    await ledger.keep(SITE)
    assert (await ledger.savings(SITE, WHOLE))["operated"] is None
    reports = [
        Report(timestamp=NOON + at * FIVE, units=(UnitReport(id="engine-1", on=True, power_kw=400.0, heat_kw=400.0),))
        for at in range(12)
    ]
    later = NOON + 3 * HOUR
    await write_operations(database, SITE.id, reports, received_at=later, source="rest")
    clock.moment = later
    await ledger.keep(SITE)
    done = (await ledger.savings(SITE, WHOLE))["operated"]
    # 1000 kW of gas for the engine and 500 for the boiler, 4 of upkeep; nothing is bought.
    assert done | {"parts": None} == {
        "hours": 1.0, "costUsd": 49.0, "decidedUsd": 74.0, "differenceUsd": -25.0, "parts": None,
    }  # fmt: skip


async def test_totals_are_of_the_facilitys_own_day_month_and_year(database: Database, ledger: Ledger) -> None:
    await put_prices(database, 0.06, NOON)
    await ledger.keep(SITE)
    told = await ledger.totals(SITE)
    assert told["today"]["from"] == "2026-07-14T07:00:00Z"
    assert told["year"]["from"] == "2026-01-01T08:00:00Z"
    assert told["since"] == "2026-07-14T19:00:00Z"
    assert {told[name]["decided"]["costUsd"] for name in ("today", "month", "year")} == {148.0}


async def test_a_facility_that_has_long_been_silent_is_still_answered(
    database: Database, ledger: Ledger, clock: FrozenClock
) -> None:
    clock.moment = NOON + timedelta(days=2)
    assert (await ledger.totals(SITE))["today"]["decided"]["costUsd"] == 0.0


async def test_demand_charges_are_told_by_month_with_each_plans_peak(database: Database, ledger: Ledger) -> None:
    site = Facility.from_dict(SITE.as_dict() | {"tariff": {"demand_charges": [{"id": "peak", "usd_per_kw": 10.0}]}})
    told = await ledger.savings(site, WHOLE)
    (charge,) = told["demandCharges"]
    assert (charge["month"], charge["charge"]) == ("2026-07", "peak")
    assert charge["peakKw"] == {"decided": 400.0, "heat-led": 0.0, "always-on": 0.0, "grid-and-boiler": 400.0}
    assert told["demandSavingsUsd"] == {"heat-led": -4000.0, "always-on": -4000.0, "grid-and-boiler": 0.0}
    assert (await ledger.totals(site))["month"]["demandSavingsUsd"] == told["demandSavingsUsd"]


async def test_rows_and_totals_agree_to_the_last_digit(database: Database, ledger: Ledger) -> None:
    for at, value in enumerate((0.0612345, -0.0298765, 0.0333333)):
        await put_prices(database, value, NOON, first=8 * at, count=8)
    await ledger.keep(SITE)
    told = await ledger.savings(SITE, WHOLE)
    exact = sum(Decimal(str(row["costUsd"])) for row in told["rows"])
    assert exact == Decimal(str(told["decided"]["costUsd"]))
    assert sum(Decimal(str(usd)) for usd in told["decided"]["parts"].values()) == exact
