"""Prices and forecasts as arrays: the same numbers as the rows, and the same past."""

from datetime import timedelta

from store.samples import FIVE, NOON, anything, at, parsed, price, receipt
from vibelux.store.database import Database
from vibelux.store.points import Series, forecast_points, price_points
from vibelux.store.writer import write_payload

HUB, OWN, AHEAD = "TH_NP15_GEN-APND", "real-time-5min", "day-ahead-hourly"
NOON_MINUTE = int(NOON.timestamp()) // 60
SINCE = {OWN: NOON, AHEAD: NOON}
LATER = NOON + timedelta(days=1)


async def some(database: Database) -> None:
    """Half an hour of two nodes, known as each interval ends; noon's price corrected at 12:30; a day-ahead hour."""
    for step in range(6):
        start = NOON + step * FIVE
        rows = parsed(price(0.01 * step, start), price(0.5, start, node="A_NODE"))
        await write_payload(database, receipt(start + FIVE), rows)
    hour = price(0.04, market=AHEAD, market_interval_end=NOON + timedelta(hours=1))
    await write_payload(database, receipt(at(-600)), parsed(hour))
    await write_payload(database, receipt(at(30)), parsed(price(0.99)))


async def test_points_are_the_prices_of_the_node_in_order_of_time(database: Database) -> None:
    await some(database)
    found = await price_points(database, "CAISO", HUB, SINCE, until=LATER, as_of=LATER)
    assert found[OWN].minutes.tolist() == [NOON_MINUTE + 5 * step for step in range(6)]
    assert found[OWN].values.tolist() == [0.99, 0.01, 0.02, 0.03, 0.04, 0.05]
    assert found[OWN].known_at == at(30)
    assert (found[AHEAD].values.tolist(), found[AHEAD].known_at) == ([0.04], at(-600))


async def test_points_of_a_past_moment_lack_what_became_known_later(database: Database) -> None:
    await some(database)
    found = await price_points(database, "CAISO", HUB, SINCE, until=LATER, as_of=at(12))
    assert found[OWN].values.tolist() == [0.0, 0.01]
    assert found[OWN].known_at == at(10)


async def test_each_market_is_read_from_its_own_moment(database: Database) -> None:
    await some(database)
    since = {OWN: at(20), AHEAD: at(1)}
    found = await price_points(database, "CAISO", HUB, since, until=at(25), as_of=LATER)
    assert found[OWN].values.tolist() == [0.04]
    assert found[AHEAD].values.tolist() == []


async def test_of_two_types_under_one_name_the_first_counts(database: Database) -> None:
    rows = [price(value, node="LZ_X", node_type=kind) for kind, value in (("LZEW", 0.7), ("LZ", 0.3))]
    await write_payload(database, receipt(), parsed(*rows))
    found = await price_points(database, "CAISO", "LZ_X", {OWN: NOON}, until=LATER, as_of=LATER)
    assert found[OWN].values.tolist() == [0.3]


async def issue(database: Database, hours_before: int, value: float, **other) -> None:
    issued = NOON - timedelta(hours=hours_before)
    row = anything(
        "series", provider="ercot", variable="wind-forecast", location="ERCOT", category="STWPF", value=value,
        valid_start=NOON, valid_end=NOON + timedelta(hours=1), issued_at=issued,
    )  # fmt: skip
    await write_payload(database, receipt(issued), parsed(row | other, kind="series"))


async def test_of_a_forecast_the_newest_issue_of_its_time_counts(database: Database) -> None:
    await issue(database, 60, 100.0)
    await issue(database, 50, 200.0)
    await issue(database, 2, 300.0)
    await issue(database, 50, 9.0, category="COP_HSL")
    wanted = [Series("ercot", "wind-forecast", "ERCOT", "STWPF"), Series("ercot", "load-forecast", "ERCOT")]
    old = [(NOON, NOON + timedelta(hours=2), timedelta(hours=49)), (LATER, LATER, LATER)]
    wind, load = await forecast_points(database, wanted, old, as_of=LATER)
    assert (wind.minutes.tolist(), wind.values.tolist()) == ([NOON_MINUTE], [200.0])
    assert load.values.tolist() == []
    hour = (NOON, NOON + timedelta(hours=1), LATER)
    (newest,) = await forecast_points(database, wanted[:1], [hour], as_of=LATER)
    assert newest.values.tolist() == [300.0]
    (known,) = await forecast_points(database, wanted[:1], [hour], as_of=NOON - timedelta(hours=55))
    assert known.values.tolist() == [100.0]
