"""Sessions of the page and tickets for sockets."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from vibelux.market.intervals import iso_z
from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import Asking, Door, DoorOf
from vibelux.serve.bodies import read_body
from vibelux.serve.errors import bad_request, forbidden
from vibelux.serve.identity import JWT_ID
from vibelux.serve.sessions import COOKIE, SESSION_LIFE
from vibelux.serve.shapes import FAILURES, WRITES, TicketAnswer, answered, body_of
from vibelux.store.keys import SCOPES

router = APIRouter(tags=["access"])


class KeyBody(msgspec.Struct, forbid_unknown_fields=True):
    """What a page sends when its reader has typed a key."""

    key: str


class FacilityBody(msgspec.Struct, forbid_unknown_fields=True):
    """Which facility a ticket is for."""

    facilityId: str  # noqa: N815 (the contract's name)


@router.post(
    "/api/ws-ticket",
    responses={200: answered(TicketAnswer, examples.TICKET), **FAILURES, 413: WRITES[413]},
    openapi_extra=body_of({"facilityId": "salinas-1"}),
    summary="A ticket that opens one WebSocket within a minute",
)
async def ws_ticket(request: Request, caller: Asking, door: DoorOf) -> Response:
    """For clients that cannot set a header on a WebSocket: `/ws?facilityId=F&ticket=T`."""
    body = await read_body(request, FacilityBody)
    await door.facility(caller, body.facilityId, "read")
    ticket, expires = door.tickets.issue(caller, body.facilityId)
    return json_response({"ticket": ticket, "expiresAt": iso_z(expires)})


async def _own_page(request: Request, door: DoorOf) -> None:
    if door.is_foreign(request):
        raise forbidden("a page of another origin may not do this")


OwnPage = Annotated[None, Depends(_own_page)]


@router.post(
    "/api/session",
    status_code=204,
    responses=FAILURES | {413: WRITES[413]},
    openapi_extra=body_of({"key": "vlx_..."}),
    summary="Exchanges a key for the page's cookie",
)
async def open_session(request: Request, door: DoorOf, _own: OwnPage) -> Response:
    """The cookie is HttpOnly and SameSite=Strict; it lives twelve hours and dies with its key."""
    body = await read_body(request, KeyBody)
    caller = await door.caller_with_key(request, body.key)
    if caller.id.startswith(JWT_ID):
        raise bad_request("a session is opened with an API key; a token is sent as it is, with each request")
    request.state.caller = caller
    response = Response(status_code=204)
    set_session(request, response, door, caller.id)
    return response


@router.get(
    "/api/session",
    responses={200: answered({"type": "object"}, examples.SESSION), **FAILURES},
    summary="Who asks, and what that key may do",
)
async def get_session(caller: Asking) -> Response:
    """`scopes` with those that they include; `facilities` is empty where it may see all."""
    scopes = [scope for scope in SCOPES if caller.may(scope)]
    return json_response({"name": caller.name, "scopes": scopes, "facilities": sorted(caller.facilities)})


@router.delete("/api/session", status_code=204, responses=FAILURES, summary="Forgets the page's cookie")
async def close_session(request: Request, _own: OwnPage) -> Response:
    """Signs out."""
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, **_cookie_manners(request))
    return response


def set_session(request: Request, response: Response, door: Door, key_id: str | None) -> None:
    """Lays a new session cookie into a response."""
    life = int(SESSION_LIFE.total_seconds())
    response.set_cookie(COOKIE, door.sessions.issue(key_id), max_age=life, **_cookie_manners(request))


def _cookie_manners(request: Request) -> dict[str, Any]:
    secure = "https" in {request.url.scheme, request.headers.get("x-forwarded-proto")}
    return {"path": "/", "httponly": True, "samesite": "strict", "secure": secure}
