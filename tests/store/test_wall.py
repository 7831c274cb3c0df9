"""The second wall: what a request in a key's name cannot see, whatever its statement asks for."""

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from psycopg import sql

from conftest import Server
from store.samples import NOON, anything, parsed, receipt
from vibelux.market.dr_events import Event
from vibelux.market.errors import StoreUnavailable
from vibelux.store import decisions, dr_events, facilities
from vibelux.store.alerts import Told, tell
from vibelux.store.database import Database, Readable
from vibelux.store.writer import write_payload

A, B = "salinas-1", "delta-2"
_numbers = count(1)


async def fill(db: Database) -> None:
    """Something of two facilities in every table of facilities."""
    for one in (A, B):
        await facilities.put_facility(db, one, {"id": one, "name": f"secret of {one}"}, "rest")
        await decisions.save_decision(db, one, NOON, {"of": one}, {}, [], schedule={"of": one})
        alert = Told(
            facility_id=one, kind="stale-data", subject="x", text="x", about={}, at=NOON, lasts=True, message={}
        )
        await tell(db, [alert], [(one, {"of": one})])
        async with db.connection() as connection:
            await connection.execute(
                "INSERT INTO audit_log (at, caller_id, caller, origin, action, target, facility_id, outcome)"
                " VALUES (%s, '', '', '', '', '', %s, '')",
                (NOON, one),
            )
            await connection.execute("INSERT INTO unit_switches VALUES (%s, 'engine-1', %s, true)", (one, NOON))
    series = [anything("series", provider="site", location=one, variable="grid-frequency") for one in (A, B)]
    market = anything("series", provider="caiso", location="CAISO")
    await write_payload(db, receipt(), parsed(*series, market, kind="series"))


@pytest.fixture
async def forced(database_server: Server) -> AsyncIterator[Database]:
    """A database of an ordinary user, who may make no roles: as at a host of PostgreSQL."""
    name = f"plain_{next(_numbers)}"
    ident = sql.Identifier(name)
    async with await database_server.admin() as connection:
        await connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(ident))
        await connection.execute(sql.SQL("CREATE DATABASE {0} OWNER {0}").format(ident))
    url = psycopg.conninfo.make_conninfo(database_server.url_of(name), user=name)
    db = await Database.open(url, pool_size=2)
    yield db
    await db.close()
    async with await database_server.admin() as connection:
        await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(ident))
        await connection.execute(sql.SQL("DROP ROLE {}").format(ident))


@pytest.fixture(params=["role", "forced"])
async def db(request: pytest.FixtureRequest, database: Database, forced: Database) -> Database:
    found = database if request.param == "role" else forced
    assert (found.tenant_role is None) == (request.param == "forced")
    await fill(found)
    return found


async def rows(db: Readable, statement: str, *values: Any) -> list[Any]:
    async with db.connection() as connection:
        return await (await connection.execute(statement, values or None)).fetchall()


TABLES = {
    "facilities": "id",
    "chp_decisions": "facility_id",
    "outbox": "facility_id",
    "facility_sequences": "facility_id",
    "chp_schedules": "facility_id",
    "alerts": "facility_id",
    "alert_posts": "facility_id",
    "audit_log": "facility_id",
    "unit_switches": "facility_id",
}


@pytest.mark.parametrize("table", TABLES)
async def test_a_statement_that_forgets_its_where_sees_own_rows_only(db: Database, table: str) -> None:
    column = TABLES[table]
    for own in (A, B):
        assert await rows(db.limited_to([own]), f"SELECT {column} FROM {table}") == [(own,)]
    assert await rows(db.limited_to([]), f"SELECT {column} FROM {table}") == []
    assert len(await rows(db.limited_to([A, B]), f"SELECT {column} FROM {table}")) == 2
    assert len(await rows(db, f"SELECT {column} FROM {table}")) == 2, "the desk sees all"


