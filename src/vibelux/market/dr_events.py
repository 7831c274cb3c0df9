"""Demand-response events: what a programme asks of sites, when, and what it pays. Read strictly, whoever sends them.

Of the signals three are acted upon: `price` (USD/kWh, paid for each kWh of reduction below the baseline),
`import-limit-kw` (caps the import) and `level` (0 normal, 1 moderate, 2 high, 3 emergency; the site's own setting says
what that is worth). Others are kept under their upstream's name and change nothing.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from vibelux.market.intervals import iso_z
from vibelux.market.regions import REGIONS, Region, region_of

PRICE, LEVEL, IMPORT_LIMIT = "price", "level", "import-limit-kw"
UNITS = {PRICE: "USD/kWh", LEVEL: "level", IMPORT_LIMIT: "kW"}
"""The signals that are acted upon, and their units."""
CANCELLED, SCHEDULED = "cancelled", "scheduled"
_ENDED = frozenset({"completed", "ended"})
_ALSO = {"California": ("CA",)}
"""Further names of a region, as Flex Alerts write it."""
_RANGES = {PRICE: (-100.0, 100.0), LEVEL: (0.0, 3.0), IMPORT_LIMIT: (0.0, 1e7)}

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")]


class State(StrEnum):
    """Where an event stands at a moment."""

    UPCOMING = "upcoming"
    ACTIVE = "active"
    ENDED = "ended"
    CANCELLED = "cancelled"


class SignalInterval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stretch of time in which a signal has a value; half-open, without an end until further notice."""

    starts_at: _Moment
    ends_at: _Moment | None
    value: float

    def __post_init__(self) -> None:
        """Brings the times to UTC and refuses what is no stretch and no number."""
        _to_utc(self, "starts_at", "ends_at")
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError(f"an interval ends ({iso_z(self.ends_at)}) before it starts ({iso_z(self.starts_at)})")
        if not math.isfinite(self.value):
            raise ValueError(f"the value of the interval from {iso_z(self.starts_at)} is not a number")


