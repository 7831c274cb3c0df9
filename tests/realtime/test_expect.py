"""Expected prices from a real store: what was known then, nothing later, however little it is; and how far off."""

import asyncio
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from prometheus_client import CollectorRegistry

from vibelux.dispatch.facility import load_facilities
from vibelux.ingest.events import MARKET_DATA_UPDATED, Events, MarketDataUpdated
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import StoreUnavailable, UsageError
from vibelux.market.records import ELECTRICITY_PRICE, SERIES, Parsed
from vibelux.outlook.price import KINDS, Kind, Outlook
from vibelux.realtime.expect import Expectations, Subject
from vibelux.realtime.metrics import ForecastMetrics
from vibelux.store import forecast_scores, points
from vibelux.store.forecast_scores import score_sums
from vibelux.store.journal import Receipt
from vibelux.store.writer import Written, write_payload

NODE, MARKET, AHEAD = "TH_NP15_GEN-APND", "real-time-5min", "day-ahead-hourly"
NOW = datetime(2026, 7, 14, 19, 2, tzinfo=UTC)
NOON = NOW.replace(minute=0)
MIDNIGHT = datetime(2026, 7, 14, 7, tzinfo=UTC)
DAY, FIVE = timedelta(days=1), timedelta(minutes=5)
(FACILITY,) = load_facilities(Path(__file__).parents[2] / "examples" / "caiso.toml")
SUBJECT = Subject("CAISO", NODE, MARKET)


def receipt(feed: str, at: datetime) -> Receipt:
    provider, _, data_type = feed.partition("/")
    return Receipt(
        feed=feed, provider=provider, data_type=data_type, region="California", url="x", status=200, origin="synthetic",
        received_at=at, sha256="00" * 32, bytes=1, file="x",
    )  # fmt: skip


def wave(starts: list[datetime], seed: int = 1) -> list[float]:
    """20 to 60 USD/MWh by the hour of the day, with noise that belongs to the moment."""
    hours = np.array([(start - MIDNIGHT) / timedelta(hours=1) for start in starts])
    noise = [np.random.default_rng((seed, int(start.timestamp()))).normal(0, 0.002) for start in starts]
    return list(0.04 - 0.02 * np.cos(hours / 24 * 2 * np.pi) + noise)


async def put(db, start, count, *, known_at, market=MARKET, step=FIVE, values=None) -> None:
    """So many prices from `start` on, all known at one moment."""
    starts = [start + at * step for at in range(count)]
    frame = pl.DataFrame({"market_interval_start": starts, "price_per_kwh": values or wave(starts)}).with_columns(
        market_interval_end=pl.col("market_interval_start") + step,
        **{name: pl.lit(text) for name, text in {
            "iso_region": "CAISO", "region": "California", "pricing_node": NODE, "market": market, "price_type": "LMP",
            "currency": "USD", "data_source": "test",
        }.items()},
        confidence_level=pl.lit(100.0),
    )  # fmt: skip
    names = [name for name in ELECTRICITY_PRICE.names if name not in frame.columns]
    frame = frame.with_columns(**{name: pl.lit(None) for name in names}).select(ELECTRICITY_PRICE.names)
    frame = frame.cast(ELECTRICITY_PRICE.schema())
    await write_payload(db, receipt("caiso/real-time-pricing", known_at), Parsed({ELECTRICITY_PRICE.name: frame}))


async def history(db, days: int) -> None:
    """Real-time prices up to noon (from midnight so many days ago), day-ahead prices to the end of today."""
    await put(db, MIDNIGHT - days * DAY, days * 288 + 145, known_at=NOW - FIVE)
    await put(db, MIDNIGHT - days * DAY, (days + 1) * 24, known_at=NOW - DAY, market=AHEAD, step=timedelta(hours=1))


def kinds(outlook: Outlook) -> list[Kind]:
    return [KINDS[place] for place in outlook.kind[0]]


def as_told(outlook: Outlook) -> list[dict]:
    return outlook.rows()


async def test_later_knowledge_changes_nothing(database):
    await history(database, 12)
    live = Expectations(database, FrozenClock(NOW))
    before = as_told(await live.outlook(FACILITY, NOW))
    assert {row["kind"] for row in before} == {"real-time", "day-ahead", "forecast"}
    await put(database, NOON + FIVE, 30, known_at=NOW + timedelta(hours=3))
    await put(database, NOON - DAY, 12, known_at=NOW + timedelta(hours=3), values=[0.5] * 12)
    await put(database, MIDNIGHT + DAY, 24, known_at=NOW + timedelta(hours=3), market=AHEAD, step=timedelta(hours=1))
    later = await live.outlook(FACILITY, NOW + timedelta(hours=4))
    assert as_told(later) != before
    assert as_told(await live.outlook(FACILITY, NOW)) == before
    assert as_told(await Expectations(database, FrozenClock(NOW)).outlook(FACILITY, NOW)) == before


