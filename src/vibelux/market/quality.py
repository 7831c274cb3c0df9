"""How far a number can be trusted, in one word, and the age that decides it."""

from datetime import datetime
from enum import StrEnum


class Quality(StrEnum):
    """The words of the contract, best first."""

    GOOD = "good"
    ESTIMATED = "estimated"
    STALE = "stale"
    MISSING = "missing"


class Origin(StrEnum):
    """Where bytes came from; everything that is not live says so wherever it is shown."""

    LIVE = "live"
    RECORDED = "recorded"
    REBUILT = "rebuilt"
    SYNTHETIC = "synthetic"


def age_seconds(now: datetime, until: datetime) -> float:
    """Seconds since `until`, never below zero (an interval that still runs has no age)."""
    return max(0.0, (now - until).total_seconds())


def quality_of_age(age: float | None, limit_seconds: float) -> Quality:
    """`missing` without a value, `stale` over the limit, else `good`."""
    if age is None:
        return Quality.MISSING
    return Quality.STALE if age > limit_seconds else Quality.GOOD
