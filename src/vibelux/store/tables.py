"""Which table holds which kind of record, and the SQL names that follow from the kind's declaration."""

from collections.abc import Iterable
from dataclasses import dataclass

from psycopg import sql

from vibelux.market.records import KINDS, Kind, Type

KEPT = ("id", "origin", "known_at", "payload_sha256")
"""The columns that every table of records has beside the record's own."""


@dataclass(frozen=True, slots=True)
class Table:
    """The table of one kind."""

    kind: Kind
    name: str
    time: str
    """The column by which records are read over a stretch of time."""
    subject: str
    """The column that says whom a record is about: node, hub, market, location."""
    until: str
    """The column that says when its interval ends."""

    @property
    def ident(self) -> sql.Identifier:
        """The table."""
        return sql.Identifier(self.name)

    @property
    def revisions(self) -> sql.Identifier:
        """The table of what was replaced."""
        return sql.Identifier(f"{self.name}_revisions")

    @property
    def staging(self) -> sql.Identifier:
        """The session's own table into which a payload is copied to be compared."""
        return sql.Identifier(f"staged_{self.name}")

    @property
    def columns(self) -> tuple[str, ...]:
        """What a payload writes: the record's fields and what is kept beside them."""
        return (*self.kind.names, *KEPT)

    @property
    def order(self) -> tuple[str, ...]:
        """Time first, then the rest of the key: the order in which records are read, page after page."""
        return (self.time, *(name for name in self.kind.key if name != self.time))

    def kind_of(self, name: str) -> Type:
        """What a column of the record is."""
        return next(field.type for field in self.kind.fields if field.name == name)

    @property
    def scale_free(self) -> frozenset[str]:
        """Number columns that are double precision; all others are numeric with nine places."""
        return frozenset({"value"}) if self.kind.name == "series" else frozenset()

    def matched(self, left: str, right: str) -> sql.Composed:
        """`left` and `right` (aliases) are about the same thing. Only nullable fields need the dearer comparison."""
        nullable = {field.name for field in self.kind.fields if field.nullable}
        terms = [
            sql.SQL("{} IS NOT DISTINCT FROM {}" if name in nullable else "{} = {}").format(
                sql.Identifier(left, name), sql.Identifier(right, name)
            )
            for name in self.kind.key
        ]
        return sql.SQL(" AND ").join(terms)

    def differs(self, left: str, right: str) -> sql.Composed:
        """`left` and `right` (aliases) hold different values."""
        return sql.SQL("({}) IS DISTINCT FROM ({})").format(
            names(self.kind.values, of=left), names(self.kind.values, of=right)
        )


def names(columns: Iterable[str], of: str | None = None) -> sql.Composed:
    """Columns separated by commas, with an alias before each if one is given."""
    return sql.SQL(", ").join(sql.Identifier(of, name) if of else sql.Identifier(name) for name in columns)


def _table(kind: str, name: str, time: str, subject: str, until: str) -> Table:
    return Table(KINDS[kind], name, time, subject, until)


ELECTRICITY = _table(
    "electricity-price",
    "real_time_electricity_prices",
    "market_interval_start",
    "pricing_node",
    "market_interval_end",
)
TABLES: dict[str, Table] = {
    table.kind.name: table
    for table in (
        ELECTRICITY,
        _table("gas-price", "real_time_gas_prices", "trading_date", "hub_name", "trading_date"),
        _table("carbon-price", "real_time_carbon_prices", "trading_date", "market_name", "trading_date"),
        _table("ancillary-price", "ancillary_prices", "interval_start", "product", "interval_end"),
        _table("capacity-price", "capacity_prices", "delivery_start", "region", "delivery_end"),
        _table("constraint", "transmission_constraints", "interval_start", "constraint_name", "interval_end"),
        _table("series", "series_values", "valid_start", "location", "valid_end"),
        _table("dr-event", "dr_events", "starts_at", "event_id", "ends_at"),
        _table("operations", "facility_operations", "timestamp", "facility_id", "timestamp"),
    )
}
