"""The four grids at a glance: of each hub, zone and own node the newest price and the hours behind it."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response

from vibelux.market.nodes import CATALOGUE
from vibelux.market.quality import age_seconds, quality_of_age
from vibelux.market.records import ELECTRICITY_PRICE
from vibelux.market.regions import REGIONS, Region, region_of
from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import OwnStore, Reading, State
from vibelux.serve.ports import Row, ServeState
from vibelux.serve.shapes import FAILURES, Rows, answered

router = APIRouter(prefix="/api/market", tags=["market"])

_DAY_AHEAD = "day-ahead-hourly"
_PLACES = {(node.iso_region, node.pricing_node): node for node in CATALOGUE}
_MOST_RECENT = 600
"""Prices behind the newest one: a day of five minutes, and two corrections an hour."""
_OWN_NODES = 50


@router.get(
    "/overview",
    responses={200: answered(Rows, {"rows": [examples.OVERVIEW_ROW], "next": None}), **FAILURES},
    summary="The newest prices of hubs, zones and the key's own nodes, with the hours before",
)
async def overview(
    caller: Reading, store: OwnStore, state: State, hours: Annotated[int, Query(ge=1, le=24)] = 6
) -> Response:
    """By grid. `recent` holds pairs of an interval's start and its price, USD/kWh; places without any are left out."""
    own = {(one["iso_region"], one["pricing_node"]) for one in await store.facilities() if caller.owns(one["id"])}
    places = [*_PLACES, *sorted(own - _PLACES.keys())[:_OWN_NODES]]
    seen = await store.seen_nodes(places)
    order = {region.iso_region: number for number, region in enumerate(REGIONS)}
    places = sorted(filter(seen.__contains__, places), key=lambda place: order[place[0]])
    now = state.clock.now()
    rows = [await _row(state, region_of(grid), node, now, timedelta(hours=hours)) for grid, node in places]
    return json_response({"rows": [row for row in rows if row is not None], "next": None})


async def _row(state: ServeState, grid: Region, node: str, now: datetime, back: timedelta) -> Row | None:
    market = grid.real_time_market
    newest = await state.store.latest_price(grid.iso_region, node, market, now)
    ahead = await state.store.latest_price(grid.iso_region, node, _DAY_AHEAD, now)
    if newest is None and ahead is None:
        return None
    age = None if newest is None else age_seconds(now, newest["market_interval_end"])
    place = _PLACES.get((grid.iso_region, node))
    return {
        "iso_region": grid.iso_region,
        "timezone": grid.timezone,
        "pricing_node": node,
        "node_type": place.node_type if place else None,
        "place": place.place if place else None,
        "market": market,
        "price_per_kwh": newest["price_per_kwh"] if newest else None,
        "market_interval_start": newest["market_interval_start"] if newest else None,
        "quality": quality_of_age(age, state.stale_limits.get(market, state.stale_data_threshold)),
        "ageSeconds": age,
        "origin": newest["origin"] if newest else None,
        "dayAhead": ahead["price_per_kwh"] if ahead and ahead["market_interval_end"] > now else None,
        "recent": [] if newest is None else await _recent(state, grid, node, now - back, now),
    }


async def _recent(
    state: ServeState, grid: Region, node: str, start: datetime, end: datetime
) -> list[tuple[datetime, float]]:
    frame, _ = await state.store.records(
        ELECTRICITY_PRICE.name,
        start=start,
        end=end,
        filters={"iso_region": grid.iso_region, "market": grid.real_time_market, "pricing_node": node},
        as_of=None,
        limit=_MOST_RECENT,
        after=None,
    )
    return [(row[0], row[1]) for row in frame.select("market_interval_start", "price_per_kwh").iter_rows()]
