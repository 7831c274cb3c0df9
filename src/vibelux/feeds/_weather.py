"""What the weather feeds share: quantities with their bounds, units as upstreams print them, places, and records."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from vibelux.market.errors import TimeRefused, UsageError
from vibelux.market.records import SERIES, Parsed, Quarantined

_MPH = 0.44704
"""m/s in a mile an hour; NIST SP 811 (2008), appendix B.8."""
_KNOT = 1852 / 3600
"""m/s in a knot; NIST SP 811 (2008), appendix B.8."""

_CONVERSIONS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "degC": {"degC": (1.0, 0.0), "°C": (1.0, 0.0), "degF": (5 / 9, -160 / 9), "°F": (5 / 9, -160 / 9)},
    "m/s": {
        **dict.fromkeys(("m_s-1", "m/s"), (1.0, 0.0)),
        **dict.fromkeys(("km_h-1", "km/h"), (1 / 3.6, 0.0)),
        **dict.fromkeys(("mph", "mp/h"), (_MPH, 0.0)),
        **dict.fromkeys(("kn", "kt"), (_KNOT, 0.0)),
    },
    "%": {"percent": (1.0, 0.0), "%": (1.0, 0.0)},
    "W/m2": {"W/m²": (1.0, 0.0), "W/m2": (1.0, 0.0)},
    "degC.day": {"degF.day": (5 / 9, 0.0)},  # differences of temperature: no offset
    "wmo code": {"wmo code": (1.0, 0.0)},
}
"""To our unit, from upstream's: a factor and an offset."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_COORDINATES = re.compile(r"(-?\d+(?:\.\d+)?),\s*(-?\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A variable of the contract, its unit, and what it can be at all."""

    variable: str
    unit: str
    low: float
    high: float


TEMPERATURE = Quantity("temperature", "degC", -90, 60)
TEMPERATURE_MAX = Quantity("temperature-max", "degC", -90, 60)
TEMPERATURE_MIN = Quantity("temperature-min", "degC", -90, 60)
DEW_POINT = Quantity("dew-point", "degC", -100, 40)
HUMIDITY = Quantity("relative-humidity", "%", 0, 105)
WIND = Quantity("wind-speed", "m/s", 0, 120)
GUST = Quantity("wind-gust", "m/s", 0, 150)
CLOUD = Quantity("cloud-cover", "%", 0, 100)
GLOBAL = Quantity("irradiance-global", "W/m2", -15, 1600)
"""Small negative numbers are a pyranometer's night; over the solar constant when clouds act as mirrors."""
DIRECT = Quantity("irradiance-direct", "W/m2", -15, 1400)
"""On a plane that faces the sun (direct normal)."""
DIRECT_HORIZONTAL = Quantity("irradiance-direct-horizontal", "W/m2", -15, 1400)
DIFFUSE = Quantity("irradiance-diffuse", "W/m2", -15, 1000)
WEATHER_CODE = Quantity("weather-code", "wmo code", 0, 99)
HEATING_DEGREE_DAYS = Quantity("heating-degree-days", "degC.day", 0, 100)
COOLING_DEGREE_DAYS = Quantity("cooling-degree-days", "degC.day", 0, 100)


def coordinates(node: str) -> tuple[float, float]:
    """Latitude and longitude of a place as weather feeds are asked for it, `36.67,-121.65`.

    Raises:
        UsageError: not two numbers, or not on earth.
    """
    match = _COORDINATES.fullmatch(node.strip())
    if match is None or abs(float(match[1])) > 90 or abs(float(match[2])) > 180:
        raise UsageError(
            f"weather is asked for by `latitude,longitude` in degrees, such as 36.67,-121.65; got {node!r}"
        )
    return float(match[1]), float(match[2])


def place(latitude: float, longitude: float) -> str:
    """A place as records name it: four decimals (11 m) at most, no idle zeros.

    >>> place(52.52, 13.419998)
    '52.52,13.42'

    Raises:
        ValueError: not on earth.
    """
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise ValueError(f"{latitude}, {longitude} is no place on earth")
    return f"{_degrees(latitude)},{_degrees(longitude)}"


def within_reach(moment: datetime) -> datetime:
    """The moment itself, so that sums with it stay within what a calendar holds.

    Raises:
        TimeRefused: not between 1900 and 2200.
    """
    if not 1900 <= moment.year < 2200:
        raise TimeRefused(f"{moment.isoformat()} is out of reach of any weather")
    return moment


def _degrees(value: float) -> str:
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@dataclass(slots=True)
class Readings:
    """Collects the numbers of a payload as series records; what cannot be used is set aside with its reason."""

    provider: str
    source: str
    rows: list[tuple[object, ...]] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)

    def add(
        self,
        quantity: Quantity,
        value: object,
        unit: object,
        start: datetime,
        end: datetime,
        *,
        location: str,
        issued_at: datetime | None = None,
        category: str | None = None,
    ) -> None:
        """Takes one number. A null is no value, so it makes no record; it is neither zero nor a fault.

        Args:
            quantity: what it is.
            value: as JSON or a cell gave it; a number in quotes is read as that number.
            unit: upstream's name of the unit, without its prefix. It is never assumed.
            start: UTC.
            end: UTC; equal to the start for an instant.
            location: a place or a station's id.
            issued_at: None for a measurement.
            category: what upstream splits by.
        """
        if value is None:
            return
        conversion = _CONVERSIONS[quantity.unit].get(unit) if isinstance(unit, str) else None
        if conversion is None:
            self.refuse(f"unit {unit!r} of {quantity.variable} is not known", f"{location} {start}", value)
            return
        number = _number(value)
        if number is None:
            self.refuse(f"{quantity.variable} is not a number", f"{location} {start}", value)
            return
        factor, offset = conversion
        converted = number if conversion == (1.0, 0.0) else round(number * factor + offset, 6)
        if not quantity.low <= converted <= quantity.high:
            reason = f"{quantity.variable} is outside {quantity.low:g} to {quantity.high:g} {quantity.unit}"
            self.refuse(reason, f"{location} {start}", value)
            return
        self.rows.append(
            (self.provider, category, quantity.variable, location, quantity.unit, converted, start, end, issued_at,
             self.source)
        )  # fmt: skip

    def refuse(self, reason: str, where: str, raw: object) -> None:
        """Sets something aside."""
        self.quarantined.append(Quarantined(reason, where, str(raw)[:400]))

    def parsed(self) -> Parsed:
        """What was collected."""
        import polars as pl

        frame: pl.DataFrame = pl.DataFrame(self.rows, schema=SERIES.schema(), orient="row")
        return Parsed({SERIES.name: frame}, self.quarantined)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return float(value) if _NUMBER.fullmatch(str(value).strip()) else None
