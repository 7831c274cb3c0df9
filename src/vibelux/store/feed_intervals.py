"""Which intervals a feed has brought and when each was first known: what its completeness and lateness rest on."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg

from vibelux.market.records import OPERATIONS
from vibelux.store.journal import Receipt
from vibelux.store.tables import TABLES, Table

if TYPE_CHECKING:
    import polars as pl

REGULAR = frozenset({"electricity-price", "ancillary-price", "series", "gas-price", "carbon-price"})
"""Kinds that come for each interval; a binding constraint or an event comes when there is one."""

_NOTE = """
    INSERT INTO feed_intervals AS held (feed, kind, market, interval_start, interval_end, known_at)
    SELECT %s, %s, market, start, until, %s
    FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[]) AS came (market, start, until)
    ON CONFLICT (feed, kind, market, interval_start) DO UPDATE SET known_at = excluded.known_at
        WHERE excluded.known_at < held.known_at
"""


async def note_intervals(
    connection: psycopg.AsyncConnection, receipt: Receipt, frames: "Mapping[str, pl.DataFrame]"
) -> None:
    """Notes the intervals of a payload's records, each with the earliest moment at which it was known.

    What a site reports of itself is no feed's: it comes when it likes.
    """
    if OPERATIONS.name in frames:
        return
    for kind in sorted(REGULAR & frames.keys()):
        came = _intervals(TABLES[kind], frames[kind])
        columns = [column.to_list() for column in came.get_columns()]
        await connection.execute(_NOTE, (receipt.feed, kind, receipt.received_at, *columns))


def _intervals(table: Table, frame: "pl.DataFrame") -> "pl.DataFrame":
    """Market, start and end of each, once."""
    import polars as pl

    start, until = pl.col(table.time), pl.col(table.until)
    if frame.schema[table.time] == pl.Date:
        start = start.cast(pl.Datetime("us", "UTC"))
        until = start + timedelta(days=1)
    market = pl.col("market") if "market" in frame.columns else pl.lit("")
    found = frame.select(market.alias("market"), start.alias("start"), until.alias("until"))
    return found.unique(subset=["market", "start"], keep="first", maintain_order=True)
