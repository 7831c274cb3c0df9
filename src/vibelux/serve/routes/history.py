"""Records of the past as they were known at any moment: a page of JSON, or a file of any length as it is read."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from vibelux.config import PROVIDERS
from vibelux.market.records import (
    ANCILLARY_PRICE,
    CAPACITY_PRICE,
    CARBON_PRICE,
    CONSTRAINT,
    ELECTRICITY_PRICE,
    GAS_PRICE,
    SERIES,
    Kind,
)
from vibelux.market.regions import region_of
from vibelux.serve import examples
from vibelux.serve.answers import tagged
from vibelux.serve.auth import OwnStore, Reading, State
from vibelux.serve.errors import not_found
from vibelux.serve.exports import MEDIA_TYPES, Pages, exported, file_response, page_of_json
from vibelux.serve.routes._query import After, AsOf, From, OptionalText, To, moment, next_url, window
from vibelux.serve.routes.market import MarketName, NodeName, RegionName, place, refuse_unknown_market
from vibelux.serve.shapes import FAILURES, rows_of
from vibelux.store.keys import Principal

router = APIRouter(prefix="/api/market", tags=["market"])

_DAY = timedelta(days=1)
_YEAR = timedelta(days=366)
_PAGE_ROWS = 1000
SITE = "site"
"""The provider of what facilities measure themselves."""

Filters = Mapping[str, str | Collection[str] | None]
"""What fields must be, or one of what; None: anything."""
Format = Literal["json", "csv", "parquet", "arrow"]
Grid = Annotated[
    OptionalText, Query(alias="region", description="a grid or its region; default all", examples=["CAISO"])
]


class Question:
    """What all histories are asked: a stretch of time, as known when, how much, in which form."""

    def __init__(
        self,
        request: Request,
        caller: Reading,
        state: State,
        store: OwnStore,
        start: From = None,
        end: To = None,
        as_of: AsOf = None,
        limit: Annotated[
            int | None,
            Query(
                ge=1, le=100_000, description="rows a page; JSON: 1,000; a file without it is whole", examples=[1000]
            ),
        ] = None,
        after: After = None,
        form: Annotated[Format, Query(alias="format")] = "json",
    ) -> None:
        self.request = request
        self.caller = caller
        self.state = state
        self._store = store
        self._stretch = (start, end)
        self._as_of = as_of
        self._limit = limit
        self._after = after
        self._form = form

    async def answer(
        self, kind: Kind, filters: Filters, *, back: timedelta, ahead: timedelta = timedelta()
    ) -> Response:
        """The records of a kind; by default those from `back` before now to `ahead` of it."""
        start, end = self._stretch
        first, last = window(start, end, self.state.clock.now() + ahead, back + ahead)
        pages = Pages(
            self._store,
            kind,
            start=first,
            end=last,
            filters={name: value for name, value in filters.items() if value is not None},
            as_of=moment(self._as_of) if self._as_of else None,
        )
        if self._form != "json" and self._limit is None:
            return await file_response(pages, self._form, self._after)
        frame, cursor = await pages.read(self._limit or _PAGE_ROWS, self._after)
        following = None if cursor is None else next_url(self.request, first, last, cursor)
        headers = {"Link": f'<{following}>; rel="next"'} if following else {}
        if self._form == "json":
            return tagged(self.request, await page_of_json(kind, frame, following), headers=headers)
        named = {"Content-Disposition": f'attachment; filename="{kind.name}.{self._form}"', "Cache-Control": "no-store"}
        body = await exported(kind, frame, self._form)
        return Response(body, headers=headers | named, media_type=MEDIA_TYPES[self._form])


Asked = Annotated[Question, Depends()]


def _documented(kind: Kind) -> dict[int | str, dict[str, Any]]:
    return {200: rows_of(kind, examples.RECORDS[kind.name]), **FAILURES}


@router.get("/prices", responses=_documented(ELECTRICITY_PRICE), summary="Electricity prices as known at `asOf`")
async def electricity_prices(
    asked: Asked, region: RegionName, node: NodeName = None, market: MarketName = None
) -> Response:
    """By time, then node. Without `node` all nodes of the region; without `market` its real-time market."""
    grid, node, market = await place(asked.state, region, node, market)
    filters = {"iso_region": grid.iso_region, "market": market, "pricing_node": node}
    return await asked.answer(ELECTRICITY_PRICE, filters, back=_DAY)


@router.get("/gas", responses=_documented(GAS_PRICE), summary="Gas prices as known at `asOf`")
async def gas_prices(asked: Asked, hub: OptionalText = None) -> Response:
    """By trading date. Without `hub` all hubs."""
    return await asked.answer(GAS_PRICE, {"hub_name": hub}, back=_YEAR)


@router.get("/carbon", responses=_documented(CARBON_PRICE), summary="Carbon prices as known at `asOf`")
async def carbon_prices(asked: Asked, market: OptionalText = None) -> Response:
    """By trading date. Without `market` (its name, such as `RGGI`) all markets."""
    return await asked.answer(CARBON_PRICE, {"market_name": market}, back=_YEAR)


@router.get("/series", responses=_documented(SERIES), summary="Measured and forecast series")
async def series(
    asked: Asked, provider: OptionalText = None, variable: OptionalText = None, location: OptionalText = None
) -> Response:
    """By time. Without a filter everything of the stretch; what sites measure themselves is their own keys' alone."""
    who, where = _own_sites(asked.caller, provider, location)
    return await asked.answer(SERIES, {"provider": who, "variable": variable, "location": where}, back=_DAY)


@router.get("/ancillary", responses=_documented(ANCILLARY_PRICE), summary="Prices of reserves and regulation")
async def ancillary_prices(
    asked: Asked, region: Grid = None, product: OptionalText = None, market: MarketName = None
) -> Response:
    """By time, then zone and product (upstream's name)."""
    refuse_unknown_market(market)
    return await asked.answer(ANCILLARY_PRICE, {**_of(region), "product": product, "market": market}, back=_DAY)


@router.get("/capacity", responses=_documented(CAPACITY_PRICE), summary="Prices of capacity auctions")
async def capacity_prices(asked: Asked, region: Grid = None) -> Response:
    """By the first day of delivery, which may lie years ahead."""
    return await asked.answer(CAPACITY_PRICE, _of(region), back=_YEAR, ahead=4 * _YEAR)


@router.get("/constraints", responses=_documented(CONSTRAINT), summary="Shadow prices of binding constraints")
async def constraints(asked: Asked, region: Grid = None, market: MarketName = None) -> Response:
    """By time, then name."""
    refuse_unknown_market(market)
    return await asked.answer(CONSTRAINT, {**_of(region), "market": market}, back=_DAY)


def _own_sites(
    caller: Principal, provider: str | None, location: str | None
) -> tuple[str | Collection[str] | None, str | Collection[str] | None]:
    """The providers and locations that a caller may read: a site's location is its facility."""
    if not caller.facilities:
        return provider, location
    if provider != SITE:
        return provider or tuple(one for one in PROVIDERS if one != SITE), location
    if location is not None and not caller.owns(location):
        raise not_found()
    return SITE, location or tuple(caller.facilities)


def _of(region: str | None) -> dict[str, str | None]:
    return {"iso_region": None if region is None else region_of(region).iso_region}
