"""What is the matter with a facility at a moment, and what has just happened to it: the rules of alerts, and no I/O."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from vibelux.dispatch.facility import Facility
from vibelux.ingest.events import PriceUpdated, ProviderFailed
from vibelux.market.alert_kinds import AlertKind
from vibelux.market.intervals import iso_z, local_naive, parse_utc
from vibelux.market.units import per_mwh
from vibelux.outlook.conditions import Conditions, Limits
from vibelux.outlook.quotes import Quote, Rung
from vibelux.realtime.held import Held
from vibelux.realtime.moves import CARBON, ELECTRICITY, GAS

_SURE_AFTER = 2
"""Failures in a row: one alone happens to every upstream."""
_HEARD_WITHIN = timedelta(minutes=15)
"""An older report says nothing of what an engine does now."""
_MEANS_SOMETHING = 24
"""Steps of which a share within a band says something."""
_SURE_WITHIN = timedelta(minutes=1)
"""After which one is enough: who has failed so much that it is left alone for a while does not fail again soon."""


@dataclass(frozen=True, slots=True)
class Matter:
    """Something that a person should know of a facility."""

    kind: AlertKind
    subject: str
    """Of a kind and a facility, what it is about in a word."""
    text: str
    """One sentence that does not name the facility, so that many can be told of at once."""
    about: Mapping[str, Any] = field(default_factory=dict)


def matters(held: Held, current: Conditions, limits: Limits) -> Iterator[Matter]:
    """What is the matter with a facility now: data over their limit, a decision on too little or none at all.

    Args:
        held: the facility and its decision.
        current: its prices by the clock now.
        limits: ages over which prices are stale.
    """
    rows, facility = held.rows, held.facility
    power, grid = current.electricity, facility.iso_region
    if power.age_seconds is not None and power.age_seconds > limits.real_time(grid):
        name = f"the real-time price of {facility.pricing_node} ({grid})"
        yield _stale("electricity", name, power, limits.real_time(grid))
    for commodity, quote, row, otherwise in (
        ("gas", current.gas, rows.gas, limits.gas),
        ("carbon", current.carbon, rows.carbon, limits.carbon),
    ):
        limit = limits.of_daily(f"{commodity}-price", row, otherwise)
        if quote.age_seconds is not None and quote.age_seconds > limit:
            yield _stale(commodity, f"the {commodity} price of {quote.source}", quote, limit)
    if held.answer is not None:
        yield from _of_decision(held.answer["decision"], current)


def _stale(commodity: str, name: str, quote: Quote, limit: float) -> Matter:
    age = quote.age_seconds or 0.0
    about = {"commodity": commodity, "ageSeconds": age, "limitSeconds": limit, "source": quote.source or None}
    return Matter(
        AlertKind.STALE_DATA, commodity, f"Stale data: {name} is {_time(age)} old; the limit is {_time(limit)}.", about
    )


def _of_decision(decision: Mapping[str, Any], current: Conditions) -> Iterator[Matter]:
    action, reason = decision["action"], next(iter(decision["reasons"]), "")
    about = {"action": action, "rung": current.electricity.rung.value, "reasons": decision["reasons"]}
    if action == "unavailable":
        yield Matter(AlertKind.DECISION_UNAVAILABLE, "decision", f"No decision can be made. {reason}".strip(), about)
    elif action == "hold" or current.electricity.rung is not Rung.LIVE:
        text = f"The decision ({action}) rests on less than a live price ({current.electricity.rung.value})."
        yield Matter(AlertKind.DECISION_DEGRADED, "decision", text, about)


def price_change(update: PriceUpdated) -> Matter:
    """A price that moved by more than the threshold."""
    change = 100.0 * (update.change or 0.0)
    last, price = _priced(update.kind, update.last or 0.0), _priced(update.kind, update.price)
    return Matter(
        AlertKind.PRICE_CHANGE,
        f"{update.kind} {update.name}",
        f"The price of {update.name} has moved by {change:+.0f} %, from {last} to {price}.",
        {
            "priceKind": update.kind,
            "region": update.region,
            "name": update.name,
            "price": update.price,
            "last": update.last,
            "changePercent": change,
            "since": iso_z(update.since) if isinstance(update.since, datetime) else update.since.isoformat(),
            "origin": update.origin,
        },
    )


def extremes(held: Held, current: Conditions, spike: float, negative: float) -> Iterator[Matter]:
    """A live price of power that is very high or below zero; thresholds in USD/kWh."""
    power, node = current.electricity, held.facility.pricing_node
    if power.value is None or power.rung is not Rung.LIVE:
        return
    about = {"name": node, "price": power.value}
    if power.value >= spike:
        text = f"The price of {node} is {per_mwh(power.value)} USD/MWh: a spike, from {per_mwh(spike)} USD/MWh on."
        yield Matter(AlertKind.PRICE_SPIKE, "electricity", text, about | {"threshold": spike})
    if power.value < negative:
        text = f"The price of {node} is {per_mwh(power.value)} USD/MWh: below {per_mwh(negative)} USD/MWh."
        yield Matter(AlertKind.NEGATIVE_PRICE, "electricity", text, about | {"threshold": negative})


def not_following(held: Held, now: datetime) -> Iterator[Matter]:
    """Engines that lately reported to do another thing than the decision in force says."""
    report = held.reported.at(now)
    if report is None or report["ageSeconds"] > _HEARD_WITHIN.total_seconds():
        return
    for unit, on in sorted(held.reported.contradicts(held.answer)):
        does, should = ("runs", "stand") if on else ("stands", "run")
        about = {"unit": unit, "on": on, "reportedAt": report["timestamp"]}
        yield Matter(AlertKind.ENGINE_NOT_FOLLOWING, unit, f"{unit} {does}, but was to {should}.", about)


def plan_change(
    before: Mapping[str, Any] | None, answer: Mapping[str, Any], now: datetime, zone_name: str, minutes: float
) -> Matter | None:
    """The switch of an engine that was to come next and now comes at another time or not at all.

    Args:
        before: `nextChange` of the decision before.
        answer: the new one.
        now: what was to come until now has come.
        zone_name: of the facility.
        minutes: a switch that moves by less is the same one.
    """
    after = answer["decision"].get("nextChange")
    if before is None or parse_utc(before["at"]) <= now:
        return None
    what = f"{before['id']} was to {'start' if before['on'] else 'stop'} at {_clock(before['at'], zone_name)}"
    if after is None or (after["id"], after["on"]) != (before["id"], before["on"]):
        then = "no switch is planned" if after is None else f"first {after['id']} is to {_at(after, zone_name)}"
    elif abs(parse_utc(after["at"]) - parse_utc(before["at"])) >= timedelta(minutes=minutes):
        then = f"it is to {_at(after, zone_name)}"
    else:
        return None
    return Matter(
        AlertKind.PLAN_CHANGED, "plan", f"The plan has changed: {what}; now {then}.", {"before": before, "after": after}
    )


def _at(change: Mapping[str, Any], zone_name: str) -> str:
    return f"{'start' if change['on'] else 'stop'} at {_clock(change['at'], zone_name)}"


def _clock(stamp: str, zone_name: str) -> str:
    return f"{local_naive(parse_utc(stamp), zone_name):%a %H:%M}"


def forecast_off(facility: Facility, steps: int, coverage: float, threshold: float) -> Matter | None:
    """A day on which fewer prices than the threshold (a share) lay within the expected band, and not just a few."""
    if steps < _MEANS_SOMETHING or coverage >= threshold:
        return None
    text = (
        f"Of today's prices of {facility.pricing_node} only {100 * coverage:.0f} % lay within the band that was"
        " expected up to two hours before; it should hold 80 %."
    )
    about = {"name": facility.pricing_node, "steps": steps, "coverage": coverage, "threshold": threshold}
    return Matter(AlertKind.FORECAST_OFF, "electricity", text, about)


def has_price(facility: Facility, update: PriceUpdated) -> bool:
    """Whether the price that moved is one of the facility's."""
    if update.kind == ELECTRICITY.kind:
        return facility.pricing_node == update.name
    if update.kind == GAS.kind:
        return facility.prices.gas_market == update.name
    return update.kind == CARBON.kind and facility.carbon_market == update.name


