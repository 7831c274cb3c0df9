"""The server's view of the real store: `ports.Store` over an open database."""

import copy
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from vibelux.market.intervals import iso_z
from vibelux.market.records import ELECTRICITY_PRICE, KINDS, Type
from vibelux.serve.cursors import DECISION_PLACE, LINE_PLACE, opened, record_place, sealed
from vibelux.serve.lately import Lately
from vibelux.serve.ports import Row
from vibelux.store import alerts, audit, decisions, facilities, keys, nodes, reader, replies
from vibelux.store.audit import Deed
from vibelux.store.database import Database, Readable
from vibelux.store.keys import CreatedKey, Principal
from vibelux.store.replies import Claim, Reply

if TYPE_CHECKING:
    import polars as pl

_DAY = timedelta(days=1)


class StoredStore:
    """Everything that the server reads, and the few things that it writes.

    Args:
        db: the database.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(self, db: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._whole = db
        self._db: Readable = db
        """The whole, or what of it is a caller's."""
        self._limits: frozenset[str] = frozenset()
        self._callers = Lately[bytes, Principal](monotonic)
        self._there = Lately[tuple[frozenset[str], str], Row](monotonic)
        """Facilities by what the database was limited to when it showed them."""

    def in_name_of(self, caller: Principal) -> Self:
        """The same store, in which the database itself keeps other facilities out of sight."""
        if not caller.facilities:
            return self
        own = copy.copy(self)
        own._db, own._limits = self._whole.limited_to(caller.facilities), caller.facilities  # noqa: SLF001 (our own)
        return own

    async def ping(self) -> None:
        """Raises StoreUnavailable when the database does not answer."""
        await self._whole.ping()

    async def principal_with_key(self, key: str, now: datetime) -> Principal | None:
        """The owner of a key; None when it is unknown, revoked or expired."""
        caller = await self._callers.find(keys.hash_of(key), lambda: keys.verify(self._whole, key, now))
        has_ended = caller is None or (caller.expires is not None and caller.expires <= now)
        return None if has_ended else caller

    async def principal_with_id(self, key_id: str, now: datetime) -> Principal | None:
        """The same by the key's id."""
        return await keys.principal_of(self._whole, key_id, now)

    async def facilities(self) -> list[Row]:
        """The objects of all facilities, by id."""
        return [_object(row) for row in await facilities.all_facilities(self._db)]

    async def facility(self, facility_id: str) -> Row | None:
        """The object of one facility."""
        row = await facilities.one_facility(self._db, facility_id)
        return None if row is None else _object(row)

    async def has_facility(self, facility_id: str) -> bool:
        """Whether there is such a facility, or was a moment ago."""
        return await self._there.find((self._limits, facility_id), lambda: self.facility(facility_id)) is not None

    async def stands_in_file(self, facility_id: str) -> bool:
        """Whether a configuration file would bring the facility back at the next start."""
        row = await facilities.one_facility(self._db, facility_id)
        return row is not None and row["in_file"]

    async def add_facility(self, facility_id: str, body: Row) -> bool:
        """Adds a facility; False where there is one of that id."""
        return await facilities.add_facility(self._db, facility_id, body, "rest")

    async def replace_facility(self, facility_id: str, body: Row) -> bool:
        """Replaces a facility whole; False if there is none."""
        return await facilities.replace_facility(self._db, facility_id, body)

    async def remove_facility(self, facility_id: str) -> bool:
        """Takes a facility out; False if there was none."""
        was_there = await facilities.remove_facility(self._db, facility_id)
        self._there.forget()
        return was_there

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
        filters: Mapping[str, Any],
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
        place = None if after is None else opened(after, record_place(kind))
        if kind == ELECTRICITY_PRICE.name and "pricing_node" in filters:
            frame = await self._prices_of_node(start, end, filters, as_of, limit + 1, place)
        else:
            frame = await reader.records(
                self._db, kind, start=first, end=last, filters=filters, as_of=as_of, limit=limit + 1, after=place
            )
        page = frame.head(limit)
        if frame.height <= limit:
            return page, None
        return page, sealed(page.select(reader.order_of(kind)).row(-1))

    async def _prices_of_node(
        self,
        start: datetime,
        end: datetime,
        filters: Mapping[str, Any],
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

    async def seen_nodes(self, places: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of which there has ever been a price."""
        return await nodes.seen_among(self._db, places)

    async def feed_status(self) -> list[Row]:
        """For each feed its newest receipt, position and last error."""
        return await reader.feed_status(self._db)

    async def last_seq(self, facility_id: str) -> int:
        """The newest number of the facility's outbox."""
        return await decisions.last_seq(self._db, facility_id)

    async def messages_since(self, facility_id: str, seq: int, limit: int) -> list[Row] | None:
        """Messages after `seq`, in order; None when they cannot be given without a hole."""
        return await decisions.messages_since(self._db, facility_id, seq, limit)

    async def schedule_at(self, facility_id: str, at: datetime) -> Row | None:
        """The plan behind the decision that was in force at a moment."""
        return await decisions.latest_schedule(self._db, facility_id, at)

    async def answer_at(self, facility_id: str, at: datetime | None) -> Row | None:
        """What was known and decided at a moment."""
        row = await decisions.latest_decision(self._db, facility_id, at)
        return None if row is None else _answer(row)

    async def answers(
        self, facility_id: str, start: datetime, end: datetime, limit: int, after: str | None = None
    ) -> tuple[list[Row], str | None]:
        """The answers of a stretch of time, oldest first, at most `limit`, and the cursor of the rest.

        Raises:
            UsageError: a cursor that was not given out.
        """
        place = None if after is None else opened(after, DECISION_PLACE)
        rows = await decisions.decisions(self._db, facility_id, start, end, limit=limit + 1, after=place)
        page = rows[:limit]
        if len(rows) <= limit:
            return [_answer(row) for row in page], None
        return [_answer(row) for row in page], sealed([page[-1][name] for name in ("decided_at", "created_at", "id")])

    async def note_deed(self, deed: Deed) -> None:
        """Writes a line of the audit log."""
        await audit.note_deed(self._whole, deed)

    async def deeds(
        self, start: datetime, end: datetime, facilities: frozenset[str], limit: int, after: str | None
    ) -> tuple[list[Row], str | None]:
        """Lines of the audit log, newest first, at most `limit`, and the cursor of the rest.

        Raises:
            UsageError: a cursor that was not given out.
        """
        before = None if after is None else opened(after, LINE_PLACE)[0]
        rows = await audit.deeds(self._db, start=start, end=end, facilities=facilities, before=before, limit=limit + 1)
        page = rows[:limit]
        return page, sealed([page[-1]["id"]]) if len(rows) > limit else None

    async def alerts(
        self, facilities: frozenset[str], since: datetime, *, only_open: bool, limit: int, after: str | None
    ) -> tuple[list[Row], str | None]:
        """Alerts, newest first, at most `limit`: open ones and those since a moment; and the cursor of the rest.

        Raises:
            UsageError: a cursor that was not given out.
        """
        before = None if after is None else opened(after, LINE_PLACE)[0]
        rows = await alerts.alerts(
            self._db, facilities, since=since, only_open=only_open, before=before, limit=limit + 1
        )
        page = [_alert(row) for row in rows[:limit]]
        return page, sealed([page[-1]["id"]]) if len(rows) > limit else None

    async def open_alerts(self, facilities: frozenset[str]) -> dict[str, int]:
        """How many alerts are open, by facility."""
        return await alerts.open_by_facility(self._db, facilities)

    async def keys(self) -> list[Row]:
        """All keys, without the keys themselves."""
        return await keys.list_keys(self._whole)

    async def create_key(
        self,
        now: datetime,
        name: str,
        scopes: Sequence[str],
        facilities: Sequence[str],
        expires: datetime | None,
        caller: Principal,
        origin: str,
    ) -> CreatedKey:
        """Makes a key."""
        return await keys.create_key(self._whole, now, name, scopes, facilities, expires, by=origin, caller=caller)

    async def revoke_key(self, now: datetime, key_id: str, caller: Principal, origin: str) -> bool:
        """Ends a key."""
        was_good = await keys.revoke_key(self._whole, key_id, now, by=origin, caller=caller)
        self._callers.forget()
        return was_good

    async def claim(self, caller_id: str, key: str, request: bytes, now: datetime) -> Claim | Reply:
        """Claims an idempotency key for a request."""
        return await replies.claim(self._whole, caller_id, key, request, now)

    async def keep_reply(self, caller_id: str, key: str, reply: Reply) -> None:
        """Lays down the answer under a claimed key."""
        await replies.keep_reply(self._whole, caller_id, key, reply)

    async def give_up(self, caller_id: str, key: str) -> None:
        """Frees a claimed key."""
        await replies.give_up(self._whole, caller_id, key)


def _object(row: Mapping[str, Any]) -> Row:
    return {**row["body"], "id": row["id"]}


def _alert(row: Mapping[str, Any]) -> Row:
    """An alert as its listeners are told of it, and when it was over."""
    over = row["resolved_at"]
    state = "happened" if not row["lasts"] else "open" if over is None else "resolved"
    told = {name: row[name] for name in ("id", "kind", "subject", "text", "about", "at")}
    return told | {"facility": row["facility_id"], "state": state, "resolvedAt": over}


def _answer(row: Mapping[str, Any]) -> Row:
    """A kept decision as the answer of `/api/chp/decision`: its conditions hold the answer's other members."""
    return {"decision": row["decision"], **row["conditions"], "timestamp": iso_z(row["decided_at"])}


def _is_daily(kind: str) -> bool:
    moment = reader.order_of(kind)[0]
    return any(field.name == moment and field.type is Type.DATE for field in KINDS[kind].fields)
