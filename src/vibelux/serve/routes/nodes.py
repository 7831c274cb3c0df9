"""Which nodes, hubs and zones there are."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from vibelux.market.regions import region_of
from vibelux.serve.answers import json_response
from vibelux.serve.auth import DOCUMENTED, Asking, need
from vibelux.serve.nodes import finder_of
from vibelux.serve.routes._query import OptionalText
from vibelux.serve.shapes import FAILURES, Rows

router = APIRouter(prefix="/api/market", tags=["market"], dependencies=DOCUMENTED)


@router.get("/nodes", responses={200: {"model": Rows}, **FAILURES}, summary="Pricing nodes by name")
async def nodes(
    request: Request,
    caller: Asking,
    q: OptionalText = None,
    region: OptionalText = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
) -> Response:
    """Those whose name or place holds `q`, else those that look like it (`match` says which); `next` is always null.

    `first_seen` and `last_seen` are days, null for a hub or zone without a price so far. Coordinates are of a town
    that stands for a hub or zone.
    """
    need(caller, "read")
    grid = region_of(region).iso_region if region else None
    rows = await finder_of(request).find((q or "").strip(), grid, limit)
    return json_response({"rows": rows, "next": None})
