"""Prices and series: the newest, and history as it was known."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from vibelux.market.errors import UsageError
from vibelux.market.intervals import iso_z
from vibelux.market.quality import Quality, age_seconds, quality_of_age
from vibelux.market.records import CARBON_PRICE, ELECTRICITY_PRICE, GAS_PRICE, SERIES, Kind
from vibelux.market.regions import REGIONS, Region, find_region
from vibelux.serve.answers import json_response
from vibelux.serve.auth import DOCUMENTED, Asking, State, need
from vibelux.serve.exports import MEDIA_TYPES, exported
from vibelux.serve.nodes import refuse_unknown
from vibelux.serve.ports import ServeState
from vibelux.serve.routes._query import After, AsOf, From, OptionalText, Text, To, moment, window
from vibelux.serve.shapes import FAILURES, record_schema, rows_of

router = APIRouter(prefix="/api/market", tags=["market"], dependencies=DOCUMENTED)

Format = Literal["json", "csv", "parquet", "arrow"]
Limit = Annotated[
    int | None, Query(ge=1, le=100_000, description="rows a page; default 1,000, of a file 100,000", examples=[1000])
]
_PAGE_ROWS = 1000
_FILE_ROWS = 100_000
_DAY = timedelta(days=1)
_YEAR = timedelta(days=366)


@router.get(
    "/latest",
    responses={
        200: {"content": {"application/json": {"schema": record_schema(ELECTRICITY_PRICE)}}, "description": "A price"},
        **FAILURES,
    },
    summary="The newest price, with quality and age",
)
async def latest(
    request: Request,
    region: Text,
    caller: Asking,
    state: State,
    node: OptionalText = None,
    market: OptionalText = None,
) -> Response:
    """The record, and beside it `quality`, `ageSeconds` (since its interval ended) and `origin`.

    A node that is no hub or zone and has never been seen is 404, with the nearest names as `detail`.
    """
    need(caller, "read")
    grid, node = await _place(state, region, node)
    market = market or grid.real_time_market
    row = await state.store.latest_price(grid.iso_region, node, market, state.clock.now())
    if row is None:
        await refuse_unknown(request, grid, node)
        asked = {"iso_region": grid.iso_region, "region": grid.region, "pricing_node": node, "market": market}
        nothing = {"price_per_kwh": None, "quality": Quality.MISSING, "ageSeconds": None, "origin": None}
        return json_response(asked | nothing)
    age = age_seconds(state.clock.now(), row["market_interval_end"])
    limit = state.stale_limits.get(market, state.stale_data_threshold)
    return json_response({**row, "quality": quality_of_age(age, limit), "ageSeconds": age})


@router.get(
    "/prices", responses={200: rows_of(ELECTRICITY_PRICE), **FAILURES}, summary="Electricity prices as known at `asOf`"
)
async def prices(
    request: Request,
    region: Text,
    caller: Asking,
    state: State,
    node: OptionalText = None,
    market: OptionalText = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    limit: Limit = None,
    after: After = None,
    form: Annotated[Format, Query(alias="format")] = "json",
) -> Response:
    """By time, then node. Without `node` all nodes of the region; without `market` its real-time market."""
    need(caller, "read")
    grid, node = await _place(state, region, node)
    filters = {"iso_region": grid.iso_region, "market": market or grid.real_time_market, "pricing_node": node}
    return await _history(request, state, ELECTRICITY_PRICE, filters, (start, end, _DAY), as_of, limit, after, form)


@router.get("/gas", responses={200: rows_of(GAS_PRICE), **FAILURES}, summary="Gas prices as known at `asOf`")
async def gas(
    request: Request,
    caller: Asking,
    state: State,
    hub: OptionalText = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    limit: Limit = None,
    after: After = None,
    form: Annotated[Format, Query(alias="format")] = "json",
) -> Response:
    """By trading date. Without `hub` all hubs."""
    need(caller, "read")
    return await _history(request, state, GAS_PRICE, {"hub_name": hub}, (start, end, _YEAR), as_of, limit, after, form)


@router.get("/carbon", responses={200: rows_of(CARBON_PRICE), **FAILURES}, summary="Carbon prices as known at `asOf`")
async def carbon(
    request: Request,
    caller: Asking,
    state: State,
    market: OptionalText = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    limit: Limit = None,
    after: After = None,
    form: Annotated[Format, Query(alias="format")] = "json",
) -> Response:
    """By trading date. Without `market` (its name, such as `RGGI`) all markets."""
    need(caller, "read")
    return await _history(
        request, state, CARBON_PRICE, {"market_name": market}, (start, end, _YEAR), as_of, limit, after, form
    )


@router.get("/series", responses={200: rows_of(SERIES), **FAILURES}, summary="Measured and forecast series")
async def series(
    request: Request,
    caller: Asking,
    state: State,
    provider: OptionalText = None,
    variable: OptionalText = None,
    location: OptionalText = None,
    start: From = None,
    end: To = None,
    as_of: AsOf = None,
    limit: Limit = None,
    after: After = None,
    form: Annotated[Format, Query(alias="format")] = "json",
) -> Response:
    """By time. Without a filter everything of the stretch."""
    need(caller, "read")
    filters = {"provider": provider, "variable": variable, "location": location}
    return await _history(request, state, SERIES, filters, (start, end, _DAY), as_of, limit, after, form)


async def _place(state: ServeState, region: str, node: str | None) -> tuple[Region, str | None]:
    """The grid and node that a user means: a grid's name, or a hub whose grid we find where its prices lie."""
    grid = find_region(region)
    if grid is not None:
        return grid, node
    for candidate in REGIONS:
        market = candidate.real_time_market
        if await state.store.latest_price(candidate.iso_region, region, market, state.clock.now()):
            return candidate, node or region
    known = ", ".join(candidate.iso_region for candidate in REGIONS)
    raise UsageError(f"no grid and no hub with prices is called {region!r}; grids: {known}")


async def _history(
    request: Request,
    state: ServeState,
    kind: Kind,
    filters: dict[str, str | None],
    stretch: tuple[str | None, str | None, timedelta],
    as_of: str | None,
    limit: int | None,
    after: str | None,
    form: Format,
) -> Response:
    start, end, length = stretch
    first, last = window(start, end, state.clock.now(), length)
    frame, cursor = await state.store.records(
        kind.name,
        start=first,
        end=last,
        filters={name: value for name, value in filters.items() if value is not None},
        as_of=moment(as_of) if as_of else None,
        limit=limit or (_PAGE_ROWS if form == "json" else _FILE_ROWS),
        after=after,
    )
    following = None if cursor is None else _next_url(request, first, last, cursor)
    body = await exported(kind, frame, form, following)
    headers = {"Cache-Control": "no-store"}
    if following:
        headers["Link"] = f'<{following}>; rel="next"'
    if form != "json":
        headers["Content-Disposition"] = f'attachment; filename="{kind.name}.{form}"'
    return Response(body, headers=headers, media_type=MEDIA_TYPES[form])


def _next_url(request: Request, first: datetime, last: datetime, cursor: str) -> str:
    """The same question, from where this page ends; the moments are spelt out so that they do not move."""
    stamps = {"from": iso_z(first), "to": iso_z(last)}
    return str(request.url.include_query_params(**stamps, after=cursor))
