"""What sites report of themselves: kept once whatever comes twice, late or in disorder, and what follows from it."""

import random
from datetime import timedelta

import pytest

from store.samples import NOON, at, receipt
from vibelux.market.operations import Report, UnitReport, records_of
from vibelux.market.records import Parsed
from vibelux.store import reader
from vibelux.store.database import Database
from vibelux.store.journal import Kept, retain
from vibelux.store.operations import latest_operations, write_operations
from vibelux.store.running import running
from vibelux.store.writer import write_payload

SITE = "salinas-1"


def engine(on: bool, power: float | None = None, unit: str = "engine-1", **more: float) -> UnitReport:
    return UnitReport(id=unit, on=on, power_kw=power if power is not None else 900.0 * on, **more)


def report(minutes: float, *units: UnitReport, **readings: float) -> Report:
    return Report(timestamp=at(minutes), units=units, **readings)


async def write(db: Database, *reports: Report, received: float = 60, facility: str = SITE):
    return await write_operations(db, facility, reports, received_at=at(received), source="a test")


async def switches(db: Database) -> list[tuple[str, float, bool]]:
    async with db.connection() as connection:
        cursor = await connection.execute(
            "SELECT unit_id, at, is_on FROM unit_switches WHERE NOT is_first ORDER BY unit_id, at"
        )
        return [(unit, (moment - NOON) / timedelta(minutes=1), on) for unit, moment, on in await cursor.fetchall()]


async def test_the_newest_report_is_given_in_the_contracts_form_with_its_age(database: Database) -> None:
    await write(database, report(0, engine(on=False)), report(1, engine(on=True, heat_kw=1000.0), storage_kwh=0.1))
    assert await latest_operations(database, SITE, at(3)) == {
        "timestamp": "2026-07-14T19:01:00Z",
        "units": [
            {"id": "engine-1", "on": True, "powerKw": 900.0, "heatKw": 1000.0, "fuelKwHhv": None,
             "since": "2026-07-14T19:01:00Z"}
        ],
        "storageKwh": 0.1, "batteryKwh": None, "gridImportKw": None, "heatDemandKw": None,
        "frequencyHz": None, "voltageV": None,
        "ageSeconds": 120.0,
    }  # fmt: skip
    earlier = await latest_operations(database, SITE, at(0.5), day_start=at(-600))
    assert earlier is not None
    assert earlier["units"][0] | {"heatKw": 0} == {
        "id": "engine-1", "on": False, "powerKw": 0.0, "heatKw": 0, "fuelKwHhv": None, "since": None, "startsToday": 0
    }  # fmt: skip


async def test_what_was_never_reported_is_unknown(database: Database) -> None:
    await write(database, report(0, engine(on=True)))
    assert await latest_operations(database, "another", at(3)) is None
    assert await latest_operations(database, SITE, at(-1)) is None


async def test_the_same_report_again_changes_nothing_and_another_of_that_moment_corrects_it(database: Database) -> None:
    first = report(0, engine(on=True, power=870.123456789123), frequency_hz=59.98)
    assert (await write(database, first)).new == 1
    again = await write(database, first, first, received=61)
    assert (again.new, again.corrected, again.duplicates) == (0, 0, 2)
    other = report(0, engine(on=True, power=700.0), frequency_hz=60.01)
    corrected = await write(database, other, received=62)
    assert (corrected.new, corrected.corrected, corrected.duplicates, corrected.newest) == (0, 1, 0, at(0))
    now = await latest_operations(database, SITE, at(1))
    assert now is not None
    assert (now["units"][0]["powerKw"], now["frequencyHz"]) == (700.0, 60.01)
    span = {"start": at(-1), "end": at(1), "as_of": at(61)}
    then = await reader.records(database, "operations", **span)
    assert then["frequency_hz"].to_list() == [59.98]
    assert (await reader.records(database, "series", **span))["value"].to_list() == [59.98]


async def test_late_reports_are_counted_and_never_become_the_newest(database: Database) -> None:
    await write(database, report(10, engine(on=True)))
    taken = await write(database, report(5, engine(on=False)), report(12, engine(on=True)))
    assert (taken.new, taken.late, taken.newest) == (2, 1, at(12))


async def test_of_several_reports_of_one_moment_in_a_batch_the_last_holds(database: Database) -> None:
    taken = await write(database, report(0, engine(on=False)), report(0, engine(on=True)))
    assert (taken.new, taken.duplicates) == (1, 1)
    now = await latest_operations(database, SITE, at(1))
    assert now is not None
    assert now["units"][0]["on"] is True


