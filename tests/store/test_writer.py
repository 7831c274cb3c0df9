"""Payloads into tables: new, unchanged, corrected, late, concurrent; whole or not at all."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import psycopg
import pytest

from store.samples import FIVE, NOON, anything, at, carbon, frame, gas, parsed, price, receipt
from vibelux.market.errors import Corrupt, Unreachable
from vibelux.market.records import KINDS, Parsed, Quarantined
from vibelux.store import reader, writer
from vibelux.store.database import Database
from vibelux.store.journal import Receipt
from vibelux.store.writer import Written, write_failure, write_payload

NODE = "TH_NP15_GEN-APND"


def counts(written: Written) -> tuple[int, int, int]:
    return written.new, written.corrected, written.unchanged


async def scalar(db: Database, statement: str) -> Any:
    async with db.connection() as connection:
        row = await (await connection.execute(statement)).fetchone()
    assert row is not None
    return row[0]


async def known(db: Database, *moments: float | None) -> list[float | None]:
    """The price of noon as known so many minutes after it; None: now."""
    found = []
    for minutes in moments:
        row = await reader.latest_price(
            db, "CAISO", NODE, "real-time-5min", at=NOON, as_of=None if minutes is None else at(minutes)
        )
        found.append(row and row["price_per_kwh"])
    return found


async def test_the_same_interval_twice_is_one_row(database: Database) -> None:
    first = await write_payload(database, receipt(), parsed(price(0.03404259), price(0.1, node="B")))
    again = await write_payload(database, receipt(at(5)), parsed(price(0.03404259), price(0.1, node="B")))
    assert counts(first) == (2, 0, 0)
    assert first.changed == {("electricity-price", NODE), ("electricity-price", "B")}
    assert counts(again) == (0, 0, 2)
    assert again.changed == frozenset()
    assert again.newest == {"electricity-price": NOON + FIVE}
    assert await scalar(database, "SELECT count(*) FROM real_time_electricity_prices") == 2


async def test_a_changed_value_is_a_correction_and_the_old_one_is_kept(database: Database) -> None:
    await write_payload(database, receipt(at(6)), parsed(price(0.05), price(0.1, node="B")))
    written = await write_payload(database, receipt(at(11)), parsed(price(-0.02), price(0.1, node="B")))
    assert counts(written) == (0, 1, 1)
    assert written.changed == {("electricity-price", NODE)}
    assert await known(database, 5, 6, 10, 11, None) == [None, 0.05, 0.05, -0.02, -0.02]
    assert await scalar(database, "SELECT superseded_at FROM real_time_electricity_prices_revisions") == at(11)


async def test_a_value_that_comes_back_is_two_corrections(database: Database) -> None:
    for minutes, value in ((6, 0.05), (11, 0.06), (16, 0.05)):
        await write_payload(database, receipt(at(minutes)), parsed(price(value)))
    assert await known(database, 6, 11, 16) == [0.05, 0.06, 0.05]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("congestion_component", 0.01),
        ("loss_component", 0.0),
        ("energy_component", None),
        ("confidence_level", 80.0),
        ("price_type", "nodal"),
    ],
)
async def test_every_value_counts_also_between_null_and_zero(database: Database, field: str, value: object) -> None:
    await write_payload(database, receipt(at(6)), parsed(price(0.05)))
    assert counts(await write_payload(database, receipt(at(7)), parsed(price(0.05, **{field: value})))) == (0, 1, 0)
    row = await reader.latest_price(database, "CAISO", NODE, "real-time-5min", at=NOON)
    assert row is not None
    assert row[field] == value


async def test_a_payload_from_the_past_does_not_overwrite_what_is_newer(database: Database) -> None:
    await write_payload(database, receipt(at(20)), parsed(price(0.05)))
    late = await write_payload(database, receipt(at(10)), parsed(price(0.04)))
    assert counts(late) == (0, 1, 0)
    assert late.changed == frozenset(), "what holds now has not changed"
    assert await known(database, 9, 10, 19, 20, None) == [None, 0.04, 0.04, 0.05, 0.05]


async def test_late_payloads_in_any_order_give_the_same_history(database: Database) -> None:
    values = {6: 0.01, 11: 0.02, 16: 0.02, 21: 0.04}
    for minutes in (21, 6, 16, 11):
        await write_payload(database, receipt(at(minutes)), parsed(price(values[minutes])))
    assert await known(database, 5, 6, 10, 11, 15, 16, 20, 21) == [None, 0.01, 0.01, 0.02, 0.02, 0.02, 0.02, 0.04]


async def test_a_late_payload_twice_is_kept_once(database: Database) -> None:
    await write_payload(database, receipt(at(20)), parsed(price(0.05)))
    await write_payload(database, receipt(at(10)), parsed(price(0.04)))
    assert counts(await write_payload(database, receipt(at(10)), parsed(price(0.04)))) == (0, 0, 1)
    assert await scalar(database, "SELECT count(*) FROM real_time_electricity_prices_revisions") == 1


async def test_a_late_payload_does_not_overwrite_what_was_confirmed_since(database: Database) -> None:
    await write_payload(database, receipt(at(10)), parsed(price(0.05), price(0.1, node="B")))
    again = await write_payload(database, receipt(at(30)), parsed(price(0.05)))
    assert counts(again) == (0, 0, 1)
    late = await write_payload(database, receipt(at(20)), parsed(price(0.04), price(0.2, node="B")))
    assert counts(late) == (0, 2, 0)
    assert late.changed == {("electricity-price", "B")}, "B was not confirmed, so what came later holds"
    assert await known(database, 9, 10, 19, 20, 29, 30, None) == [None, 0.05, 0.05, 0.04, 0.04, 0.05, 0.05]


async def test_a_confirmation_of_another_interval_or_market_is_none(database: Database) -> None:
    other, later = price(0.05, market="advisory-15min"), price(0.05, start=NOON + FIVE)
    await write_payload(database, receipt(at(10)), parsed(price(0.05), other, later))
    await write_payload(database, receipt(at(30)), parsed(other, later))
    await write_payload(database, receipt(at(20)), parsed(price(0.04)))
    assert await known(database, 10, 20, 30, None) == [0.05, 0.04, 0.04, 0.04]


@pytest.mark.parametrize("seed", range(12))
async def test_in_whatever_order_payloads_come_each_moment_knows_what_was_received_by_then(
    database: Database, seed: int
) -> None:
    chance = random.Random(seed)
    said = {minutes: chance.choice([0.01, 0.02, 0.03]) for minutes in range(10, 80, 10)}
    order = list(said)
    chance.shuffle(order)
    for minutes in order:
        await write_payload(database, receipt(at(minutes)), parsed(price(said[minutes])))
    assert await known(database, *said, None) == [*said.values(), said[70]], f"{said} in the order {order}"
    assert await known(database, 9, 19, 79) == [None, said[10], said[70]]


@pytest.mark.parametrize("kind", KINDS)
async def test_rows_of_every_kind_are_confirmed(database: Database, kind: str) -> None:
    (changing, value) = next(
        (name, value)
        for name, value in {"confidence_level": 7.75, "value": 7.75, "storage_kwh": 7.75, "status": "other"}.items()
        | {field.name: 7.75 for field in KINDS[kind].fields if field.name.startswith(("price_per", "shadow"))}.items()
        if name in KINDS[kind].values
    )
    cells = {"text": "some", "time": NOON, "date": NOON.date(), "integer": 2026}
    full = {field.name: cells[field.type] for field in KINDS[kind].fields if field.key and field.nullable}
    row = anything(kind, **full)
    for minutes, said in ((10, row), (30, row), (20, row | {changing: value})):
        await write_payload(database, receipt(at(minutes)), parsed(said, kind=kind))
    span = {"start": NOON - timedelta(days=1), "end": NOON + timedelta(days=1)}
    found = [await reader.records(database, kind, **span, as_of=at(minutes)) for minutes in (10, 20, 30)]
    assert [frame[changing].to_list() for frame in found] == [[row[changing]], [value], [row[changing]]]


async def test_nothing_is_noted_of_payloads_that_are_all_new(database: Database) -> None:
    await write_payload(database, receipt(at(10)), parsed(price(0.05), price(0.1, node="B")))
    assert await scalar(database, "SELECT count(*) FROM confirmations") == 0
    await write_payload(database, receipt(at(15)), parsed(price(0.05), price(0.1, node="B")))
    assert await scalar(database, "SELECT count(*) FROM confirmations") == 1
    assert await scalar(database, "SELECT cardinality(things) FROM confirmations") == 2


async def test_new_and_known_intervals_in_one_payload_are_told_apart(database: Database) -> None:
    await write_payload(database, receipt(at(6)), parsed(price(0.05), price(0.06, node="B")))
    mixed = parsed(price(0.05), price(0.07, node="B"), price(0.01, NOON + FIVE), price(0.02, node="C"))
    assert counts(await write_payload(database, receipt(at(11)), mixed)) == (2, 1, 1)


async def test_two_types_under_one_name_are_two_prices(database: Database) -> None:
    rows = [price(0.05, node="LZ_WEST", node_type=kind) for kind in ("LZ", "LZEW", None)]
    assert counts(await write_payload(database, receipt(), parsed(*rows))) == (3, 0, 0)
    assert counts(await write_payload(database, receipt(at(5)), parsed(*rows))) == (0, 0, 3)


async def test_rows_put_there_by_hand_are_compared_too(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO real_time_electricity_prices (region, iso_region, pricing_node, price_per_kwh, price_type,"
            " market_interval_start, market_interval_end, data_source, known_at)"
            " VALUES ('California', 'CAISO', %s, 0.01, 'LMP', %s, %s, 'hand', %s)",
            (NODE, NOON, NOON + FIVE, at(0)),
        )
    written = await write_payload(database, receipt(at(6)), parsed(price(0.05), price(0.1, node="B")))
    assert counts(written) == (1, 1, 0)
    assert await known(database, 0, 6) == [0.01, 0.05]


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "electricity-price"])
async def test_every_kind_is_written_compared_and_corrected(database: Database, kind: str) -> None:
    names = KINDS[kind].names
    changing = KINDS[kind].values[-1] if kind in {"constraint", "dr-event", "operations"} else next(
        name for name in ("value", "price_per_mmbtu", "price_per_metric_ton", "price_per_mw_hour", "price_per_mw_day")
        if name in names
    )  # fmt: skip
    changed = {"interval_end": NOON + 3 * FIVE, "signals": [{"level": 2}]}.get(changing, 7.75)
    other = {KINDS[kind].key[0]: "other"}
    rows = [anything(kind), anything(kind, **other)]
    assert counts(await write_payload(database, receipt(at(1)), parsed(*rows, kind=kind))) == (2, 0, 0)
    assert counts(await write_payload(database, receipt(at(2)), parsed(*rows, kind=kind))) == (0, 0, 2)
    corrected = [anything(kind, **{changing: changed}), anything(kind, **other)]
    assert counts(await write_payload(database, receipt(at(3)), parsed(*corrected, kind=kind))) == (0, 1, 1)
    assert counts(await write_payload(database, receipt(at(0)), parsed(*rows, kind=kind))) == (0, 1, 1)
    for as_of, expected in ((at(2), rows[0][changing]), (at(3), changed), (None, changed)):
        span = {"start": NOON - timedelta(days=1), "end": NOON + timedelta(days=1)}
        found = await reader.records(database, kind, **span, as_of=as_of)
        assert found.height == 2
        assert [row[changing] for row in found.iter_rows(named=True) if row[KINDS[kind].key[0]] != "other"] == [
            expected
        ]


async def test_prices_of_several_kinds_and_months_are_written_together(database: Database) -> None:
    frames = parsed(price(0.05), price(0.06, NOON + timedelta(days=31))).frames
    frames |= parsed(gas(3.2), kind="gas-price").frames | parsed(carbon(29.27), kind="carbon-price").frames
    written = await write_payload(database, receipt(at(6)), Parsed(frames=frames))
    assert counts(written) == (4, 0, 0)
    assert written.newest["gas-price"] == datetime(2026, 7, 14, tzinfo=UTC)


async def test_text_may_come_as_categories(database: Database) -> None:
    rows = frame("electricity-price", price(0.05), price(0.06, node="B")).with_columns(
        pl.col("pricing_node", "market").cast(pl.Categorical)
    )
    assert counts(await write_payload(database, receipt(), Parsed(frames={"electricity-price": rows}))) == (2, 0, 0)


async def test_a_row_that_fits_no_column_is_set_aside_and_the_others_are_written(database: Database) -> None:
    rows = parsed(
        price(0.05), price(1e9, node="B"), price(0.05, node="C", currency=None), price(float("nan"), node="D")
    )
    written = await write_payload(database, receipt(), rows)
    assert (written.new, written.quarantined) == (1, 3)
    assert await scalar(database, "SELECT array_agg(reason ORDER BY reason) FROM quarantined_rows") == [
        "currency is missing",
        "price_per_kwh is missing",
        "price_per_kwh is too large",
    ]


async def test_versions_that_upstream_calls_replaced_are_kept_but_never_current(database: Database) -> None:
    both = parsed(price(0.05), superseded={"electricity-price": frame("electricity-price", price(0.04))})
    for minutes in (6, 11):
        await write_payload(database, receipt(at(minutes)), both)
    assert await scalar(database, "SELECT count(*) FROM real_time_electricity_prices_revisions") == 1
    assert await known(database, 6, None) == [0.05, 0.05]


async def test_a_payload_leaves_its_receipt_its_quarantined_rows_and_the_position(database: Database) -> None:
    aside = [Quarantined("the value is not a number", "NODE_7", "a\0b")]
    arrived = receipt(at(6), etag='"v1"', raw_json={"rows": [float("nan"), "a\0b"]})
    await write_payload(database, arrived, parsed(price(0.05), quarantined=aside), latency_ms=1200, position=at(5))
    await write_payload(database, receipt(at(2), etag='"v0"'), parsed(price(0.05)), position=at(1))
    async with database.connection() as connection:
        cursor = await connection.execute(
            "SELECT provider, data_type, region, raw_data, processed_data, timestamp, data_quality, latency_ms"
            " FROM market_data_feeds ORDER BY timestamp DESC LIMIT 1"
        )
        row = await cursor.fetchone()
    assert row is not None
    assert row[:4] == ("caiso", "real-time-pricing", "California", {"rows": [None, "ab"]})
    assert row[4] == {
        "new": 1,
        "corrected": 0,
        "unchanged": 0,
        "quarantined": 1,
        "newest": {"electricity-price": "2026-07-14T19:05:00Z"},
    }
    assert row[5:] == (at(6), "good", 1200)
    assert await scalar(database, "SELECT raw FROM quarantined_rows") == "ab"
    (status,) = await reader.feed_status(database)
    assert (status["position"], status["received_at"], status["etag"]) == (at(5), at(6), '"v1"')
    assert status["payload_sha256"] == arrived.sha256


async def test_a_failure_is_kept_and_the_position_stays(database: Database) -> None:
    await write_payload(database, receipt(at(6)), parsed(price(0.05)), position=at(5))
    await write_failure(database, receipt(at(11), status=200), Corrupt("HTML where a zip was promised"))
    await write_failure(database, receipt(at(16), sha256="", bytes=0, status=0), Unreachable("no route"))
    (status,) = await reader.feed_status(database)
    assert (status["position"], status["received_at"]) == (at(5), at(6))
    assert (status["error"], status["error_at"]) == ("no route", at(16))
    unreadable = "SELECT array_agg(error ORDER BY timestamp) FROM market_data_feeds WHERE data_quality = 'unreadable'"
    assert await scalar(database, unreadable) == ["HTML where a zip was promised", "no route"]


async def test_what_fails_at_the_end_leaves_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(connection: psycopg.AsyncConnection, _receipt: Receipt, _position: datetime | None) -> None:
        await connection.execute("SELECT 1 / 0")

    monkeypatch.setattr(writer, "advance", refuse)
    with pytest.raises(Exception, match="division by zero"):
        await write_payload(database, receipt(), parsed(price(0.05)))
    for table in ("real_time_electricity_prices", "market_intervals", "market_data_feeds", "feed_positions"):
        assert await scalar(database, f"SELECT count(*) FROM {table}") == 0


async def test_many_writers_of_the_same_rows_agree(database: Database) -> None:
    rows = [price(0.05, node=f"N{n}") for n in range(50)]
    payloads = [parsed(*(row | {"price_per_kwh": 0.01 * n} for row in rows)) for n in range(8)]
    results = await asyncio.gather(*(write_payload(database, receipt(at(n)), one) for n, one in enumerate(payloads)))
    assert sum(result.new for result in results) == 50
    assert sum(result.corrected for result in results) == 7 * 50
    assert await scalar(database, "SELECT count(*) FROM real_time_electricity_prices") == 50
    assert await scalar(database, "SELECT DISTINCT price_per_kwh::float8 FROM real_time_electricity_prices") == 0.07