def side_of(answer: Mapping[str, Any]) -> bool | None:
    """Whether the price that was decided on is at or above the break-even; None where one of them is not known."""
    price, even = answer["marketConditions"]["gridPrice"], answer["decision"]["breakEvenGridPrice"]
    return None if price is None or even is None else price >= even


def crossing(answer: Mapping[str, Any]) -> Matter:
    """A price that is now on the other side of the break-even."""
    decision, price = answer["decision"], answer["marketConditions"]["gridPrice"]
    side = "above" if side_of(answer) else "below"
    return Matter(
        AlertKind.BREAK_EVEN_CROSSED,
        "break-even",
        f"At {per_mwh(price)} USD/MWh the price is now {side} the break-even of"
        f" {per_mwh(decision['breakEvenGridPrice'])} USD/MWh;"
        f" the decision is: {decision['action']}.",
        {"gridPrice": price, "breakEvenGridPrice": decision["breakEvenGridPrice"], "action": decision["action"]},
    )


def dr_event(body: Mapping[str, Any]) -> Matter:
    """A demand-response event that a facility has just been told of, as its `dr-event` message has it."""
    event = body.get("data", body)
    name = f"{event['program']} {event['event_id']}"
    stretch = f"{event['starts_at']} to {event['ends_at'] or 'further notice'}"
    answers = [site["answer"] for site in event.get("facilities", ()) if site["answer"]]
    stands = ", ".join([event.get("state") or event.get("status"), *answers])
    return Matter(AlertKind.DR_EVENT, name, f"Demand response {name} ({stands}): {stretch}.", event)


