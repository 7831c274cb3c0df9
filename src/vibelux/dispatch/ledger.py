"""The ledger's entries: what a decision cost while it held, what was done instead, and what plain ways would cost.

All are reckoned at the prices that are known now, so that a corrected price restates them; what the decided flows came
to at the price that was known then stands beside. The baselines have the demand, the lamps and the prices of each
decision, and no storage; what a plan put into a storage is worth what a boiler (an import) would need for it, so that
a full store is no loss. Demand charges are of months, and no part of an entry; liquid CO2 and light that lacks are not
reckoned.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any

from vibelux.dispatch.build import build_step
from vibelux.dispatch.economics import Flow, Unit, set_point
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.heat_led import heat_led
from vibelux.dispatch.loads import Load
from vibelux.dispatch.operated import Done, done
from vibelux.dispatch.settled import Price, settled
from vibelux.dispatch.state import PlantState
from vibelux.dispatch.step import UNSERVED_HEAT_USD_PER_KWH, UNSERVED_POWER_USD_PER_KWH, Step
from vibelux.market.intervals import floor_to, parse_utc
from vibelux.market.operations import Report
from vibelux.market.units import KWH_PER_MMBTU, carbon_usd_per_mmbtu

DECIDED, OPERATED, CHALLENGER = "decided", "operated", "challenger"
BASELINES = ("heat-led", "always-on", "grid-and-boiler")
HOLDS_ON = timedelta(minutes=15)
"""So long after its time a set-point stays, until the next decision comes: its price may be late."""
_HOUR = timedelta(hours=1)

Answer = Mapping[str, Any]
"""Of `/api/chp/decision`, as stored."""


@dataclass(frozen=True)
class Cost:
    """What one plan came to over a stretch of time."""

    parts: Mapping[str, float]
    """USD: `energy_import`, `energy_export`, `gas`, `carbon`, `om`, `penalties`, `starts`, `stored`."""
    import_kw: float

    @property
    def usd(self) -> float:
        """All of it."""
        return math.fsum(self.parts.values())


@dataclass(frozen=True)
class Entry:
    """A stretch of time, within one hour, in which one decision held."""

    start: datetime
    end: datetime
    costs: Mapping[str, Cost]
    """By plan; `operated` only where telemetry tells it."""
    known_price: float
    """Of the market, USD/kWh, when it was decided."""
    settled_price: float
    """As it is known now; the known one where none came."""
    settled: bool
    known_usd: float
    """What was decided, at the price that was known then."""
    payload_sha256: str | None
    """Of the payload that the known price came in."""
    prices: tuple[Price, ...]
    """The settled ones."""

    @property
    def hours(self) -> float:
        """Its length."""
        return (self.end - self.start) / _HOUR


@dataclass(frozen=True)
class Material:
    """What entries are made of, oldest first."""

    answers: Sequence[Answer]
    """Without flows or a gas price one gives no entry."""
    prices: Sequence[Price]
    """Of its node in its real-time market, as they are known now."""
    reports: Sequence[Report] = ()


def entries(facility: Facility, material: Material, first: datetime, last: datetime) -> Iterator[Entry]:
    """The entries of a stretch of time, none over a full hour.

    Args:
        facility: whose.
        material: over that time; the decision in force when it begins belongs to it.
        first: where it begins, UTC.
        last: where it ends.
    """
    ran = False
    for answer, after in zip_longest(material.answers, material.answers[1:]):
        following = None if after is None else parse_utc(after["decision"]["validFrom"])
        held = _Held.of(facility, answer)
        if held is None:
            continue
        end = held.until
        if following is not None and following <= held.until + HOLDS_ON:
            end = following
        runs = bool(held.baselines["heat-led"].running)
        start = held.since
        while start < end:
            until = min(floor_to(start, _HOUR) + _HOUR, end)
            begin, stop = max(start, first), min(until, last)
            if begin < stop:
                yield _entry(facility, held, material, begin, stop, heat_led_starts=runs and not ran)
            start, ran = until, runs


@dataclass(frozen=True)
class _Tariff:
    """What a kWh costs over a stretch."""

    bought: float
    sold: float
    gas_usd_per_mmbtu: float
    carbon_usd_per_t: float

    @property
    def carbon_usd_per_mmbtu(self) -> float:
        """Of fuel."""
        return carbon_usd_per_mmbtu(self.carbon_usd_per_t)

    @property
    def fuel(self) -> float:
        """USD/kWh, its carbon with it."""
        return (self.gas_usd_per_mmbtu + self.carbon_usd_per_mmbtu) / KWH_PER_MMBTU


@dataclass(frozen=True)
class _Held:
    """A decision that can be reckoned."""

    decision: Answer
    since: datetime
    until: datetime
    known_price: float
    gas_usd_per_mmbtu: float
    carbon_usd_per_t: float
    step: Step
    baselines: Mapping[str, Flow]

    @classmethod
    def of(cls, facility: Facility, answer: Answer) -> "_Held | None":
        """None where it has no flows or lacks a price of electricity or gas."""
        decision, market = answer["decision"], answer["marketConditions"]
        paid, demand = market.get("facilityPrices") or {}, (decision.get("basis") or {}).get("demand")
        known, gas = market.get("gridPrice"), paid.get("gasPrice")
        if demand is None or known is None or gas is None or decision.get("gridImportKw") is None:
            return None
        since, until = parse_utc(decision["validFrom"]), parse_utc(decision["validUntil"])
        step = _step(facility, decision, demand, since)
        baselines = {
            "heat-led": heat_led(step)[0],
            "always-on": _always_on(step),
            "grid-and-boiler": set_point(step, [False] * len(step.engines), [0.0] * len(step.engines)),
        }
        return cls(decision, since, until, known, gas, paid.get("carbonPrice") or 0.0, step, baselines)

    def tariff(self, facility: Facility, price: float, adder: float) -> _Tariff:
        """At a price of the market."""
        rules = facility.prices
        sold = rules.export_price(price)
        return _Tariff(rules.import_price(price, adder), sold, self.gas_usd_per_mmbtu, self.carbon_usd_per_t)


def _entry(
    facility: Facility, held: _Held, material: Material, start: datetime, end: datetime, *, heat_led_starts: bool
) -> Entry:
    price = settled(facility, material.prices, start, end, held.known_price)
    now, then = (held.tariff(facility, value, price.adder) for value in (price.market, held.known_price))
    hours, decision = (end - start) / _HOUR, held.decision
    started = [unit["id"] for unit in decision["units"] if unit["on"] and _switched_at(unit) == start]
    advised = Done(
        _decided(decision), decision.get("storageChangeKw") or 0.0, decision.get("batteryChangeKw") or 0.0, started
    )
    costs = {DECIDED: _cost(facility, advised, now, hours)}
    told = done(facility, held.step, advised, material.reports, start, end)
    if told is not None:
        costs[OPERATED] = _cost(facility, told, now, hours)
    for name, flow in held.baselines.items():
        begins = flow.running if name == "heat-led" and heat_led_starts and start == held.since else ()
        costs[name] = _cost(facility, Done(flow, started=begins), now, hours)
    return Entry(
        start=start,
        end=end,
        costs=costs,
        known_price=held.known_price,
        settled_price=price.market,
        settled=price.complete,
        known_usd=_cost(facility, advised, then, hours).usd,
        payload_sha256=(decision["basis"].get("electricity") or {}).get("payloadSha256"),
        prices=price.rows,
    )


def _step(facility: Facility, decision: Answer, demand: Mapping[str, Any], at: datetime) -> Step:
    """The step of the baselines: the demand with its lamps as they were decided."""
    shares = {group.id: group.heat_fraction for group in facility.lights}
    lamps = {one["id"]: one["powerKw"] for one in decision.get("lights", ())}
    lit = math.fsum(shares.get(name, 0.0) * power for name, power in lamps.items())
    load = Load(demand["powerKw"] + (decision.get("lightingKw") or 0.0), max(demand["heatKw"] - lit, 0.0))
    return build_step(facility, load, PlantState(), at, None)[0]


def _decided(decision: Answer) -> Flow:
    return Flow(
        units=tuple(
            Unit(unit["id"], unit["on"], unit["powerKw"], unit["heatKw"], unit["fuelKwHhv"])
            for unit in decision["units"]
        ),
        imported_kw=decision["gridImportKw"],
        exported_kw=decision["gridExportKw"],
        boiler_kw=decision["boilerKw"],
        dumped_kw=decision.get("heatDumpKw") or 0.0,
        unserved_power_kw=decision.get("unservedPowerKw") or 0.0,
        unserved_heat_kw=decision.get("unservedHeatKw") or 0.0,
    )


def _always_on(step: Step) -> Flow:
    """Every engine at the power that site and grid take."""
    room, powers = step.power_kw + step.export_max_kw, []
    for engine in step.engines:
        powers.append(max(min(engine.high_kw, room), engine.low_kw))
        room -= powers[-1]
    able = [engine.must is not False for engine in step.engines]
    return set_point(step, able, [power if on else 0.0 for power, on in zip(powers, able, strict=True)])


def _cost(facility: Facility, plan: Done, tariff: _Tariff, hours: float) -> Cost:
    flow, by_id = plan.flow, {engine.id: engine for engine in facility.chp}
    boiler_kw, boiler_om = _boilers(facility, flow.boiler_kw)
    fuel = math.fsum(unit.fuel_kw for unit in flow.units) + boiler_kw
    upkeep = boiler_om + math.fsum(
        by_id[unit.id].om_usd_per_kwh * unit.power_kw + by_id[unit.id].om_usd_per_run_hour * unit.on
        for unit in flow.units
        if unit.id in by_id
    )
    lacking = flow.unserved_power_kw * UNSERVED_POWER_USD_PER_KWH + flow.unserved_heat_kw * UNSERVED_HEAT_USD_PER_KWH
    best = max((boiler.efficiency for boiler in facility.boiler), default=1.0)
    stored = plan.heat_stored_kw * tariff.fuel / best + plan.power_stored_kw * tariff.bought
    parts = {
        "energy_import": flow.imported_kw * tariff.bought * hours,
        "energy_export": 0.0 - flow.exported_kw * tariff.sold * hours,
        "gas": fuel / KWH_PER_MMBTU * tariff.gas_usd_per_mmbtu * hours,
        "carbon": fuel / KWH_PER_MMBTU * tariff.carbon_usd_per_mmbtu * hours,
        "om": upkeep * hours,
        "penalties": lacking * hours,
        "starts": math.fsum(by_id[name].start_cost_usd for name in plan.started if name in by_id),
        "stored": 0.0 - stored * hours,
    }
    return Cost(parts, flow.imported_kw)


def _boilers(facility: Facility, heat_kw: float) -> tuple[float, float]:
    """The fuel of some heat in kW and its upkeep in USD/h, the most efficient boilers first."""
    fuel = upkeep = 0.0
    left = heat_kw
    for boiler in sorted(facility.boiler, key=lambda boiler: -boiler.efficiency):
        made = min(left, boiler.rated_kw * boiler.availability)
        fuel += made / boiler.efficiency
        upkeep += made * boiler.om_usd_per_kwh
        left -= made
    return fuel, upkeep


def _switched_at(unit: Mapping[str, Any]) -> datetime | None:
    return parse_utc(unit["since"]) if unit.get("since") else None