class Signal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked or paid, interval by interval, in order."""

    type: _Text
    intervals: Annotated[tuple[SignalInterval, ...], msgspec.Meta(min_length=1, max_length=2000)]
    unit: str | None = None

    def __post_init__(self) -> None:
        """Orders the intervals and refuses those that overlap, another unit, and values out of reach."""
        ordered = tuple(sorted(self.intervals, key=lambda one: one.starts_at))
        for one, after in itertools.pairwise(ordered):
            if one.ends_at is None or after.starts_at < one.ends_at:
                raise ValueError(f"{self.type}: two intervals overlap at {iso_z(after.starts_at)}")
        msgspec.structs.force_setattr(self, "intervals", ordered)
        unit = UNITS.get(self.type)
        if unit is None:
            return
        if self.unit not in {None, unit}:
            raise ValueError(f"{self.type}: the unit is {unit}, not {self.unit!r}")
        msgspec.structs.force_setattr(self, "unit", unit)
        low, high = _RANGES[self.type]
        for one in ordered:
            if not low <= one.value <= high or (self.type == LEVEL and one.value != int(one.value)):
                raise ValueError(f"{self.type}: {one.value:g} {unit} is out of reach ({low:g} to {high:g})")


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The record `dr-event`."""

    program: _Text
    event_id: _Text
    status: Annotated[str, msgspec.Meta(max_length=40, pattern=r"^[A-Za-z][A-Za-z -]*$")] = SCHEDULED
    starts_at: _Moment
    ends_at: _Moment | None
    """None: until further notice."""
    priority: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] | None = None
    """A lower number goes first; None goes last."""
    randomize_start_seconds: Annotated[int, msgspec.Meta(ge=0, le=86_400)] | None = None
    targets: Annotated[tuple[_Text, ...], msgspec.Meta(max_length=1000)] = ()
    """Facilities, regions, and names that programmes have for sites; none: everybody who gets it."""
    signals: Annotated[tuple[Signal, ...], msgspec.Meta(max_length=20)] = ()
    source: _Text = "manual"

    def __post_init__(self) -> None:
        """Brings the times to UTC and refuses reversed ones, and signals that lie outside or are told twice."""
        _to_utc(self, "starts_at", "ends_at")
        status = self.status.casefold()
        msgspec.structs.force_setattr(self, "status", CANCELLED if status == "canceled" else status)
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError(f"ends_at ({iso_z(self.ends_at)}) does not lie after starts_at ({iso_z(self.starts_at)})")
        types = [signal.type for signal in self.signals]
        if twice := sorted({one for one in types if types.count(one) > 1}):
            raise ValueError(f"there are two signals of the type {twice[0]}")
        for signal in self.signals:
            ends = signal.intervals[-1].ends_at
            late = self.ends_at is not None and (ends is None or ends > self.ends_at)
            if signal.intervals[0].starts_at < self.starts_at or late:
                raise ValueError(f"{signal.type}: an interval lies outside starts_at and ends_at")

    @property
    def key(self) -> tuple[str, str]:
        """Programme and event."""
        return self.program, self.event_id

    @property
    def is_cancelled(self) -> bool:
        """Whether it has been called off, also after it began."""
        return self.status == CANCELLED

    def state(self, now: datetime) -> State:
        """Where it stands at a moment (UTC), its start as it was given."""
        if self.is_cancelled:
            return State.CANCELLED
        if self.status in _ENDED or (self.ends_at is not None and now >= self.ends_at):
            return State.ENDED
        return State.ACTIVE if now >= self.starts_at else State.UPCOMING

    def signal(self, kind: str) -> Signal | None:
        """The signal of a type; None where it has none."""
        return next((signal for signal in self.signals if signal.type == kind), None)

    def touches(self, facility: Mapping[str, Any]) -> bool:
        """Whether it is meant for a facility (the facility file's object).

        Its id, grid, region or node, or a name of `[dr] targets` stands in the targets, or nobody does. A part of a
        region (`Northern California`) counts as the region: better told once too often.
        """
        if not self.targets:
            return True
        own = {text.casefold() for text in names_of(facility)}
        grid = region_of(facility["iso_region"])
        return any(target.casefold() in own or _is_in(target, grid) for target in self.targets)

    def as_row(self) -> dict[str, Any]:
        """The record, for a frame: times of the event as such, those inside `signals` as text."""
        plain = {name: getattr(self, name) for name in self.__struct_fields__}
        return plain | {"targets": list(self.targets), "signals": [_plain(signal) for signal in self.signals]}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Event":
        """The event of a stored record; what else the row holds is left aside.

        Raises:
            msgspec.ValidationError: it is none, by today's rules.
        """
        return msgspec.convert({name: row[name] for name in cls.__struct_fields__}, cls)


def names_of(facility: Mapping[str, Any]) -> Iterator[str]:
    """The names by which an event can mean this one facility (the facility file's object)."""
    yield facility["id"]
    yield facility["pricing_node"]
    yield from facility.get("dr", {}).get("targets", ())


def is_region(target: str) -> bool:
    """Whether a target names a grid, its region, or a part of one (`Northern CA Region`)."""
    return any(_is_in(target, grid) for grid in REGIONS)


def _is_in(target: str, grid: Region) -> bool:
    words = f" {target.casefold()} "
    return any(f" {name.casefold()} " in words for name in (grid.iso_region, grid.region, *_ALSO.get(grid.region, ())))


def _plain(signal: Signal) -> dict[str, Any]:
    return {
        "type": signal.type,
        "unit": signal.unit,
        "intervals": [
            {
                "starts_at": iso_z(one.starts_at),
                "ends_at": None if one.ends_at is None else iso_z(one.ends_at),
                "value": one.value,
            }
            for one in signal.intervals
        ],
    }


def _to_utc(struct: msgspec.Struct, *names: str) -> None:
    for name in names:
        moment = getattr(struct, name)
        if moment is None:
            continue
        try:
            msgspec.structs.force_setattr(struct, name, moment.astimezone(UTC))
        except OverflowError as error:
            raise ValueError(f"{name} lies at the end of the calendar") from error
        if not 1900 <= moment.year <= 2200:
            raise ValueError(f"{name} lies outside the years 1900 to 2200")
