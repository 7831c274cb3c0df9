"""Rules of `[alerts]`: thresholds a facility, how long a state has to last, quiet hours; and the kinds they are for."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from realtime.test_alerts import NODE, World, answer, moved, rows
from store.samples import NOON
from vibelux.config import Settings
from vibelux.ingest.events import CHP_DECISION_UPDATE, PRICE_UPDATE, DecisionMade
from vibelux.market.alert_kinds import AlertKind
from vibelux.market.errors import ConfigError
from vibelux.market.intervals import iso_z
from vibelux.realtime.reported import Reported
from vibelux.store.database import Database
from vibelux.store.decisions import messages_since
from vibelux.store.forecast_scores import Scored, Sums, add_scores


def settings(folder: Path, text: str) -> Settings:
    path = folder / "vibelux.toml"
    path.write_text(text)
    return Settings.load(path, env={})


def priced(usd_per_kwh: float) -> Any:
    found = rows()
    found.real_time["price_per_kwh"] = usd_per_kwh  # type: ignore[index]
    return found


@pytest.fixture
def world(database: Database) -> World:
    return World(database, "a")


# The kinds, each seen to fire and to clear


@pytest.mark.parametrize(("kind", "usd_per_kwh"), [("price-spike", 0.25), ("negative-price", -0.001)])
async def test_a_very_high_and_a_negative_price_fire_and_clear(world: World, kind: str, usd_per_kwh: float) -> None:
    world.begin(f"{kind}")
    world.desk.held["a"].rows = priced(usd_per_kwh)
    await world.alerts.look()
    await world.alerts.look()
    assert await world.told() == [(kind, "open")]
    (post,) = await world.posts()
    assert f"{1000 * usd_per_kwh:.2f} USD/MWh" in post["text"]
    world.desk.held["a"].rows = priced(0.24 if kind == "price-spike" else 0.0)
    await world.alerts.look()
    assert (await world.told())[1:] == [(kind, "resolved")]


def report(on: bool, minutes_ago: float = 1.0) -> Reported:
    stamp = iso_z(NOON - timedelta(minutes=minutes_ago))
    return Reported({"timestamp": stamp, "units": [{"id": "engine-1", "on": on}]}, counts=True)


async def test_an_engine_that_does_not_follow_fires_after_ten_minutes_and_clears_when_it_does(world: World) -> None:
    world.begin("engine-not-following")
    held = world.desk.held["a"]
    held.answer = answer()
    held.answer["decision"]["units"] = [{"id": "engine-1", "on": True}]
    held.reported = report(on=False, minutes_ago=-9)
    await world.alerts.look()
    world.clock.move(9 * 60)
    await world.alerts.look()
    assert await world.told() == [], "it may be starting"
    world.clock.move(60)
    await world.alerts.look()
    assert await world.told() == [("engine-not-following", "open")]
    assert (await world.posts())[0]["text"] == "a: engine-1 stands, but was to run."
    held.reported = report(on=True, minutes_ago=-10)
    await world.alerts.look()
    assert (await world.told())[1:] == [("engine-not-following", "resolved")]


async def test_an_old_report_says_nothing_of_what_an_engine_does_now(world: World) -> None:
    world.begin("engine-not-following", settings_standing("engine-not-following", minutes=0.0))
    held = world.desk.held["a"]
    held.answer = answer()
    held.answer["decision"]["units"] = [{"id": "engine-1", "on": True}]
    held.reported = report(on=False, minutes_ago=16)
    await world.alerts.look()
    assert await world.told() == []
    held.reported = report(on=False, minutes_ago=14)
    await world.alerts.look()
    assert await world.told() == [("engine-not-following", "open")]


async def test_a_forecast_far_off_its_band_fires_and_clears_with_the_next_day(world: World) -> None:
    world.begin("forecast-off")
    subject = ("CAISO", NODE, "real-time-5min")
    few = Scored(subject, date(2026, 7, 14), "0-2 h", Sums(23, 1.0, 1.0, 1.0, 2))
    await add_scores(world.db, [few], until={})
    await world.alerts.look()
    assert await world.told() == [], "two hours say little"
    await add_scores(world.db, [Scored(subject, date(2026, 7, 14), "0-2 h", Sums(25, 1.0, 1.0, 1.0, 10))], until={})
    world.clock.move(15 * 60)
    await world.alerts.look()
    assert await world.told() == [("forecast-off", "open")]
    (post,) = await world.posts()
    assert post["about"] == {"name": NODE, "steps": 48, "coverage": 0.25, "threshold": 0.5}
    world.clock.move(24 * 3600)
    await world.alerts.look()
    assert (await world.told())[1:] == [("forecast-off", "resolved")]


async def test_a_plan_that_changes_is_told_and_one_that_shifts_a_little_or_comes_true_is_not(world: World) -> None:
    world.begin("plan-changed")

    async def decide(minutes: float | None, on: bool = False) -> None:
        made = answer()
        made["decision"]["nextChange"] = (
            None if minutes is None else {"at": iso_z(NOON + timedelta(minutes=minutes)), "id": "engine-1", "on": on}
        )
        await world.events.emit(CHP_DECISION_UPDATE, DecisionMade("a", made, degraded=False))
        await world.alerts.look()

    for minutes in (None, 120, 150, 120):
        await decide(minutes)
    assert await world.told() == []
    await decide(180)
    assert await world.told() == [("plan-changed", "happened")]
    world.clock.move(16 * 60)
    await decide(None)
    first, second = [post["text"] for post in await world.posts()]
    assert first == "a: The plan has changed: engine-1 was to stop at Tue 14:00; now it is to stop at Tue 15:00."
    assert second == "a: The plan has changed: engine-1 was to stop at Tue 15:00; now no switch is planned."
    await decide(20)
    world.clock.move(20 * 60)
    await decide(100, on=True)
    assert len(await world.posts()) == 2, "it has stopped as planned"


# The rules


def settings_standing(kind: str, **rule: Any) -> Any:
    """The rules of a file with one of a kind."""
    read = Settings.model_validate({"alerts": {"rules": [{"kind": kind, **rule}]}})
    return read.alert_standing


async def test_a_threshold_is_a_facilitys_own_and_the_first_rule_that_fits_counts(
    database: Database, tmp_path: Path
) -> None:
    read = settings(
        tmp_path,
        """
        [[alerts.rules]]
        kind = "price-spike"
        facilities = ["a"]
        threshold = 0.1
        [[alerts.rules]]
        kind = "price-spike"
        enabled = false
        [[alerts.rules]]
        kind = "price-change"
        facilities = ["b"]
        threshold = 0.7
        """,
    )
    world = World(database, "a", "b")
    world.begin("price-spike, price-change", read.alert_standing)
    for held in world.desk.held.values():
        held.rows = priced(0.3)
    await world.events.emit(PRICE_UPDATE, moved(0.5))
    await world.alerts.look()
    assert await world.told("a") == [("price-change", "happened"), ("price-spike", "open")]
    assert await world.told("b") == []


async def test_in_quiet_hours_states_wait_what_happens_is_kept_unposted_and_urgent_ones_pass(
    world: World, tmp_path: Path
) -> None:
    """Noon in California lies within these hours; a decision that cannot be made is urgent."""
    read = settings(tmp_path, '[alerts]\nquiet_hours = "11:30-12:30"\n')
    world.begin("stale-data, decision-unavailable, price-change", read.alert_standing)
    held = world.desk.held["a"]
    held.rows, held.answer = rows(minutes_old=20), answer("unavailable", None, None)
    await world.events.emit(PRICE_UPDATE, moved(0.5))
    await world.alerts.look()
    assert await world.told() == [("price-change", "happened"), ("decision-unavailable", "open")]
    assert [post["kind"] for post in await world.posts()] == ["decision-unavailable"]
    first, *_ = await messages_since(world.db, "a", 0) or []
    assert first["body"]["quiet"] is True
    world.clock.move(30 * 60)
    await world.alerts.look()
    assert (await world.told())[2:] == [("stale-data", "open")]
    assert [post["kind"] for post in await world.posts()][1:] == ["stale-data"]


async def test_what_ends_in_quiet_hours_is_resolved_when_they_are_over(world: World, tmp_path: Path) -> None:
    read = settings(tmp_path, '[alerts]\nquiet_hours = "12:10-13:00"\n')
    world.begin("stale-data", read.alert_standing)
    world.desk.held["a"].rows = rows(minutes_old=20)
    await world.alerts.look()
    assert await world.told() == [("stale-data", "open")]
    world.clock.move(11 * 60)
    world.desk.held["a"].rows = rows(minutes_old=-11)
    await world.alerts.look()
    assert world.open_now(AlertKind.STALE_DATA) == 1
    world.clock.move(49 * 60)
    world.desk.held["a"].rows = rows(minutes_old=-60)
    await world.alerts.look()
    assert await world.told() == [("stale-data", "open"), ("stale-data", "resolved")]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('[alerts]\nquiet_hours = "at night"', "hours of a day like 22:00-06:00"),
        ('[[alerts.rules]]\nkind = "gossip"', "vibelux.toml"),
        ('[[alerts.rules]]\nkind = "stale-data"\nthreshhold = 1', "threshhold"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_place(tmp_path: Path, text: str, wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        settings(tmp_path, text)
