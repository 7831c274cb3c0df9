"""The whole service in one process: what it is made of and how the parts are joined. Wiring only, no logic."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from multiprocessing import cpu_count
from typing import Any, Protocol

import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Gauge

from vibelux import __version__
from vibelux.config import PROVIDERS, Settings
from vibelux.dispatch.facility import Facility
from vibelux.feeds import all_feeds
from vibelux.ingest.budget import SharedBudget
from vibelux.ingest.client import Tap, Upstream
from vibelux.ingest.collector import Collector
from vibelux.ingest.configured import upstream_of
from vibelux.ingest.documents import small_document
from vibelux.ingest.events import MARKET_DATA_UPDATED, Events
from vibelux.ingest.journal import Journal
from vibelux.ingest.keeper import DatabaseKeeper
from vibelux.ingest.latest import LatestPrices
from vibelux.ingest.metrics import Metrics
from vibelux.ingest.past import Past
from vibelux.ingest.quality import DataQuality
from vibelux.ingest.second_looks import SecondLooks
from vibelux.market.alert_kinds import kinds_named
from vibelux.market.clock import Clock, LiveClock
from vibelux.market.errors import StoreUnavailable
from vibelux.outlook.conditions import Limits
from vibelux.realtime.ahead import LookAhead
from vibelux.realtime.alerts import Alerts
from vibelux.realtime.challenger import Challengers
from vibelux.realtime.deciders import Deciders
from vibelux.realtime.desk import Desk
from vibelux.realtime.dr_book import DrBook
from vibelux.realtime.dr_desk import DrDesk
from vibelux.realtime.dr_withdrawn import WithdrawingKeeper
from vibelux.realtime.duty import Duty
from vibelux.realtime.expect import Expectations
from vibelux.realtime.facility_metrics import FacilityMetrics
from vibelux.realtime.fanout import FanOut
from vibelux.realtime.house_fit import HouseFits
from vibelux.realtime.ledger import Ledger
from vibelux.realtime.load_forecasts import LoadForecasts
from vibelux.realtime.metrics import DeskMetrics, ForecastMetrics, PriceMetrics
from vibelux.realtime.processor import MarketDataProcessor
from vibelux.realtime.readiness import Readiness
from vibelux.realtime.repairs import Repairs
from vibelux.realtime.returns import Returns
from vibelux.realtime.searches import Searches
from vibelux.realtime.site_outlook import SiteOutlooks
from vibelux.realtime.sites import Sites
from vibelux.realtime.subscriptions import Message
from vibelux.realtime.traces import tracing
from vibelux.realtime.weather import Weathers
from vibelux.realtime.webhook import Poster, Webhook
from vibelux.serve.app import create_app
from vibelux.serve.expecting import ExpectingStore
from vibelux.serve.identity import IdentityProvider, Trust
from vibelux.serve.nodes import StoredNodes, use_nodes
from vibelux.serve.operations import StoredOperations
from vibelux.serve.ports import Drill, ServeState
from vibelux.serve.server import serve
from vibelux.store.audit import forget_deeds
from vibelux.store.budgets import StoredBudget
from vibelux.store.database import Database
from vibelux.store.facilities import take_file
from vibelux.store.journal import Kept, retain
from vibelux.store.opened import opened
from vibelux.store.replies import forget_replies
from vibelux.store.seat import Seat
from vibelux.store.secrets import secret
from vibelux.store.shared import Shared
from vibelux.wanted import (
    daily_limits,
    declared,
    enabled_feeds,
    expectations_of,
    missing_keys,
    nodes_of,
    own_nodes,
    slower_limits,
)

_log = structlog.get_logger(__name__)

_DAY = timedelta(days=1)
_SEAT = "desk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run."""

    settings: Settings
    facilities: Sequence[Facility] = ()
    """Those of the configuration file; they are put into the store and join those that are there."""
    facility_file: str | None = None
    """Its path: what stood in it at the last start and is gone now is taken out."""
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
    drill: Drill | None = None
    """The upstream of a replay, which can be broken on purpose."""
    announce: Callable[[Database, str], Awaitable[None]] | None = None
    """Is told the page's address once the service listens."""


class Part(Protocol):
    """What runs beside the server."""

    async def run(self) -> None:
        """Until cancelled."""
        ...