async def test_a_model_that_learnt_later_is_not_asked_about_the_past(database):
    await history(database, 12)
    clock = FrozenClock(NOW)
    live = Expectations(database, clock)
    await live.outlook(FACILITY, NOW)
    await live.learn_due()
    before = as_told(await live.outlook(FACILITY, NOW))
    await put(database, NOON + FIVE, 500, known_at=NOW + 2 * DAY, values=[0.3] * 500)
    clock.move(2 * DAY.total_seconds() + 60)
    await live.outlook(FACILITY, clock.now())
    assert await live.learn_due() == 1
    assert as_told(await live.outlook(FACILITY, NOW)) == before


async def test_a_new_price_is_added_to_what_is_held_as_if_all_were_read_again(database):
    await history(database, 12)
    live = Expectations(database, FrozenClock(NOW))
    await live.outlook(FACILITY, NOW)
    for minutes in (5, 10):
        now = NOW + timedelta(minutes=minutes)
        await put(database, NOON + timedelta(minutes=minutes), 1, known_at=now)
        followed = await live.outlook(FACILITY, now)
        afresh = await Expectations(database, FrozenClock(now)).outlook(FACILITY, now)
        assert as_told(followed) == as_told(afresh)
        assert followed.rows()[0]["kind"] == "real-time"


async def test_history_that_is_backfilled_is_found_within_the_hour(database):
    await put(database, MIDNIGHT, 144, known_at=NOW - FIVE)
    clock = FrozenClock(NOW)
    live = Expectations(database, clock, events=Events())
    assert Kind.MISSING in kinds(await live.outlook(FACILITY, NOW))
    await put(database, MIDNIGHT - 10 * DAY, 2880, known_at=NOW + FIVE)
    clock.move(30 * 60)
    assert await live.reread_due() == 0
    clock.move(30 * 60)
    assert Kind.MISSING in kinds(await live.outlook(FACILITY, clock.now()))
    assert await live.reread_due() == 1
    assert Kind.MISSING not in kinds(await live.outlook(FACILITY, clock.now()))
    clock.move(3600)
    assert await live.reread_due() == 0


async def test_the_past_that_is_told_of_is_read_at_once(database):
    await put(database, MIDNIGHT, 144, known_at=NOW - FIVE)
    clock, events = FrozenClock(NOW), Events()
    live = Expectations(database, clock, events=events)
    await live.outlook(FACILITY, NOW)
    await put(database, MIDNIGHT - 10 * DAY, 2880, known_at=NOW)
    await events.emit(MARKET_DATA_UPDATED, told("caiso", NOW, NOON + FIVE))
    assert await live.reread_due() == 0, "what is newer than all that is held is no past"
    await events.emit(MARKET_DATA_UPDATED, told("caiso", NOW, MIDNIGHT))
    assert await live.reread_due() == 1
    assert Kind.MISSING not in kinds(await live.outlook(FACILITY, NOW))
    assert await live.reread_due() == 0


async def test_learning_ends_at_once_when_it_is_cancelled(database, monkeypatch):
    await history(database, 8)
    live = Expectations(database, FrozenClock(NOW))
    await live.outlook(FACILITY, NOW)
    begun, release = threading.Event(), threading.Event()

    def endless(_):
        begun.set()
        release.wait(60)
        raise UsageError("released")

    monkeypatch.setattr("vibelux.realtime.expect.learn", endless)
    task = asyncio.create_task(live.run())
    async with asyncio.timeout(30):
        while not begun.is_set():
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (left,) = (one for one in threading.enumerate() if one.name == "learn prices")
    assert left.daemon
    release.set()


async def test_facilities_at_one_node_share_an_outlook_and_its_reading(database, monkeypatch):
    await history(database, 2)
    reads = []
    read = points.price_points

    async def counted(*args, **named):
        reads.append(args)
        return await read(*args, **named)

    monkeypatch.setattr(points, "price_points", counted)
    events = Events()
    live = Expectations(database, FrozenClock(NOW), events=events)
    first = await live.outlook(FACILITY, NOW)
    assert await live.outlook(FACILITY, NOW + timedelta(seconds=30)) is first
    assert len(reads) == 1
    at = NOW + timedelta(minutes=1)
    await put(database, NOON + FIVE, 1, known_at=at)
    await events.emit(MARKET_DATA_UPDATED, told("caiso", at))
    assert await live.outlook(FACILITY, at) is not first
    assert len(reads) == 2
    assert await live.outlook(FACILITY, NOW + timedelta(seconds=30)) is first
    assert len(reads) == 2


