"""How good the data of each feed were on each day: what came of it, how late, and what was wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.rows import dict_row

from vibelux.store.database import Readable


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDay:
    """One feed on one market day, and what is to be counted of it."""

    feed: str
    provider: str
    data_type: str
    kind: str
    market: str
    """Empty where records have none, or all count."""
    day: date
    start: datetime
    """Intervals that start in [start, until) are counted: those of the day that are due."""
    until: datetime
    step: timedelta | None
    """Several that start within one step count once; None: each counts."""
    ends: datetime | None
    """When the day's records count as over, where they have no end of their own."""
    day_start: datetime
    """Payloads that came in [day_start, day_end), and prices of those intervals that are doubted, are counted too."""
    day_end: datetime


_TYPES = {"day": "date", "step": "interval"} | dict.fromkeys(
    ("start", "until", "ends", "day_start", "day_end"), "timestamptz"
)
_NAMES = tuple(field.name for field in fields(FeedDay))
_DAYS = ", ".join(f"%({name})s::{_TYPES.get(name, 'text')}[]" for name in _NAMES)
# Payloads are found by rows of three columns, which one index alone can compare: by the equal two and the third, the
# planner may take that of the times and read the payloads of all feeds for each of them.
_COUNT = f"""
    SELECT asked.feed, asked.day, stored.*, came.*, aside.*, doubted.*, first_of_feed.first_came
    FROM unnest({_DAYS}) WITH ORDINALITY AS asked ({", ".join(_NAMES)}, place)
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT COALESCE(date_bin(asked.step, interval_start, asked.start), interval_start)) AS stored,
            min(interval_start) AS earliest, min(interval_end - interval_start) AS shortest,
            percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (
                ORDER BY extract(epoch FROM known_at - COALESCE(asked.ends, interval_end))::float8) AS lateness
        FROM feed_intervals one
        WHERE one.feed = asked.feed AND one.kind = asked.kind AND (asked.market = '' OR one.market = asked.market)
            AND interval_start >= asked.start AND interval_start < asked.until) stored
    CROSS JOIN LATERAL (
        SELECT count(*) AS payloads, count(*) FILTER (WHERE data_quality = 'unreadable') AS failures,
            COALESCE(sum((processed_data ->> 'corrected')::int), 0) AS corrections
        FROM market_data_feeds one
        WHERE (one.provider, one.data_type, timestamp) >= (asked.provider, asked.data_type, asked.day_start)
            AND (one.provider, one.data_type, timestamp) < (asked.provider, asked.data_type, asked.day_end)) came
    LEFT JOIN LATERAL (
        SELECT provider, data_type, timestamp AS first_came FROM market_data_feeds one
        WHERE (one.provider, one.data_type, timestamp) >= (asked.provider, asked.data_type, '-infinity')
        ORDER BY provider, data_type, timestamp LIMIT 1) first_of_feed
        ON first_of_feed.provider = asked.provider AND first_of_feed.data_type = asked.data_type
    CROSS JOIN LATERAL (
        SELECT count(*) AS quarantined, count(*) FILTER (WHERE reason LIKE '%%outside the plausible range%%')
            AS implausible
        FROM (SELECT DISTINCT reason, place, raw FROM quarantined_rows one WHERE one.feed = asked.feed
            AND received_at >= asked.day_start AND received_at < asked.day_end) rows_once) aside
    CROSS JOIN LATERAL (
        SELECT count(*) AS disagreements FROM price_disagreements one WHERE one.feed = asked.feed
            AND interval_start >= asked.day_start AND interval_start < asked.day_end) doubted
    ORDER BY asked.place
"""  # noqa: S608 (our own words)


async def counted(db: Readable, days: Sequence[FeedDay]) -> list[dict[str, Any]]:
    """What the store has of feeds on days, a row each, in their order.

    Keys: `feed`, `day`; `stored` (intervals), `earliest` (when the first of them starts), `shortest` (its length, of
    the shortest; both None where there is none), `lateness` (median and 95th percentile in seconds, None where there is
    none); `payloads`, of them `failures`; `corrections`; `quarantined`, of them `implausible`; `disagreements`;
    `first_came` (the first payload of the feed on any day, None where there is none).

    Raises:
        StoreUnavailable: the database is away.
    """
    arrays = {name: [getattr(one, name) for one in days] for name in _NAMES}
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_COUNT, arrays)
        return await cursor.fetchall()
