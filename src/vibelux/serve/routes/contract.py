"""What is promised, for programs: OpenAPI of the routes, AsyncAPI of the socket. Neither needs a key."""

from fastapi import APIRouter, Request, Response

from vibelux.serve.answers import json_bytes, tagged
from vibelux.serve.asyncapi import asyncapi
from vibelux.serve.auth import State

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def openapi_document(request: Request) -> Response:
    """OpenAPI 3.1."""
    return tagged(request, json_bytes(request.app.openapi()))


@router.get("/asyncapi.json")
async def asyncapi_document(request: Request, state: State) -> Response:
    """AsyncAPI 3.0."""
    return tagged(request, json_bytes(asyncapi(state.version)))
