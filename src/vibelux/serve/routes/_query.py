"""Query parameters that several routes share."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query
from starlette.requests import Request

from vibelux.market.errors import UsageError
from vibelux.market.intervals import iso_z, moment_argument

PRINTABLE = r"^[^\x00-\x1f\x7f]*$"

_FIRST = datetime(1990, 1, 1, tzinfo=UTC)
_LAST = datetime(2200, 1, 1, tzinfo=UTC)

Text = Annotated[str, Query(max_length=200, pattern=PRINTABLE)]
OptionalText = Annotated[str | None, Query(max_length=200, pattern=PRINTABLE)]
FacilityId = Annotated[str, Query(alias="facilityId", max_length=200, examples=["salinas-1"])]
From = Annotated[str | None, Query(alias="from", description="first moment, UTC", examples=["2026-07-14T00:00:00Z"])]
To = Annotated[str | None, Query(alias="to", description="end, not included", examples=["2026-07-15T00:00:00Z"])]
AsOf = Annotated[str | None, Query(alias="asOf", description="only what was known then; default everything")]
After = Annotated[str | None, Query(max_length=500, description="where `next` of the answer before goes on")]


def moment(text: str) -> datetime:
    """A moment as a query writes it, within the years that a market can be asked about.

    Raises:
        UsageError: not a time, or out of those years.
    """
    found = moment_argument(text)
    if not _FIRST <= found < _LAST:
        raise UsageError(f"{text!r} lies outside the years {_FIRST.year} to {_LAST.year - 1}")
    return found


def window(
    start: str | None, end: str | None, now: datetime, default: timedelta, longest: timedelta | None = None
) -> tuple[datetime, datetime]:
    """The half-open stretch of time that is asked for: by default up to now, and `default` long.

    Raises:
        UsageError: not times, reversed, or over the longest that is given at once.
    """
    last = moment(end) if end else now
    first = moment(start) if start else last - default
    if last < first:
        raise UsageError(f"from ({iso_z(first)}) lies after to ({iso_z(last)})")
    if longest is not None and last - first > longest:
        raise UsageError(f"at most {longest.days} days at once, asked for {(last - first).days}")
    return first, last


def next_url(request: Request, first: datetime, last: datetime, cursor: str) -> str:
    """The same question, from where this page ends; the moments are spelt out so that they do not move."""
    stamps = {"from": iso_z(first), "to": iso_z(last)}
    return str(request.url.include_query_params(**stamps, after=cursor))
