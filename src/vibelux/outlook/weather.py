"""The weather to expect on the steps of an outlook, from series records; and the degree days of a temperature.

Records come as intervals (the weather service's hours, radiation means) and as instants (Open-Meteo's temperatures,
stations). Both become lines over time, and a step's value is the mean of its line; instants are joined by straight
lines where they are at most three hours apart. Where several sources know a variable, the first fills what it can,
the next the rest. Where nobody knows the irradiance it is computed from sun and clouds, and said so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vibelux.market.intervals import zone
from vibelux.outlook.past import DAY, Minutes, wall_minutes
from vibelux.outlook.sun import Array, clear_steps, under_clouds

Row = Mapping[str, Any]
"""A series record with the contract's names."""

BASE_65_F = (65.0 - 32.0) * 5.0 / 9.0
"""The base of degree days in the United States, 65 °F, in Celsius."""
ASSUMED_CLOUD = 0.55
"""Where no cloud cover is known: about the mean over land (Eastman and Warren 2013, Journal of Climate 26, 1286).
It is marked as assumed wherever it is used."""
_JOINED_SECONDS = 3 * 3600.0
_HELD_SECONDS = 3600.0
_LEAST_COVER = 0.5
_WHOLE_DAY_HOURS = 22.5
_KM_PER_DEGREE = 111.2
_UNIX_ORDINAL = date(1970, 1, 1).toordinal()
VARIABLES = ("temperature", "relative-humidity", "wind-speed", "cloud-cover", "irradiance-global")
"""The series that are weather here."""


class Basis(IntEnum):
    """What a step's irradiance rests on, best first."""

    GIVEN = 0
    """Measured, or forecast as such."""
    CLOUD_MODEL = 1
    """A clear sky and the forecast cloud cover."""
    ASSUMED_CLOUD = 2
    """A clear sky and an assumed cloud cover: nothing is known of the clouds."""


_GIVEN, _CLOUD_MODEL, _ASSUMED_CLOUD = map(int, Basis)
"""Plain numbers: a member of an enumeration is slow to meet an array."""


