"""The newest price of a place, and how a place is understood."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from vibelux._toml import nearest
from vibelux.market.errors import UsageError
from vibelux.market.quality import Quality, age_seconds, quality_of_age
from vibelux.market.records import ELECTRICITY_PRICE
from vibelux.market.regions import REGIONS, Region, find_region
from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import Reading, State
from vibelux.serve.nodes import refuse_unknown
from vibelux.serve.ports import ServeState
from vibelux.serve.routes._query import OptionalText, Text
from vibelux.serve.shapes import FAILURES, answered, record_schema

router = APIRouter(prefix="/api/market", tags=["market"])

MARKETS = (
    "real-time-5min",
    "real-time-15min",
    "real-time-hourly",
    "day-ahead-hourly",
    "hasp-15min",
    "advisory-5min",
    "advisory-15min",
    "indicative-5min",
)
"""Every market under which records of any grid are kept (contracts §3)."""

RegionName = Annotated[Text, Query(description="a grid, its region, or a hub by its name", examples=["CAISO"])]
NodeName = Annotated[OptionalText, Query(description="upstream's own name", examples=["TH_NP15_GEN-APND"])]
MarketName = Annotated[
    OptionalText, Query(description="default: the grid's real-time market", examples=["real-time-5min"])
]


@router.get(
    "/latest",
    responses={200: answered(record_schema(ELECTRICITY_PRICE), examples.LATEST_PRICE), **FAILURES},
    summary="The newest price, with quality and age",
)
async def latest_price(
    request: Request, _: Reading, state: State, region: RegionName, node: NodeName = None, market: MarketName = None
) -> Response:
    """The record, and beside it `quality`, `ageSeconds` (since its interval ended) and `origin`.

    A node that is no hub or zone and has never been seen is 404, with the nearest names as `detail`.
    """
    grid, node, market = await place(state, region, node, market)
    row = await state.store.latest_price(grid.iso_region, node, market, state.clock.now())
    if row is None:
        await refuse_unknown(request, grid, node)
        asked = {"iso_region": grid.iso_region, "region": grid.region, "pricing_node": node, "market": market}
        nothing = {"price_per_kwh": None, "quality": Quality.MISSING, "ageSeconds": None, "origin": None}
        return json_response(asked | nothing)
    age = age_seconds(state.clock.now(), row["market_interval_end"])
    limit = state.stale_limits.get(market, state.stale_data_threshold)
    return json_response({**row, "quality": quality_of_age(age, limit), "ageSeconds": age})


async def place(state: ServeState, region: str, node: str | None, market: str | None) -> tuple[Region, str | None, str]:
    """The grid, node and market that a user means: a grid's name, or a hub whose grid we find where its prices lie.

    Raises:
        UsageError: there is no such grid, hub or market.
    """
    refuse_unknown_market(market)
    grid = find_region(region)
    if grid is not None:
        return grid, node, market or grid.real_time_market
    for candidate in REGIONS:
        real_time = candidate.real_time_market
        if await state.store.latest_price(candidate.iso_region, region, real_time, state.clock.now()):
            return candidate, node or region, market or real_time
    known = ", ".join(candidate.iso_region for candidate in REGIONS)
    raise UsageError(f"no grid and no hub with prices is called {region!r}; grids: {known}")


def refuse_unknown_market(market: str | None) -> None:
    """Lets the name of a market pass.

    Raises:
        UsageError: there is none of that name; the text has the nearest and all others.
    """
    if market is not None and market not in MARKETS:
        raise UsageError(f"no market is called {market!r}{nearest(market, MARKETS)}; known: {', '.join(MARKETS)}")
