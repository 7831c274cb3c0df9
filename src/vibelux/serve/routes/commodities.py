"""Gas and carbon as their services answer: the Henry Hub, basis and curve; the newest price of a carbon market."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from vibelux.market.errors import NotYetPublished
from vibelux.outlook.carbon import CarbonMarketService
from vibelux.outlook.gas import NaturalGasPriceService
from vibelux.outlook.quotes import Row
from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import Reading, State
from vibelux.serve.errors import error_response
from vibelux.serve.ports import ServeState, Store
from vibelux.serve.routes._query import AsOf, OptionalText, Text, moment
from vibelux.serve.shapes import FAILURES, Rows, answered

router = APIRouter(prefix="/api/market", tags=["market"], responses=FAILURES)

_MOST_ROWS = 20_000
_OBJECT: dict[str, Any] = {"type": "object"}


class StoredRows:
    """The stored records, as the services of the outlook read them (`outlook.gas.ReadRows`)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(
        self, kind: str, *, start: date, end: date, filters: Mapping[str, Any] | None = None
    ) -> Sequence[Row]:
        """Those whose trading day lies in [start, end)."""
        first, last = (datetime.combine(day, time(), UTC) for day in (start, end))
        frame, _ = await self._store.records(
            kind, start=first, end=last, filters=filters or {}, as_of=None, limit=_MOST_ROWS, after=None
        )
        return frame.to_dicts()


@router.get(
    "/gas/henry-hub",
    responses={200: answered(_OBJECT, examples.HENRY_HUB)},
    summary="The spot price at the Henry Hub, checked against the front month",
)
async def henry_hub(_: Reading, state: State) -> Response:
    """USD/MMBtu (HHV). `disagreement` is spot less front month as a fraction of it; `disagrees` from a quarter on."""
    try:
        found = await _gas(state).current_henry_hub_price()
    except NotYetPublished as error:
        return _unknown(error)
    return json_response(asdict(found) | {"disagrees": found.disagrees})


@router.get(
    "/gas/basis",
    responses={200: answered(_OBJECT, examples.BASIS)},
    summary="What a region's gas costs more than the Henry Hub's",
)
async def basis(_: Reading, state: State, region: Annotated[Text, Query(examples=["California"])]) -> Response:
    """Of one and the same trading day. `region` is a grid, a region (`northeast`) or a hub by upstream's name."""
    try:
        return json_response(asdict(await _gas(state).regional_basis(region)))
    except NotYetPublished as error:
        return _unknown(error)


@router.get(
    "/gas/curve",
    responses={200: answered(Rows, {"rows": [examples.CURVE_POINT], "next": None})},
    summary="The futures curve of a day",
)
async def curve(_: Reading, state: State, as_of: AsOf = None) -> Response:
    """The contracts then traded, nearest first, each with its newest settlement until that day."""
    points = await _gas(state).curve(moment(as_of).date() if as_of else None)
    return json_response({"rows": [asdict(point) for point in points], "next": None})


@router.get(
    "/carbon/latest",
    responses={200: answered(_OBJECT, examples.CARBON)},
    summary="The newest price of a carbon market that is of use now",
)
async def carbon(_: Reading, state: State, market: OptionalText = None) -> Response:
    """`market`: `california` (the default), `rggi` or `voluntary`. Auctions are quarterly: the age is told."""
    service = CarbonMarketService(StoredRows(state.store), state.clock)
    asked = {
        "california": service.california_carbon_price,
        "rggi": service.rggi_price,
        "voluntary": service.voluntary_offset_price,
    }
    name = (market or "california").casefold()
    if name not in asked:
        return error_response(400, "Bad request", f"no carbon market is called {market!r}; known: {', '.join(asked)}")
    try:
        return json_response(asdict(await asked[name]()))
    except NotYetPublished as error:
        return _unknown(error)


def _gas(state: ServeState) -> NaturalGasPriceService:
    return NaturalGasPriceService(StoredRows(state.store), state.clock)


def _unknown(error: NotYetPublished) -> Response:
    """Nothing of it is stored: none is invented."""
    return error_response(404, "Not found", str(error))
