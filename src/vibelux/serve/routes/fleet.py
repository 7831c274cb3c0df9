"""All facilities of a key at a glance."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from vibelux.market.regions import region_of
from vibelux.serve import examples
from vibelux.serve.answers import json_response, unavailable
from vibelux.serve.auth import OwnStore, Reading, State
from vibelux.serve.cursors import opened, sealed
from vibelux.serve.ports import Row
from vibelux.serve.routes._query import After
from vibelux.serve.shapes import FAILURES, Rows, answered

router = APIRouter(prefix="/api", tags=["decisions"])

_PLACE = (str,)


@router.get(
    "/fleet",
    responses={200: answered(Rows, {"rows": [examples.FLEET_ROW], "next": None}), **FAILURES},
    summary="What each facility does now, on which prices, and what it is worth",
)
async def fleet(
    request: Request,
    caller: Reading,
    store: OwnStore,
    state: State,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    after: After = None,
) -> Response:
    """A row a facility, by id: the short of `/api/chp/decision`, and how many alerts are open."""
    begin = "" if after is None else opened(after, _PLACE)[0]
    own = [row for row in await store.facilities() if caller.owns(row["id"]) and row["id"] > begin]
    own.sort(key=lambda row: row["id"])
    page = own[:limit]
    alerts = await store.open_alerts(caller.facilities)
    nothing = unavailable(state.clock.now())
    rows = [_row(one, await state.desk.in_force(one["id"]) or nothing, alerts.get(one["id"], 0)) for one in page]
    following = None
    if len(own) > limit:
        following = str(request.url.include_query_params(after=sealed([page[-1]["id"]])))
    return json_response({"rows": rows, "next": following})


def _row(facility: Row, answer: Row, open_alerts: int) -> Row:
    decision, market = answer["decision"], answer["marketConditions"]
    return {
        "facilityId": facility["id"],
        "name": facility.get("name") or facility["id"],
        "iso_region": facility["iso_region"],
        "pricing_node": facility["pricing_node"],
        "timezone": facility.get("timezone") or region_of(facility["iso_region"]).timezone,
        "action": decision["action"],
        "powerKw": sum(unit["powerKw"] for unit in decision["units"] if unit["on"]),
        "gridPrice": market["gridPrice"],
        "breakEvenGridPrice": decision["breakEvenGridPrice"],
        "netBenefitUsdPerHour": decision["netBenefitUsdPerHour"],
        "confidence": decision["confidence"],
        "reason": next(iter(decision["reasons"]), None),
        "dataQuality": market["dataQuality"],
        "dataFreshness": answer["dataFreshness"],
        "origin": market["origin"],
        "openAlerts": open_alerts,
        "timestamp": answer["timestamp"],
    }
