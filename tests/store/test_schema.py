"""The schema: the brief's tables, migrations, months; the same on a PostgreSQL that is not ours."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from store.samples import NOON, at, parsed, price, receipt
from vibelux.market.errors import StoreUnavailable
from vibelux.store import reader
from vibelux.store.database import Database
from vibelux.store.migrate import Migration, migrate, migrations
from vibelux.store.partitions import ensure_months
from vibelux.store.writer import write_payload

BRIEF = {
    "market_data_feeds": "id provider data_type region raw_data processed_data timestamp data_quality latency_ms"
    " created_at",
    "real_time_electricity_prices": "id region iso_region pricing_node price_per_kwh price_type currency"
    " congestion_component loss_component energy_component market_interval_start market_interval_end data_source"
    " confidence_level created_at",
    "real_time_gas_prices": "id hub_name region price_per_mmbtu basis_differential currency trading_date delivery_date"
    " contract_type data_source created_at",
    "real_time_carbon_prices": "id market_name region price_per_metric_ton currency vintage_year market_type"
    " trading_date data_source created_at",
}
INDEXES = {
    "idx_market_data_feeds_provider_type_timestamp": "(provider, data_type, \"timestamp\")",
    "idx_real_time_electricity_prices_region_timestamp": "(region, market_interval_start)",
    "idx_real_time_gas_prices_hub_date": "(hub_name, trading_date)",
    "idx_real_time_carbon_prices_market_date": "(market_name, trading_date)",
}  # fmt: skip
AS_IN_THE_BRIEF = [
    f"INSERT INTO {table} RETURNING {check}"
    for table, check in {
        "market_data_feeds (provider, data_type, region, raw_data, timestamp)"
        " VALUES ('CAISO', 'real-time-pricing', 'California', '{}', now())": "data_quality = 'good'",
        "real_time_electricity_prices (region, iso_region, price_per_kwh, price_type, market_interval_start,"
        " market_interval_end, data_source) VALUES ('California', 'CAISO', 0.031, 'LMP', now(), now(), 'hand')":
        "currency = 'USD'",
        "real_time_gas_prices (hub_name, region, price_per_mmbtu, trading_date, data_source)"
        " VALUES ('Henry Hub', 'US', 3.1, '2026-07-14', 'hand')": "currency = 'USD'",
        "real_time_carbon_prices (market_name, region, price_per_metric_ton, trading_date, data_source)"
        " VALUES ('RGGI', 'US', 20.1, '2026-07-14', 'hand')": "currency = 'USD'",
    }.items()
]  # fmt: skip


async def looks_as_promised(db: Database) -> None:
    """The tables of the brief are there with all columns and indexes, and take rows as it writes them."""
    async with db.connection() as connection:
        for table, columns in BRIEF.items():
            cursor = await connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s", (table,)
            )
            assert set(columns.split()) <= {name for (name,) in await cursor.fetchall()}, table
        cursor = await connection.execute("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
        found = dict(await cursor.fetchall())
        for index, columns in INDEXES.items():
            assert found[index].endswith(columns)
        for statement in AS_IN_THE_BRIEF:
            assert await (await connection.execute(statement)).fetchone() == (True,)


async def writes_and_reads_as_of(db: Database) -> None:
    await write_payload(db, receipt(at(6)), parsed(price(0.05)))
    await write_payload(db, receipt(at(11)), parsed(price(0.06)))
    for moment, expected in ((at(6), 0.05), (at(11), 0.06), (None, 0.06)):
        row = await reader.latest_price(db, "CAISO", "TH_NP15_GEN-APND", "real-time-5min", at=NOON, as_of=moment)
        assert row is not None
        assert row["price_per_kwh"] == expected
        assert row["market_interval_start"] == NOON


async def test_the_tables_of_the_brief_stand(database: Database) -> None:
    await looks_as_promised(database)


def external_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    return next((path for path in found if int(path.parent.name) >= 15), None)


@pytest.fixture
def external_server(tmp_path: Path) -> Iterator[str]:
    """A PostgreSQL that did not come with us: the one that is named, or the machine's own, started for the test."""
    if named := os.environ.get("VIBELUX_TEST_DATABASE_URL"):
        yield named
        return
    binaries = external_binaries()
    if binaries is None:
        pytest.skip("no other PostgreSQL: set VIBELUX_TEST_DATABASE_URL, or install postgresql 15 or newer")
    prefix: list[str] = []
    # A folder in the system's temporary one: pytest's is closed to other accounts.
    folder = Path(tempfile.mkdtemp())
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("PostgreSQL does not run as root and setpriv is not there")
        shutil.chown(folder, "nobody")
        prefix = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]

    def run(program: str, *words: str) -> None:
        command = [*prefix, str(binaries / program), "-D", str(folder / "pg"), *words]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)

    options = f"-k {folder} -c listen_addresses= -c fsync=off -c timezone=Asia/Tokyo"
    run("initdb", "-U", "tester", "-A", "trust", "-N", "-E", "UTF8")
    run("pg_ctl", "-w", "-o", options, "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql://tester@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(folder)


async def test_an_external_server_holds_the_same_schema_rows_and_past(external_server: str) -> None:
    name = f"vibelux_test_{os.getpid()}"
    async with plain(external_server) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
    try:
        db = await Database.open(make_conninfo(external_server, dbname=name))
        await looks_as_promised(db)
        await writes_and_reads_as_of(db)
        await db.close()
    finally:
        async with plain(external_server) as connection:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.asynccontextmanager
async def plain(url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        yield connection


async def test_migrating_again_does_nothing(database_url: str) -> None:
    async with plain(database_url) as connection:
        assert await migrate(connection) == 0
        rows = await (await connection.execute("SELECT version, sha256 FROM schema_migrations")).fetchall()
    assert dict(rows) == {step.version: step.sha256 for step in migrations()}


async def test_many_processes_that_open_at_once_migrate_once(database_url: str) -> None:
    async with plain(database_url) as connection:
        await connection.execute("DROP SCHEMA public CASCADE")
        await connection.execute("CREATE SCHEMA public")
    opened = await asyncio.gather(*(Database.open(database_url, pool_size=1) for _ in range(5)))
    await asyncio.gather(*(db.close() for db in opened))


async def test_a_database_of_the_first_steps_is_upgraded_with_its_rows(database_url: str) -> None:
    feeds, *prices = AS_IN_THE_BRIEF
    async with plain(database_url) as connection:
        await connection.execute("DROP SCHEMA public CASCADE")
        await connection.execute("CREATE SCHEMA public")
        assert await migrate(connection, migrations()[:1]) == 1
        await connection.execute(feeds)
        assert await migrate(connection, migrations()[:3]) == 2
        for statement in prices:
            await connection.execute(statement)
        kept = [await (await connection.execute(f"SELECT id, created_at FROM {table}")).fetchall() for table in BRIEF]
    db = await Database.open(database_url, pool_size=1)
    async with db.connection() as connection:
        found = [await (await connection.execute(f"SELECT id, created_at FROM {table}")).fetchall() for table in BRIEF]
    assert found == kept
    assert [len(rows) for rows in found] == [1, 1, 1, 1]
    assert (await write_payload(db, receipt(), parsed(price(0.05)))).new == 1
    await db.close()


async def test_a_migration_that_fails_leaves_nothing_of_itself(database_url: str) -> None:
    steps = [*migrations(), Migration(9001, "bad", b"CREATE TABLE half (id int); SELECT 1 / 0;")]
    async with plain(database_url) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            await migrate(connection, steps)
        assert await (await connection.execute("SELECT to_regclass('half')")).fetchone() == (None,)
        assert await migrate(connection, [*migrations(), Migration(9001, "mended", b"CREATE TABLE half (id int)")]) == 1


async def test_a_changed_migration_is_refused(database_url: str) -> None:
    first, *others = migrations()
    async with plain(database_url) as connection:
        with pytest.raises(StoreUnavailable, match=r"0001 .* was changed"):
            await migrate(connection, [replace(first, sql=first.sql + b"-- "), *others])


async def test_a_database_of_a_newer_version_is_refused(database_url: str) -> None:
    async with plain(database_url) as connection:
        await connection.execute("INSERT INTO schema_migrations VALUES (9999, 'future', '')")
    with pytest.raises(StoreUnavailable, match="newer version"):
        await Database.open(database_url)


async def test_a_server_that_is_not_there_is_said_to_be_away(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="not available"):
        await Database.open(f"postgresql://vibelux@/vibelux?host={tmp_path}")


async def months(db: Database) -> dict[str, int]:
    async with db.connection() as connection:
        cursor = await connection.execute(
            "SELECT tableoid::regclass::text, count(*) FROM real_time_electricity_prices GROUP BY 1"
        )
        return dict(await cursor.fetchall())


async def test_rows_lie_in_the_month_of_their_start(database: Database) -> None:
    last = datetime(2026, 7, 31, 23, 55, tzinfo=UTC)
    starts = (last, datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 12, 31, 23, tzinfo=UTC))
    rows = parsed(*(price(0.05, start) for start in starts))
    await write_payload(database, receipt(), rows)
    prefix = "real_time_electricity_prices_y2026m"
    assert await months(database) == {f"{prefix}07": 1, f"{prefix}08": 1, f"{prefix}12": 1}
    assert date(2026, 8, 1) in database.known_months


async def test_a_row_that_came_before_its_month_is_moved_into_it(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(AS_IN_THE_BRIEF[1].replace("now()", "'2026-07-14T19:00Z'"))
    assert await months(database) == {"real_time_electricity_prices_other": 1}
    await ensure_months(database, [NOON])
    assert await months(database) == {"real_time_electricity_prices_y2026m07": 1}


async def test_many_that_need_a_month_at_once_get_it(database_url: str) -> None:
    opened = await asyncio.gather(*(Database.open(database_url, pool_size=1) for _ in range(6)))
    await asyncio.gather(
        *(write_payload(db, receipt(at(n)), parsed(price(0.05, node=f"N{n}"))) for n, db in enumerate(opened))
    )
    assert await months(opened[0]) == {"real_time_electricity_prices_y2026m07": 6}
    await asyncio.gather(*(db.close() for db in opened))
