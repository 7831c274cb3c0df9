"""Reading: the newest, pages, filters, and the past as it was known."""

from datetime import date, timedelta
from typing import Any

import pytest

from store.samples import FIVE, NOON, anything, at, carbon, gas, parsed, price, receipt
from vibelux.market.errors import UsageError
from vibelux.market.records import Parsed
from vibelux.store import reader
from vibelux.store.database import Database
from vibelux.store.writer import write_payload

HUB = "TH_NP15_GEN-APND"
HOUR = {"start": NOON, "end": NOON + timedelta(hours=1)}


async def day(database: Database) -> None:
    """An hour of two nodes, known five minutes after each interval began; noon's hub price corrected at 12:30."""
    for step in range(12):
        start = NOON + step * FIVE
        rows = parsed(price(0.01 * step, start), price(0.5, start, node="A_NODE"))
        await write_payload(database, receipt(start + FIVE), rows)
    await write_payload(database, receipt(at(30)), parsed(price(0.99)))


async def test_the_newest_price_is_of_the_newest_interval_that_has_begun(database: Database) -> None:
    await day(database)
    row = await reader.latest_price(database, "CAISO", HUB, "real-time-5min", at=at(17))
    assert row is not None
    assert (row["market_interval_start"], row["price_per_kwh"]) == (at(15), 0.03)
    assert row["payload_sha256"] == receipt(at(20)).sha256
    assert (row["origin"], row["known_at"]) == ("synthetic", at(20))


async def test_the_newest_price_known_at_a_moment_is_of_an_earlier_interval(database: Database) -> None:
    await day(database)
    row = await reader.latest_price(database, "CAISO", HUB, "real-time-5min", at=at(17), as_of=at(17))
    assert row is not None
    assert row["market_interval_start"] == at(10)


@pytest.mark.parametrize(
    ("grid", "node", "market"),
    [
        ("CAISO", "NOWHERE", "real-time-5min"),
        ("CAISO", HUB, "day-ahead-hourly"),
        ("PJM", HUB, "real-time-5min"),
    ],
)
async def test_what_is_not_there_is_none(database: Database, grid: str, node: str, market: str) -> None:
    await day(database)
    assert await reader.latest_price(database, grid, node, market, at=at(60)) is None


async def test_a_price_of_long_ago_is_still_the_newest(database: Database) -> None:
    await write_payload(database, receipt(), parsed(price(0.05)))
    row = await reader.latest_price(database, "CAISO", HUB, "real-time-5min", at=NOON + timedelta(days=400))
    assert row is not None


async def test_a_region_is_spoken_for_by_its_hub(database: Database) -> None:
    await day(database)
    row = await reader.newest_price_of_region(database, "CAISO", "real-time-5min", at=at(17))
    assert row is not None
    assert (row["pricing_node"], row["market_interval_start"]) == (HUB, at(15))
    await write_payload(database, receipt(), parsed(price(0.3, NOON + 3 * FIVE + timedelta(minutes=1), node="ONLY")))
    row = await reader.newest_price_of_region(database, "CAISO", "real-time-5min", at=at(17))
    assert row is not None
    assert row["pricing_node"] == "ONLY", "a newer interval goes before a hub"


async def test_history_of_a_node_and_of_all(database: Database) -> None:
    await day(database)
    one = await reader.prices(database, iso_region="CAISO", pricing_node=HUB, **HOUR)
    assert [row["price_per_kwh"] for row in one] == [0.99] + [0.01 * step for step in range(1, 12)]
    everything = await reader.prices(database, iso_region="CAISO", market="real-time-5min", **HOUR)
    assert len(everything) == 24
    assert [row for row in everything if row["pricing_node"] == HUB] == one


async def test_history_as_it_was_known(database: Database) -> None:
    await day(database)
    for node in (HUB, None):
        rows = await reader.prices(database, iso_region="CAISO", pricing_node=node, as_of=at(29), **HOUR)
        hub = [row["price_per_kwh"] for row in rows if row["pricing_node"] == HUB]
        assert hub == [0.01 * step for step in range(5)]


@pytest.mark.parametrize("node", [HUB, None])
async def test_pages_give_every_row_once(database: Database, node: str | None) -> None:
    await day(database)
    types = [price(0.1, NOON + FIVE, node=HUB, node_type=kind) for kind in ("LZ", "LZEW")]
    await write_payload(database, receipt(at(40)), parsed(*types))
    whole = await reader.prices(database, iso_region="CAISO", pricing_node=node, **HOUR)
    pages: list[dict[str, Any]] = []
    after = None
    while page := await reader.prices(database, iso_region="CAISO", pricing_node=node, limit=5, after=after, **HOUR):
        pages += page
        after = [page[-1][name] for name in reader.order_of("electricity-price")]
    assert pages == whole
    assert len(whole) == (14 if node else 26)


