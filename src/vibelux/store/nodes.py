"""The pricing nodes that have been seen: kept beside the prices at no price, and searched by name."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from vibelux.market.nodes import CATALOGUE, Node, alike, holding
from vibelux.store.database import Database, Readable

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]
Key = tuple[str, str, str | None]
"""Grid, node, upstream's type of it."""
Digest = tuple[int, int, date, date]
_KEY = ("iso_region", "pricing_node", "node_type")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a transaction notes; to be remembered once it is committed."""

    days: dict[Key, tuple[date, date]] = field(default_factory=dict)
    """First and last day on which each node has a price."""
    digest: Digest | None = None
    """Of the nodes and days of the whole frame."""

    def remember(self, db: Database) -> None:
        """From now on this process does not note the same again."""
        db.known_nodes.update(self.days)
        if self.digest is not None:
            db.known_node_sets.add(self.digest)


async def note_nodes(connection: psycopg.AsyncConnection, db: Database, prices: "pl.DataFrame") -> Seen:
    """Notes the nodes of a frame of prices that this process has not noted for that day.

    A feed asks for the same nodes again and again: then that is one sum over the frame, and no statement at all.
    """
    import polars as pl

    begun = prices["market_interval_start"]
    days = begun.min(), begun.max()
    assert isinstance(days[0], datetime)  # noqa: S101 (for mypy: a frame of prices is not empty here)
    assert isinstance(days[1], datetime)  # noqa: S101
    digest = (prices.height, int(prices.select(_KEY).hash_rows().sum()), days[0].date(), days[1].date())
    if digest in db.known_node_sets:
        return Seen()
    day = pl.col("market_interval_start").dt.date()
    nodes = prices.group_by(_KEY).agg(day.min().alias("first"), day.max().alias("last"))
    fresh: dict[Key, tuple[date, date]] = {}
    for grid, node, kind, first, last in nodes.iter_rows():
        known_first, known_last = db.known_nodes.get((grid, node, kind), (date.max, date.min))
        if node is not None and (first < known_first or last > known_last):
            fresh[grid, node, kind] = (min(first, known_first), max(last, known_last))
    if fresh:
        # In one order, so that two writers cannot wait for each other.
        rows = sorted(((*key, *days) for key, days in fresh.items()), key=lambda row: (row[0], row[1], row[2] or ""))
        await connection.execute(
            "INSERT INTO pricing_nodes AS held (iso_region, pricing_node, node_type, first_seen, last_seen)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::date[], %s::date[])"
            " ON CONFLICT ON CONSTRAINT pricing_nodes_key DO UPDATE SET"
            " first_seen = LEAST(held.first_seen, excluded.first_seen),"
            " last_seen = GREATEST(held.last_seen, excluded.last_seen)",
            [list(column) for column in zip(*rows, strict=True)],
        )
    return Seen(fresh, digest)


async def find_nodes(db: Database, q: str, iso_region: str | None = None, limit: int = 20) -> list[Row]:
    """Nodes whose name (or, of those in the catalogue, place) holds the text, else those that look like it.

    Args:
        db: where from.
        q: any part of a name, any case; empty for all.
        iso_region: of one grid only.
        limit: at most so many.

    Returns:
        Rows with `iso_region`, `pricing_node`, `node_type`, `place`, `latitude`, `longitude`, `first_seen`,
        `last_seen` (days; null where no price has been seen) and `match`: `holds` or `alike`.

    Raises:
        StoreUnavailable: the database is away.
    """
    return searched(q, await _seen(db, q, iso_region, limit), iso_region, limit)


def searched(q: str, seen: list[Row], iso_region: str | None, limit: int) -> list[Row]:
    """The answer of `find_nodes` from the catalogue and the nodes seen that hold the text."""
    known = {(node.iso_region, node.pricing_node): node for node in CATALOGUE}
    rows = {
        (row["iso_region"], row["pricing_node"], row["node_type"]): _row(
            known.get((row["iso_region"], row["pricing_node"])), row
        )
        for row in seen
    }
    have = {key[:2] for key in rows}
    listed = [_row(node, {}) for node in holding(q, iso_region) if (node.iso_region, node.pricing_node) not in have]
    found = [*rows.values(), *listed]
    if found:
        wanted = q.casefold()
        found.sort(key=lambda row: (row["place"] is None, not row["pricing_node"].casefold().startswith(wanted)))
        return found[:limit]
    names = [node.pricing_node for node in CATALOGUE if iso_region in {None, node.iso_region}]
    near = alike(q, names, limit)
    nodes = [node for name in near for node in CATALOGUE if node.pricing_node == name]
    return [_row(node, {"match": "alike"}) for node in nodes if iso_region in {None, node.iso_region}][:limit]


async def is_seen(db: Database, iso_region: str, pricing_node: str) -> bool:
    """Whether a price of that node has ever been stored.

    Raises:
        StoreUnavailable: the database is away.
    """
    async with db.connection() as connection:
        cursor = await connection.execute(
            "SELECT 1 FROM pricing_nodes WHERE iso_region = %s AND pricing_node = %s LIMIT 1",
            (iso_region, pricing_node),
        )
        return await cursor.fetchone() is not None


async def seen_among(db: Readable, places: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Of some places, each a grid and a node, those of which a price has ever been stored.

    Raises:
        StoreUnavailable: the database is away.
    """
    grids, names = [place[0] for place in places], [place[1] for place in places]
    async with db.connection() as connection:
        cursor = await connection.execute(
            "SELECT DISTINCT iso_region, pricing_node FROM pricing_nodes"
            " JOIN unnest(%s::text[], %s::text[]) AS asked (iso_region, pricing_node) USING (iso_region, pricing_node)",
            (grids, names),
        )
        return set(await cursor.fetchall())


async def _seen(db: Database, q: str, iso_region: str | None, limit: int) -> list[Row]:
    part = q.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    async with db.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT iso_region, pricing_node, node_type, first_seen, last_seen FROM pricing_nodes"
            " WHERE pricing_node ILIKE %(part)s AND (%(grid)s::text IS NULL OR iso_region = %(grid)s)"
            " ORDER BY pricing_node NOT ILIKE %(start)s, pricing_node, iso_region, node_type NULLS FIRST"
            " LIMIT %(limit)s",
            {"part": f"%{part}%", "start": f"{part}%", "grid": iso_region, "limit": limit},
        )
        return await cursor.fetchall()


def _row(node: Node | None, row: Row) -> Row:
    return {
        "iso_region": row["iso_region"] if node is None else node.iso_region,
        "pricing_node": row["pricing_node"] if node is None else node.pricing_node,
        "node_type": row.get("node_type") or (node.node_type if node else None),
        "place": node.place if node else None,
        "latitude": node.latitude if node else None,
        "longitude": node.longitude if node else None,
        "first_seen": row.get("first_seen"),
        "last_seen": row.get("last_seen"),
        "match": row.get("match", "holds"),
    }
