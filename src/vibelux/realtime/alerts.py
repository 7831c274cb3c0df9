"""What a person should know: found, kept, told to each facility's listeners, and laid out for the webhook.

States (data too old, a feed that fails, no decision) open an alert and resolve it when they end; what happens (a price
moves, a break-even is crossed) is told and over. Of a kind, facility and subject one alert is open at a time, also
over restarts. Alert, message and post are one transaction: none of them is told without the others.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
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
from vibelux.market.alert_kinds import LASTING, AlertKind
from vibelux.market.clock import Clock
from vibelux.market.errors import StoreUnavailable
from vibelux.market.intervals import iso_z
from vibelux.outlook.conditions import Conditions, Limits
from vibelux.realtime.fanout import FanOut
from vibelux.realtime.held import Held
from vibelux.realtime.states import Failures, Matter, crossing, dr_event, has_price, matters, price_change, side_of
from vibelux.realtime.subscriptions import Message
from vibelux.store.alerts import Told, open_alerts, tell
from vibelux.store.database import Database
from vibelux.store.reader import feed_status

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 2.0
_FIRST_LOOK_SECONDS = 10.0
"""A service that has just started is given time for its first prices, before what is missing is alerted of."""
_QUIET = timedelta(minutes=15)
"""After a price change was told, the next one of the same price is told at the earliest."""

Place = tuple[str, AlertKind, str]
"""Facility, kind, subject."""


class Watching(Protocol):
    """What is needed of the desk."""

    @property
    def facilities(self) -> Sequence[Facility]:
        """All that it decides for."""
        ...

    def now_known(self) -> Iterator[tuple[Held, Conditions]]:
        """All that have been decided for, with their prices by the clock now."""
        ...


@dataclass(frozen=True, slots=True)
class _News:
    facility_id: str
    matter: Matter
    at: datetime
    resolves: bool = False


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
    ) -> None:
        self._db = db
        self._clock = clock
        self._desk = desk
        self._fanout = fanout
        self._limits = limits
        self._kinds = frozenset(kinds)
        self._price_feeds = frozenset(price_feeds)
        self._posts = posts
        self._failures = Failures()
        self._open: dict[Place, Matter] = {}
        self._waiting: list[_News] = []
        self._sides: dict[str, bool] = {}
        self._quiet_until: dict[str, datetime] = {}
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
        if matter.kind in self._kinds:
            now = self._clock.now()
            self._waiting += [_News(facility_id, matter, now) for facility_id in facility_ids]

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
        now, waiting = self._clock.now(), tuple(self._waiting)
        found = {place: matter for place, matter in self._matters() if place[1] in self._kinds}
        news = [_News(place[0], matter, now) for place, matter in found.items() if place not in self._open]
        news += [_News(place[0], self._open[place], now, resolves=True) for place in self._open if place not in found]
        await self._tell([*waiting, *news])
        del self._waiting[: len(waiting)]
        self._open = {place: self._open.get(place, matter) for place, matter in found.items()}
        for kind in self._kinds & LASTING:
            self._open_now.labels(kind).set(sum(place[1] is kind for place in self._open))

    def _matters(self) -> Iterator[tuple[Place, Matter]]:
        for held, current in self._desk.now_known():
            for matter in (*matters(held, current, self._limits), *self._failures.of(held, current.at)):
                yield (held.facility.id, matter.kind, matter.subject), matter

    async def _tell(self, news: list[_News]) -> None:
        if not news:
            return
        told = [_told(one) for one in news]
        posts = list(_posts(news)) if self._posts else []
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
        if not update.significant:
            return
        matter, now = price_change(update), self._clock.now()
        concerned = [facility.id for facility in self._desk.facilities if has_price(facility, update)]
        if concerned and now >= self._quiet_until.get(matter.subject, now):
            self._quiet_until[matter.subject] = now + _QUIET
            self.happened(concerned, matter)

    def _on_decision(self, made: DecisionMade) -> None:
        side = side_of(made.answer)
        if side is None:
            return
        if self._sides.get(made.facility_id, side) != side:
            self.happened([made.facility_id], crossing(made.answer))
        self._sides[made.facility_id] = side


def _told(news: _News) -> Told:
    matter = news.matter
    return Told(
        facility_id=news.facility_id,
        kind=matter.kind,
        subject=matter.subject,
        text=matter.text,
        about=matter.about,
        at=news.at,
        lasts=matter.kind in LASTING,
        resolves=news.resolves,
        message=_body(news, [news.facility_id]),
    )


def _posts(news: Iterable[_News]) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """One post for all facilities that are told the same."""
    same: dict[tuple[AlertKind, str, str, bool], list[_News]] = defaultdict(list)
    for one in news:
        same[one.matter.kind, one.matter.subject, one.matter.text, one.resolves].append(one)
    for group in same.values():
        facilities = [one.facility_id for one in group]
        yield (facilities[0] if len(facilities) == 1 else None), _body(group[0], facilities)


def _body(news: _News, facilities: list[str]) -> dict[str, Any]:
    """What is sent, to listeners and to the webhook alike."""
    matter, alone = news.matter, len(facilities) == 1
    state = "resolved" if news.resolves else "open" if matter.kind in LASTING else "happened"
    whom = facilities[0] if alone else f"{len(facilities)} facilities"
    return {
        "kind": matter.kind.value,
        "state": state,
        "text": f"{whom}: {'Over: ' if news.resolves else ''}{matter.text}",
        "facility": facilities[0] if alone else None,
        **({} if alone else {"facilities": facilities}),
        "at": iso_z(news.at),
        "subject": matter.subject,
        "about": dict(matter.about),
    }
