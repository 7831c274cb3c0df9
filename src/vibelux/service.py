"""The whole service in one process: what it is made of and how the parts are joined. Wiring only, no logic."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from prometheus_client import CollectorRegistry

from vibelux import __version__
from vibelux.config import PROVIDERS, Settings
from vibelux.dispatch.facility import Facility
from vibelux.feeds import Feed, all_feeds
from vibelux.ingest.budget import SharedBudget
from vibelux.ingest.client import Reply, Upstream
from vibelux.ingest.collector import Collector
from vibelux.ingest.credentials import Credentials
from vibelux.ingest.events import MARKET_DATA_UPDATED, Events
from vibelux.ingest.journal import Journal
from vibelux.ingest.keeper import DatabaseKeeper
from vibelux.ingest.lateness import lateness
from vibelux.ingest.metrics import Metrics
from vibelux.ingest.nodes import with_hubs
from vibelux.market.clock import Clock, LiveClock
from vibelux.outlook.conditions import Limits
from vibelux.realtime.desk import Desk
from vibelux.realtime.metrics import DeskMetrics
from vibelux.serve.app import create_app
from vibelux.serve.expecting import Expectation, ExpectingStore
from vibelux.serve.nodes import StoredNodes, use_nodes
from vibelux.serve.ports import ServeState
from vibelux.serve.server import serve
from vibelux.store.budgets import StoredBudget
from vibelux.store.database import Database
from vibelux.store.facilities import put_facility
from vibelux.store.journal import Kept, retain
from vibelux.store.opened import opened
from vibelux.store.secrets import secret

_DAY = timedelta(days=1)
_KINDS_OF_KEY = ("API_KEY", "USERNAME", "PASSWORD")

Tap = Callable[[Feed, Reply], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run."""

    settings: Settings
    facilities: Sequence[Facility] = ()
    """Those of the configuration file; they are put into the store and join those that are there."""
    host: str = "127.0.0.1"
    port: int = 8080
    clock: Clock = field(default_factory=LiveClock)
    with_hubs: bool = True
    """Whether nodal feeds ask for trading hubs too; a tape may not hold them."""
    only: frozenset[str] | None = None
    """The feeds that run, where not all that are enabled: a tape holds some."""
    tap: Tap | None = None
    """Is shown every reply of an upstream."""
    loopback_page: bool = True
    announce: Callable[[Database, str], Awaitable[None]] | None = None
    """Is told the page's address once the service listens."""


def enabled_feeds(settings: Settings) -> list[Feed]:
    """The feeds that run: keyless ones, and those whose key is there."""
    asked = (feed for feed in all_feeds() if feed.url)  # what has no address comes from the operator
    return [feed for feed in asked if settings.provider_enabled(feed.provider, feed.needs_key)]


async def run(plan: Plan, stop: asyncio.Event) -> None:
    """Runs everything until `stop` is set.

    Raises:
        StoreUnavailable: the database cannot be had at the start.
        UsageError: the port is taken.
    """
    settings, clock = plan.settings, plan.clock
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(opened(database_url(settings), settings.data_dir))
        for facility in plan.facilities:
            await put_facility(db, facility.id, facility.as_dict(), "file")
        registry, events = CollectorRegistry(), Events()
        metrics = Metrics(clock, registry)
        upstream = await stack.enter_async_context(_upstream(plan, db, metrics))
        desk = Desk(
            db,
            clock,
            limits=Limits(electricity=settings.stale_data_threshold, slower=_stale_limits(), daily=_daily_limits()),
            missing_keys=_missing_keys(settings),
            metrics=DeskMetrics(registry),
        )
        events.on(MARKET_DATA_UPDATED, desk.on_market_data)
        collector = Collector(
            clock,
            upstream,
            DatabaseKeeper(db),
            events,
            Journal(settings.data_dir),
            metrics=metrics,
            nodes=lambda feed: _nodes(plan, desk, feed),
            intervals={name: settings.update_interval(name) for name in PROVIDERS},
            journal_days=30,
        )
        feeds = [feed for feed in enabled_feeds(settings) if plan.only is None or feed.name in plan.only]
        state = ServeState(
            clock=clock,
            store=ExpectingStore(db, _expectations(feeds, clock)),
            desk=desk,
            version=__version__,
            registry=registry,
            session_secret=await secret(db, "session"),
            allow_loopback_page=plan.loopback_page,
            stale_data_threshold=settings.stale_data_threshold,
            stale_limits=_stale_limits(),
            feed_declarations=[_declared(feed, feed in feeds) for feed in all_feeds()],
        )
        app = create_app(state)
        use_nodes(app, StoredNodes(db))
        await desk.start()
        listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        work = [
            asyncio.create_task(collector.run(feeds), name="collect"),
            asyncio.create_task(desk.run(), name="decide"),
            asyncio.create_task(_tidy(db, clock), name="tidy"),
            asyncio.create_task(
                serve(app, plan.host, plan.port, stop, on_listening=lambda url, _: listening.set_result(url)),
                name="serve",
            ),
        ]
        stack.push_async_callback(_end, work, desk)
        first: list[asyncio.Future[Any]] = [listening, *work]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if listening.done() and plan.announce is not None:
            await plan.announce(db, listening.result())
        work.append(asyncio.create_task(_stopped(stop), name="stop"))
        await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        for task in work:
            if task.done():
                task.result()  # a part that ended by itself ended badly: say why
        stop.set()


