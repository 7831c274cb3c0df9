"""The prices to expect, from what the store knew at a moment: one outlook a node, however many facilities stand there.

A model of each node is learnt from its own stored history, beside the loop and again as the history grows; until
then, and where there is no history, the weights of a start do. Only what waits to be scored is kept: all else can be
had again.
"""

import asyncio
from collections import deque
from datetime import date, datetime, timedelta
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import structlog

from vibelux.dispatch.facility import Facility
from vibelux.ingest.events import MARKET_DATA_UPDATED, Events, MarketDataUpdated
from vibelux.ingest.threads import beside
from vibelux.market.clock import Clock
from vibelux.market.errors import StoreUnavailable, UsageError
from vibelux.market.intervals import floor_to
from vibelux.market.regions import region_of
from vibelux.outlook.learn import FIRST_DAYS, LEARN_DAYS, Model, learn
from vibelux.outlook.past import Series
from vibelux.outlook.price import Outlook, expect
from vibelux.outlook.scores import LEADS
from vibelux.realtime.hindsight import Hindsight
from vibelux.realtime.known import NEVER, GridLoad, NodePrices, Subject, checked
from vibelux.realtime.metrics import ForecastMetrics
from vibelux.store import forecast_scores
from vibelux.store.database import Database
from vibelux.store.forecast_scores import Scored

log = structlog.get_logger(__name__)

_SLOT = timedelta(minutes=5)
_DAY = timedelta(days=1)
_FORGOTTEN_AFTER = timedelta(days=1)
_LOOK_SECONDS = 5.0
"""Of the wall: how often it is looked whether a model is due."""
_MOST_OF_CALLERS = 64
"""While fewer nodes than this are held, any that is asked for is; callers shall not fill the memory."""
_SHOWN_DAYS = timedelta(days=7)
"""Metrics tell of the last week."""


class _Given(NamedTuple):
    """An outlook, from when on it held and for which five minutes."""

    known_at: datetime
    slot: datetime
    outlook: Outlook


class _Node:
    """What is held of one node."""

    def __init__(self, db: Database, subject: Subject) -> None:
        self.prices = NodePrices(db, subject)
        self.model = Model.at_start(subject.iso_region, subject.market)
        self.model_known_at = NEVER
        self.learnt_at: datetime | None = None
        self.learnt_from = 0
        self.hindsight = Hindsight(self.prices.rules)
        self.is_recalled = False
        self.scored_until = 0
        self.given: deque[_Given] = deque(maxlen=4)
        self.asked_at = NEVER
        self.has_news = True
        self.has_past = False
        """Whether prices have come that lie before those held."""
        self.reading = asyncio.Lock()

    def learning_is_due(self, now: datetime) -> bool:
        """Never learnt, a day old, or grown by an eighth; a few days tell nothing."""
        if self.prices.days < FIRST_DAYS:
            return False
        if self.learnt_at is None:
            return True
        return now - self.learnt_at >= _DAY or self.prices.count * 8 > self.learnt_from * 9

    def ready(self, now: datetime) -> Outlook | None:
        """The outlook that was already made from what was known at that moment."""
        current = True
        for one in reversed(self.given):
            if now >= one.known_at:
                return one.outlook if one.slot == floor_to(now, _SLOT) and not (current and self.has_news) else None
            current = False
        return None


