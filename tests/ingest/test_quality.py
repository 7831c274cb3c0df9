"""Data quality: what came of a feed on a market day, against what its declaration promises."""

from datetime import UTC, date, datetime, timedelta

import pytest

from store.samples import NOON, at, gas, parsed, price, receipt
from vibelux.feeds import feed_named
from vibelux.ingest.quality import DataQuality, expected
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import UsageError
from vibelux.market.records import Quarantined
from vibelux.store.database import Database
from vibelux.store.disagreements import Disagreement, add
from vibelux.store.journal import Kept, retain
from vibelux.store.writer import write_failure, write_payload

REAL_TIME, DAY_AHEAD = "caiso/real-time-pricing", "caiso/day-ahead-pricing"
TODAY = date(2026, 7, 14)
SINCE, UNTIL = NOON - timedelta(hours=12), NOON + timedelta(hours=1)


async def rows_of(db: Database, feed: str, *, now: datetime = NOON, running: bool = True) -> list[dict[str, object]]:
    quality = DataQuality(db, FrozenClock(now), {feed} if running else ())
    return await quality.rows(SINCE, UNTIL, feed=feed)


async def test_completeness_is_what_is_stored_of_what_is_due_and_a_gap_lowers_it(database: Database) -> None:
    # Noon is half a day of the market: 144 intervals began before it, and the one that begins now is out soon.
    for number in range(144):
        if number not in {100, 101}:
            start = at(5 * number - 720)
            known = start + timedelta(seconds=40 + (number % 10))
            nodes = (price(0.05, start), price(0.06, start, "TH_SP15_GEN-APND"))
            await write_payload(database, receipt(known), parsed(*nodes))
    (row,) = await rows_of(database, REAL_TIME, now=NOON + timedelta(seconds=10))
    assert (row["day"], row["intervalsExpected"], row["intervalsStored"]) == (TODAY, 144, 142)
    assert row["completeness"] == 0.9861
    assert row["latenessP50Seconds"] == pytest.approx(45 - 300, abs=1)  # known in the interval's first minute
    assert row["latenessP95Seconds"] == pytest.approx(49 - 300, abs=1)
    assert (row["payloads"], row["failures"], row["corrections"]) == (142, 0, 0)


async def test_on_the_day_of_its_first_payload_a_feed_counts_from_then_on(database: Database) -> None:
    for minutes in (0, 5, 15):  # asked for the first time at two minutes past, and the interval after the next is lost
        await write_payload(database, receipt(at(minutes + 2)), parsed(price(0.05, at(minutes))))
    (row,) = await rows_of(database, REAL_TIME, now=at(20))
    assert (row["since"], row["knownBefore"]) == (NOON, False)
    assert (row["intervalsExpected"], row["intervalsStored"], row["completeness"]) == (4, 3, 0.75)
    await write_payload(database, receipt(at(30)), parsed(price(0.05, at(-10))))  # the first answer may reach back
    (row,) = await rows_of(database, REAL_TIME, now=at(20))
    assert (row["since"], row["intervalsExpected"], row["intervalsStored"]) == (at(-10), 6, 4)
    await write_payload(database, receipt(at(31)), parsed(price(0.05, at(-720))))  # filled from the day's beginning
    (row,) = await rows_of(database, REAL_TIME, now=at(20))
    assert (row["since"], row["intervalsExpected"]) == (None, 148)
    await write_failure(database, receipt(at(-2000)), UsageError("not a zip"))
    (row,) = await rows_of(database, REAL_TIME, now=at(20))
    assert (row["since"], row["knownBefore"], row["intervalsExpected"]) == (None, True, 148)


async def test_a_correction_counts_and_does_not_make_its_interval_late(database: Database) -> None:
    await write_payload(database, receipt(at(6)), parsed(price(0.05)))
    await write_payload(database, receipt(at(50)), parsed(price(0.07)))
    (row,) = await rows_of(database, REAL_TIME, now=at(60))
    assert (row["corrections"], row["intervalsStored"], row["latenessP95Seconds"]) == (1, 1, 60.0)


