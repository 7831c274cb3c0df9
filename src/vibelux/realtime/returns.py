"""Costs and return on one page: what data and machines cost, what the ledger says was saved, and when that pays back.

Prices are configured (`[costs]`), use and savings are measured. Both are told for a year, each from the time for which
it is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from vibelux.config_costs import CostSettings, DataPlan
from vibelux.dispatch.facility import Facility
from vibelux.market.clock import Clock
from vibelux.market.errors import ConfigError
from vibelux.market.intervals import iso_z
from vibelux.realtime.ledger import Ledger
from vibelux.realtime.recall import facility_of
from vibelux.realtime.statement import Asked
from vibelux.store.database import Database
from vibelux.store.facilities import all_facilities
from vibelux.store.usage import ProviderUsage, database_megabytes, provider_usage

log = structlog.get_logger(__name__)

_MONTH = timedelta(days=365.25 / 12)
_YEAR_HOURS = 365.25 * 24
_USED_WITHIN = timedelta(days=30)
"""Payloads are not noted for ever."""

PROMISED: Mapping[str, tuple[float, float]] = {
    "decisionsPercent": (5.0, 15.0),
    "peakPercent": (10.0, 20.0),
    "demandResponseUsdPerYear": (5_000.0, 50_000.0),
}
"""What the product was built for; beside each stands what was measured."""


class Returns:
    """Reckons it.

    Args:
        db: the store.
        clock: the service's.
        costs: as configured.
    """

    def __init__(self, db: Database, clock: Clock, costs: CostSettings) -> None:
        self._db = db
        self._clock = clock
        self._costs = costs
        self._ledger = Ledger(db, clock)

    async def told(self, first: datetime, last: datetime) -> dict[str, Any]:
        """Costs and return of the installation, by the savings of a stretch of time.

        Raises:
            StoreUnavailable: the database is away.
        """
        saved = [
            Saved.of(
                facility.id, await self._ledger.savings(facility, Asked(first, last, "month")), self._costs.against
            )
            for facility in await self._facilities()
        ]
        until = min(last, self._clock.now())
        since = max(first, until - _USED_WITHIN)
        usage = await provider_usage(self._db, since, until)
        rows = cost_rows(self._costs, usage, (until - since) / _MONTH)
        return {
            "from": iso_z(first),
            "to": iso_z(last),
            "against": self._costs.against,
            "facilities": [one.as_json() for one in saved],
            "costs": rows,
            "databaseMegabytes": round(await database_megabytes(self._db), 1),
            **yearly(saved, sum(row["usdPerMonth"] for row in rows), self._costs.once_usd),
            "measured": measured(saved),
            "promised": PROMISED,
        }

    async def _facilities(self) -> list[Facility]:
        found = []
        for row in await all_facilities(self._db):
            try:
                found.append(facility_of(row))
            except ConfigError as error:
                log.warning("a facility cannot be read and is left out", facility=row["id"], error=str(error))
        return found


@dataclass(frozen=True)
class Saved:
    """What one facility saved over the hours that are known."""

    facility_id: str
    hours: float
    decisions_usd: float
    """Against the baseline, demand charges left out."""
    decisions_of_usd: float
    """What the baseline cost."""
    peak_usd: float
    peak_of_usd: float
    demand_response_usd: float
    peak_months: int = 0
    """Months whose demand charges are in it, begun ones too."""

    @classmethod
    def of(cls, facility_id: str, told: Mapping[str, Any], against: str) -> "Saved":
        """From the ledger's answer."""
        return cls(
            facility_id,
            told["hoursCovered"],
            told["savingsUsd"][against],
            told["baselines"][against]["costUsd"],
            told["demandSavingsUsd"][against],
            sum(charge["costUsd"].get(against, 0.0) for charge in told["demandCharges"]),
            told["demandResponseUsd"],
            len({charge["month"] for charge in told["demandCharges"]}),
        )

    @property
    def usd_per_year(self) -> float:
        """All of it, if every hour, and every month's peak, were as those that are known.

        >>> Saved("a", 87.66, 100.0, 500.0, 900.0, 1000.0, 20.0, peak_months=1).usd_per_year
        22800.0
        """
        if not self.hours:
            return 0.0
        by_hour = (self.decisions_usd + self.demand_response_usd) / self.hours * _YEAR_HOURS
        by_month = self.peak_usd / self.peak_months * 12 if self.peak_months else 0.0
        return by_hour + by_month

    def as_json(self) -> dict[str, Any]:
        """As the answer tells it."""
        return {
            "facilityId": self.facility_id,
            "hours": round(self.hours, 3),
            "decisionsUsd": round(self.decisions_usd, 2),
            "peakUsd": round(self.peak_usd, 2),
            "demandResponseUsd": round(self.demand_response_usd, 2),
            "usdPerYear": round(self.usd_per_year, 2),
        }


def cost_rows(costs: CostSettings, usage: Sequence[ProviderUsage], months: float) -> list[dict[str, Any]]:
    """A row for everything that costs or is used.

    Args:
        costs: as configured; a provider that is not in it costs nothing.
        usage: over so many months.
        months: how long that was.
    """
    used = {one.provider: one for one in usage}
    rows = []
    for name in sorted(used.keys() | costs.providers.keys()):
        payloads = used[name].payloads / months if name in used and months > 0 else 0.0
        usd = costs.providers.get(name, DataPlan()).usd(payloads)
        rows.append({"what": name, "kind": "data", "requestsPerMonth": round(payloads), "usdPerMonth": round(usd, 2)})
    for name, usd in costs.infrastructure.items():
        rows.append({"what": name, "kind": "infrastructure", "requestsPerMonth": None, "usdPerMonth": usd})
    return rows


def yearly(saved: Sequence[Saved], usd_per_month: float, once_usd: float) -> dict[str, Any]:
    """Savings, costs and what remains of a year; by when the set-up is paid back, and the first year's return.

    >>> one = Saved("a", 8766.0, 30_000.0, 300_000.0, 0.0, 0.0, 0.0)
    >>> found = yearly([one], 1_000.0, 6_000.0)
    >>> found["netUsdPerYear"], found["paybackMonths"], found["firstYearReturnPercent"]
    (18000.0, 4.0, 66.7)
    """
    gained, paid = sum(one.usd_per_year for one in saved), 12 * usd_per_month
    net, first_year = gained - paid, paid + once_usd
    return {
        "savingsUsdPerYear": round(gained, 2),
        "costsUsdPerYear": round(paid, 2),
        "onceUsd": once_usd,
        "netUsdPerYear": round(net, 2),
        "paybackMonths": round(once_usd / net * 12, 1) if net > 0 else None,
        "firstYearReturnPercent": round((gained - first_year) / first_year * 100, 1) if first_year > 0 else None,
    }


def measured(saved: Sequence[Saved]) -> dict[str, float | None]:
    """What stands beside each promise; None where there is nothing to measure it by."""
    hours = [one.hours for one in saved if one.hours]
    events = sum(one.demand_response_usd / one.hours * _YEAR_HOURS for one in saved if one.hours)
    return {
        "decisionsPercent": _percent(
            sum(one.decisions_usd for one in saved), sum(one.decisions_of_usd for one in saved)
        ),
        "peakPercent": _percent(sum(one.peak_usd for one in saved), sum(one.peak_of_usd for one in saved)),
        "demandResponseUsdPerYear": round(events, 2) if hours else None,
    }


def _percent(part: float, whole: float) -> float | None:
    return round(part / whole * 100, 1) if whole > 0 else None