def told(provider: str, at: datetime, newest_end: datetime | None = None) -> MarketDataUpdated:
    return MarketDataUpdated(
        provider=provider, data_type="x", region="x", feed="x", kind="electricity-price", names=frozenset({NODE}),
        newest_end=newest_end, received_at=at, written=Written(), origin="synthetic",
    )  # fmt: skip


async def test_a_fresh_install_knows_nothing_and_says_so(database):
    live = Expectations(database, FrozenClock(NOW))
    outlook = await live.outlook(FACILITY, NOW)
    assert set(kinds(outlook)) == {Kind.MISSING}
    assert np.isnan(outlook.expected).all()
    assert outlook.rows()[0]["source"] == "no price of this hour of the day is known yet"
    assert await live.learn_due() == 0
    assert await live.score_due() == 0


async def test_day_ahead_prices_alone_are_the_outlook_as_far_as_they_reach(database):
    await put(database, MIDNIGHT, 24, known_at=NOW - DAY, market=AHEAD, step=timedelta(hours=1))
    outlook = await Expectations(database, FrozenClock(NOW)).outlook(FACILITY, NOW)
    found = kinds(outlook)
    assert set(found) == {Kind.DAY_AHEAD, Kind.MISSING}
    until = (MIDNIGHT + DAY).timestamp() / 60
    assert [kind is Kind.DAY_AHEAD for kind in found] == (outlook.steps.starts < until).tolist()
    assert np.isfinite(outlook.expected[0, [kind is Kind.DAY_AHEAD for kind in found]]).all()


async def test_a_few_hours_forecast_their_own_hours_and_no_others(database):
    await put(database, NOON - timedelta(hours=3), 36, known_at=NOW)
    live = Expectations(database, FrozenClock(NOW))
    rows = (await live.outlook(FACILITY, NOW)).rows()
    forecast = [row for row in rows if row["kind"] == "forecast"]
    assert {row["start"][8:13] for row in forecast} == {f"{day}T{hour}" for day in (15, 16) for hour in (16, 17, 18)}
    assert all(row["p10"] < row["p50"] < row["p90"] for row in forecast)
    assert forecast[0]["source"].endswith("not learnt yet: the weights of a start")
    assert {row["kind"] for row in rows} == {"forecast", "missing"}


async def test_a_few_hours_beside_day_ahead_prices_expect_about_those(database):
    await put(database, NOON - timedelta(hours=3), 37, known_at=NOW)
    await put(database, MIDNIGHT, 24, known_at=NOW - DAY, market=AHEAD, step=timedelta(hours=1))
    outlook = await Expectations(database, FrozenClock(NOW)).outlook(FACILITY, NOW)
    ahead = outlook.kind[0] == KINDS.index(Kind.DAY_AHEAD)
    assert np.abs(outlook.expected - outlook.price)[0, ahead].max() < 0.012


async def test_the_grids_own_look_ahead_is_told_apart_and_the_best_of_it_counts(database):
    await history(database, 8)
    quarter = timedelta(minutes=15)
    await put(database, NOON, 8, known_at=NOW, market="hasp-15min", step=quarter, values=[0.111] * 8)
    await put(database, NOON, 2, known_at=NOW, market="real-time-15min", step=quarter, values=[0.222] * 2)
    rows = (await Expectations(database, FrozenClock(NOW)).outlook(FACILITY, NOW)).rows()
    by_start = {row["start"][11:16]: (row["kind"], row["price"]) for row in rows[:30]}
    assert by_start["19:00"][0] == "real-time"
    assert by_start["19:05"] == by_start["19:25"] == ("advisory", 0.222)
    assert by_start["19:30"] == by_start["20:55"] == ("advisory", 0.111)
    assert by_start["21:00"][0] == "day-ahead"