async def run(plan: Plan, stop: asyncio.Event) -> None:
    """Runs everything until `stop` is set.

    Raises:
        StoreUnavailable: the database cannot be had at the start.
        UsageError: the port is taken.
    """
    settings, clock = plan.settings, plan.clock
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(opened(database_url(settings), settings.data_dir))
        await _take_up(db, plan)
        registry, events = CollectorRegistry(), Events()
        traces = await stack.enter_async_context(tracing(settings.otel_exporter_otlp_endpoint, events, clock))
        metrics = Metrics(clock, registry)
        upstream = await stack.enter_async_context(_upstream(plan, db, metrics))
        expectations = Expectations(db, clock, events=events, metrics=ForecastMetrics(registry))
        weathers = Weathers(db)
        ahead = LookAhead(
            expectations,
            weathers,
            LoadForecasts(db, clock, allow_private=settings.demand_allow_private),
            HouseFits(db, clock),
        )
        limits = Limits(electricity=settings.stale_data_threshold, slower=slower_limits(), daily=daily_limits())
        shared = await _shared(db, settings, registry)
        fanout = FanOut(db, shared)
        seat = await stack.enter_async_context(Seat(db.url, _SEAT))
        demand_response = DrDesk(db, clock, lambda name, messages: _pass_on(fanout, alerts, name, messages))
        deciders = stack.enter_context(closing(Deciders(_processes(settings))))
        desk_metrics = DeskMetrics(registry)
        desk = Desk(
            db,
            clock,
            limits=limits,
            missing_keys=missing_keys(settings),
            metrics=desk_metrics,
            ahead=ahead,
            stale_operations_seconds=settings.stale_operations_threshold,
            fanout=fanout,
            events=events,
            seat=seat,
            accepted=demand_response.accepted,
            deciders=deciders,
        )
        demand_response.serve(desk)
        FacilityMetrics(desk, registry)
        sites = Sites(db, desk, clock, settings, registry, lambda facility: limits.real_time(facility.iso_region))
        prices = LatestPrices(
            clock,
            DatabaseKeeper(db).latest_price,
            shared=shared,
            seconds=settings.cache_ttl_seconds,
            hears=lambda: duty.is_ours,
        )
        events.on(MARKET_DATA_UPDATED, prices.on_market_data)
        events.on(MARKET_DATA_UPDATED, weathers.on_market_data)
        MarketDataProcessor(
            db, clock, events, desk, metrics=PriceMetrics(registry), threshold=settings.price_change_threshold
        )
        events.on(MARKET_DATA_UPDATED, demand_response.on_market_data)
        collector = Collector(
            clock,
            upstream,
            WithdrawingKeeper(db, DatabaseKeeper(db)),
            events,
            Journal(settings.data_dir),
            metrics=metrics,
            nodes=lambda feed: nodes_of(feed, desk.facilities, hubs=plan.with_hubs),
            intervals={name: settings.update_interval(name) for name in PROVIDERS},
            journal_days=settings.keep_journal_days or None,
        )
        looks = SecondLooks(db, clock, metrics, lambda feed: nodes_of(feed, desk.facilities, hubs=plan.with_hubs))
        feeds = [feed for feed in enabled_feeds(settings) if plan.only is None or feed.name in plan.only]
        ledger = Ledger(db, clock)
        state = ServeState(
            clock=clock,
            store=ExpectingStore(db, expectations_of(feeds, clock), prices.newest),
            desk=desk,
            operations=StoredOperations(db, sites.telemetry),
            dr_book=DrBook(db, clock),
            dr_desk=demand_response,
            data_quality=DataQuality(db, clock, {feed.name for feed in feeds}),
            repairs=Repairs(db, clock, feeds, missing_keys(settings), lambda: sites.silent).rows,
            ledger=ledger,
            returns=Returns(db, clock, settings.costs),
            outlooks=expectations,
            site_outlooks=SiteOutlooks(ahead, desk.facility, clock),
            drill=plan.drill,
            checks=Readiness(db, clock, feeds, _SEAT).checks,
            version=__version__,
            registry=registry,
            session_secret=await secret(db, "session"),
            allow_loopback_page=plan.loopback_page,
            tracer_provider=traces,
            identity=_identity(settings),
            requests_per_minute=settings.requests_per_minute,
            stale_data_threshold=settings.stale_data_threshold,
            stale_limits=slower_limits(),
            feed_declarations=[declared(feed, feed in feeds) for feed in all_feeds()],
        )
        app = use_nodes(create_app(state), StoredNodes(db))
        alerts = Alerts(
            db,
            clock,
            desk,
            fanout,
            events,
            limits=limits,
            kinds=kinds_named(settings.alert_kinds),
            price_feeds={feed.name for feed in feeds if feed.is_price},
            posts=settings.alert_webhook_url is not None,
            registry=registry,
            standing=cache(settings.alert_standing),
        )
        poster = _poster(db, settings, registry)

        async def begin() -> None:
            await desk.start()
            await sites.start()
            await alerts.start()

        def work_of_the_desk() -> dict[str, Coroutine[None, None, None]]:
            return {
                "collect": collector.run(feeds),
                "decide": desk.run(),
                "search on": Searches(clock, deciders, desk_metrics, settings.plan_search_seconds).run(desk.decided),
                "hear sites": sites.run(),
                "call sites": demand_response.run(),
                "expect": expectations.run(),
                "look ahead": ahead.run(lambda: desk.facilities, desk.reconsider),
                "compare": looks.run(),
                "fetch the past": Past(
                    db,
                    collector,
                    clock,
                    feeds,
                    lambda feed: own_nodes(feed, desk.facilities),
                    settings.data_dir,
                    days=settings.history_days,
                ).run(),
                "challenge": Challengers(db, desk).run(),
                "reckon": ledger.run(lambda: desk.facilities),
                "alert": alerts.run(),
                "tidy": _tidy(db, clock, _kept(settings)),
                **({} if poster is None else {"post alerts": poster.run()}),
            }

        duty = Duty(seat, begin=begin, work=work_of_the_desk, end=desk.stand_down, registry=registry)
        await duty.look()
        await _until_stopped(plan, stop, db, app, desk, {"duty": duty, "fan out": fanout, "redis": shared})


