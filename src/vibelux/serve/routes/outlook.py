"""The prices to expect, known and forecast told apart, and how far off they were."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from vibelux.market.intervals import iso_z, local_date
from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import Reading, State
from vibelux.serve.errors import error_response
from vibelux.serve.nodes import refuse_unknown
from vibelux.serve.routes._query import From, OptionalText, To, moment, window
from vibelux.serve.routes.market import MarketName, NodeName, RegionName, place
from vibelux.serve.shapes import FAILURES, answered

router = APIRouter(prefix="/api/market/outlook", tags=["market"])

_MONTH = timedelta(days=30)
_INSTANT = timedelta(microseconds=1)
_NUMBER = {"type": ["number", "null"], "description": "USD/kWh"}
_STEP: dict[str, Any] = {
    "type": "object",
    "required": list(examples.OUTLOOK["rows"][0]),
    "properties": {
        "start": {"type": "string", "format": "date-time"},
        "end": {"type": "string", "format": "date-time"},
        "kind": {"enum": ["real-time", "advisory", "day-ahead", "forecast", "missing"]},
        "price": _NUMBER | {"description": "USD/kWh, as `kind` says; a forecast's is its p50"},
        **dict.fromkeys(("p10", "p50", "p90"), _NUMBER),
        "source": {"type": "string"},
    },
}
_ERROR = {"type": "number", "description": "mean absolute error, USD/MWh"}
_SCORE: dict[str, Any] = {
    "type": "object",
    "required": list(examples.OUTLOOK_SCORE["rows"][0]),
    "properties": {
        "lead": {"type": "string", "description": "hours from the outlook to the step, or `all`"},
        "steps": {"type": "integer", "minimum": 1},
        **dict.fromkeys(("mae", "mae_yesterday", "mae_last_week"), _ERROR),
        "better_mae": {"type": "number", "description": "by how much `mae` is below the better of the naive two"},
        "coverage": {"type": "number", "description": "how much of what came lay within p10 to p90; 0.8 is right"},
    },
}


def _list_of(row: dict[str, Any], *more: str) -> dict[str, Any]:
    text = {"type": ["string", "null"]}
    return {
        "type": "object",
        "required": ["rows", "next"],
        "properties": {
            "rows": {"type": "array", "items": row},
            "next": {"type": "null"},
            **dict.fromkeys(("iso_region", "pricing_node", "market", *more), text),
        },
    }


@router.get(
    "",
    responses={200: answered(_list_of(_STEP, "timestamp"), examples.OUTLOOK), **FAILURES},
    summary="The price to expect for each step of the next 48 hours",
)
async def price_outlook(
    request: Request,
    _: Reading,
    state: State,
    region: RegionName,
    node: NodeName = None,
    market: MarketName = None,
    at: OptionalText = None,
) -> Response:
    """Five minutes for 2 h, 15 minutes to 12 h, hours beyond; each step says whether its price is known or forecast.

    `market` is the grid's real-time market or `day-ahead-hourly`. Without `node` one of the grid's hubs. A node that
    has never been seen is 404; one of which no price is known has steps of the kind `missing`. `at` gives what was
    to be expected at a moment that has been, from what was known then.
    """
    grid, node, market = await place(state, region, node, market)
    if state.outlooks is None:
        return _none()
    now = state.clock.now() if at is None else min(moment(at), state.clock.now())
    if node is None:
        newest = await state.store.latest_price(grid.iso_region, None, market, now)
        node = newest["pricing_node"] if newest else None
    else:
        await refuse_unknown(request, grid, node)
    rows = [] if node is None else await state.outlooks.rows(grid.iso_region, node, market, now)
    asked = {"iso_region": grid.iso_region, "pricing_node": node, "market": market, "timestamp": iso_z(now)}
    return json_response({"rows": rows, "next": None} | asked)


@router.get(
    "/score",
    responses={200: answered(_list_of(_SCORE), examples.OUTLOOK_SCORE), **FAILURES},
    summary="How far off the outlooks given out were",
)
async def price_outlook_score(
    _: Reading,
    state: State,
    region: RegionName,
    node: NodeName = None,
    market: MarketName = None,
    start: From = None,
    end: To = None,
) -> Response:
    """Of whole market days, by default the last 30, beside the two naive forecasts on the same steps.

    These are the newest known price of the same hour (yesterday's) and that of a whole number of weeks ago. Without
    `node` all nodes of the grid; no rows where nothing that was expected has come yet.
    """
    grid, node, market = await place(state, region, node, market)
    if state.outlooks is None:
        return _none()
    first, last = window(start, end, state.clock.now(), _MONTH)
    days = local_date(first, grid.timezone), local_date(max(first, last - _INSTANT), grid.timezone)
    rows = await state.outlooks.scores(grid.iso_region, node, market, *days)
    asked = {"iso_region": grid.iso_region, "pricing_node": node, "market": market}
    return json_response({"rows": rows, "next": None} | asked)


def _none() -> Response:
    return error_response(503, "Unavailable", "this process expects no prices")