class Failures:
    """Price feeds that fail: twice in a row, or for a minute, until they bring something."""

    def __init__(self) -> None:
        self._failed: dict[str, list[ProviderFailed]] = {}

    def add(self, failed: ProviderFailed) -> None:
        """One more; of those before, the first and the number are remembered."""
        before = self._failed.get(failed.feed, [])
        self._failed[failed.feed] = [*before[:_SURE_AFTER], failed]

    def forget(self, feed: str) -> None:
        """It has brought something."""
        self._failed.pop(feed, None)

    def brought(self, received: Mapping[str, datetime | None]) -> None:
        """By feed, when its newest payload came: those that have brought one since they failed are well again."""
        for feed, failed in tuple(self._failed.items()):
            at = received.get(feed)
            if at is not None and at > failed[-1].at:
                self.forget(feed)

    @property
    def any(self) -> bool:
        """Whether there is something to look after."""
        return bool(self._failed)

    def of(self, held: Held, now: datetime) -> Iterator[Matter]:
        """Those that a facility's prices come from."""
        facility = held.facility
        sources = (str((row or {}).get("data_source") or "") for row in (held.rows.gas, held.rows.carbon))
        providers = {facility.iso_region.lower(), *(source.partition(" ")[0].lower() for source in sources)}
        for feed, failed in self._failed.items():
            first, last = failed[0], failed[-1]
            sure = len(failed) >= _SURE_AFTER or now - first.at >= _SURE_WITHIN
            if sure and last.provider in providers:
                about = {
                    "feed": feed,
                    "provider": last.provider,
                    "outcome": last.error.outcome,
                    "since": iso_z(first.at),
                }
                # The words of the error may change with each try; the alert is the same one.
                yield Matter(AlertKind.PROVIDER_FAILING, feed, f"The feed {feed} fails: {last.error}", about)


def _priced(kind: str, price: float) -> str:
    if kind == ELECTRICITY.kind:
        return f"{per_mwh(price)} USD/MWh"
    return f"{price:.2f} USD/MMBtu" if kind == GAS.kind else f"{price:.2f} USD/t"


def _time(seconds: float) -> str:
    if seconds < 3 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 3 * 86_400 else f"{seconds / 86_400:.0f} days"
