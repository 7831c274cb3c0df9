"""How far the data can be trusted."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response

from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import Reading, State
from vibelux.serve.cursors import opened, sealed
from vibelux.serve.routes._query import After, From, OptionalText, To, next_url, window
from vibelux.serve.shapes import FAILURES, Rows, answered

router = APIRouter(prefix="/api", tags=["quality"])

_USUAL, _LONGEST = timedelta(days=7), timedelta(days=31)
_PLACE = (date, str)


@router.get(
    "/quality",
    responses={200: answered(Rows, {"rows": [examples.QUALITY], "next": None}), **FAILURES},
    summary="Completeness, lateness, corrections and doubts of each feed on each day",
)
async def quality(
    request: Request,
    _: Reading,
    state: State,
    feed: Annotated[OptionalText, Query(examples=["caiso/real-time-pricing"])] = None,
    provider: Annotated[OptionalText, Query(examples=["caiso"])] = None,
    start: From = None,
    end: To = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
    after: After = None,
) -> Response:
    """A row a feed and day of its market's calendar, newest first; 7 days by default, 31 at most.

    `completeness` (0 to 1) is `intervalsStored` over `intervalsExpected`: of today, what is out by now; both are null
    where upstream keeps no regular hours. On the day of its first payload ever (`knownBefore` is false) a feed counts
    from `since` on, null for the whole day. Lateness is the time from an interval's end to its first being known,
    negative where it was known before. `payloads`, `failures`, `corrections` and `quarantined` count what came on the
    day, whatever interval it was of.
    """
    if state.data_quality is None:
        raise HTTPException(503, {"error": "Data quality is not counted here"})
    first, last = window(start, end, state.clock.now(), _USUAL, longest=_LONGEST)
    rows = await state.data_quality.rows(first, last, feed=feed, provider=provider)
    if after is not None:
        day, name = opened(after, _PLACE)
        rows = [row for row in rows if (-row["day"].toordinal(), row["feed"]) > (-day.toordinal(), name)]
    page = rows[:limit]
    cursor = sealed([page[-1]["day"], page[-1]["feed"]]) if len(rows) > limit else None
    return json_response({"rows": page, "next": cursor and next_url(request, first, last, cursor)})
