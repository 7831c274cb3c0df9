"""Nodes are noted as their prices come, at hardly a statement, and found again by name."""

from datetime import date, timedelta

from store.samples import NOON, at, parsed, price, receipt
from vibelux.store.database import Database
from vibelux.store.nodes import find_nodes, is_seen
from vibelux.store.writer import write_payload

DAY = timedelta(days=1)


async def rows(db: Database) -> list[tuple]:
    async with db.connection() as connection:
        cursor = await connection.execute(
            "SELECT iso_region, pricing_node, node_type, first_seen, last_seen FROM pricing_nodes ORDER BY 2, 3"
        )
        return await cursor.fetchall()


async def test_a_node_is_noted_once_with_its_first_and_last_day(database: Database) -> None:
    for days in (0, 2, -3, 1):
        start = NOON + days * DAY
        await write_payload(database, receipt(start), parsed(price(0.05, start), price(0.04, start, node="A_1_N001")))
    first, last = date(2026, 7, 11), date(2026, 7, 16)
    assert await rows(database) == [
        ("CAISO", "A_1_N001", None, first, last),
        ("CAISO", "TH_NP15_GEN-APND", None, first, last),
    ]


async def test_two_types_under_one_name_are_two_nodes(database: Database) -> None:
    both = [price(0.05, node="LZ_WEST", iso_region="ERCOT", node_type=kind) for kind in ("LZ", "LZEW")]
    await write_payload(database, receipt(), parsed(*both))
    assert [row[:3] for row in await rows(database)] == [("ERCOT", "LZ_WEST", "LZ"), ("ERCOT", "LZ_WEST", "LZEW")]


async def test_what_this_process_has_noted_is_not_written_again_that_day(database: Database) -> None:
    await write_payload(database, receipt(), parsed(price(0.05)))
    async with database.connection() as connection:
        await connection.execute("DELETE FROM pricing_nodes")
    await write_payload(database, receipt(at(5)), parsed(price(0.06, at(5))))
    assert await rows(database) == []
    await write_payload(database, receipt(NOON + DAY), parsed(price(0.07, NOON + DAY)))
    assert len(await rows(database)) == 1


async def test_another_process_keeps_what_is_held(database: Database, database_url: str) -> None:
    await write_payload(database, receipt(), parsed(price(0.05)))
    other = await Database.open(database_url, pool_size=1)
    await write_payload(other, receipt(NOON - DAY), parsed(price(0.05, NOON - DAY)))
    await other.close()
    assert [row[3:] for row in await rows(database)] == [(date(2026, 7, 13), date(2026, 7, 14))]


async def test_a_part_of_a_name_finds_nodes_seen_and_the_catalogue(database: Database) -> None:
    await write_payload(database, receipt(), parsed(price(0.05), price(0.05, node="MY_NP15%_NODE")))
    found = await find_nodes(database, "np15", "CAISO")
    assert [row["pricing_node"] for row in found] == ["TH_NP15_GEN-APND", "MY_NP15%_NODE"]
    hub, node = found
    assert (hub["place"], hub["last_seen"], hub["match"]) == ("north of Path 15", date(2026, 7, 14), "holds")
    assert (node["place"], node["latitude"], node["first_seen"]) == (None, None, date(2026, 7, 14))
    assert [row["pricing_node"] for row in await find_nodes(database, "15%")] == ["MY_NP15%_NODE"], "% is a letter here"
    assert await find_nodes(database, "np15", "NYISO") == []


async def test_a_name_that_nothing_holds_finds_what_looks_like_it(database: Database) -> None:
    (row,) = await find_nodes(database, "TH_NP51_GEN-APND", "CAISO", limit=1)
    assert (row["pricing_node"], row["match"], row["last_seen"]) == ("TH_NP15_GEN-APND", "alike", None)


async def test_a_node_is_seen_only_in_its_own_grid(database: Database) -> None:
    await write_payload(database, receipt(), parsed(price(0.05)))
    assert await is_seen(database, "CAISO", "TH_NP15_GEN-APND")
    assert not await is_seen(database, "PJM", "TH_NP15_GEN-APND")
