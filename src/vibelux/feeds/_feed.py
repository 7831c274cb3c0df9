"""What a feed is: a declaration, and two pure functions, `requests(ask)` and `parse(payload)`.

Registry, schedule, budget, metrics, freshness and `vibelux feeds` all follow from the declaration.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from vibelux.market.intervals import Interval, floor_to, local_date, local_day, to_utc
from vibelux.market.records import Parsed


@dataclass(frozen=True, slots=True)
class Service:
    """An upstream as it counts requests: one budget and one breaker each, whatever its address."""

    name: str
    seconds_between: float = 1.0
    timeout_seconds: float = 60.0
    max_body_bytes: int = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rolling:
    """Published interval by interval: each comes `lag` after it starts (a negative lag: before)."""

    step: timedelta
    lag: timedelta
    reread: timedelta = timedelta(hours=1)
    """Each poll asks this far back again, for corrections."""

    def next_after(self, moment: datetime) -> datetime:
        """The first moment after `moment` at which a new interval is due."""
        return floor_to(moment - self.lag, self.step) + self.step + self.lag

    def known_until(self, moment: datetime) -> datetime:
        """The end of the newest interval that should be out at `moment`."""
        return floor_to(moment - self.lag, self.step) + self.step

    def window(self, moment: datetime) -> Interval:
        """What a poll at `moment` asks for."""
        end = self.known_until(moment)
        return Interval(end - max(self.reread, self.step), end)


@dataclass(frozen=True, slots=True)
class Daily:
    """Published once a day at a local time, for the market day `days_ahead` of the day of publication."""

    at: time
    timezone: str
    days_ahead: int = 1
    open_on: Callable[[date], bool] | None = None
    """Whether anything is published on a day; None: on every day. Only Wednesdays make it a weekly publication."""

    def _newest_day(self, moment: datetime) -> date:
        """The newest market day that should be out."""
        day = local_date(moment, self.timezone)
        out = day if self._published(day) <= moment else day - timedelta(days=1)
        while not self._is_open(out):
            out -= timedelta(days=1)
        return out + timedelta(days=self.days_ahead)

    def _is_open(self, day: date) -> bool:
        return self.open_on is None or self.open_on(day)

    def _published(self, day: date) -> datetime:
        return to_utc(datetime.combine(day, self.at), self.timezone, repeated=False)

    def next_after(self, moment: datetime) -> datetime:
        """The first moment after `moment` at which a new day is due."""
        day = local_date(moment, self.timezone)
        while not self._is_open(day) or self._published(day) <= moment:
            day += timedelta(days=1)
        return self._published(day)

    def known_until(self, moment: datetime) -> datetime:
        """The end of the newest market day that should be out at `moment`."""
        return local_day(self._newest_day(moment), self.timezone).end

    def window(self, moment: datetime) -> Interval:
        """What a poll at `moment` asks for: from the current market day, or the newest one that is out, to the end."""
        today = local_date(moment, self.timezone)
        newest = self._newest_day(moment)
        first, last = local_day(min(today, newest), self.timezone), local_day(max(today, newest), self.timezone)
        return Interval(first.start, last.end)


Publication = Rolling | Daily


@dataclass(frozen=True, slots=True)
class Ask:
    """What the service wants to know: a window in UTC and, for nodal feeds, which nodes."""

    window: Interval
    nodes: tuple[str, ...] = ()
    at: datetime | None = None
    """When it is asked; None: at the window's end. Upstreams keep old days elsewhere than new ones."""

    @property
    def asked_at(self) -> datetime:
        """The moment of asking."""
        return self.at or self.window.end


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request that a feed wants made; it never makes it itself."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: bytes | None = None
    listing: bool = False
    """The reply holds no rows, it only says what to ask next (see `Feed.follow`)."""
    needs_key: tuple[str, ...] = ()
    """Settings without which it is not sent and its fallback asked at once (as `Feed.needs_key`, for one request)."""
    fallback: "tuple[Request, ...]" = ()
    """What is asked instead, all of it, when this gives nothing usable; each of them may have a fallback again."""
    service: Service | None = None
    """Whose budget and breaker count, where it is another than the feed's: a fallback must not share its fate."""
    own_address: bool = False
    """The operator has set this address itself: it is not moved below the provider's base address."""


@dataclass(frozen=True, slots=True)
class Payload:
    """Bytes as an upstream served them, with the little that is known beside them."""

    body: bytes
    name: str = ""
    received_at: datetime | None = None
    report: str | None = None
    """Upstream's own name of the report, where the caller forces it."""
    day: date | None = None
    """The market day, where the payload does not hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """The declaration of a feed."""

    provider: str
    data_type: str
    region: str
    kind: str
    """The kind of its records (the first, where it gives several)."""
    reports: tuple[str, ...]
    """Upstream's names of the reports that `parse` reads."""
    service: Service
    url: str
    publication: Publication
    stale_after_seconds: int
    timezone: str
    unit: str
    """Upstream's unit, as printed in the payload."""
    plausible: tuple[float, float]
    """In the record's own unit; a value outside is quarantined. Negative prices are ordinary."""
    columns: tuple[str, ...]
    """The columns that must be there; others are welcome."""
    requests: Callable[[Ask], Iterable[Request]]
    parse: Callable[[Payload], Parsed]
    follow: Callable[[Ask, Request, Payload], Iterable[Request]] | None = None
    """Further requests that a reply makes necessary: the next page, the documents of a listing."""
    auth: str = ""
    """The scheme by which requests are signed, known to `ingest.credentials`; empty: keyless."""
    needs_key: tuple[str, ...] = ()
    """Settings without which it stays off; `A|B` means that one of them is enough."""
    nodal: bool = False
    """Whether its requests name nodes."""
    market: str = ""
    """Of prices: the market that `publication` tells of; payloads may hold look-ahead or dispatch prices beside it."""
    look_ahead: bool = False
    """Whether each payload replaces what the one before said of the next hours: only asked nodes are kept, and no day
    is read a second time."""
    archived_after: timedelta | None = None
    """How long single days are served, where older ones come by the month only: history is then asked by the month."""
    source: str = ""
    """Where the format is described, and whether a recording has proved it."""

    @property
    def name(self) -> str:
        """`provider/data-type`, as commands take it."""
        return f"{self.provider}/{self.data_type}"

    @property
    def cadence_seconds(self) -> int:
        """How often something new comes."""
        if isinstance(self.publication, Rolling):
            return int(self.publication.step.total_seconds())
        return 86_400

    @property
    def is_price(self) -> bool:
        """Price feeds go first in the queue."""
        return self.kind == "electricity-price"