async def test_an_older_payload_that_is_stored_late_moves_the_first_knowledge_back(database: Database) -> None:
    await write_payload(database, receipt(at(50)), parsed(price(0.05)))
    await write_payload(database, receipt(at(7)), parsed(price(0.05)))
    (row,) = await rows_of(database, REAL_TIME, now=at(60))
    assert row["latenessP50Seconds"] == 120.0


async def test_what_was_set_aside_doubted_or_could_not_be_read_is_counted(database: Database) -> None:
    aside = [
        Quarantined("9.0 is outside the plausible range -1 to 5", "row 3", "x"),
        Quarantined("price_per_kwh is missing", "row 4", "y"),
    ]
    for minute in (1, 3):  # the same rows are set aside at each poll, and counted once
        await write_payload(database, receipt(at(minute)), parsed(price(0.05), quarantined=aside))
    await write_failure(database, receipt(at(2)), UsageError("not a zip"))
    doubt = Disagreement(
        feed=REAL_TIME, iso_region="CAISO", pricing_node="TH_NP15_GEN-APND", comparison="one and other",
        interval_start=NOON, interval_end=at(5), one=50.0, other=51.0, tolerance=0.005, why="one report",
    )  # fmt: skip
    await add(database, [doubt], NOON)
    (row,) = await rows_of(database, REAL_TIME, now=at(60))
    assert {name: row[name] for name in ("payloads", "failures", "quarantined", "implausible", "disagreements")} == {
        "payloads": 3,
        "failures": 1,
        "quarantined": 2,
        "implausible": 1,
        "disagreements": 1,
    }


async def test_a_day_without_anything_is_a_row_only_of_a_feed_that_runs(database: Database) -> None:
    assert await rows_of(database, REAL_TIME) == [], "it has never been heard of"
    await write_payload(database, receipt(NOON - timedelta(days=2)), parsed(price(0.05, NOON - timedelta(days=2))))
    (row,) = await rows_of(database, REAL_TIME)
    assert (row["completeness"], row["payloads"], row["latenessP50Seconds"]) == (0.0, 0, None)
    assert await rows_of(database, REAL_TIME, running=False) == []


async def test_a_day_ahead_market_day_has_as_many_hours_as_the_clock(database: Database) -> None:
    midnight = datetime(2026, 7, 14, 7, tzinfo=UTC)
    hours = [
        price(0.05, begin, market="day-ahead-hourly", market_interval_end=begin + timedelta(hours=1))
        for begin in (midnight + timedelta(hours=n) for n in range(23))
    ]
    await write_payload(database, receipt(midnight - timedelta(hours=11), DAY_AHEAD), parsed(*hours))
    (row,) = await rows_of(database, DAY_AHEAD)
    assert (row["intervalsExpected"], row["intervalsStored"]) == (24, 23)
    assert row["latenessP50Seconds"] == -23 * 3600.0
    short_day, hour = date(2026, 3, 8), timedelta(hours=1)
    assert expected(feed_named(DAY_AHEAD), short_day, NOON, hour) == 23
    assert expected(feed_named(DAY_AHEAD), date(2026, 7, 16), NOON, hour) == 0, "it is not out yet"
    assert expected(feed_named("eia/henry-hub-spot"), TODAY, NOON, None) is None, "exchanges have their own days"
    assert expected(feed_named("nyiso/transmission-congestion"), TODAY, NOON, None) is None


async def test_a_dated_price_belongs_to_its_date_and_is_over_with_the_market_day(database: Database) -> None:
    known = datetime(2026, 7, 15, 7, 30, tzinfo=UTC)
    await write_payload(database, receipt(known, "caiso/gas-price-index"), parsed(gas(3.8), kind="gas-price"))
    quality = DataQuality(database, FrozenClock(known), ())
    rows = await quality.rows(SINCE, known, feed="caiso/gas-price-index")
    today = next(row for row in rows if row["day"] == TODAY)
    assert (today["intervalsExpected"], today["intervalsStored"], today["latenessP50Seconds"]) == (1, 1, 1800.0)


async def test_an_unknown_feed_is_refused_and_retention_forgets(database: Database) -> None:
    with pytest.raises(UsageError, match="caiso/nothing"):
        await rows_of(database, "caiso/nothing")
    await write_payload(database, receipt(), parsed(price(0.05)))
    assert (await retain(database, NOON + timedelta(days=31), Kept()))["feed_intervals"] == 1
