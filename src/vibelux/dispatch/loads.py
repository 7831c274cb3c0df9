"""What a site says of its demand: constants, or a table from a file or an address.

A table is CSV: `time` (UTC), `power_kw`, `heat_kw`, and `co2_kg_per_h` where the crop is dosed.
"""

import bisect
import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import numpy as np
from pydantic import AfterValidator

from vibelux._toml import nearest
from vibelux.market.errors import ConfigError, TimeRefused
from vibelux.market.intervals import iso_z, parse_utc
from vibelux.outlook.demand import Demands, LightKwh
from vibelux.outlook.price import Steps
from vibelux.outlook.site import Block, Name, NotNegative
from vibelux.outlook.sun import Array

_CO2 = "co2_kg_per_h"
_NEEDED = ("time", "power_kw", "heat_kw")
_KNOWN = (*_NEEDED, _CO2)


def _web(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("should be an address such as https://example.com/loads.csv")
    return url


class Demand(Block):
    """What the site needs: constants, or a table from a file or an address.

    Beside a greenhouse, the power of everything but its lamps.
    """

    power_kw: NotNegative | None = None
    heat_kw: NotNegative | None = None
    file: Name | None = None
    url: Annotated[str, AfterValidator(_web)] | None = None
    """Where the operator's own forecast is asked for, a table like that of a file."""

    @property
    def ways(self) -> int:
        """In how many of the three it is told."""
        constant = self.power_kw is not None or self.heat_kw is not None
        return constant + (self.file is not None) + (self.url is not None)


@dataclass(frozen=True, slots=True)
class Load:
    """What the site needs at a moment, kW."""

    power_kw: float
    heat_kw: float
    source: str = "constant"
    co2_kg_per_h: float | None = None
    """None: the file does not say."""


@dataclass(frozen=True)
class Loads:
    """A series of demands, each valid until the next one; the last as long as the one before it."""

    name: str
    times: tuple[datetime, ...]
    loads: tuple[Load, ...]

    def at(self, moment: datetime) -> Load | None:
        """The demand at a moment, None where the file does not reach: a missing demand is not 0."""
        at = bisect.bisect_right(self.times, moment) - 1
        if at < 0:
            return None
        if at == len(self.times) - 1 and moment >= self.times[at] + (self.times[at] - self.times[at - 1]):
            return None
        return self.loads[at]

    def over(self, steps: Steps) -> Array:
        """The mean power, heat and CO2 of each step, shape (3, steps).

        It ends with the first step that the file does not cover as a whole; CO2 is NaN where the file has none.
        """
        edges, sums = self._integral
        bounds = np.append(steps.starts, steps.starts[-1] + steps.lengths[-1])
        outside = (bounds[:-1] < edges[0]) | (bounds[1:] > edges[-1])
        count = int(np.argmax(outside)) if outside.any() else len(outside)
        totals = np.array([np.interp(bounds[: count + 1], edges, row) for row in sums])
        return np.asarray(np.diff(totals, axis=-1) / steps.lengths[:count])

    def demands(
        self, steps: Steps, co2_kg_per_h: float, light: LightKwh, quality: str, notes: tuple[str, ...] = ()
    ) -> Demands | None:
        """What is needed on the steps as far as it reaches; None where it does not hold the first.

        Args:
            steps: of the horizon.
            co2_kg_per_h: where the table has no CO2.
            light: by lamp group and day, kWh.
            quality: of the demands.
            notes: what a reader must know of them.
        """
        power_kw, heat_kw, dosed = self.over(steps)
        if not len(power_kw):
            return None
        dosed = np.where(np.isnan(dosed), co2_kg_per_h, dosed)
        return Demands(power_kw, heat_kw, dosed, light, self.name, quality, notes)

    @cached_property
    def _integral(self) -> tuple[Array, Array]:
        """The bounds of the rows in UTC minutes, and what each column has added up to at them."""
        edges = np.array([time.timestamp() / 60 for time in self.times])
        edges = np.append(edges, 2 * edges[-1] - edges[-2])
        rows = [(load.power_kw, load.heat_kw, load.co2_kg_per_h) for load in self.loads]
        added = np.cumsum(np.array(rows, dtype=np.float64).T * np.diff(edges), axis=-1)
        return edges, np.pad(added, ((0, 0), (1, 0)))


@dataclass(frozen=True, slots=True)
class Told:
    """A forecast of demands that the operator gives out."""

    loads: Loads
    notes: tuple[str, ...] = ()
    """Of its age, where it is old."""


def read_loads(path: Path) -> Loads:
    """Reads the file.

    Raises:
        ConfigError: it is not there, a column is missing or unknown, or a row cannot be read; the text names the line.
    """
    try:
        return loads_of(path.read_bytes(), path.name, str(path))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error


def loads_of(body: bytes, name: str, place: str) -> Loads:
    """Reads a table.

    Args:
        body: UTF-8 text, with a byte-order mark or without.
        name: what the demands' source is called.
        place: where it comes from, for errors.

    Raises:
        ConfigError: as `read_loads`.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{place} is not UTF-8 text (byte {error.start})") from error
    return _rows(place, name, io.StringIO(text, newline=""))


def _rows(path: str, name: str, lines: Iterable[str]) -> Loads:
    reader = csv.reader(lines)
    header: list[str] = next(reader, [])
    for column in header:
        if column not in _KNOWN:
            raise ConfigError(f"{path} line 1: unknown column {column!r}{nearest(column, _KNOWN)}")
    for column in _NEEDED:
        if column not in header:
            raise ConfigError(f"{path} line 1: the column {column} is missing")
    times: list[datetime] = []
    loads: list[Load] = []
    for cells in reader:
        where = f"{path} line {reader.line_num}"
        if len(cells) != len(header):
            raise ConfigError(f"{where}: {len(cells)} cells under {len(header)} columns")
        row = dict(zip(header, cells, strict=True))
        try:
            times.append(parse_utc(row["time"]))
        except TimeRefused as error:
            raise ConfigError(f"{where}: {error}; write times as 2026-07-14T07:00:00Z") from error
        if len(times) > 1 and times[-1] <= times[-2]:
            raise ConfigError(f"{where}: {iso_z(times[-1])} does not come after the row before it")
        co2 = _number(row, _CO2, where) if _CO2 in row else None
        loads.append(Load(_number(row, "power_kw", where), _number(row, "heat_kw", where), name, co2))
    if len(times) < 2:
        raise ConfigError(f"{path}: at least two rows are needed to know how long a row holds")
    return Loads(name, tuple(times), tuple(loads))


def _number(row: dict[str, str], name: str, where: str) -> float:
    try:
        value = float(row[name])
    except ValueError as error:
        raise ConfigError(f"{where}: {name} is not a number: {row[name]!r}") from error
    if not math.isfinite(value) or value < 0:
        raise ConfigError(f"{where}: {name} should be 0 or more, got {row[name]}")
    return value
