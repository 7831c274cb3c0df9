"""Which nodes, hubs and zones there are."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from vibelux.market.regions import region_of
from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import Reading
from vibelux.serve.nodes import finder_of
from vibelux.serve.routes._query import OptionalText
from vibelux.serve.shapes import FAILURES, Rows, answered

router = APIRouter(prefix="/api/market", tags=["market"])


@router.get(
    "/nodes",
    responses={200: answered(Rows, {"rows": [examples.NODE], "next": None}), **FAILURES},
    summary="Pricing nodes by name",
)
async def nodes(
    request: Request,
    _: Reading,
    q: Annotated[OptionalText, Query(description="any part of a name or place", examples=["np15"])] = None,
    region: OptionalText = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
) -> Response:
    """Those whose name or place holds `q`, else those that look like it (`match` says which); `next` is always null.

    `first_seen` and `last_seen` are days, null for a hub or zone without a price so far. Coordinates are of a town
    that stands for a hub or zone.
    """
    grid = region_of(region).iso_region if region else None
    rows = await finder_of(request).find((q or "").strip(), grid, limit)
    return json_response({"rows": rows, "next": None})
