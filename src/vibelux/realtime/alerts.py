"""What a person should know: found, kept, told to each facility's listeners, and laid out for the webhook.

States (data too old, a feed that fails, no decision) open an alert and resolve it when they end; what happens (a price
moves, a break-even is crossed) is told and over. Of a kind, facility and subject one alert is open at a time, also
over restarts. Alert, message and post are one transaction: none of them is told without the others.

In quiet hours nobody is disturbed: states are left as they were until the hours end, and what happens is kept and
shown, marked `quiet`, but not posted.
"""

import asyncio
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from vibelux.dispatch.facility import Facility
from vibelux.ingest.events import (
    CHP_DECISION_UPDATE,
    MARKET_DATA_UPDATED,
    PRICE_UPDATE,
    PROVIDER_ERROR,
    DecisionMade,
    Events,
    MarketDataUpdated,
    PriceUpdated,
    ProviderFailed,
)
from vibelux.market.alert_kinds import DEFAULTS, LASTING, AlertKind, Standing
from vibelux.market.clock import Clock
from vibelux.market.errors import StoreUnavailable
from vibelux.market.intervals import local_naive
from vibelux.outlook.conditions import Conditions, Limits
from vibelux.realtime.alert_news import News, posts_of, told_of
from vibelux.realtime.fanout import FanOut
from vibelux.realtime.forecasts_off import ForecastsOff
from vibelux.realtime.held import Held
from vibelux.realtime.states import (
    Failures,
    Matter,
    crossing,
    dr_event,
    extremes,
    has_price,
    matters,
    not_following,
    plan_change,
    price_change,
    side_of,
)
from vibelux.realtime.subscriptions import Message
from vibelux.store.alerts import open_alerts, tell
from vibelux.store.database import Database
from vibelux.store.reader import feed_status

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 2.0
_FIRST_LOOK_SECONDS = 10.0
"""A service that has just started is given time for its first prices, before what is missing is alerted of."""
_QUIET = timedelta(minutes=15)
"""After a change of a price or plan was told, the next one of the same is told at the earliest."""

Place = tuple[str, AlertKind, str]
"""Facility, kind, subject."""

Standings = Callable[[AlertKind, str], Standing | None]
"""What holds for a kind of alert of a facility; None where it is switched off."""


def usual(kind: AlertKind, facility_id: str) -> Standing | None:
    """What holds where nobody has said otherwise."""
    del facility_id
    return DEFAULTS[kind]


class Watching(Protocol):
    """What is needed of the desk."""

    @property
    def facilities(self) -> Sequence[Facility]:
        """All that it decides for."""
        ...

    def now_known(self) -> Iterator[tuple[Held, Conditions]]:
        """All that have been decided for, with their prices by the clock now."""
        ...


