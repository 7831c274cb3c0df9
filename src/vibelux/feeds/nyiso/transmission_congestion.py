"""NYISO's binding limits, real-time and day-ahead (P-33, P-511A), and the flows over its interfaces (P-32).

The sign of a constraint's cost differs between the files; a limit costs whatever its sign, so shadow prices are
positive here. Flows are headed MWH and are MW; limits of 9999 are upstream's way to say that there is none.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from vibelux.feeds._check import shaped
from vibelux.feeds._csv import header_of
from vibelux.feeds._feed import Ask, Feed, Payload, Request, Rolling
from vibelux.feeds._zip import Member
from vibelux.feeds.nyiso import _files
from vibelux.market.errors import SchemaChanged
from vibelux.market.records import CONSTRAINT, SERIES, Parsed, Quarantined

if TYPE_CHECKING:
    import polars as pl

COLUMNS = (_files.STAMP, "Limiting Facility", "Contingency", "Constraint Cost($)")
_MARKETS = {"DAMLimitingConstraints": "day-ahead-hourly", "LimitingConstraints": "real-time-5min"}
_FLOWS = {
    "Flow (MWH)": "interface-flow",
    "Positive Limit (MWH)": "interface-limit-positive",
    "Negative Limit (MWH)": "interface-limit-negative",
}
_FIVE_MINUTES, _HOUR = timedelta(minutes=5), timedelta(hours=1)


def requests(ask: Ask) -> Iterator[Request]:
    """The three files of each day."""
    return _files.file_requests(ask, *(f"{name}/{name}" for name in (*_MARKETS, "ExternalLimitsFlows")))


def parse(payload: Payload) -> Parsed:
    """Constraints as `constraint`, flows and their limits as `series`; stamps are the starts of intervals."""
    import polars as pl

    parsed = Parsed()
    for member in _files.members(payload):
        flows = "Interface Name" in header_of(member.body)
        kind = SERIES if flows else CONSTRAINT
        frame = (
            _flows(member, parsed.quarantined) if flows else _constraints(member, payload.report, parsed.quarantined)
        )
        earlier = parsed.frames.get(kind.name)
        frame = shaped(kind, frame)
        parsed.frames[kind.name] = frame if earlier is None else pl.concat([earlier, frame])
    return parsed


def _constraints(member: Member, report: str | None, quarantined: list[Quarantined]) -> "pl.DataFrame":
    import polars as pl

    form = _files.Form(
        columns=COLUMNS,
        numbers=("Constraint Cost($)",),
        series=("Limiting Facility", "Contingency"),
        optional=(_files.LABEL,),
    )
    frame = _files.table(member, form, quarantined)
    stamps = frame["moment"].unique().sort()
    report = report or _report(member.name, stamps)
    start = pl.col("moment")
    # A run between two stamps ends the interval before it.
    following = start.replace_strict(stamps, stamps.shift(-1), default=None, return_dtype=stamps.dtype)
    day_ahead = report == "DAMLimitingConstraints"
    return frame.select(
        iso_region=pl.lit("NYISO"),
        constraint_name="Limiting Facility",
        contingency="Contingency",
        market=pl.lit(_MARKETS[report]),
        shadow_price=pl.col("Constraint Cost($)").abs(),
        interval_start=start,
        interval_end=start + _HOUR if day_ahead else pl.min_horizontal(start + _FIVE_MINUTES, following),
        data_source=pl.lit(f"NYISO {report}"),
    )


def _report(name: str, stamps: "pl.Series") -> str:
    """Which of the two files it is: both have the same columns, so by name, else by the minutes of its stamps."""
    for report in _MARKETS:
        if report in name:
            return report
    if (stamps.dt.minute() != 0).any() or stamps.is_empty():
        return "LimitingConstraints"
    if len(stamps) > 1:
        return "DAMLimitingConstraints"
    raise SchemaChanged(f"{name or 'payload'}: nothing says whether these constraints are real-time or day-ahead")


def _flows(member: Member, quarantined: list[Quarantined]) -> "pl.DataFrame":
    import polars as pl

    form = _files.Form(
        columns=("Timestamp", "Interface Name", *_FLOWS),
        numbers=tuple(_FLOWS),
        series=("Interface Name",),
        stamp="Timestamp",
    )
    frame = _files.table(member, form, quarantined)
    long = frame.unpivot(list(_FLOWS), index=["moment", "Interface Name"], variable_name="column")
    return long.select(
        provider=pl.lit("nyiso"),
        variable=pl.col("column").replace_strict(_FLOWS),
        location="Interface Name",
        unit=pl.lit("MW"),
        value="value",
        valid_start="moment",
        valid_end=pl.col("moment") + _FIVE_MINUTES,
        data_source=pl.lit("NYISO ExternalLimitsFlows"),
    )


FEED = Feed(
    provider="nyiso",
    data_type="transmission-congestion",
    region="New York",
    kind="constraint",
    reports=("LimitingConstraints", "DAMLimitingConstraints", "ExternalLimitsFlows"),
    service=_files.MIS,
    url=_files.URL,
    publication=Rolling(step=timedelta(minutes=5), lag=timedelta(minutes=6)),
    stale_after_seconds=1_800,
    timezone=_files.ZONE,
    unit="USD/MWh",
    plausible=(0.0, 100_000.0),
    columns=COLUMNS,
    requests=requests,
    parse=parse,
    archived_after=_files.DAYS_KEPT,
    source="mis.nyiso.com P-32, P-33, P-511A; flows proven on a recording of 2017, constraints not yet",
)
