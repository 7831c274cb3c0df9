"""What is wrong with the installation, and what mends it."""

from fastapi import APIRouter, HTTPException, Response

from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import Reading, State
from vibelux.serve.shapes import FAILURES, Rows, answered

router = APIRouter(prefix="/api", tags=["quality"])


@router.get(
    "/repairs",
    responses={200: answered(Rows, {"rows": [examples.REPAIR], "next": None}), **FAILURES},
    summary="Each fault of the installation with the command that mends it",
)
async def repairs(_: Reading, state: State) -> Response:
    """The urgent first, those from which decisions suffer now; `vibelux doctor` finds the same. `next` is null.

    `kind` is one of `no-facility`, `key-missing`, `feed-failing`, `feed-late`, `line-down`, `intervals-missing`,
    `prices-disagree` and `alert-undelivered`.
    """
    if state.repairs is None:
        raise HTTPException(503, {"error": "Faults are not looked for here"})
    return json_response({"rows": await state.repairs(), "next": None})
