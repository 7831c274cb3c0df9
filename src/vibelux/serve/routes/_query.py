"""Query parameters that several routes share."""

from datetime import datetime
from typing import Annotated

from fastapi import Query

from vibelux.market.errors import UsageError
from vibelux.market.intervals import moment_argument

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"

Text = Annotated[str, Query(max_length=200, pattern=_PRINTABLE)]
OptionalText = Annotated[str | None, Query(max_length=200, pattern=_PRINTABLE)]
FacilityId = Annotated[str, Query(alias="facilityId", max_length=200, examples=["salinas-1"])]
From = Annotated[str | None, Query(alias="from", description="first moment, UTC", examples=["2026-07-14T00:00:00Z"])]
To = Annotated[str | None, Query(alias="to", description="end, not included", examples=["2026-07-15T00:00:00Z"])]
AsOf = Annotated[str | None, Query(alias="asOf", description="only what was known then; default everything")]
After = Annotated[str | None, Query(max_length=500, description="where `next` of the answer before goes on")]


def window(
    start: str | None, end: str | None, default_start: datetime, default_end: datetime
) -> tuple[datetime, datetime]:
    """The half-open stretch of time that is asked for.

    Raises:
        UsageError: not times, or reversed.
    """
    first = moment_argument(start) if start else default_start
    last = moment_argument(end) if end else default_end
    if last < first:
        raise UsageError(f"from ({first.isoformat()}) lies after to ({last.isoformat()})")
    return first, last