async def test_pages_of_other_kinds_give_every_row_once(database: Database) -> None:
    rows = [
        anything("series", location=place, category=what, issued_at=issued)
        for place in ("A", "B")
        for what in (None, "Solar", "Wind")
        for issued in (None, NOON, at(60))
    ]
    await write_payload(database, receipt(), parsed(*rows, kind="series"))
    seen = []
    after = None
    while (page := await reader.records(database, "series", **HOUR, limit=4, after=after)).height:
        keys = page.select(reader.order_of("series")).rows()
        seen += keys
        after = keys[-1]
    assert len(seen) == len(set(seen)) == 18


async def test_filters_take_values_lists_and_missing(database: Database) -> None:
    rows = [anything("series", location=place, category=what) for place in ("A", "B") for what in (None, "Solar")]
    await write_payload(database, receipt(), parsed(*rows, kind="series"))

    async def found(**filters: object) -> int:
        return (await reader.records(database, "series", **HOUR, filters=filters)).height

    assert await found() == 4
    assert await found(location="A") == 2
    assert await found(location=["A", "B"], category=None) == 2
    assert await found(location="'; DROP TABLE series_values; --") == 0
    assert await found() == 4


@pytest.mark.parametrize(
    ("kind", "filters"),
    [("weather", {}), ("series", {"payload": "x"}), ("series", {"location": "a\0b"}), ("series", {"value": "high"})],
)
async def test_a_question_that_makes_no_sense_is_refused(
    database: Database, kind: str, filters: dict[str, str]
) -> None:
    with pytest.raises(UsageError):
        await reader.records(database, kind, **HOUR, filters=filters)


async def test_gas_is_the_newest_spot_and_a_future_only_for_want_of_it(database: Database) -> None:
    future = gas(4.0, contract_type="futures", contract="NGQ26", delivery_date=date(2026, 8, 1))
    await write_payload(database, receipt(), parsed(future, kind="gas-price"))
    row = await reader.latest_gas(database, "PG&E Citygate", at=NOON)
    assert row is not None
    assert row["contract"] == "NGQ26"
    rows = [gas(3.0, NOON - timedelta(days=3)), gas(3.1, NOON - timedelta(days=1)), gas(9.9, NOON + timedelta(days=1))]
    await write_payload(database, receipt(at(1)), parsed(*rows, kind="gas-price"))
    for moment in (NOON, NOON.date()):
        row = await reader.latest_gas(database, "PG&E Citygate", at=moment)
        assert row is not None
        assert row["price_per_mmbtu"] == 3.1
    assert await reader.latest_gas(database, "Henry Hub", at=NOON) is None


async def test_carbon_is_the_newest_auction_of_the_vintage_in_use(database: Database) -> None:
    rows = [carbon(25.0, NOON - timedelta(days=90)), carbon(29.27), carbon(28.0, vintage_year=2029)]
    await write_payload(database, receipt(), parsed(*rows, kind="carbon-price"))
    row = await reader.latest_carbon(database, "California Cap-and-Trade", at=NOON)
    assert row is not None
    assert row["price_per_metric_ton"] == 29.27
    before = await reader.latest_carbon(database, "California Cap-and-Trade", at=NOON, as_of=at(-1))
    assert before is None


async def test_an_empty_database_answers_with_nothing(database: Database) -> None:
    assert await reader.prices(database, iso_region="CAISO", **HOUR) == []
    assert (await reader.records(database, "dr-event", **HOUR)).height == 0
    assert await reader.feed_status(database) == []
    assert await reader.newest_price_of_region(database, "CAISO", "real-time-5min", at=NOON) is None


async def test_json_fields_come_back_as_they_went(database: Database) -> None:
    signals = [{"type": "price", "intervals": [{"starts_at": "2026-07-14T20:00:00Z", "value": -0.5}]}]
    event = anything("dr-event", targets=["salinas-1"], signals=signals)
    await write_payload(database, receipt(), Parsed(frames=parsed(event, kind="dr-event").frames))
    (row,) = (await reader.records(database, "dr-event", **HOUR)).iter_rows(named=True)
    assert (row["targets"], row["signals"]) == (["salinas-1"], signals)