@asynccontextmanager
async def _upstream(plan: Plan, db: Database, metrics: Metrics) -> AsyncIterator[Upstream]:
    settings = plan.settings
    async with Upstream(
        plan.clock,
        budget=SharedBudget(StoredBudget(db)),
        credentials=credentials(settings),
        base_urls=base_urls(settings),
        metrics=metrics,
        tap=plan.tap,
    ) as upstream:
        yield upstream


def credentials(settings: Settings) -> Credentials:
    """All keys that are set: those that feeds need, and those with which a request of a keyless feed is made."""
    names = [f"{provider.replace('-', '_').upper()}_{kind}" for provider in PROVIDERS for kind in _KINDS_OF_KEY]
    return Credentials({name: settings.secret(name) for name in names})


def database_url(settings: Settings) -> str | None:
    """The address of an external database, None for the embedded one."""
    return settings.database_url.get_secret_value() if settings.database_url is not None else None


def base_urls(settings: Settings) -> dict[str, str]:
    """The providers whose addresses are set otherwise."""
    return {name: url for name in PROVIDERS if (url := settings.base_url(name)) is not None}


def _nodes(plan: Plan, desk: Desk, feed: Feed) -> Sequence[str]:
    if not feed.nodal:
        return ()
    own = sorted({one.pricing_node for one in desk.facilities if one.iso_region.casefold() == feed.provider})
    return with_hubs(feed, own) if plan.with_hubs else own


def _missing_keys(settings: Settings) -> dict[str, str]:
    """For each grid whose prices need a key that is not there, the settings to set."""
    missing = {}
    for feed in all_feeds():
        names = settings.missing_keys(feed.needs_key)
        if feed.is_price and names:
            missing[feed.provider.upper()] = ", ".join(names)
    return missing


def _daily_limits() -> dict[tuple[str, str], float]:
    """The feeds' own limits for daily prices, by kind and provider."""
    kinds = {"gas-price", "carbon-price"}
    return {(feed.kind, feed.provider): float(feed.stale_after_seconds) for feed in all_feeds() if feed.kind in kinds}


def _stale_limits() -> dict[str, float]:
    return {"day-ahead-hourly": 36 * 3600.0, "real-time-15min": 2_700.0, "hasp-15min": 2_700.0}


def _expectations(feeds: Sequence[Feed], clock: Clock) -> dict[str, Expectation]:
    """For each feed that runs, what to say of its next publication."""

    def expectation(feed: Feed) -> Expectation:
        return lambda status: lateness(feed, clock.now(), status.get("position"), status.get("received_at")).as_json()

    return {feed.name: expectation(feed) for feed in feeds}


def _declared(feed: Feed, enabled: bool) -> dict[str, object]:
    return {
        "feed": feed.name,
        "provider": feed.provider,
        "data_type": feed.data_type,
        "region": feed.region,
        "cadence_seconds": feed.cadence_seconds,
        "stale_after_seconds": feed.stale_after_seconds,
        "enabled": enabled,
        "needs_key": list(feed.needs_key),
    }


async def _stopped(stop: asyncio.Event) -> None:
    await stop.wait()


async def _tidy(db: Database, clock: Clock) -> None:
    """Once a day, what is past its time goes."""
    while True:
        await clock.sleep(_DAY.total_seconds())
        await retain(db, clock.now(), Kept())


async def _end(work: list[asyncio.Task[None]], desk: Desk) -> None:
    desk.close()
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
