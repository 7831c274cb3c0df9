"""What the decisions of a local day have been worth so far, against the same day without CHP."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from vibelux.market.intervals import local_date, parse_utc

_HOUR = timedelta(hours=1)


class SavingsToday:
    """Adds up `netBenefitUsdPerHour` of each decision over the time for which it held.

    It is what was advised, not what was billed: a decision without that figure adds nothing.
    """

    def __init__(self, zone_name: str, decisions: Iterable[Mapping[str, Any]] = ()) -> None:
        self._zone = zone_name
        self._day: date | None = None
        self._sum = 0.0
        self._rate = 0.0
        self._from: datetime | None = None
        self._until: datetime | None = None
        self._decided: datetime | None = None
        for decision in decisions:
            self.decided(decision)

    def decided(self, decision: Mapping[str, Any]) -> None:
        """Takes in the next decision (its JSON); one that is known already changes nothing."""
        if decision.get("validFrom") is None or decision.get("validUntil") is None:
            return
        start = parse_utc(decision["validFrom"])
        if self._decided is not None and start <= self._decided:
            return
        self._count_until(start)
        self._rate = decision.get("netBenefitUsdPerHour") or 0.0
        self._from, self._until, self._decided = start, parse_utc(decision["validUntil"]), start

    def at(self, now: datetime) -> float:
        """USD since local midnight."""
        self._count_until(now)
        return self._sum

    def _count_until(self, moment: datetime) -> None:
        day = local_date(moment, self._zone)
        if day != self._day:  # a decision over midnight counts for the day before, by minutes at most
            self._day, self._sum = day, 0.0
        if self._from is not None and self._until is not None and (end := min(moment, self._until)) > self._from:
            if local_date(self._from, self._zone) == day:
                self._sum += self._rate * ((end - self._from) / _HOUR)
            self._from = end