async def test_models_are_learnt_from_the_store_and_again_as_history_grows(database):
    await history(database, 8)
    clock = FrozenClock(NOW)
    live = Expectations(database, clock)
    await live.outlook(FACILITY, NOW)
    assert await live.learn_due() == 1
    assert (await live.outlook(FACILITY, NOW)).rows()[-1]["source"].endswith("learnt from 4 days")
    assert await live.learn_due() == 0
    await put(database, NOON + FIVE, 6, known_at=NOW)
    await live.outlook(FACILITY, NOW)
    assert await live.learn_due() == 0
    await put(database, MIDNIGHT - 10 * DAY, 2 * 288, known_at=NOW)
    clock.move(3600)
    assert await live.reread_due() == 1
    assert await live.learn_due() == 1
    clock.move(23 * 3600)
    await live.outlook(FACILITY, clock.now())
    assert await live.learn_due() == 0
    clock.move(3600)
    await live.outlook(FACILITY, clock.now())
    assert await live.learn_due() == 1


async def test_a_history_that_cannot_be_learnt_from_stops_nobody(database, monkeypatch):
    await history(database, 8)
    live = Expectations(database, FrozenClock(NOW))
    before = as_told(await live.outlook(FACILITY, NOW))

    def broken(_):
        raise FloatingPointError("singular")

    monkeypatch.setattr("vibelux.realtime.expect.learn", broken)
    assert await live.learn_due() == 0
    assert as_told(await live.outlook(FACILITY, NOW)) == before


async def test_a_node_that_nobody_asks_for_is_forgotten(database):
    clock = FrozenClock(NOW)
    live = Expectations(database, clock)
    first = await live.outlook(FACILITY, NOW)
    clock.move(2 * DAY.total_seconds())
    assert await live.learn_due() == 0
    assert await live.outlook(FACILITY, NOW) is not first


async def test_the_day_ahead_market_has_an_outlook_of_its_own_and_others_have_none(database):
    await history(database, 12)
    live = Expectations(database, FrozenClock(NOW))
    found = kinds(await live.outlook_of(Subject("CAISO", NODE, AHEAD), NOW))
    assert set(found) == {Kind.DAY_AHEAD, Kind.FORECAST}
    with pytest.raises(UsageError, match="CAISO has no outlook of 'hasp-15min'; there are real-time-5min and"):
        await live.outlook_of(Subject("CAISO", NODE, "hasp-15min"), NOW)


async def test_callers_cannot_fill_the_memory_with_nodes_but_facilities_are_held(database):
    live = Expectations(database, FrozenClock(NOW), events=Events())
    for number in range(64):
        await live.outlook_of(Subject("CAISO", f"N{number}", MARKET), NOW)
    beyond = Subject("CAISO", NODE, MARKET)
    assert await live.outlook_of(beyond, NOW) is not await live.outlook_of(beyond, NOW)
    assert await live.outlook(FACILITY, NOW) is await live.outlook(FACILITY, NOW)


async def load_forecasts(db, days: int) -> None:
    """California's day-ahead forecasts of load, sun and wind, each day's out the noon before."""
    parts = {("load-forecast", "CA ISO-TAC", "SYS_FCST_DA_MW"): 30_000.0}
    parts |= {("solar-forecast", hub, "RENEW_FCST_DA_MW"): 3_000.0 for hub in ("NP15", "SP15", "ZP26")}
    parts |= {("wind-forecast", hub, "RENEW_FCST_DA_MW"): 1_000.0 for hub in ("NP15", "SP15")}
    for day in range(-days, 1):
        issued = MIDNIGHT + (day - 1) * DAY + timedelta(hours=12)
        rows = [
            dict.fromkeys(SERIES.names) | {
                "provider": "caiso", "variable": variable, "location": location, "category": category, "unit": "MW",
                "value": value * (1 + 0.1 * (day % 3)), "valid_start": MIDNIGHT + day * DAY + timedelta(hours=hour),
                "valid_end": MIDNIGHT + day * DAY + timedelta(hours=hour + 1), "issued_at": issued, "data_source": "t",
            }
            for (variable, location, category), value in parts.items() for hour in range(24)
        ]  # fmt: skip
        frame = pl.DataFrame(rows, schema=SERIES.schema())
        await write_payload(db, receipt("caiso/load-forecast", issued), Parsed({SERIES.name: frame}))


async def test_forecast_net_load_joins_in_where_the_store_has_it(database):
    await history(database, 8)
    live = Expectations(database, FrozenClock(NOW))
    assert "load" not in (await live.outlook(FACILITY, NOW)).rows()[-1]["source"]
    await load_forecasts(database, 8)
    with_load = await Expectations(database, FrozenClock(NOW)).outlook(FACILITY, NOW)
    assert "the forecast load" in with_load.rows()[-1]["source"]
    assert await live.learn_due() == 1


