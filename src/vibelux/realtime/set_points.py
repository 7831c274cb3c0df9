"""Set-points that are published for a controller to follow: within the plant's limits, and never for ever.

They are advice all the same: whoever follows them keeps its own protection, and falls back by itself when no
set-point comes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vibelux.config_telemetry import SetPoints
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.plant import Engine
from vibelux.market.intervals import parse_utc


@dataclass(frozen=True, slots=True)
class SetPoint:
    """What an engine should make."""

    unit_id: str
    power_kw: float
    """0 is off."""
    is_safe: bool
    """Whether it is the safe set-point, published for want of a decision."""


def set_points(
    facility: Facility, rules: SetPoints, decision: Mapping[str, Any] | None, now: datetime, since: datetime
) -> list[SetPoint]:
    """The set-points in force, one for each engine; none while it is too early to miss a decision.

    Args:
        facility: the plant and its limits.
        rules: what its owner has switched on.
        decision: the last one that had something to say (its JSON); None when there is none yet.
        now: the moment, UTC.
        since: from when on a decision could have been expected.
    """
    last_word = since if decision is None else parse_utc(decision["validUntil"])
    lost = now > last_word + timedelta(seconds=rules.dead_man_seconds)
    if decision is None and not lost:
        return []
    told = {} if lost or decision is None else {unit["id"]: unit for unit in decision["units"]}
    return [
        SetPoint(
            engine.id, _within(engine, told[engine.id]["powerKw"] if told[engine.id]["on"] else 0.0), is_safe=False
        )
        if engine.id in told
        else SetPoint(engine.id, _within(engine, rules.safe_kw), is_safe=True)
        for engine in facility.chp
    ]


def _within(engine: Engine, power_kw: float) -> float:
    """Off, or within the engine's range; an engine in outage is off."""
    low, high = engine.min_load * engine.rated_kw, engine.availability * engine.rated_kw
    return 0.0 if power_kw <= 0 or high < low else min(max(power_kw, low), high)
