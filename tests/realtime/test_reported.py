"""The desk and what facilities report: what a plan rests on, what is said, and who is decided for at once."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from realtime.test_desk import NOW, action_is, facility, running, until
from vibelux.dispatch.state import PlantState
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import StoreUnavailable, UsageError
from vibelux.market.operations import Report, UnitReport, ratings_of
from vibelux.realtime import telemetry as room
from vibelux.realtime.telemetry import Telemetry
from vibelux.realtime.telemetry_metrics import TelemetryMetrics
from vibelux.store import decisions as kept
from vibelux.store import reader

RATINGS = {"engine-1": 1000.0}
SITE = "salinas-1"


def report(seconds: float, on: bool, **readings: float) -> Report:
    unit = UnitReport(id="engine-1", on=on, power_kw=980.0 * on)
    return Report(timestamp=NOW + timedelta(seconds=seconds), units=(unit,), **readings)


class Site:
    """A site whose reports go to a desk."""

    def __init__(self, db, desk, clock: FrozenClock) -> None:
        self.registry = CollectorRegistry()
        self.clock = clock
        self.telemetry = Telemetry(
            db, clock, metrics=TelemetryMetrics(clock, self.registry),
            find=lambda name: next((ratings_of(one.as_dict()) for one in desk.facilities if one.id == name), None),
            reported=desk.on_operations,
        )  # fmt: skip

    async def reports(self, *reports: Report):
        return await self.telemetry.take(SITE, RATINGS, reports, "rest")

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@asynccontextmanager
async def decided(db, **changes):
    """A desk that has decided that the engine runs, a minute ago."""
    clock = FrozenClock(NOW)
    async with running(db, clock, facility(**changes)) as (desk, market, _):
        await market.gas(3.8)
        await market.carbon(29.3)
        await market.electricity(0.09)
        await until(action_is(desk, "run"))
        clock.move(60)
        yield desk, market, Site(db, desk, clock)


async def count(db) -> int:
    return len(await kept.decisions(db, SITE, NOW - timedelta(1), NOW + timedelta(1)))


async def more_than(db, number: int) -> bool:
    return await count(db) > number


async def test_a_report_is_in_the_answer_at_once_with_its_age(database):
    async with decided(database) as (desk, _, site):
        assert (await desk.latest(SITE))["operations"] is None
        await site.reports(report(30, on=True, storage_kwh=12.5, frequency_hz=59.99))

        async def told():
            return (await desk.latest(SITE))["operations"]

        operations = await until(told)
        assert (operations["timestamp"], operations["ageSeconds"]) == ("2026-07-14T19:02:30Z", 30.0)
        assert operations["units"][0] == {
            "id": "engine-1", "on": True, "powerKw": 980.0, "heatKw": None, "fuelKwHhv": None, "since": None,
            "startsToday": 0,
        }  # fmt: skip
        assert (operations["storageKwh"], operations["frequencyHz"]) == (12.5, 59.99)
        site.clock.move(20)
        assert (await desk.latest(SITE))["operations"]["ageSeconds"] == 50.0


async def test_without_reports_it_is_said_that_the_decision_is_supposed_to_be_followed(database):
    async with decided(database) as (desk, market, _):
        answer = await desk.latest(SITE)
        assert answer["decision"]["reasons"][-1].startswith("No operations are reported; ")
        await market.electricity(0.08)
        supposed = "No operations are reported; the plan supposes that the last decision was followed."

        async def said():
            return supposed in (await desk.latest(SITE))["decision"]["reasons"]

        await until(said)


async def test_an_engine_that_stands_although_it_should_run_is_decided_for_at_once_and_once(database):
    async with decided(database) as (desk, _, site):
        before = await count(database)
        await site.reports(report(50, on=False))
        await until(lambda: more_than(database, before))
        answer = await desk.latest(SITE)
        assert answer["decision"]["basis"]["state"] == "telemetry"
        assert answer["decision"]["basis"]["operations"] == "2026-07-14T19:02:50Z"
        assert not any("operations are" in reason for reason in answer["decision"]["reasons"])
        settled = await count(database)
        site.clock.move(20)
        await site.reports(report(70, on=False))
        await asyncio.sleep(0.3)
        assert await count(database) == settled, "known already"
        site.clock.move(20)
        await site.reports(report(90, on=True))
        site.clock.move(20)
        await asyncio.sleep(0.3)
        await site.reports(report(110, on=False))
        await until(lambda: more_than(database, settled))


async def test_a_report_that_agrees_or_is_older_than_the_decision_wakes_nobody(database):
    async with decided(database) as (_, _, site):
        before = await count(database)
        await site.reports(report(50, on=True))
        await site.reports(report(-5, on=False))
        await asyncio.sleep(0.3)
        assert await count(database) == before


async def test_a_start_that_did_not_happen_is_not_counted_and_no_minimum_time_runs_from_it(database):
    async with decided(database) as (desk, _, site):
        await site.reports(report(-7200, on=True), report(-3600, on=False), report(50, on=False))

        async def seen():
            answer = await desk.latest(SITE)
            return answer if answer["decision"]["basis"]["state"] == "telemetry" else None

        answer = await until(seen)
        unit = answer["operations"]["units"][0]
        assert (unit["since"], unit["startsToday"]) == ("2026-07-14T18:02:00Z", 0)
        state = PlantState.from_decision((await kept.latest_decision(database, SITE, NOW))["decision"])
        assert state.units["engine-1"].since == NOW
        told = state.with_operations(answer["operations"]).units["engine-1"]
        assert (told.since, told.starts_today) == (NOW - timedelta(hours=1), 0)


async def test_a_report_over_its_limit_is_not_planned_on_and_that_is_said(database):
    async with decided(database) as (desk, market, site):
        await site.reports(report(50, on=False))
        site.clock.move(20 * 60)
        before = await count(database)
        await market.electricity(0.09, minutes=20)
        await until(lambda: more_than(database, before))
        answer = await desk.latest(SITE)
        assert answer["decision"]["basis"]["state"] == "last decision"
        assert any(
            "operations are 20 min old; the plan supposes that the last decision was followed" in reason
            for reason in answer["decision"]["reasons"]
        )
        assert answer["operations"]["ageSeconds"] == 20 * 60 + 10


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Report(timestamp=NOW + timedelta(hours=1), storage_kwh=1.0), "timestamp: .* 3540 s after .* clocks disagree"),
        (Report(timestamp=NOW - timedelta(days=500), storage_kwh=1.0), "timestamp: .* is that clock set"),
        (Report(timestamp=NOW, units=(UnitReport(id="boiler", on=True),)), r"units\[0\].id: .*'boiler'.*engine-1"),
        (Report(timestamp=NOW, units=(UnitReport(id="engine-1", on=True, power_kw=9e5),)), r"units\[0\].powerKw: 9"),
        (Report(timestamp=NOW, units=(UnitReport(id="engine-1", on=True),) * 2), r"units\[1\].id: .* twice"),
    ],
)
async def test_what_cannot_be_is_refused_whole_by_the_name_of_its_member_and_counted(database, wrong, said):
    async with decided(database) as (_, _, site):
        with pytest.raises(UsageError, match=said):
            await site.reports(wrong)
        with pytest.raises(UsageError, match=r"^\[1\]\.(units|timestamp)"):
            await site.reports(report(50, on=True), wrong)
        assert site.metric("vibelux_telemetry_refused_total", source="rest", error="refused") == 2
        found = await reader.records(database, "operations", start=NOW - timedelta(900), end=NOW + timedelta(900))
        assert found.is_empty()


async def test_what_came_is_counted_and_a_clock_that_is_behind_is_told(database):
    async with decided(database) as (desk, _, site):
        taken, notes = await site.reports(report(50, on=True))
        assert (taken.new, notes) == (1, [])
        assert site.metric("vibelux_telemetry_age_seconds", facility=SITE) == 10.0
        taken, notes = await site.reports(report(-300, on=True), report(50, on=True))
        assert (taken.new, taken.late, taken.duplicates, notes) == (1, 1, 1, [])
        _, notes = await site.reports(report(-400, on=True))
        assert notes == ["the newest of these was 460 s old when it came: it is late, or the site's clock is behind"]
        assert site.metric("vibelux_telemetry_lag_seconds", facility=SITE) == 460.0
        for outcome, expected in {"new": 3, "late": 2, "duplicate": 1, "corrected": 0}.items():
            assert site.metric("vibelux_telemetry_reports_total", source="rest", outcome=outcome) == expected
        again = Site(database, desk, site.clock)
        await again.telemetry.start([SITE, "another"])
        assert again.metric("vibelux_telemetry_age_seconds", facility=SITE) == 10.0


async def test_what_is_offered_while_the_store_is_away_is_stored_when_it_is_back(database, monkeypatch):
    async with decided(database) as (_, _, site):
        site.telemetry.offer(SITE, [report(50, on=True)], "mqtt x")

        async def away(*_, **__):
            raise StoreUnavailable("away")

        with monkeypatch.context() as during:
            during.setattr(room, "write_operations", away)
            with pytest.raises(StoreUnavailable):
                await site.telemetry.store_waiting()
        site.telemetry.offer(SITE, [report(55, on=True)], "mqtt x")
        await site.telemetry.store_waiting()
        assert site.metric("vibelux_telemetry_reports_total", source="mqtt", outcome="new") == 2
        with pytest.raises(UsageError, match="no facility 'nobody'"):
            site.telemetry.offer("nobody", [report(50, on=True)], "mqtt x")


async def test_a_fault_is_set_aside_once_until_it_is_mended(database):
    async with decided(database) as (_, _, site):
        for _ in range(3):
            site.telemetry.refuse("modbus plc", "power", UsageError("nan is not a number"), "ffff")
        site.telemetry.good("modbus plc", "power")
        site.telemetry.refuse("modbus plc", "power", UsageError("nan is not a number"), "ffff")
        await site.telemetry.store_waiting()
        assert site.metric("vibelux_telemetry_refused_total", source="modbus plc", error="refused") == 4
        async with database.connection() as connection:
            cursor = await connection.execute("SELECT feed, reason, place, raw FROM quarantined_rows")
            assert await cursor.fetchall() == [
                ("site/telemetry", "nan is not a number", "modbus plc power", "ffff")
            ] * 2  # fmt: skip
