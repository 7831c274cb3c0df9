"""What the server needs from the rooms to its left, as small protocols, and the state that carries them."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol, Self

from prometheus_client import CollectorRegistry

from vibelux.market.clock import Clock, LiveClock
from vibelux.serve.identity import IdentityProvider
from vibelux.store.audit import Deed
from vibelux.store.keys import CreatedKey, Principal
from vibelux.store.replies import Claim, Reply

if TYPE_CHECKING:
    import polars as pl
    from opentelemetry.trace import TracerProvider

    from vibelux.realtime.dr_book import DrBook
    from vibelux.realtime.dr_desk import DrDesk
    from vibelux.realtime.ledger import Ledger
    from vibelux.realtime.returns import Returns
    from vibelux.serve.operations import Operations

Row = dict[str, Any]
"""A record, a decision or a facility as the store gives it: names of the contract, times tz-aware UTC."""


class Store(Protocol):
    """What is read from the database and the little that is written (`serve.stored` speaks to the real one)."""

    def in_name_of(self, caller: Principal) -> Self:
        """The same store, in which the database itself shows nothing of facilities that are not the caller's."""
        ...

    async def ping(self) -> None:
        """Raises StoreUnavailable when the database does not answer."""
        ...

    async def principal_with_key(self, key: str, now: datetime) -> Principal | None:
        """The owner of a key; None when it is unknown, revoked or expired."""
        ...

    async def principal_with_id(self, key_id: str, now: datetime) -> Principal | None:
        """The same by the key's id, for sessions and open sockets."""
        ...

    async def facilities(self) -> list[Row]:
        """The objects of all facilities, each with its `id`, in order."""
        ...

    async def facility(self, facility_id: str) -> Row | None:
        """The object of one facility; None if there is none."""
        ...

    async def has_facility(self, facility_id: str) -> bool:
        """Whether there is such a facility, or was a moment ago."""
        ...

    async def stands_in_file(self, facility_id: str) -> bool:
        """Whether a configuration file would bring the facility back at the next start."""
        ...

    async def add_facility(self, facility_id: str, body: Row) -> bool:
        """Adds a facility; False where there is one of that id."""
        ...

    async def replace_facility(self, facility_id: str, body: Row) -> bool:
        """Replaces a facility whole; False if there is none."""
        ...

    async def remove_facility(self, facility_id: str) -> bool:
        """Takes a facility out; False if there was none."""
        ...

    async def latest_price(self, iso_region: str, node: str | None, market: str, at: datetime) -> Row | None:
        """The newest price that had begun at `at`, of a node or of the region's foremost one."""
        ...

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
        """Records of a kind by time, at most `limit`, and the cursor at which the rest begins."""
        ...

    async def seen_nodes(self, places: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Of these grids and nodes those of which there has ever been a price."""
        ...

    async def feed_status(self) -> list[Row]:
        """For each feed its newest receipt, position and last error."""
        ...

    async def last_seq(self, facility_id: str) -> int:
        """The newest number of the facility's outbox; 0 when it is empty."""
        ...

    async def messages_since(self, facility_id: str, seq: int, limit: int) -> list[Row] | None:
        """Messages (`seq`, `type`, `body`, `created_at`) after `seq`, in order.

        None when they cannot be given without a hole: some are gone, or `seq` was never given.
        """
        ...

    async def schedule_at(self, facility_id: str, at: datetime) -> Row | None:
        """The plan behind the decision that was in force at a moment; None where none is kept."""
        ...

    async def answer_at(self, facility_id: str, at: datetime | None) -> Row | None:
        """What was known and decided at a moment (None: last), as the answer of `/api/chp/decision`."""
        ...

    async def answers(
        self, facility_id: str, start: datetime, end: datetime, limit: int, after: str | None = None
    ) -> tuple[list[Row], str | None]:
        """The answers of a stretch of time, oldest first, at most `limit`, and the cursor at which the rest begins."""
        ...

    async def note_deed(self, deed: Deed) -> None:
        """Writes a line of the audit log."""
        ...

    async def deeds(
        self, start: datetime, end: datetime, facilities: frozenset[str], limit: int, after: str | None
    ) -> tuple[list[Row], str | None]:
        """Lines of the audit log, newest first (of these facilities; empty: all), and the cursor of the rest."""
        ...

    async def alerts(
        self, facilities: frozenset[str], since: datetime, *, only_open: bool, limit: int, after: str | None
    ) -> tuple[list[Row], str | None]:
        """Alerts, newest first (of these facilities; empty: all): open ones and those since, and the cursor."""
        ...

    async def open_alerts(self, facilities: frozenset[str]) -> dict[str, int]:
        """How many alerts are open, by facility (of these; empty: all); facilities without are left out."""
        ...

    async def keys(self) -> list[Row]:
        """All keys, oldest first, without the keys themselves."""
        ...

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
        """Makes a key, in the name of a caller at an address."""
        ...

    async def revoke_key(self, now: datetime, key_id: str, caller: Principal, origin: str) -> bool:
        """Ends a key; False if there is none, or it was ended before."""
        ...

    async def claim(self, caller_id: str, key: str, request: bytes, now: datetime) -> Claim | Reply:
        """Claims an idempotency key for a request, or says what stands under it."""
        ...

    async def keep_reply(self, caller_id: str, key: str, reply: Reply) -> None:
        """Lays down the answer under a claimed key."""
        ...

    async def give_up(self, caller_id: str, key: str) -> None:
        """Frees a claimed key: nothing was done under it."""
        ...


class Subscription(Protocol):
    """A facility's outbox messages as they are committed."""

    def __aiter__(self) -> AsyncIterator[Row]:
        """Messages as `Store.messages_since` gives them; ends when the desk stops."""
        ...

    async def aclose(self) -> None:
        """Ends the subscription."""
        ...


class Desk(Protocol):
    """The running desk (`realtime.desk`)."""

    async def subscribe(self, facility_id: str) -> Subscription:
        """From the moment this returns, every message committed for the facility is delivered."""
        ...

    async def latest(self, facility_id: str) -> Row | None:
        """The answer of `/api/chp/decision` now, with ages by the clock; None before the first decision.

        Its `seq` is the number of the newest message that it contains.
        """
        ...

    async def in_force(self, facility_id: str) -> Row | None:
        """The same as it stands, without deciding anew where time has made that due: for lists of many facilities."""
        ...

    async def what_if(self, facility_id: str, body: Mapping[str, Any]) -> Row | None:
        """The answer under other assumptions, the live state untouched; None for a facility it does not know.

        Raises UsageError or ConfigError where the assumptions make no sense.
        """
        ...

    async def schedule(self, facility_id: str) -> Row | None:
        """The plan behind the newest decision: `rows`, one a step; None where it rests on no plan."""
        ...


class Outlooks(Protocol):
    """Gives out the prices to expect (`realtime.expect`)."""

    async def rows(self, iso_region: str, pricing_node: str, market: str, now: datetime) -> list[Row]:
        """A row a step of the next 48 hours.

        Raises UsageError for a market of which there is no outlook.
        """
        ...

    async def scores(
        self, iso_region: str, pricing_node: str | None, market: str | None, first: date, last: date
    ) -> list[Row]:
        """How far off the outlooks were on the days [first, last], a row a range of leads."""
        ...


class SiteOutlooks(Protocol):
    """Tells what sites will need (`realtime.site_outlook`)."""

    async def of(self, facility_id: str, base_c: float | None = None) -> Row | None:
        """The next 48 hours of a facility; None for one that this process does not decide for."""
        ...


class DataQuality(Protocol):
    """Counts what came of each feed (`ingest.quality`)."""

    async def rows(
        self, start: datetime, end: datetime, *, feed: str | None = None, provider: str | None = None
    ) -> list[Row]:
        """A row a feed and market day that [start, end) touches, the newest day first, then by name.

        Raises UsageError for a feed or provider that there is not.
        """
        ...


class Drill(Protocol):
    """An upstream that can be broken on purpose (`replay.upstream`)."""

    @property
    def feeds(self) -> Sequence[str]:
        """Those that can be broken."""
        ...

    @property
    def faults(self) -> Mapping[str, str]:
        """The ways in which they can be, each with what it does."""
        ...

    @property
    def broken(self) -> list[Row]:
        """Feeds that are broken now: `feed`, `fault`, `since`."""
        ...

    def break_feed(self, feed: str, kind: str) -> None:
        """Breaks a feed from now on. Raises UsageError for a feed or fault that there is not."""
        ...

    def mend(self, feed: str) -> bool:
        """Ends a feed's fault, where there is one."""
        ...


Check = Callable[[], Awaitable[str | None]]
"""A check of readiness: None when well, else what is wrong in a few words."""


@dataclass(slots=True, kw_only=True)
class ServeState:
    """All that the server is given. Everything with a default may be left as it is."""

    clock: Clock
    """The market's clock: stamps, ages, `latest`. Virtual in a replay."""
    store: Store
    desk: Desk
    version: str
    operations: "Operations | None" = None
    """Takes reports of facilities; None: they are not taken."""
    dr_book: "DrBook | None" = None
    """Where demand-response events stand; None: they are not kept."""
    dr_desk: "DrDesk | None" = None
    """Who reckons what facilities could give."""
    ledger: "Ledger | None" = None
    """What decisions have cost; None: it is not kept."""
    returns: "Returns | None" = None
    """What it costs to run all this, against what was saved; None: nobody reckons it."""
    outlooks: Outlooks | None = None
    """None: no prices are expected in this process."""
    site_outlooks: SiteOutlooks | None = None
    """None: no demands are expected in this process."""
    data_quality: DataQuality | None = None
    """None: it is not counted in this process."""
    repairs: Callable[[], Awaitable[list[Row]]] | None = None
    """What is wrong with the installation (`realtime.repairs`); None: that is not looked for."""
    drill: Drill | None = None
    """The upstream of a replay; None in a live service, where nothing is broken on purpose."""
    wall: Clock = field(default_factory=LiveClock)
    """The clock of keys, sessions and tickets: security runs in real time, also in a replay."""
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    session_secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """Signs session cookies; keep it over restarts and sessions survive them."""
    tracer_provider: "TracerProvider | None" = None
    """Who is told of requests as OpenTelemetry spans; None: nobody."""
    identity: IdentityProvider | None = None
    """Whose tokens are taken beside keys."""
    requests_per_minute: float = 6000.0
    """Of one key, on average; ten seconds' worth at once. 0: as many as it likes."""
    allow_loopback_page: bool = True
    """Whether the page on this machine works without a key."""
    allowed_origins: frozenset[str] = frozenset()
    """Origins besides the server's own from which a browser may connect."""
    stale_data_threshold: float = 900.0
    """Seconds; over it a price is stale."""
    stale_limits: Mapping[str, float] = field(default_factory=dict)
    """Seconds by market (`day-ahead-hourly`), where a feed's own limit differs."""
    feed_declarations: Sequence[Row] = ()
    """`provider`, `data_type`, `region`, `cadence_seconds`, `stale_after_seconds`, `enabled`, `needs_key`."""
    checks: Mapping[str, Check] = field(default_factory=dict)
    """Further conditions of readiness, by name."""
    heartbeat_seconds: float = 15.0
    auth_seconds: float = 5.0
    """How long a socket may stay silent before it has said who it is."""
    recheck_seconds: float = 60.0
    """How often an open socket's key is looked at again."""
    send_seconds: float = 30.0
    """How long one message may take to leave before its reader counts as gone."""
    queue_messages: int = 64
    """How far a socket may fall behind before it is brought to the newest state."""