async def _until_stopped(
    plan: Plan, stop: asyncio.Event, db: Database, app: FastAPI, desk: Desk, parts: Mapping[str, Part | None]
) -> None:
    """Serves and lets all parts run until `stop` is set; one that ends by itself has failed, and its error is ours."""
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = serve(app, plan.host, plan.port, stop, on_listening=lambda url, _: listening.set_result(url))
    work = [asyncio.create_task(part.run(), name=name) for name, part in parts.items() if part is not None]
    work.append(asyncio.create_task(serving, name="serve"))
    try:
        first: list[asyncio.Future[Any]] = [listening, *work]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if listening.done() and plan.announce is not None:
            await plan.announce(db, listening.result())
        work.append(asyncio.create_task(_stopped(stop), name="stop"))
        await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        for task in work:
            if task.done():
                task.result()
        stop.set()
    finally:
        await _end(work, desk)


@asynccontextmanager
async def _upstream(plan: Plan, db: Database, metrics: Metrics) -> AsyncIterator[Upstream]:
    budget = SharedBudget(StoredBudget(db))
    async with upstream_of(plan.settings, plan.clock, budget=budget, metrics=metrics, tap=plan.tap) as upstream:
        yield upstream


def database_url(settings: Settings) -> str | None:
    """The address of an external database, None for the embedded one."""
    return settings.database_url.get_secret_value() if settings.database_url is not None else None


def _processes(settings: Settings) -> int:
    return cpu_count() if settings.decision_processes is None else settings.decision_processes


async def _take_up(db: Database, plan: Plan) -> None:
    left = await take_file(db, plan.facility_file, {one.id: one.as_dict() for one in plan.facilities})
    for facility_id in left.removed:
        _log.warning("a facility has gone from the file and is taken out", facility=facility_id)
    for facility_id in left.kept:
        _log.warning("a facility has gone from the file, but was changed elsewhere and stays", facility=facility_id)


def _identity(settings: Settings) -> IdentityProvider | None:
    """Whose tokens are taken beside keys."""
    issuer, audience, keys = settings.jwt_issuer, settings.jwt_audience, settings.jwt_keys
    if issuer is None or audience is None or keys is None:
        return None
    trust = Trust(
        issuer=issuer,
        audience=audience,
        scopes_claim=settings.jwt_scopes_claim,
        facilities_claim=settings.jwt_facilities_claim,
    )
    return IdentityProvider(trust, lambda: small_document(keys), LiveClock())


def _pass_on(fanout: FanOut, alerts: Alerts, facility_id: str, messages: Sequence[Message]) -> None:
    fanout.publish(facility_id, messages)
    alerts.on_messages(facility_id, messages)


async def _stopped(stop: asyncio.Event) -> None:
    await stop.wait()


def _kept(settings: Settings) -> Kept:
    """How much of the past is kept; a setting of 0 is for ever."""
    return Kept(
        feed_days=settings.keep_feed_days or None,
        outbox_days=settings.keep_outbox_days or None,
        decision_days=settings.keep_decision_days or None,
        alert_days=settings.keep_alert_days or None,
        operations_days=settings.keep_operations_days or None,
        price_days=settings.keep_price_days or None,
    )


async def _shared(db: Database, settings: Settings, registry: CollectorRegistry) -> Shared | None:
    """What processes share beside the database, under the installation's own name: others may use the same Redis."""
    if settings.redis_url is None:
        return None
    up = Gauge("vibelux_redis_up", "1 while the Redis of REDIS_URL answers.", registry=registry)
    installation = hashlib.sha256(await secret(db, "shared")).hexdigest()[:16]
    return Shared(settings.redis_url.get_secret_value(), installation, shows=up.set)


def _poster(db: Database, settings: Settings, registry: CollectorRegistry) -> Poster | None:
    if settings.alert_webhook_url is None:
        return None
    webhook = Webhook(
        settings.alert_webhook_url,
        settings.alert_webhook_secret,
        allow_private=settings.alert_allow_private,
        wall=LiveClock(),
    )
    return Poster(db, webhook, registry)


async def _tidy(db: Database, clock: Clock, kept: Kept) -> None:
    """Once a day, what is past its time goes."""
    while True:
        await clock.sleep(_DAY.total_seconds())
        wall = LiveClock().now()
        try:
            await retain(db, clock.now(), kept)
            await forget_replies(db, wall)
            await forget_deeds(db, wall)
        except StoreUnavailable as error:
            _log.warning("nothing is tidied today: the store is away", error=str(error))


async def _end(work: list[asyncio.Task[None]], desk: Desk) -> None:
    desk.close()
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