class Expectations:
    """Gives out outlooks, learns what they are made with, and measures how far off they were.

    Args:
        db: the store.
        clock: the service's; what is learnt and scored in the background is so by it.
        events: tell that something new is stored. Without them the store is asked each time.
        metrics: numbers for Prometheus.
    """

    def __init__(
        self, db: Database, clock: Clock, *, events: Events | None = None, metrics: ForecastMetrics | None = None
    ) -> None:
        self._db = db
        self._clock = clock
        self._metrics = metrics
        self._nodes: dict[Subject, _Node] = {}
        self._loads: dict[str, GridLoad] = {}
        self._scored: list[Scored] = []
        """What the store has not taken yet; likewise the two below."""
        self._scored_until: dict[tuple[str, str, str], int] = {}
        self._waiting: list[tuple[Subject, datetime, bytes]] = []
        self._is_told = events is not None
        if events is not None:
            events.on(MARKET_DATA_UPDATED, self._on_market_data)

    async def outlook(self, facility: Facility, now: datetime) -> Outlook:
        """The prices to expect at a facility's node, in the real-time market of its grid: see `outlook_of`."""
        market = region_of(facility.iso_region).real_time_market
        subject = Subject(facility.iso_region, facility.pricing_node, market)
        return await self.outlook_of(subject, now, is_facility=True)

    async def outlook_of(self, subject: Subject, now: datetime, *, is_facility: bool = False) -> Outlook:
        """The prices to expect from `now` on, made of what was known then and of nothing else.

        Of one node, 48 hours ahead. Where nothing is known its steps are `MISSING`.

        Args:
            subject: of which node and market.
            now: the moment, UTC.
            is_facility: a facility stands there; of other nodes only so many are held and learnt.

        Raises:
            StoreUnavailable: the database is away.
            UsageError: no such grid, or a market of which there is no outlook.
        """
        node = self._nodes.get(checked(subject))
        if node is None:
            node = _Node(self._db, subject)
            if is_facility or len(self._nodes) < _MOST_OF_CALLERS:
                self._nodes[subject] = node
        node.asked_at = max(node.asked_at, now)
        async with node.reading:
            found = node.ready(now)
            return found if found is not None else await self._made(node, now)

    async def _made(self, node: _Node, now: datetime) -> Outlook:
        iso_region = node.prices.subject.iso_region
        load = self._loads.setdefault(iso_region, GridLoad(self._db, iso_region))
        if now < max(node.prices.known_at, load.known_at):
            return await self._of_the_past(node, now)
        node.has_news = not self._is_told
        try:
            net_load = await load.at(now)
            is_new = await node.prices.follow(now)
        except StoreUnavailable:
            node.has_news = True
            raise
        slot = floor_to(now, _SLOT)
        last = node.given[-1] if node.given else None
        if last is not None and last.slot == slot and not is_new:
            return last.outlook
        outlook = _expected(node.prices, node.model, net_load, now)
        node.given.append(_Given(max(node.prices.known_at, load.known_at), slot, outlook))
        node.hindsight.note(outlook)
        return outlook

    async def _of_the_past(self, node: _Node, now: datetime) -> Outlook:
        """An outlook from before what is held: read apart, and learnt apart where what is learnt knows too much."""
        subject, model = node.prices.subject, node.model
        if now < node.model_known_at:
            model = await self._learnt(subject, now) or Model.at_start(subject.iso_region, subject.market)
        prices = NodePrices(self._db, subject)
        await prices.read(now)
        return _expected(prices, model, await GridLoad(self._db, subject.iso_region).at(now), now)

    async def _learnt(self, subject: Subject, now: datetime) -> Model | None:
        """A model of what was known at a moment; None of too short a history."""
        prices = NodePrices(self._db, subject)
        await prices.read(now, LEARN_DAYS)
        load = await GridLoad(self._db, subject.iso_region).at(now, prices.days + 1)
        try:
            return await beside("learn prices", lambda: learn([prices.history(load)]))
        except UsageError:  # a few days: the weights of a start do
            return None

    async def run(self) -> None:
        """Learns and scores until cancelled. The database being away is waited out."""
        while True:
            try:
                await self.reread_due()
                await self.learn_due()
                await self.score_due()
            except StoreUnavailable as error:
                log.warning("the store is away; forecasts are neither learnt nor scored", error=str(error))
            await asyncio.sleep(_LOOK_SECONDS)

    async def reread_due(self) -> int:
        """Reads all prices of a node again beside its outlooks: once an hour, and when something of the past has come.

        Returns:
            of how many nodes they had changed.

        Raises:
            StoreUnavailable: the database is away.
        """
        changed = 0
        for subject, node in tuple(self._nodes.items()):
            now = self._clock.now()
            if not (node.has_past or node.prices.is_old(now)):
                continue
            node.has_past = False
            fresh = NodePrices(self._db, subject)
            await fresh.read(now)
            async with node.reading:
                await fresh.follow(max(now, self._clock.now()))
                if not fresh.is_as(node.prices):
                    changed += 1
                    node.given.clear()
                node.prices = fresh
        return changed

    async def learn_due(self) -> int:
        """Learns what is due, one model after another; how many. Nodes that nobody asks for any more are forgotten.

        Raises:
            StoreUnavailable: the database is away.
        """
        learnt = 0
        for subject, node in tuple(self._nodes.items()):
            now = self._clock.now()
            if now - node.asked_at > _FORGOTTEN_AFTER:
                del self._nodes[subject]
                continue
            if not node.learning_is_due(now):
                continue
            count, known_at = node.prices.count, node.prices.known_at
            try:
                model = await self._learnt(subject, now)
            except StoreUnavailable:
                raise
            except Exception:  # one node's strange history must not stop the others; it is tried again in a day
                log.exception("a price model could not be learnt", node=subject.pricing_node, market=subject.market)
                model = None
            node.learnt_from, node.learnt_at = count, now
            if model is not None:
                node.model, node.model_known_at = model, known_at
                node.given.clear()
                learnt += 1
                log.info(
                    "a price model is learnt", region=subject.iso_region, node=subject.pricing_node, days=model.days
                )
        return learnt

    async def score_due(self) -> int:
        """Scores the outlooks given out against what has come since, and keeps the sums; how many steps.

        Raises:
            StoreUnavailable: the database is away.
        """
        for subject, node in tuple(self._nodes.items()):
            if not node.is_recalled:
                node.hindsight.recall(*await forecast_scores.waiting_of(self._db, subject))
                node.is_recalled = True
            self._waiting += [(subject, *kept) for kept in node.hindsight.to_keep()]
            if node.scored_until != (newest := node.prices.newest):
                node.scored_until, came = newest, node.prices.own()
                found = node.hindsight.scored(came)
                self._scored += [Scored(subject, day, lead, sums) for day, lead, sums in found]
                self._scored_until[subject] = came.known_until
        if self._waiting:
            await forecast_scores.add_waiting(self._db, self._waiting, self._clock.now())
            self._waiting = []
        scored, until = self._scored, self._scored_until
        if not scored:
            return 0
        await forecast_scores.add_scores(self._db, scored, until)
        self._scored, self._scored_until = [], {}
        if self._metrics is not None:
            today = self._clock.now().date()
            sums = await forecast_scores.score_sums(self._db, first=today - _SHOWN_DAYS, last=today + _DAY)
            self._metrics.show(sums)
        return sum(one.sums.steps for one in scored)

    async def rows(self, iso_region: str, pricing_node: str, market: str, now: datetime) -> list[dict[str, Any]]:
        """The outlook of any node, as `Outlook.rows` gives it.

        Raises:
            StoreUnavailable: the database is away.
            UsageError: as `outlook_of`.
        """
        return (await self.outlook_of(Subject(iso_region, pricing_node, market), now)).rows()

    async def scores(
        self, iso_region: str, pricing_node: str | None, market: str | None, first: date, last: date
    ) -> list[dict[str, Any]]:
        """How far off outlooks were on the days [first, last]: see `score_rows`.

        Raises:
            StoreUnavailable: the database is away.
        """
        return await score_rows(self._db, iso_region, pricing_node, market, first, last)

    def _on_market_data(self, event: MarketDataUpdated) -> None:
        for subject, node in self._nodes.items():
            if subject.iso_region.casefold() == event.provider and subject.pricing_node in event.names:
                node.has_news = True
                newest = event.newest_end
                node.has_past |= newest is not None and newest.timestamp() / 60 <= node.prices.newest


async def score_rows(
    db: Database, iso_region: str, pricing_node: str | None, market: str | None, first: date, last: date
) -> list[dict[str, Any]]:
    """How far off the outlooks given out for the days [first, last] were: a row a range of leads, nearest first.

    `Sums.means` in USD/MWh, with `lead`; the last row is of all leads. Empty where nothing was scored.

    Raises:
        StoreUnavailable: the database is away.
    """
    found = await forecast_scores.score_sums(
        db, first=first, last=last, iso_region=iso_region, pricing_node=pricing_node, market=market
    )
    by_lead = {lead: sums for (_, lead), sums in found.items()}
    if by_lead:
        by_lead["all"] = reduce(add, by_lead.values())
    return [{"lead": lead} | by_lead[lead].means() for lead in LEADS if lead in by_lead]


def _expected(prices: NodePrices, model: Model, load: Series | None, now: datetime) -> Outlook:
    return expect(model, now, prices.history(load), advisory=prices.look_ahead())
