"""The page. On this machine it gets a session at once; elsewhere it asks for a key."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from vibelux.serve.auth import DoorOf
from vibelux.serve.routes.access import set_session

router = APIRouter(include_in_schema=False)

STATIC = Path(__file__).parent.parent / "static"


@router.api_route("/", methods=["GET", "HEAD"])
async def page(request: Request, door: DoorOf) -> Response:
    """The first page."""
    response = FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})
    if door.page_needs_no_key(request) and await door.caller_with_cookie(request) is None:
        set_session(request, response, door, None)
    return response