@pytest.mark.parametrize("seed", range(4))
async def test_switches_are_the_same_in_whatever_order_and_parts_reports_come(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    reports, expected, before = [], [], {}
    for minute in range(40):
        told = [engine(on=chance.random() < 0.5, unit=unit) for unit in ("a", "b") if chance.random() < 0.7]
        if not told:
            continue
        reports.append(report(minute, *told))
        for unit in told:
            if unit.id in before and before[unit.id] != unit.on:
                expected.append((unit.id, float(minute), unit.on))
            before[unit.id] = unit.on
    chance.shuffle(reports)
    while reports:
        part = [reports.pop() for _ in range(min(len(reports), chance.randint(1, 7)))]
        await write(database, *part)
    assert await switches(database) == sorted(expected)


async def test_a_correction_moves_the_switches_and_an_import_makes_them(database: Database) -> None:
    old = [report(0, engine(on=False)), report(1, engine(on=True)), report(2, engine(on=True))]
    imported = Parsed(records_of(SITE, old, "a file"))
    assert (await write_payload(database, receipt(at(3), "site/telemetry"), imported)).new == 3
    assert await switches(database) == [("engine-1", 1.0, True)]
    await write(database, report(1, engine(on=False)))
    assert await switches(database) == [("engine-1", 2.0, True)]
    now = await latest_operations(database, SITE, at(3), day_start=at(-60))
    assert now is not None
    assert (now["units"][0]["since"], now["units"][0]["startsToday"]) == ("2026-07-14T19:02:00Z", 1)


async def test_frequency_and_voltage_are_series_of_the_site(database: Database) -> None:
    await write(database, report(0, frequency_hz=59.98, voltage_v=480.5), report(1, voltage_v=481.0))
    found = await reader.records(database, "series", start=at(-1), end=at(5), filters={"provider": "site"})
    rows = found.select("variable", "location", "unit", "value", "valid_start", "valid_end").rows()
    assert sorted(rows) == [
        ("grid-frequency", SITE, "Hz", 59.98, at(0), at(0)),
        ("grid-voltage", SITE, "V", 480.5, at(0), at(0)),
        ("grid-voltage", SITE, "V", 481.0, at(1), at(1)),
    ]


async def test_hours_starts_and_efficiency_follow_from_the_reports(database: Database) -> None:
    full = {"heat_kw": 1100.0, "fuel_kw_hhv": 2600.0}
    await write(
        database,
        report(-10, engine(on=True, power=1000.0, **full)),
        report(0, engine(on=True, power=1000.0, **full)),
        report(6, engine(on=False, power=0.0, heat_kw=0.0, fuel_kw_hhv=0.0)),
        report(12, engine(on=True, power=1000.0)),
        report(18, engine(on=False, power=0.0)),
    )
    (one,) = await running(database, SITE, at(-5), at(60))
    assert one.hours_run == pytest.approx(17 / 60)
    assert one.known_hours == pytest.approx((5 + 18 + 15) / 60), "the last report holds for a quarter of an hour"
    assert (one.unit_id, one.starts) == ("engine-1", 1)
    assert one.power_kwh == pytest.approx(1000 * 17 / 60)
    assert one.fuel_kwh_hhv == pytest.approx(2600 * 11 / 60)
    assert one.electric_efficiency == pytest.approx(1000 / 2600), "only over the time for which both are known"
    assert one.thermal_efficiency == pytest.approx(1100 / 2600)
    assert await running(database, SITE, at(600), at(660)) == []


async def test_an_engine_without_meters_has_hours_and_no_efficiency(database: Database) -> None:
    await write(database, report(0, UnitReport(id="engine-1", on=True)), report(5, UnitReport(id="engine-1", on=False)))
    (one,) = await running(database, SITE, at(0), at(5))
    assert (one.hours_run, one.power_kwh, one.electric_efficiency) == (pytest.approx(5 / 60), None, None)


async def test_old_reports_go_when_their_time_is_over(database: Database) -> None:
    await write(database, report(0, engine(on=False)), report(1, engine(on=True)), report(60, engine(on=True)))
    gone = await retain(database, at(61.5), Kept(operations_days=1 / 24))
    assert gone["facility_operations"] == 2
    now = await latest_operations(database, SITE, at(61))
    assert now is not None
    assert now["units"][0]["since"] == "2026-07-14T19:01:00Z", "since when it runs is still known"
