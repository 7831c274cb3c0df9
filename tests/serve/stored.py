"""A world whose store is a real one."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from serve.fakes import FACILITY, OTHER, FakeDesk, World
from serve.operations_fake import FakeOperations
from store.samples import NOON
from vibelux.config_costs import CostSettings
from vibelux.ingest.quality import DataQuality
from vibelux.realtime.dr_book import DrBook
from vibelux.realtime.dr_desk import DrDesk
from vibelux.realtime.ledger import Ledger
from vibelux.realtime.repairs import Repairs
from vibelux.realtime.returns import Returns
from vibelux.replay.source import TapeSource
from vibelux.replay.upstream import LoopbackUpstream
from vibelux.serve.ports import Row
from vibelux.serve.stored import StoredStore
from vibelux.store import decisions, keys
from vibelux.store.database import Database
from vibelux.store.facilities import put_facility


class OutboxDesk(FakeDesk):
    """A desk that keeps what it says in the real outbox before it says it."""

    def __init__(self, db: Database) -> None:
        super().__init__()
        self._db = db

    async def commit(self, body: Row) -> int:
        message = {"type": "market-price-update", "body": body}
        (seq,) = await decisions.add_messages(self._db, "salinas-1", [message], NOON)
        for queue in self.subscriptions.get("salinas-1", ()):
            queue.put_nowait(message | {"seq": seq, "created_at": NOON})
        return seq


class StoredWorld(World):
    """Its clocks stand at an hour after noon."""

    def __init__(self, db: Database, key: keys.CreatedKey, **options: Any) -> None:
        self.db = db
        self.key = key
        super().__init__(**options)
        self.clock.moment = NOON + timedelta(hours=1)

    def make_desk(self) -> OutboxDesk:
        return OutboxDesk(self.db)

    def make_store(self) -> StoredStore:
        return StoredStore(self.db)

    async def key_for(self, scopes: Sequence[str], *facilities: str) -> str:
        """A key of its own."""
        made = await keys.create_key(self.db, NOON, "another", scopes, facilities, NOON + timedelta(days=90))
        return made.key


async def stored_world(
    db: Database, scopes: Sequence[str] = ("read",), own: Sequence[str] = ("salinas-1",), **options: Any
) -> StoredWorld:
    """Two facilities, and a key for one of them unless told otherwise."""
    for facility in (FACILITY, OTHER):
        await put_facility(db, facility["id"], facility, "cli")
    key = await keys.create_key(db, NOON, "test", scopes, own, NOON + timedelta(days=90))
    return StoredWorld(db, key, **options)


def with_demand_response(world: StoredWorld) -> DrDesk:
    """Lets the world serve demand response; its desk decides for nobody."""
    world.state.dr_book = DrBook(world.db, world.clock)
    world.state.dr_desk = DrDesk(world.db, world.clock, lambda *_: None)
    return world.state.dr_desk


def with_every_service(world: StoredWorld) -> None:
    """Lets the world serve all that the document has, but for outlooks."""
    db, clock = world.db, world.clock
    with_demand_response(world)
    world.state.operations = FakeOperations(clock)  # type: ignore[assignment]
    world.state.data_quality = DataQuality(db, clock, ())
    world.state.repairs = Repairs(db, clock, (), {}).rows
    world.state.drill = LoopbackUpstream(TapeSource(), clock)
    world.state.ledger = Ledger(db, clock)
    world.state.returns = Returns(db, clock, CostSettings())