async def given_and_come(db, clock, live, hours: int) -> list[Outlook]:
    """An outlook each hour, each asked for twice, and the prices as they come."""
    given = []
    for _ in range(hours):
        now = clock.now()
        given.append(await live.outlook(FACILITY, now))
        await live.outlook(FACILITY, now + timedelta(minutes=10))
        clock.move(3600)
        start = now.replace(minute=5)
        await put(db, start, 12, known_at=clock.now())
    await live.outlook(FACILITY, clock.now())
    return given


async def test_scores_of_parts_add_up_to_the_score_of_the_whole(database):
    await history(database, 9)
    clock, registry = FrozenClock(NOW), CollectorRegistry()
    live = Expectations(database, clock, metrics=ForecastMetrics(registry))
    given = await given_and_come(database, clock, live, 3)
    steps = await live.score_due()
    assert await live.score_due() == 0
    given += await given_and_come(database, clock, live, 3)
    steps += await live.score_due()
    until = clock.now().replace(minute=5)
    errors, within = [], 0
    for outlook in given:
        for row in outlook.rows():
            start, end = (datetime.fromisoformat(row[name]) for name in ("start", "end"))
            if row["p50"] is not None and end <= until:
                came = np.mean(wave([start + at * FIVE for at in range((end - start) // FIVE)]))
                errors.append(abs(row["p50"] - came))
                within += row["p10"] <= came <= row["p90"]
    days = date(2026, 7, 14), date(2026, 7, 14)
    sums = await score_sums(database, first=days[0], last=days[1], pricing_node=NODE)
    assert set(sums) == {("CAISO", "0-2 h"), ("CAISO", "2-12 h")}
    assert sum(one.steps for one in sums.values()) == steps == len(errors)
    assert sum(one.abs_error for one in sums.values()) == pytest.approx(sum(errors), abs=1e-6 * steps)
    assert sum(one.within for one in sums.values()) == pytest.approx(within, abs=2)
    near, far, both = await live.scores("CAISO", NODE, MARKET, *days)
    assert (near["lead"], far["lead"], both["lead"]) == ("0-2 h", "2-12 h", "all")
    assert near["steps"] + far["steps"] == both["steps"] == steps
    assert both["mae"] == pytest.approx(sum(errors) / steps * 1000, rel=1e-3)
    assert both["better_mae"] == pytest.approx(1 - both["mae"] / min(both["mae_yesterday"], both["mae_last_week"]))
    assert await live.scores("CAISO", "ELSEWHERE", MARKET, *days) == []
    assert await live.scores("CAISO", NODE, MARKET, date(2026, 7, 15), date(2026, 7, 15)) == []
    shown = {"region": "California", "lead": "2-12 h"}
    assert registry.get_sample_value("vibelux_forecast_mae_usd_per_mwh", shown) == pytest.approx(far["mae"])
    assert registry.get_sample_value("vibelux_forecast_coverage_ratio", shown) == pytest.approx(far["coverage"])
    naive = registry.get_sample_value("vibelux_forecast_naive_mae_usd_per_mwh", shown | {"naive": "last week"})
    assert naive == pytest.approx(far["mae_last_week"])


async def test_a_restart_loses_no_score_and_counts_none_twice(database):
    await history(database, 9)
    clock = FrozenClock(NOW)
    one = Expectations(database, clock)
    given = await given_and_come(database, clock, one, 2)
    steps = await one.score_due()
    other = Expectations(database, clock)
    given += await given_and_come(database, clock, other, 2)
    assert 0 < steps < (steps := steps + await other.score_due())
    assert await Expectations(database, clock).score_due() == 0
    until = clock.now().replace(minute=5)
    told = [row for outlook in given for row in outlook.rows() if row["p50"] is not None]
    assert steps == sum(datetime.fromisoformat(row["end"]) <= until for row in told)
    sums = await score_sums(database, first=date(2026, 7, 14), last=date(2026, 7, 14))
    assert sum(lead.steps for lead in sums.values()) == steps


async def test_scores_that_the_store_did_not_take_are_kept_for_the_next_time(database, monkeypatch):
    await history(database, 9)
    clock = FrozenClock(NOW)
    live = Expectations(database, clock)
    await given_and_come(database, clock, live, 1)

    async def away(*_):
        raise StoreUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(forecast_scores, "add_scores", away)
        with pytest.raises(StoreUnavailable):
            await live.score_due()
    steps = await live.score_due()
    sums = await score_sums(database, first=date(2026, 7, 14), last=date(2026, 7, 14))
    assert sum(one.steps for one in sums.values()) == steps > 0
