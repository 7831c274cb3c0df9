"""One payload as tables with one set of column names, however ERCOT wrapped it and spelled its header.

The same report comes as a CSV in a zip, as arrays in the public API's JSON and as a sheet of a yearly workbook;
`DeliveryDate`, `Delivery Date`, `DELIVERY_DATE` and `deliveryDate` are one column. Archives hold many CSVs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vibelux.feeds._csv import header_of, read_csv
from vibelux.feeds._feed import Payload
from vibelux.feeds._text import excerpt, looks_like_markup, refuse_html, without_bom
from vibelux.feeds._xlsx import sheets
from vibelux.feeds._zip import Member, is_workbook, unpack
from vibelux.feeds.ercot import _api
from vibelux.market.errors import Corrupt, SchemaChanged
from vibelux.market.records import Quarantined

if TYPE_CHECKING:
    import polars as pl

_TEXTS = {
    "deliverydate": "day",
    "operday": "day",
    "operatingday": "day",
    "hourending": "hour",
    "deliveryhour": "hour",
    "dstflag": "flag",
    "repeatedhourflag": "flag",
    "repeathourflag": "flag",
    "scedtimestamp": "run",
    "intervalending": "ending",
    "intervalrepeatedhourflag": "ending_flag",
    "intervalrepeathourflag": "ending_flag",
    "posteddatetime": "posted",
    "settlementpoint": "node",
    "settlementpointname": "node",
    "settlementpointtype": "node_type",
    "ancillarytype": "product",
    "astype": "product",
    "model": "model",
    "inuseflag": "in_use",
}
_NUMBERS = {"deliveryinterval": "interval", "settlementpointprice": "price", "lmp": "price", "mcpc": "price"}
_ROLES = _TEXTS | _NUMBERS


@dataclass(frozen=True, slots=True)
class Layout:
    """A report, and the columns by which it is known: squashed names, `a|b` where either may stand."""

    report: str
    columns: tuple[str, ...]

    def missing(self, header: Sequence[str]) -> list[str]:
        """The columns that are not in a header."""
        have = {squashed(name) for name in header}
        return [column for column in self.columns if have.isdisjoint(column.split("|"))]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one file or sheet: columns named by role, further ones by upstream's own stripped name.

    Roles are `day hour interval flag run ending ending_flag posted node node_type product model price`; cells are
    text, or numbers where a whole column was.
    """

    report: str
    name: str
    frame: "pl.DataFrame"


def squashed(name: str) -> str:
    """A column name reduced to its letters and digits, lower case."""
    return "".join(letter for letter in name if letter.isalnum()).lower()


def tables(payload: Payload, layouts: Sequence[Layout]) -> Iterator[Table]:
    """The tables of a payload, each recognised by its columns, or all read as `payload.report`.

    Raises:
        FeedError: HTML, an error document, damaged bytes; SchemaChanged where no layout fits, naming what is missing.
    """
    if payload.report is not None:
        layouts = [layout for layout in layouts if layout.report == payload.report]
    for member in unpack(payload.body, payload.name, nested=1):
        if is_workbook(member.body):
            for sheet, frame in sheets(member.body, member.name):
                yield _named(frame, layouts, f"{member.name} {sheet}")
        elif without_bom(member.body[:64]).lstrip().startswith((b"{", b"[")):
            rows = _api.rows(member.body, member.name)
            if rows.width:
                yield _named(rows, layouts, member.name)
        else:
            yield _from_csv(member, layouts)


def _from_csv(member: Member, layouts: Sequence[Layout]) -> Table:
    refuse_html(member.body, member.name, "CSV")
    if not without_bom(member.body).strip():
        raise Corrupt(f"{member.name or 'payload'}: empty where a report was promised")
    if looks_like_markup(member.body):
        raise Corrupt(f"{member.name or 'payload'}: XML; the CSV twin of each report is read: {excerpt(member.body)}")
    header = [column for column in header_of(member.body) if column]
    _layout(header, layouts, member.name)
    numeric = [column for column in header if squashed(column) not in _TEXTS]
    return _named(read_csv(member.body, header, name=member.name, numbers=numeric), layouts, member.name)


def _named(frame: "pl.DataFrame", layouts: Sequence[Layout], name: str) -> Table:
    import polars as pl

    layout = _layout(frame.columns, layouts, name)
    names: dict[str, str] = {}
    for column in frame.columns:
        names.setdefault(_ROLES.get(squashed(column), column.strip()), column)
    texts = pl.selectors.string()
    frame = frame.select(pl.col(column).alias(role) for role, column in names.items())
    frame = frame.with_columns(texts.str.strip_chars()).with_columns(pl.when(texts != "").then(texts))
    return Table(layout.report, name, frame.filter(~pl.all_horizontal(pl.all().is_null())))


def _layout(header: Sequence[str], layouts: Sequence[Layout], name: str) -> Layout:
    """The layout that fits, or the error that names what the nearest one lacks."""
    lacking = [(len(missing), layout, missing) for layout in layouts for missing in [layout.missing(header)]]
    fewest, nearest, missing = min(lacking, key=lambda candidate: candidate[0])
    if fewest:
        known = {spelling for layout in layouts for column in layout.columns for spelling in column.split("|")}
        raise SchemaChanged(
            f"{name or 'payload'}: no table of {', '.join(layout.report for layout in layouts)}; "
            f"nearest is {nearest.report}, without {', '.join(missing)}; the header is {', '.join(header)[:400]!r}",
            missing=missing,
            extra=[column for column in header if squashed(column) not in known],
        )
    return nearest


def numbers(frame: "pl.DataFrame", column: str, quarantined: list[Quarantined]) -> "pl.DataFrame":
    """The frame with that column as numbers; a row whose text is no number is set aside."""
    import polars as pl

    if frame.schema[column] != pl.String:
        return frame
    cast = frame[column].cast(pl.Float64, strict=False)
    bad = cast.is_null() & frame[column].is_not_null()
    if bad.any():
        set_aside(frame.filter(bad), f"{column} is not a number", quarantined)
    return frame.with_columns(cast).filter(~bad)


def set_aside(frame: "pl.DataFrame", reason: str, quarantined: list[Quarantined]) -> None:
    """Keeps rows that cannot be used, with the reason."""
    wanted = ("node", "product", "location", "day", "hour", "interval", "flag", "run", "ending", "start")
    for row in frame.iter_rows(named=True):
        place = " ".join(str(row[name]) for name in wanted if row.get(name) is not None)
        quarantined.append(
            Quarantined(reason, place, ",".join("" if cell is None else str(cell) for cell in row.values()))
        )
