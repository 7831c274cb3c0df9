"""The fault drill: in a replay a feed can be broken on purpose, to see what the service makes of it."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import Asking, Reading, State, need
from vibelux.serve.bodies import read_body
from vibelux.serve.errors import not_found
from vibelux.serve.ports import Drill
from vibelux.serve.routes._query import OptionalText
from vibelux.serve.shapes import FAILURES, WRITES, Rows, answered, body_of

router = APIRouter(prefix="/api/drill", tags=["drill"])


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    feed: str
    fault: str


def _drill(state: State) -> Drill:
    if state.drill is None:
        raise not_found()
    return state.drill


Breaking = Annotated[Drill, Depends(_drill)]
"""The upstream that can be broken; 404 in a live service, where there is none."""


@router.get(
    "",
    responses={200: answered(Rows, examples.DRILL), **FAILURES},
    summary="What is broken now, and what can be (replay only)",
)
async def drill(_: Reading, upstream: Breaking) -> Response:
    """`faults` are all ways in which one of `feeds` can be broken, each with what it does."""
    known = {"faults": upstream.faults, "feeds": upstream.feeds}
    return json_response({"rows": upstream.broken, "next": None, **known})


@router.post(
    "",
    status_code=201,
    responses={201: answered({"type": "object"}, examples.BROKEN), **WRITES},
    openapi_extra=body_of({"feed": "caiso/real-time-pricing", "fault": "html"}),
    summary="Breaks a feed (scope operate; replay only)",
)
async def break_feed(request: Request, caller: Asking, upstream: Breaking) -> Response:
    """From its next request on, until it is mended; another fault takes the place of the one before."""
    need(caller, "operate")
    body = await read_body(request, _Body)
    upstream.break_feed(body.feed, body.fault)
    (broken,) = (row for row in upstream.broken if row["feed"] == body.feed)
    return json_response(broken, status=201)


@router.delete("", status_code=204, responses=FAILURES, summary="Mends a feed, or all (scope operate; replay only)")
async def mend(
    caller: Asking,
    upstream: Breaking,
    feed: Annotated[OptionalText, Query(description="default: all that are broken")] = None,
) -> Response:
    """What the feed missed is asked for again by the service itself. 404 where it is not broken."""
    need(caller, "operate")
    names = [row["feed"] for row in upstream.broken] if feed is None else [feed]
    if not all(upstream.mend(name) for name in names):
        raise not_found()
    return Response(status_code=204)
