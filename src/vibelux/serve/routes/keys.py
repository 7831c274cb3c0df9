"""API keys over REST: to see, to make, to revoke. A key for some facilities deals with keys for those alone."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Request, Response

from vibelux.market.errors import TimeRefused, UsageError
from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import Asking, OwnStore, State, need
from vibelux.serve.bodies import read_body
from vibelux.serve.errors import bad_request, not_found
from vibelux.serve.peers import address
from vibelux.serve.ports import Row, Store
from vibelux.serve.routes._query import PRINTABLE, moment
from vibelux.serve.shapes import FAILURES, WRITES, Rows, answered, body_like
from vibelux.store.keys import Principal

router = APIRouter(prefix="/api", tags=["access"])

_NAME = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": PRINTABLE}
_BODY: dict[str, Any] = {
    "type": "object",
    "required": ["name", "scopes"],
    "additionalProperties": False,
    "properties": {
        "name": _NAME | {"description": "whom it is for"},
        "scopes": {"type": "array", "minItems": 1, "items": {"enum": ["read", "operate", "admin"]}},
        "facilities": {"type": "array", "items": {"type": "string"}, "description": "none: all"},
        "expires": {"type": ["string", "null"], "format": "date-time", "description": "null: never"},
    },
}


class _NewKey(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=PRINTABLE)]
    scopes: Annotated[list[Literal["read", "operate", "admin"]], msgspec.Meta(min_length=1)]
    facilities: list[str] = []
    expires: str | None = None


@router.get(
    "/keys",
    responses={200: answered(Rows, {"rows": [examples.KEY], "next": None}), **FAILURES},
    summary="The keys, without their secret part (scope admin)",
)
async def list_keys(caller: Asking, store: OwnStore) -> Response:
    """Oldest first, with those that were revoked or have expired."""
    need(caller, "admin")
    return json_response({"rows": await _own_keys(store, caller), "next": None})


@router.post(
    "/keys",
    status_code=201,
    responses={201: answered({"type": "object"}, examples.NEW_KEY), **WRITES},
    openapi_extra=body_like(_BODY, {"name": "Home Assistant", "scopes": ["read"], "facilities": ["salinas-1"]}),
    summary="Makes a key and tells it, this once (scope admin)",
)
async def create_key(request: Request, caller: Asking, store: OwnStore, state: State) -> Response:
    """`key` is nowhere to be had again: only its hash is kept."""
    need(caller, "admin")
    wanted = await read_body(request, _NewKey)
    own = {row["id"] for row in await store.facilities() if caller.owns(row["id"])}
    strangers = sorted(set(wanted.facilities) - own)
    if strangers:
        raise bad_request(f"facilities: there is no {strangers[0]!r}")
    if caller.facilities and not wanted.facilities:
        raise bad_request("facilities: your key is for some facilities; say for which of them the new one is")
    expires = None if wanted.expires is None else _end(wanted.expires, state.wall.now())
    made = await store.create_key(
        state.wall.now(), wanted.name, wanted.scopes, wanted.facilities, expires, caller, address(request)
    )
    body = {"id": made.id, "key": made.key, "name": wanted.name, "scopes": made.scopes, "facilities": made.facilities}
    return json_response(body | {"expires_at": expires}, status=201)


@router.delete(
    "/keys/{key_id}",
    status_code=204,
    responses=FAILURES,
    summary="Ends a key at once, with its sessions and sockets (scope admin)",
)
async def revoke_key(request: Request, key_id: str, caller: Asking, store: OwnStore, state: State) -> Response:
    """404 for unknown, others' and ended ones alike."""
    need(caller, "admin")
    if all(row["id"] != key_id for row in await _own_keys(store, caller)):
        raise not_found()
    if not await store.revoke_key(state.wall.now(), key_id, caller, address(request)):
        raise not_found()
    return Response(status_code=204)


async def _own_keys(store: Store, caller: Principal) -> list[Row]:
    """Those for nothing else than the caller's facilities."""
    rows = await store.keys()
    if not caller.facilities:
        return rows
    return [row for row in rows if row["facilities"] and caller.facilities.issuperset(row["facilities"])]


def _end(text: str, now: datetime) -> datetime:
    try:
        expires = moment(text)
    except (UsageError, TimeRefused) as error:
        raise bad_request(f"expires: {error}") from error
    if expires <= now:
        raise bad_request("expires: that is past")
    return expires
