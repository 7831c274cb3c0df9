"""The server's view of the real store: `ports.Store` over an open database."""

import base64
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from vibelux.market.errors import UsageError
from vibelux.market.intervals import iso_z
from vibelux.market.records import ELECTRICITY_PRICE, KINDS, Field, Type
from vibelux.serve.ports import Row
from vibelux.store import decisions, facilities, keys, reader
from vibelux.store.database import Database
from vibelux.store.keys import Principal

if TYPE_CHECKING:
    import polars as pl

_DAY = timedelta(days=1)
_CURSOR_TYPES: dict[Type, type] = {Type.TEXT: str, Type.TIME: datetime, Type.DATE: date, Type.INTEGER: int}


class StoredStore:
    """Everything that the server reads; it writes nothing but the last use of a key."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ping(self) -> None:
        """Raises StoreUnavailable when the database does not answer."""
        await self._db.ping()

    async def principal_with_key(self, key: str, now: datetime) -> Principal | None:
        """The owner of a key; None when it is unknown, revoked or expired."""
        return await keys.verify(self._db, key, now)

    async def principal_with_id(self, key_id: str, now: datetime) -> Principal | None:
        """The same by the key's id."""
        return await keys.principal_of(self._db, key_id, now)

    async def facilities(self) -> list[Row]:
        """The objects of all facilities, by id."""
        return [{**row["body"], "id": row["id"]} for row in await facilities.all_facilities(self._db)]

    async def latest_price(self, iso_region: str, node: str | None, market: str, at: datetime) -> Row | None:
        """The newest price that had begun at `at`, of a node or of one of the region's hubs."""
        if node is None:
            return await reader.newest_price_of_region(self._db, iso_region, market, at=at)
        return await reader.latest_price(self._db, iso_region, node, market, at=at)

    async def records(
        self,
        kind: str,
        *,
        start: datetime,
        end: datetime,
        filters: Mapping[str, str],
        as_of: datetime | None,
        limit: int,
        after: str | None,
    ) -> "tuple[pl.DataFrame, str | None]":
        """Records by time and key, at most `limit`, and the cursor of the rest.

        Raises:
            UsageError: a cursor that was not given out.
        """
        first: date | datetime = start
        last: date | datetime = end
        if _is_daily(kind):
            first, last = start.date(), (end - timedelta(microseconds=1)).date() + _DAY
        place = None if after is None else _opened(kind, after)
        if kind == ELECTRICITY_PRICE.name and "pricing_node" in filters:
            frame = await self._prices_of_node(start, end, filters, as_of, limit + 1, place)
        else:
            frame = await reader.records(
                self._db, kind, start=first, end=last, filters=filters, as_of=as_of, limit=limit + 1, after=place
            )
        page = frame.head(limit)
        return page, _sealed(kind, page) if frame.height > limit else None

    async def _prices_of_node(
        self,
        start: datetime,
        end: datetime,
        filters: Mapping[str, str],
        as_of: datetime | None,
        limit: int,
        after: tuple[Any, ...] | None,
    ) -> "pl.DataFrame":
        """One node of thousands: the reader has a way for it that does not touch the others."""
        import polars as pl

        rows = await reader.prices(
            self._db,
            iso_region=filters["iso_region"],
            market=filters.get("market"),
            pricing_node=filters["pricing_node"],
            start=start,
            end=end,
            as_of=as_of,
            limit=limit,
            after=after,
        )
        kept = {"id": pl.String(), "origin": pl.String(), "known_at": pl.Datetime("us", "UTC")}
        schema = ELECTRICITY_PRICE.schema() | kept | {"payload_sha256": pl.String()}
        return pl.DataFrame({name: [row[name] for row in rows] for name in schema}, schema=schema)

    async def feed_status(self) -> list[Row]:
        """For each feed its newest receipt, position and last error."""
        return await reader.feed_status(self._db)

    async def last_seq(self, facility_id: str) -> int:
        """The newest number of the facility's outbox."""
        return await decisions.last_seq(self._db, facility_id)

    async def messages_since(self, facility_id: str, seq: int, limit: int) -> list[Row] | None:
        """Messages after `seq`, in order; None when they cannot be given without a hole."""
        return await decisions.messages_since(self._db, facility_id, seq, limit)

    async def answer_at(self, facility_id: str, at: datetime | None) -> Row | None:
        """What was known and decided at a moment."""
        row = await decisions.latest_decision(self._db, facility_id, at)
        return None if row is None else _answer(row)

    async def answers(self, facility_id: str, start: datetime, end: datetime, limit: int) -> list[Row]:
        """The answers of a stretch of time, oldest first; read day by day, so that a long one costs what it gives."""
        found: list[Row] = []
        while start < end and len(found) < limit:
            stretch_end = min(end, start + _DAY)
            found += [_answer(row) for row in await decisions.decisions(self._db, facility_id, start, stretch_end)]
            start = stretch_end
        return found[:limit]


def _answer(row: Mapping[str, Any]) -> Row:
    """A kept decision as the answer of `/api/chp/decision`: its conditions hold the answer's other members."""
    return {"decision": row["decision"], **row["conditions"], "timestamp": iso_z(row["decided_at"])}


def _is_daily(kind: str) -> bool:
    moment = reader.order_of(kind)[0]
    return any(field.name == moment and field.type is Type.DATE for field in KINDS[kind].fields)


def _sealed(kind: str, page: "pl.DataFrame") -> str:
    """The place of a page's last record in the order of its kind, as a text that clients hand back."""
    place = page.select(reader.order_of(kind)).row(-1)
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _opened(kind: str, cursor: str) -> tuple[Any, ...]:
    fields = {field.name: field for field in KINDS[kind].fields}
    order = [fields[name] for name in reader.order_of(kind)]
    refused = UsageError("`after` is not a cursor that was given out; take `next` as it is")
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        values = msgspec.json.decode(text, type=list[Any])
        place = tuple(_typed(field, value) for field, value in zip(order, values, strict=True))
    except (msgspec.MsgspecError, ValueError) as error:
        raise refused from error
    if b"\\u0000" in text:  # no text that PostgreSQL could hold
        raise refused
    return place


def _typed(field: Field, value: object) -> Any:
    return None if value is None and field.nullable else msgspec.convert(value, _CURSOR_TYPES[field.type])
