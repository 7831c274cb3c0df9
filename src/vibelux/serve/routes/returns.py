"""Costs and return of the installation."""

from datetime import timedelta

from fastapi import APIRouter, HTTPException, Response

from vibelux.market.intervals import floor_to
from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import Asking, State
from vibelux.serve.errors import forbidden
from vibelux.serve.routes._query import From, To, window
from vibelux.serve.shapes import FAILURES, answered

router = APIRouter(prefix="/api", tags=["savings"])

_YEAR = timedelta(days=366)
_HOUR = timedelta(hours=1)


@router.get(
    "/return",
    responses={200: answered({"type": "object"}, examples.RETURN), **FAILURES},
    summary="What data and machines cost, what was saved, and when that pays back (a key for all facilities)",
)
async def costs_and_return(caller: Asking, state: State, start: From = None, end: To = None) -> Response:
    """By the savings of a stretch of time, the last year by default; `[costs]` of the configuration has the prices."""
    if caller.facilities:
        raise forbidden("costs are the whole installation's: a key for all facilities may ask")
    if state.returns is None:
        raise HTTPException(503, {"error": "Costs are not reckoned here"})
    first, last = window(start, end, state.clock.now(), _YEAR, longest=_YEAR)
    return json_response(await state.returns.told(floor_to(first, _HOUR), last))
