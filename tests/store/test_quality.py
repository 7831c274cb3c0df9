"""How the days of feeds are counted: values are looked at in tests/ingest/test_quality.py."""

from datetime import timedelta

from store.samples import NOON
from vibelux.store.database import Database
from vibelux.store.quality import FeedDay, counted

PAYLOADS = """
    INSERT INTO market_data_feeds (timestamp, provider, data_type, region, raw_data, data_quality)
    SELECT %s - n * interval '1 minute', 'caiso', 'load', 'California', '{}', 'good' FROM generate_series(1, 2000) n
"""


async def test_of_another_feeds_payloads_none_is_read(database: Database) -> None:
    start, end = NOON - timedelta(days=1), NOON
    day = FeedDay(
        feed="pjm/load", provider="pjm", data_type="load", kind="series", market="", day=start.date(), step=None,
        ends=None, start=start, until=end, day_start=start, day_end=end,
    )  # fmt: skip
    async with database.connection() as connection:
        await connection.execute(PAYLOADS, (NOON,))
    async with database.connection() as connection:
        await connection.execute("ANALYZE market_data_feeds")
    async with database.at_once() as reads, reads.connection() as connection:
        (row,) = await counted(reads, [day])
        cursor = await connection.execute(
            "SELECT seq_tup_read + pg_stat_get_xact_tuples_returned('idx_market_data_feeds_timestamp'::regclass)"
            " + pg_stat_get_xact_tuples_returned('idx_market_data_feeds_provider_type_timestamp'::regclass)"
            " FROM pg_stat_xact_user_tables WHERE relname = 'market_data_feeds'"
        )
        read = await cursor.fetchone()
    assert (row["payloads"], row["first_came"]) == (0, None)
    assert read is not None
    assert read[0] <= 1
