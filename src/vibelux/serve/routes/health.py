"""For those who watch the service: is it alive, can it work, its numbers."""

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from vibelux.market.errors import StoreUnavailable
from vibelux.market.intervals import iso_z
from vibelux.serve import examples
from vibelux.serve.answers import json_response
from vibelux.serve.auth import DoorOf, State
from vibelux.serve.metrics import CONTENT_TYPE_LATEST, generate_latest
from vibelux.serve.peers import is_local
from vibelux.serve.ports import ServeState
from vibelux.serve.shapes import FAILURES, Health, Readiness, answered

router = APIRouter(tags=["health"])

_DATABASE_SECONDS = 2.0


@router.get("/healthz", responses={200: answered(Health, examples.HEALTH)}, summary="The process lives")
async def healthz(state: State) -> Response:
    """Asks nothing of anybody. `clockSpeed` is over 1 in a replay, 0 where time stands still."""
    real = state.clock.real_seconds(1.0)
    now, speed = iso_z(state.clock.now()), 1.0 / real if real else 0.0
    own = {"version": state.version, "time": now, "clockSpeed": speed, "drill": state.drill is not None}
    return json_response({"status": "ok"} | own)


@router.get(
    "/readyz",
    responses={200: answered(Readiness, examples.READY), 503: {"model": Readiness}},
    summary="The service can do its work",
)
async def readyz(state: State) -> Response:
    """200 only when the database answers and every further check is well."""
    checks = {"database": await _database(state)}
    for name, check in (state.checks if checks["database"] == "ok" else {}).items():
        checks[name] = await check() or "ok"
    ready = all(word == "ok" for word in checks.values())
    return json_response({"ready": ready, "checks": checks}, status=200 if ready else 503)


async def _database(state: ServeState) -> str:
    try:
        async with asyncio.timeout(_DATABASE_SECONDS):
            await state.store.ping()
    except (StoreUnavailable, TimeoutError):
        return "does not answer"
    return "ok"


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={401: FAILURES[401]},
    summary="Prometheus; no key from this machine",
)
async def metrics(request: Request, door: DoorOf, state: State) -> Response:
    """The exposition of all rooms."""
    if not is_local(request):
        await door.caller(request)
    return Response(generate_latest(state.registry), media_type=CONTENT_TYPE_LATEST)