@dataclass(frozen=True)
class Steps:
    """The steps of an outlook, of whatever lengths, with the local calendar of one time zone."""

    edges: Array
    """Seconds since 1970, UTC; one more than there are steps."""
    day: NDArray[np.int64]
    """For each step, the local date of its middle as a proleptic ordinal (`date.fromordinal`)."""
    hour: Array
    """For each step, the local wall clock of its middle in hours, 0 to 24."""

    @classmethod
    def between(cls, moments: Sequence[datetime], zone_name: str) -> "Steps":
        """The steps between moments (UTC) that rise."""
        edges = np.array([moment.timestamp() for moment in moments])
        tz = zone(zone_name)
        local = [datetime.fromtimestamp(second, tz) for second in ((edges[:-1] + edges[1:]) / 2).tolist()]
        return cls(
            edges,
            np.array([one.toordinal() for one in local], dtype=np.int64),
            np.array([one.hour + one.minute / 60 + one.second / 3600 for one in local]),
        )

    @classmethod
    def over(cls, starts: Minutes, lengths: Minutes, zone_name: str) -> "Steps":
        """The steps of a horizon: starts in UTC minutes that rise without gaps, and lengths in minutes."""
        middle = wall_minutes(starts, zone_name) + lengths / 2
        day = (middle // DAY).astype(np.int64)
        edges = np.append(starts, starts[-1] + lengths[-1]) * 60.0
        return cls(edges, day + _UNIX_ORDINAL, (middle - day * DAY) / 60)

    @cached_property
    def seconds(self) -> Array:
        """The length of each step."""
        return self.edges[1:] - self.edges[:-1]

    @cached_property
    def day_starts(self) -> NDArray[np.int64]:
        """The index of each local day's first step."""
        return np.append(0, np.flatnonzero(self.day[1:] != self.day[:-1]) + 1)

    @cached_property
    def day_index(self) -> NDArray[np.int64]:
        """For each step, which of the local days it lies in, from 0."""
        return np.append(0, np.cumsum(self.day[1:] != self.day[:-1]))


@dataclass(frozen=True, slots=True)
class Weather:
    """The weather of each step, arrays of shape (sites, steps). NaN where nothing is known."""

    temperature_c: Array
    humidity_percent: Array
    wind_m_s: Array
    cloud_fraction: Array
    irradiance_w_m2: Array
    """Global, on level ground outside; always known, see `basis`."""
    daylight: Array
    """The part of the step in which the sun is up."""
    basis: NDArray[np.int64]
    """What the irradiance rests on, as `Basis`."""
    is_usual: bool = False
    """Where the temperature was unknown, that of the season stands in."""


@dataclass(frozen=True, slots=True)
class Line:
    """A value over time: segments that rise and do not overlap, each straight from `first` to `last`.

    Or several such values on the same segments: `first` and `last` then have more axes, the segments last.
    """

    start: Array
    end: Array
    first: Array
    last: Array

    @property
    def segments(self) -> bytes:
        """What is equal for two lines of the same segments."""
        return self.start.tobytes() + self.end.tobytes()

    def means(self, edges: Array) -> Array:
        """The mean over each step, NaN where less than half of the step is known.

        >>> line = Line(np.array([0.0]), np.array([3600.0]), np.array([10.0]), np.array([20.0]))
        >>> line.means(np.array([0.0, 1800.0, 3600.0, 7200.0])).tolist()
        [12.5, 17.5, nan]
        """
        length = self.end - self.start
        known_before = np.cumsum(length) - length
        area = length * (self.first + self.last) / 2
        area_before = np.cumsum(area, axis=-1) - area
        at = np.maximum(np.searchsorted(self.start, edges, side="right") - 1, 0)
        slope = (self.last - self.first) / length
        inside = np.minimum(np.maximum(edges - self.start.take(at), 0.0), length.take(at))
        rises = self.first.take(at, axis=-1) + slope.take(at, axis=-1) * inside / 2
        areas = area_before.take(at, axis=-1) + inside * rises
        passed = known_before.take(at) + inside
        known = passed[1:] - passed[:-1]
        enough = known >= _LEAST_COVER * (edges[1:] - edges[:-1])
        return np.where(enough, (areas[..., 1:] - areas[..., :-1]) / np.where(enough, known, 1.0), np.nan)


@dataclass(frozen=True, slots=True)
class Sources:
    """What is known of the weather at one place: for each variable its lines, the best source first."""

    lines: Mapping[str, Sequence[Line]] = field(default_factory=dict)
    issued_at: datetime | None = None
    """The issue of the newest temperature forecast: its age is the weather's age. None where none is known."""


def sources(
    rows: Iterable[Row], *, as_of: datetime | None = None, prefer: Sequence[str] = ("open-meteo", "nws")
) -> Sources:
    """Sorts the records of one place (and of a station near it) by variable and source.

    A measurement goes before a forecast; then comes the order of `prefer`, then other providers. Of several issues
    of a forecast each interval has its newest. Of a variable that upstream splits (heights of wind, models) the part
    without a category goes first.

    Args:
        rows: series records, in any order; variables that are not weather are left alone.
        as_of: only forecasts issued and measurements made until then count, as at that past moment.
        prefer: providers, best first.
    """
    newest: dict[tuple[str, bool, int, str, str], dict[datetime, Row]] = {}
    issued_at = None
    for row in rows:
        issue = row["issued_at"]
        if row["variable"] not in VARIABLES or row["value"] is None or _at_another_height(row):
            continue
        if as_of is not None and (issue or row["valid_end"]) > as_of:
            continue
        rank = prefer.index(row["provider"]) if row["provider"] in prefer else len(prefer)
        key = (row["variable"], issue is not None, rank, row["category"] or "", row["location"])
        known = newest.setdefault(key, {})
        other = known.get(row["valid_start"])
        if other is None or (issue is not None and issue >= other["issued_at"]):
            known[row["valid_start"]] = row
        if row["variable"] == "temperature" and issue is not None:
            issued_at = max(issue, issued_at or issue)
    lines: dict[str, list[Line]] = {}
    for key in sorted(newest):
        lines.setdefault(key[0], []).append(_line(newest[key]))
    return Sources(lines, issued_at)


def _at_another_height(row: Row) -> bool:
    """A wind at hub height (category `80m`): too strong for a greenhouse."""
    return row["variable"] == "wind-speed" and (row["category"] or "")[:1].isdigit()


def _line(rows: Mapping[datetime, Row]) -> Line:
    ordered = [rows[moment] for moment in sorted(rows)]
    start = np.array([row["valid_start"].timestamp() for row in ordered])
    end = np.array([row["valid_end"].timestamp() for row in ordered])
    value = np.array([row["value"] for row in ordered], dtype=np.float64)
    instant = end <= start
    following = np.append(start[1:], np.inf)
    joined = instant & np.append(instant[1:], False) & (following - start <= _JOINED_SECONDS)
    end = np.where(joined, following, np.minimum(np.where(instant, start + _HELD_SECONDS, end), following))
    return Line(start, end, value, np.where(joined, np.append(value[1:], 0.0), value))


def expected(known: Sequence[Sources], steps: Steps, latitude: Sequence[float], longitude: Sequence[float]) -> Weather:
    """The weather on the steps of an outlook, of one site or many.

    Args:
        known: what sources say, for each site.
        steps: the outlook's.
        latitude: of each site, degrees north.
        longitude: of each site, degrees east.

    Returns:
        Arrays of shape (sites, steps).
    """
    temperature, humidity, wind, cloud, given = _filled(known, steps.edges)
    clear = clear_steps(steps.edges, np.array(latitude)[:, None], np.array(longitude)[:, None])
    cloud_fraction = np.clip(cloud / 100.0, 0.0, 1.0)
    unknown = np.isnan(cloud_fraction)
    total = under_clouds(clear.total_w_m2, np.where(unknown, ASSUMED_CLOUD, cloud_fraction))
    modelled = np.isnan(given)
    return Weather(
        temperature_c=temperature,
        humidity_percent=humidity,
        wind_m_s=wind,
        cloud_fraction=cloud_fraction,
        irradiance_w_m2=np.where(modelled, total, np.maximum(given, 0.0)),
        daylight=clear.daylight,
        basis=np.where(modelled, np.where(unknown, _ASSUMED_CLOUD, _CLOUD_MODEL), _GIVEN),
    )


def _filled(known: Sequence[Sources], edges: Array) -> Array:
    """Each variable at each site, shape (variables, sites, steps): from the best source, its gaps from the next.

    Lines of the same segments, as one model's are at all sites, are computed together.
    """
    values = np.full((len(VARIABLES), len(known), len(edges) - 1), np.nan)
    for rank in range(max((len(lines) for one in known for lines in one.lines.values()), default=0)):
        alike: dict[bytes, tuple[list[tuple[int, int]], list[Line]]] = {}
        for site, one in enumerate(known):
            for variable, name in enumerate(VARIABLES):
                lines = one.lines.get(name, ())
                if rank < len(lines):
                    places, members = alike.setdefault(lines[rank].segments, ([], []))
                    places.append((variable, site))
                    members.append(lines[rank])
        for places, members in alike.values():
            at = tuple(np.array(places).T)
            first, last = (np.stack([getattr(line, end) for line in members]) for end in ("first", "last"))
            means = Line(members[0].start, members[0].end, first, last).means(edges)
            values[at] = np.where(np.isnan(values[at]), means, values[at])
    return values


def nearest(locations: Iterable[str], latitude: float, longitude: float, *, within_km: float = 30.0) -> str | None:
    """The location of records (`latitude,longitude`, the middle of a model's cell) that is nearest to a site.

    Args:
        locations: as records have them; those that are no places (stations, regions) are passed over.
        latitude: of the site.
        longitude: of the site.
        within_km: farther ones are no neighbours.

    >>> nearest(["36.66,-121.64", "34.1,-118.4", "KSNS"], 36.67, -121.65)
    '36.66,-121.64'
    """
    found: tuple[float, str] | None = None
    for location in locations:
        try:
            north, east = (float(part) for part in location.split(","))
        except ValueError:
            continue
        across = (east - longitude) * np.cos(np.radians(latitude))
        distance = _KM_PER_DEGREE * float(np.hypot(north - latitude, across))
        if distance <= within_km and (found is None or distance < found[0]):
            found = (distance, location)
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class DegreeDay:
    """One local day's need for heating and cooling, in Celsius-days."""

    day: date
    heating: float
    cooling: float


def degree_days(temperature_c: Array, steps: Steps, base_c: float = BASE_65_F) -> list[DegreeDay]:
    """Degree days of a site: base less the mean of the day's highest and lowest temperature, or the other way round.

    Days of which less than 22.5 hours are known are left out. Source: NOAA's and ASHRAE's definition (Fundamentals
    2021, chapter 14). The extremes are those of the steps' means.

    Args:
        temperature_c: of each step, NaN where unknown.
        steps: hourly or finer.
        base_c: Celsius.

    >>> from datetime import UTC, timedelta
    >>> hours = Steps.between([datetime(2026, 1, 5, tzinfo=UTC) + timedelta(hours=h) for h in range(25)], "UTC")
    >>> (day,) = degree_days(np.linspace(-2.0, 8.0, 24), hours)        # mean of -2 and 8: 3; 18.33 - 3
    >>> round(day.heating, 2), day.cooling
    (15.33, 0.0)
    """
    result = []
    for start, stop in zip(steps.day_starts, [*steps.day_starts[1:], len(steps.day)], strict=True):
        values = temperature_c[start:stop]
        known = ~np.isnan(values)
        if steps.seconds[start:stop][known].sum() >= _WHOLE_DAY_HOURS * 3600:
            mean = (float(values[known].max()) + float(values[known].min())) / 2
            day = date.fromordinal(int(steps.day[start]))
            result.append(DegreeDay(day, max(0.0, base_c - mean), max(0.0, mean - base_c)))
    return result