class Alerts:
    """See the module; the rules are in `realtime.states`.

    Args:
        db: where alerts are kept.
        clock: the service's.
        desk: whose facilities.
        fanout: passes messages on.
        events: what happens.
        limits: ages over which prices are stale.
        kinds: what is alerted of.
        price_feeds: only those that bring prices are alerted of when they fail.
        posts: whether there is a webhook to tell.
        registry: of metrics.
        standing: thresholds and quiet hours.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        desk: Watching,
        fanout: FanOut,
        events: Events,
        *,
        limits: Limits,
        kinds: Collection[AlertKind],
        price_feeds: Collection[str],
        posts: bool,
        registry: CollectorRegistry,
        standing: Standings = usual,
    ) -> None:
        self._db = db
        self._clock = clock
        self._desk = desk
        self._fanout = fanout
        self._limits = limits
        self._standing = standing
        self._forecasts = ForecastsOff(db, clock)
        self._since: dict[Place, datetime] = {}
        self._next_change: dict[str, dict[str, Any] | None] = {}
        self._kinds = frozenset(kinds)
        self._price_feeds = frozenset(price_feeds)
        self._posts = posts
        self._failures = Failures()
        self._open: dict[Place, Matter] = {}
        self._waiting: list[News] = []
        self._sides: dict[str, bool] = {}
        self._quiet_until: dict[Place, datetime] = {}
        self._told = Counter("vibelux_alerts_total", "Alerts told, by kind.", ("kind",), registry=registry)
        self._open_now = Gauge("vibelux_alerts_open", "Alerts that are open, by kind.", ("kind",), registry=registry)
        events.on(PROVIDER_ERROR, self._on_failure)
        events.on(MARKET_DATA_UPDATED, self._on_market_data)
        events.on(PRICE_UPDATE, self._on_price)
        events.on(CHP_DECISION_UPDATE, self._on_decision)

    def on_messages(self, facility_id: str, messages: Iterable[Message]) -> None:
        """Takes up what a facility has just been told, where that is a demand-response event."""
        for message in messages:
            if message["type"] == "dr-event":
                self.happened([facility_id], dr_event(message["body"]))

    def happened(self, facility_ids: Iterable[str], matter: Matter) -> None:
        """Tells facilities of something that has happened."""
        now = self._clock.now()
        for facility_id in facility_ids:
            standing = self._of(matter.kind, facility_id)
            if standing is not None:
                quiet = self._is_quiet(standing, facility_id, now)
                self._waiting.append(News(facility_id, matter, now, quiet=quiet))

    async def start(self) -> None:
        """Takes up what is open.

        Raises:
            StoreUnavailable: the database is away.
        """
        self._open = {}
        for row in await open_alerts(self._db):
            matter = Matter(AlertKind(row["kind"]), row["subject"], row["text"], row["about"])
            self._open[row["facility_id"], matter.kind, matter.subject] = matter

    async def run(self, first_look_seconds: float = _FIRST_LOOK_SECONDS) -> None:
        """Looks and tells until cancelled. While the database is away, what happens waits."""
        await asyncio.sleep(first_look_seconds)
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.info("the store is away; alerts wait", error=str(error))
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Looks once at everything, and tells what is new.

        Raises:
            StoreUnavailable: the database is away; what is new is found again.
        """
        if self._failures.any:
            self._failures.brought({row["feed"]: row["received_at"] for row in await feed_status(self._db)})
        if AlertKind.FORECAST_OFF in self._kinds:
            await self._forecasts.look(self._desk.facilities)
        now, waiting = self._clock.now(), tuple(self._waiting)
        found = self._found(now)
        news = [News(place[0], matter, now) for place, matter in found.items() if place not in self._open]
        news += [News(place[0], self._open[place], now, resolves=True) for place in self._open if place not in found]
        await self._tell([*waiting, *news])
        del self._waiting[: len(waiting)]
        self._open = {place: self._open.get(place, matter) for place, matter in found.items()}
        for kind in self._kinds & LASTING:
            self._open_now.labels(kind).set(sum(place[1] is kind for place in self._open))

    def _found(self, now: datetime) -> dict[Place, Matter]:
        """What is to be open now: all that has lasted long enough, and where it is quiet what was open before."""
        found: dict[Place, Matter] = {}
        since: dict[Place, datetime] = {}
        for place, matter in self._matters():
            standing = self._of(matter.kind, place[0])
            if standing is not None:
                since[place] = self._since.get(place, now)
                lasted = now - since[place] >= timedelta(minutes=standing.minutes)
                if place in self._open or (lasted and not self._is_quiet(standing, place[0], now)):
                    found[place] = matter
        for place, matter in self._open.items():
            standing = self._of(place[1], place[0])
            if place not in found and standing is not None and self._is_quiet(standing, place[0], now):
                found[place] = matter
        self._since = since
        return found

    def _matters(self) -> Iterator[tuple[Place, Matter]]:
        for held, current in self._desk.now_known():
            facility_id = held.facility.id
            spike, negative, off = (
                math.nan if (standing := self._of(kind, facility_id)) is None else standing.threshold
                for kind in (AlertKind.PRICE_SPIKE, AlertKind.NEGATIVE_PRICE, AlertKind.FORECAST_OFF)
            )
            for matter in (
                *matters(held, current, self._limits),
                *self._failures.of(held, current.at),
                *extremes(held, current, spike, negative),
                *not_following(held, current.at),
                *self._forecasts.of(held.facility, off),
            ):
                yield (facility_id, matter.kind, matter.subject), matter

    def _of(self, kind: AlertKind, facility_id: str) -> Standing | None:
        return self._standing(kind, facility_id) if kind in self._kinds else None

    def _is_quiet(self, standing: Standing, facility_id: str, now: datetime) -> bool:
        if standing.quiet is None:
            return False
        zones = (one.zone_name for one in self._desk.facilities if one.id == facility_id)
        return standing.is_quiet(local_naive(now, next(zones, "UTC")).time())

    async def _tell(self, news: list[News]) -> None:
        if not news:
            return
        told = [told_of(one) for one in news]
        posts = list(posts_of(one for one in news if not one.quiet)) if self._posts else []
        for facility_id, numbered in (await tell(self._db, told, posts)).items():
            for seq, one in numbered:
                message = {"seq": seq, "type": "alert", "body": one.message, "created_at": one.at}
                self._fanout.publish(facility_id, [message])
                self._told.labels(one.kind).inc()
                log.warning("alert", facility=facility_id, kind=one.kind, resolved=one.resolves, text=one.text)

    def _on_failure(self, failed: ProviderFailed) -> None:
        if failed.feed in self._price_feeds:
            self._failures.add(failed)

    def _on_market_data(self, event: MarketDataUpdated) -> None:
        self._failures.forget(event.feed)

    def _on_price(self, update: PriceUpdated) -> None:
        if update.change is None:
            return
        concerned = [facility.id for facility in self._desk.facilities if has_price(facility, update)]
        moved = [name for name in concerned if self._is_much(abs(update.change), name)]
        self._seldom(moved, price_change(update))

    def _is_much(self, change: float, facility_id: str) -> bool:
        standing = self._of(AlertKind.PRICE_CHANGE, facility_id)
        return standing is not None and change > standing.threshold

    def _seldom(self, facility_ids: Iterable[str], matter: Matter) -> None:
        """Tells those who have not just been told the like."""
        now = self._clock.now()
        for facility_id in facility_ids:
            place = (facility_id, matter.kind, matter.subject)
            if now >= self._quiet_until.get(place, now):
                self._quiet_until[place] = now + _QUIET
                self.happened([facility_id], matter)

    def _on_decision(self, made: DecisionMade) -> None:
        self._look_at_plan(made)
        side = side_of(made.answer)
        if side is None:
            return
        if self._sides.get(made.facility_id, side) != side:
            self.happened([made.facility_id], crossing(made.answer))
        self._sides[made.facility_id] = side

    def _look_at_plan(self, made: DecisionMade) -> None:
        name, before = made.facility_id, self._next_change.get(made.facility_id)
        self._next_change[name] = made.answer["decision"].get("nextChange")
        standing = self._of(AlertKind.PLAN_CHANGED, name)
        zones = [one.zone_name for one in self._desk.facilities if one.id == name]
        if standing is not None and zones:
            matter = plan_change(before, made.answer, self._clock.now(), zones[0], standing.threshold)
            if matter is not None:
                self._seldom([name], matter)
