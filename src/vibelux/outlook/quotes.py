"""One price with all that is known about it, and the rules by which a daily price ages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from vibelux.market.intervals import iso_z, local_day, zone
from vibelux.market.quality import Quality, age_seconds, quality_of_age

Row = Mapping[str, Any]
"""A record as the store's reader gives it: the contract's names, and `origin`, `known_at`, `payload_sha256`."""

_BACKFILLED_AFTER = timedelta(days=10)


class Rung(StrEnum):
    """Where on the ladder from a live price down to none a price stands, best first."""

    LIVE = "live"
    SAME_HOUR = "same-hour"
    """A price that another market, or a look-ahead, has for this very moment."""
    LAST = "last"
    """The last real-time price, over its limit but not old enough to be worthless."""
    RECENT_DAYS = "recent-days"
    """What this hour cost on recent days, with a band."""
    SHOWN_ONLY = "shown-only"
    """Known and shown, but too old to decide on."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Quote:
    """A market price, what it is worth and where it comes from."""

    value: float | None
    quality: Quality
    rung: Rung
    source: str = ""
    """The market (electricity), hub (gas) or allowance market (carbon) it is of."""
    origin: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    """What the price is for; None for a daily price and for an estimate."""
    day: date | None = None
    age_seconds: float | None = None
    """Of the newest data of the commodity's own feed, whatever rung the value is from."""
    known_at: datetime | None = None
    payload_sha256: str | None = None
    band: tuple[float, float] | None = None

    @property
    def decides(self) -> bool:
        """Whether a decision may rest on it."""
        return self.rung not in {Rung.SHOWN_ONLY, Rung.NONE}

    def basis(self) -> dict[str, Any]:
        """What was known, for the decision's `basis`."""
        times = {"start": self.start, "end": self.end, "knownAt": self.known_at}
        return {
            "value": self.value,
            "quality": self.quality.value,
            "rung": self.rung.value,
            "source": self.source or None,
            "origin": self.origin,
            **{name: iso_z(moment) if moment else None for name, moment in times.items()},
            "day": self.day.isoformat() if self.day else None,
            "ageSeconds": self.age_seconds,
            "band": list(self.band) if self.band else None,
            "payloadSha256": self.payload_sha256,
        }


MISSING = Quote(None, Quality.MISSING, Rung.NONE)


def daily_quote(
    row: Row | None, *, value: str, source: str, zone_name: str, now: datetime, limit_seconds: float, usable_days: float
) -> Quote:
    """A daily price (gas, carbon) as a quote.

    Args:
        row: the newest record, None when there is none.
        value: the name of the price in the record.
        source: the name of the hub or market in the record.
        zone_name: the zone in which its trading days are counted.
        now: the moment, UTC.
        limit_seconds: over this age it is stale.
        usable_days: over this age it no longer decides; it is shown only.
    """
    if row is None or row.get(value) is None:
        return MISSING
    age = age_seconds(now, published_at(row, zone_name))
    return Quote(
        value=float(row[value]),
        quality=quality_of_age(age, limit_seconds),
        rung=Rung.LIVE if age <= usable_days * 86_400 else Rung.SHOWN_ONLY,
        source=str(row[source]),
        origin=row.get("origin", "live"),
        day=row["trading_date"],
        age_seconds=age,
        known_at=row.get("known_at"),
        payload_sha256=row.get("payload_sha256"),
    )


def published_at(row: Row, zone_name: str) -> datetime:
    """When a daily price came out, UTC.

    The store's `published_at` where it knows it; else the moment we learnt it. A price learnt more than ten days
    after its trading day (auctions are published a week later) was fetched in hindsight: it counts as published
    when that day ended, so that an old price does not look fresh because it was read today.
    """
    known: datetime | None = row.get("published_at") or row.get("known_at")
    day_end = local_day(row["trading_date"], zone_name).end
    if known is None or known > day_end + _BACKFILLED_AFTER:
        return day_end
    return known


def usual_price(rows: list[Row], zone_name: str, now: datetime) -> tuple[float, tuple[float, float], int] | None:
    """What this local hour cost on recent days: median of the days' means, lowest and highest mean, number of days.

    Needs three days at least, else None: two days are no pattern.
    """
    here = now.astimezone(zone(zone_name))
    days: dict[date, list[float]] = {}
    for row in rows:
        local = row["market_interval_start"].astimezone(zone(zone_name))
        if local.hour == here.hour and local.date() < here.date():
            days.setdefault(local.date(), []).append(float(row["price_per_kwh"]))
    means = sorted(sum(prices) / len(prices) for prices in days.values())
    if len(means) < 3:
        return None
    middle = (means[(len(means) - 1) // 2] + means[len(means) // 2]) / 2
    return middle, (means[0], means[-1]), len(means)
