"""What the sites' broker is told: each facility's decision, price, break-even and reason, and set-points if asked for.

Values are retained with an expiry, so that nobody who comes later takes an old price for the present one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import msgspec
import structlog

from vibelux.config_telemetry import MqttSettings, SetPoints
from vibelux.dispatch.facility import Facility
from vibelux.market.clock import Clock
from vibelux.market.errors import StoreUnavailable
from vibelux.market.intervals import iso_z, local_date, local_day
from vibelux.realtime.home_assistant import discovery, discovery_topic
from vibelux.realtime.savings import SavingsToday
from vibelux.realtime.set_points import SetPoint, set_points
from vibelux.realtime.subscriptions import Subscription

log = structlog.get_logger(__name__)

_TICK_SECONDS = 1.0
_FRESH = {"good", "estimated"}
_LONGEST_STATE = 255
"""Of a state in Home Assistant."""


class Publish(Protocol):
    """Publishes one message; `expires` in seconds, None for one that never does."""

    async def __call__(self, topic: str, payload: str, what: str, *, retain: bool, expires: float | None) -> None:
        """Returns when the broker has it."""
        ...


class Deciding(Protocol):
    """What is needed of the desk."""

    @property
    def facilities(self) -> Sequence[Facility]:
        """All that it decides for."""
        ...

    async def subscribe(self, facility_id: str) -> Subscription:
        """Messages of a facility from now on."""
        ...

    async def latest(self, facility_id: str) -> dict[str, Any] | None:
        """The answer of `/api/chp/decision` now."""
        ...


History = Callable[[str, datetime, datetime], Awaitable[list[dict[str, Any]]]]
"""A facility's decisions of a stretch of time, in order."""


@dataclass(slots=True)
class _Heard:
    """A facility that is spoken for."""

    facility: Facility
    since: datetime
    savings: SavingsToday
    follow: asyncio.Task[None] | None = None
    decision: Mapping[str, Any] | None = None
    """The last one that had something to say."""
    alerts: list[Mapping[str, Any]] = field(default_factory=list)
    """Bodies of alerts that have come and are not said yet."""
    repeated: dict[str, datetime] = field(default_factory=dict)
    """By topic of set-points, when they were last said."""


