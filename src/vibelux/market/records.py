"""The records of the contract as schemas: names, types, units, keys. Frames and tables are made from these."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl


class Type(StrEnum):
    """The few types that records are made of."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    TIME = "time"
    DATE = "date"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a record."""

    name: str
    type: Type = Type.TEXT
    unit: str = ""
    nullable: bool = False
    key: bool = False
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record: its name, and its fields in order."""

    name: str
    fields: tuple[Field, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All field names in order."""
        return tuple(field.name for field in self.fields)

    @property
    def key(self) -> tuple[str, ...]:
        """The fields that together say which thing a record is about."""
        return tuple(field.name for field in self.fields if field.key)

    @property
    def values(self) -> tuple[str, ...]:
        """The fields that a correction may change: everything but the key and the source."""
        return tuple(f.name for f in self.fields if not f.key and f.name not in {"data_source", "source"})

    def schema(self) -> dict[str, Any]:
        """The polars schema of a frame of these records."""
        import polars as pl

        types = {
            Type.TEXT: pl.String(),
            Type.NUMBER: pl.Float64(),
            Type.INTEGER: pl.Int32(),
            Type.TIME: pl.Datetime("us", "UTC"),
            Type.DATE: pl.Date(),
            Type.JSON: pl.Object(),
        }
        return {field.name: types[field.type] for field in self.fields}


def _text(name: str, **more: Any) -> Field:
    return Field(name, Type.TEXT, **more)


def _number(name: str, unit: str, **more: Any) -> Field:
    return Field(name, Type.NUMBER, unit, **more)


def _time(name: str, **more: Any) -> Field:
    return Field(name, Type.TIME, "UTC", **more)


ELECTRICITY_PRICE = Kind(
    "electricity-price",
    (
        _text("iso_region", key=True),
        _text("region"),
        _text("pricing_node", key=True, meaning="upstream's own name"),
        _text("market", key=True, meaning="real-time-5min, real-time-15min, day-ahead-hourly, hasp-15min, ..."),
        _text("price_type", meaning="LMP, SPP, zonal, nodal"),
        _text("node_type", nullable=True, key=True, meaning="upstream's type where it has one"),
        _number("price_per_kwh", "USD/kWh"),
        _number("energy_component", "USD/kWh", nullable=True),
        _number("congestion_component", "USD/kWh", nullable=True, meaning="positive raises the price"),
        _number("loss_component", "USD/kWh", nullable=True),
        _number("ghg_component", "USD/kWh", nullable=True, meaning="CAISO's MGHG"),
        _text("currency"),
        _time("market_interval_start", key=True),
        _time("market_interval_end"),
        _text("data_source"),
        _number("confidence_level", "0-100"),
    ),
)
GAS_PRICE = Kind(
    "gas-price",
    (
        _text("hub_name", key=True),
        _text("region"),
        _number("price_per_mmbtu", "USD/MMBtu HHV"),
        _number("basis_differential", "USD/MMBtu", nullable=True, meaning="to Henry Hub, same trading date"),
        _text("currency"),
        Field("trading_date", Type.DATE, key=True),
        Field("delivery_date", Type.DATE, nullable=True, key=True),
        _text("contract_type", key=True, meaning="spot, next-day, balance-of-month, futures"),
        _text("contract", nullable=True, key=True, meaning="for example NGZ26"),
        _text("data_source"),
    ),
)
CARBON_PRICE = Kind(
    "carbon-price",
    (
        _text("market_name", key=True),
        _text("region"),
        _number("price_per_metric_ton", "USD/t CO2e"),
        _text("currency"),
        Field("vintage_year", Type.INTEGER, nullable=True, key=True),
        _text("market_type", key=True, meaning="compliance, voluntary"),
        Field("trading_date", Type.DATE, key=True),
        _text("data_source"),
    ),
)
ANCILLARY_PRICE = Kind(
    "ancillary-price",
    (
        _text("iso_region", key=True),
        _text("region", key=True),
        _text("product", key=True, meaning="upstream's name"),
        _text("service", meaning="regulation-up, spinning, ..."),
        _text("market", key=True),
        _number("price_per_mw_hour", "USD/MW/h"),
        _time("interval_start", key=True),
        _time("interval_end"),
        _text("data_source"),
    ),
)
CAPACITY_PRICE = Kind(
    "capacity-price",
    (
        _text("iso_region", key=True),
        _text("region", key=True),
        _text("auction", key=True),
        Field("delivery_start", Type.DATE, key=True),
        Field("delivery_end", Type.DATE),
        _number("price_per_mw_day", "USD/MW/day"),
        _text("data_source"),
    ),
)
CONSTRAINT = Kind(
    "constraint",
    (
        _text("iso_region", key=True),
        _text("constraint_name", key=True),
        _text("contingency", nullable=True, key=True),
        _text("market", key=True),
        _number("shadow_price", "USD/MWh", meaning="positive for a binding limit"),
        _time("interval_start", key=True),
        _time("interval_end"),
        _text("data_source"),
    ),
)
SERIES = Kind(
    "series",
    (
        _text("provider", key=True),
        _text("category", nullable=True, key=True, meaning="what upstream splits by, such as the fuel"),
        _text("variable", key=True),
        _text("location", key=True),
        _text("unit"),
        _number("value", "as `unit` says", nullable=True),
        _time("valid_start", key=True),
        _time("valid_end", meaning="equal to the start for an instant"),
        _time("issued_at", nullable=True, key=True, meaning="null for measurements"),
        _text("data_source"),
    ),
)
DR_EVENT = Kind(
    "dr-event",
    (
        _text("program", key=True),
        _text("event_id", key=True),
        _text("status"),
        _time("starts_at"),
        _time("ends_at", nullable=True, meaning="null: until further notice"),
        Field("priority", Type.INTEGER, nullable=True, meaning="a lower number goes first"),
        Field("randomize_start_seconds", Type.INTEGER, nullable=True, meaning="a site shifts its start by up to this"),
        Field("targets", Type.JSON),
        Field("signals", Type.JSON),
        _text("source"),
    ),
)
OPERATIONS = Kind(
    "operations",
    (
        _text("facility_id", key=True),
        _time("timestamp", key=True, meaning="when it was measured"),
        Field("units", Type.JSON, meaning="[{id, on, powerKw, heatKw, fuelKwHhv}]"),
        _number("storage_kwh", "kWh", nullable=True, meaning="heat"),
        _number("battery_kwh", "kWh", nullable=True),
        _number("grid_import_kw", "kW", nullable=True, meaning="below zero: export"),
        _number("heat_demand_kw", "kW", nullable=True, meaning="the heat that the site takes"),
        _number("frequency_hz", "Hz", nullable=True),
        _number("voltage_v", "V", nullable=True),
        _text("data_source"),
    ),
)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        ELECTRICITY_PRICE,
        GAS_PRICE,
        CARBON_PRICE,
        ANCILLARY_PRICE,
        CAPACITY_PRICE,
        CONSTRAINT,
        SERIES,
        DR_EVENT,
        OPERATIONS,
    )
}


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that cannot be used, kept with its reason: never dropped in silence."""

    reason: str
    place: str
    raw: str = ""


@dataclass(slots=True)
class Parsed:
    """What a payload holds: frames by kind of record (schemas in `market.records`), and what was set aside."""

    frames: "dict[str, pl.DataFrame]" = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    superseded: "dict[str, pl.DataFrame]" = field(default_factory=dict)
    """Rows that upstream itself marks as replaced by a later version."""

    @property
    def rows(self) -> int:
        """How many records there are."""
        return sum(frame.height for frame in self.frames.values())