async def test_what_a_site_measures_is_its_own_and_what_a_market_tells_is_everybodys(db: Database) -> None:
    found = await rows(db.limited_to([A]), "SELECT location FROM series_values ORDER BY location")
    assert found == [("CAISO",), (A,)]


async def test_an_event_that_names_facilities_is_for_these_and_any_other_for_everybody(db: Database) -> None:
    targets = {
        "a": [A],
        "b": [B],
        "both": [A, B],
        "all": [],
        "region": ["California"],
        "mixed": [B, "a programme's name"],
    }
    for event_id, names in targets.items():
        event = Event(program="CBP", event_id=event_id, starts_at=NOON, ends_at=None, targets=tuple(names))
        for status in ("scheduled", "cancelled"):  # the second one leaves a revision
            told = replace(event, status=status)
            await dr_events.write_events(db, [told], now=NOON, feed="manual/events", url="")
    for table in ("dr_events", "dr_events_revisions"):
        found = await rows(db.limited_to([A]), f"SELECT event_id FROM {table}")
        assert {event_id for (event_id,) in found} == {"a", "both", "all", "region", "mixed"}
        assert len(await rows(db, f"SELECT event_id FROM {table}")) == len(targets)


async def test_a_write_reaches_no_row_of_another(db: Database) -> None:
    own = db.limited_to([A])
    assert not await facilities.remove_facility(own, B)
    assert not await facilities.replace_facility(own, B, {"id": B})
    assert await facilities.replace_facility(own, A, {"id": A})
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await facilities.add_facility(own, "third", {"id": "third"}, "rest")
    assert [row["id"] for row in await facilities.all_facilities(db)] == [B, A]


async def test_the_limit_ends_with_its_transaction(db: Database) -> None:
    for _ in range(6):  # through every connection of the pool
        assert await rows(db.limited_to([A]), "SELECT id FROM facilities") == [(A,)]
        assert len(await rows(db, "SELECT id FROM facilities")) == 2


async def test_a_facility_whose_name_would_end_a_list_is_only_itself(db: Database) -> None:
    for name in (f'{A}","{B}', f"{A},{B}", "{}", '"', "NULL", ""):
        assert await rows(db.limited_to([name]), "SELECT id FROM facilities") == []


async def test_keys_and_secrets_are_out_of_a_tenants_reach(database: Database) -> None:
    for table in ("api_keys", "service_secrets", "idempotent_replies", "dr_owners"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await rows(database.limited_to([A]), f"SELECT * FROM {table}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await rows(database.limited_to([A]), "DELETE FROM audit_log")


async def test_every_table_of_facilities_has_the_policy(db: Database) -> None:
    """A table that a later migration adds is behind the wall from the next start on."""
    async with db.connection() as connection:
        await connection.execute("CREATE TABLE later (facility_id TEXT, secret TEXT)")
        await connection.execute("INSERT INTO later VALUES (%s, 'of a'), (%s, 'of b')", (A, B))
    again = await Database.open(db.url, pool_size=1)
    try:
        assert await rows(again.limited_to([A]), "SELECT secret FROM later") == [("of a",)]
    finally:
        await again.close()
    open_tables = await rows(
        db,
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'facility_id'"
        " WHERE c.relkind IN ('r', 'p') AND NOT c.relrowsecurity",
    )
    assert open_tables == []


async def test_an_index_is_used_behind_the_wall(db: Database) -> None:
    async with db.limited_to([A]).connection() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = await connection.execute(
            "EXPLAIN SELECT 1 FROM chp_decisions WHERE facility_id = %s AND decided_at >= %s", (A, NOON)
        )
        assert "Index Cond" in str(await plan.fetchall())


async def test_who_does_not_own_the_tables_is_told(database_server: Server, forced: Database) -> None:
    name = f"stranger_{next(_numbers)}"
    async with await database_server.admin() as connection:
        await connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
    try:
        with pytest.raises(StoreUnavailable):
            await Database.open(psycopg.conninfo.make_conninfo(forced.url, user=name))
    finally:
        async with await database_server.admin() as connection:
            await connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