class Voice:
    """Speaks for the facilities of a desk.

    Args:
        desk: whose decisions.
        clock: the service's.
        settings: topics.
        stale_seconds: of a facility, the age over which its price no longer counts.
        history: decisions made before, for today's savings.
    """

    def __init__(
        self,
        desk: Deciding,
        clock: Clock,
        settings: MqttSettings,
        *,
        stale_seconds: Callable[[Facility], float],
        history: History,
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._settings = settings
        self._stale = stale_seconds
        self._history = history
        self._heard: dict[str, _Heard] = {}
        self._due: set[str] = set()
        self._wake = asyncio.Event()

    @property
    def status_topic(self) -> str:
        """Says whether anybody speaks: `online` or `offline`."""
        return f"{self._settings.publish}/status"

    async def speak(self, publish: Publish) -> None:
        """Says everything, and then what changes, until cancelled or the broker is gone."""
        try:
            while True:
                await self._follow_facilities(publish)
                due, self._due = self._due, set()
                for name in sorted(due & set(self._heard)):
                    await self._say(self._heard[name], publish)
                for heard in tuple(self._heard.values()):
                    await self._say_alerts(heard, publish)
                    await self._say_set_points(heard, publish, now_changed=heard.facility.id in due)
                self._wake.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_TICK_SECONDS):
                        await self._wake.wait()
        finally:
            for heard in self._heard.values():
                if heard.follow is not None:
                    heard.follow.cancel()
            self._heard.clear()

    async def _follow_facilities(self, publish: Publish) -> None:
        """Facilities come and go; one that has changed is described anew."""
        present = {facility.id: facility for facility in self._desk.facilities}
        for name in set(self._heard) - set(present):
            gone = self._heard.pop(name)
            if gone.follow is not None:
                gone.follow.cancel()
            if self._settings.home_assistant.enabled:
                await self._describe(name, "", publish)
        for name, facility in present.items():
            heard = self._heard.get(name)
            if heard is not None and heard.facility is facility:
                continue
            if heard is None:
                try:
                    heard = self._heard[name] = await self._take_up(facility)
                except StoreUnavailable as error:
                    log.warning("the store is away; a facility is not spoken for", facility=name, error=str(error))
                    continue
            heard.facility = facility
            if self._settings.home_assistant.enabled:
                described = discovery(
                    facility,
                    base=f"{self._settings.publish}/{name}",
                    status_topic=self.status_topic,
                    expire_after=self._stale(facility),
                )
                await self._describe(name, msgspec.json.encode(described).decode(), publish)
            self._due.add(name)

    async def _describe(self, facility_id: str, payload: str, publish: Publish) -> None:
        topic = discovery_topic(self._settings.home_assistant.prefix, facility_id)
        await publish(topic, payload, "discovery", retain=True, expires=None)

    async def _take_up(self, facility: Facility) -> _Heard:
        now = self._clock.now()
        today = local_day(local_date(now, facility.zone_name), facility.zone_name)
        before = await self._history(facility.id, today.start, now)
        heard = _Heard(facility, now, SavingsToday(facility.zone_name, before))
        listening = await self._desk.subscribe(facility.id)
        heard.follow = asyncio.create_task(self._follow(heard, listening), name=f"speak for {facility.id}")
        return heard

    async def _follow(self, heard: _Heard, listening: Subscription) -> None:
        try:
            async for message in listening:
                if message["type"] == "chp-decision-update":
                    self._due.add(heard.facility.id)
                    self._wake.set()
                elif message["type"] == "alert" and not message["body"].get("quiet"):
                    heard.alerts.append(message["body"])
                    self._wake.set()
        finally:
            await listening.aclose()

    async def _say(self, heard: _Heard, publish: Publish) -> None:
        answer = await self._desk.latest(heard.facility.id)
        if answer is None:
            return
        decision = answer["decision"]
        heard.savings.decided(decision)
        if decision["units"]:
            heard.decision = decision
        base = f"{self._settings.publish}/{heard.facility.id}"
        expires = self._stale(heard.facility)
        for key, payload in states(answer, heard.savings.at(self._clock.now())).items():
            left = expires - (answer["dataFreshness"]["electricity"] or 0.0) if key == "price" else expires
            await publish(f"{base}/{key}", payload, key, retain=True, expires=max(left, 1.0))

    async def _say_alerts(self, heard: _Heard, publish: Publish) -> None:
        """Each once and not retained: it is news, and `GET /api/alerts` has what is open."""
        said, heard.alerts = heard.alerts, []
        topic = alert_topic(self._settings, heard.facility.id)
        for body in said:
            await publish(topic, msgspec.json.encode(body).decode(), "alert", retain=False, expires=None)

    async def _say_set_points(self, heard: _Heard, publish: Publish, *, now_changed: bool) -> None:
        now = self._clock.now()
        for rules in self._settings.set_points:
            if rules.facility != heard.facility.id:
                continue
            said = heard.repeated.get(rules.topic)
            if not now_changed and said is not None and (now - said).total_seconds() < rules.repeat_seconds:
                continue
            points = set_points(heard.facility, rules, heard.decision, now, heard.since)
            for point in points:
                topic = rules.topic.replace("{facility}", heard.facility.id).replace("{unit}", point.unit_id)
                what = "safe set-point" if point.is_safe else "set-point for control"
                # Not retained, and worth nothing once the next one is due: an old set-point must not be followed.
                payload = _control(point, rules, now)
                await publish(topic, payload, what, retain=False, expires=2 * rules.repeat_seconds)
            if points:
                heard.repeated[rules.topic] = now


def alert_topic(settings: MqttSettings, facility_id: str) -> str:
    """Where a facility's alerts are published."""
    return f"{settings.publish}/{facility_id}/alert"


def states(answer: Mapping[str, Any], savings_usd: float) -> dict[str, str]:
    """What is told of an answer of `/api/chp/decision`, by last level of the topic; empty text takes a value back."""
    decision, market = answer["decision"], answer["marketConditions"]
    quality = market["dataQuality"]["electricity"]
    next_change = decision.get("nextChange") or {}
    reasons = decision["reasons"]
    return {
        "decision": msgspec.json.encode(answer).decode(),
        "action": decision["action"],
        "price": _number(market["gridPrice"] if quality in _FRESH else None),
        "break-even": _number(decision["breakEvenGridPrice"]),
        "set-point": _number(sum(unit["powerKw"] for unit in decision["units"]) if decision["units"] else None),
        "reason": reasons[0][:_LONGEST_STATE] if reasons else "",
        "savings": _number(round(savings_usd, 2)),
        "next-change": next_change.get("at") or "",
        "degraded": "OFF" if quality == "good" else "ON",
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.9f}".rstrip("0").rstrip(".")


def _control(point: SetPoint, rules: SetPoints, now: datetime) -> str:
    if rules.payload == "number":
        return _number(point.power_kw)
    document = {"on": point.power_kw > 0, "powerKw": point.power_kw, "safe": point.is_safe, "timestamp": iso_z(now)}
    return msgspec.json.encode(document).decode()
