"""The application: routes, door, sockets and errors put together around one state."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware

from vibelux.serve import errors
from vibelux.serve.auth import KEY_SCHEMES, Door
from vibelux.serve.deeds import Deeds
from vibelux.serve.exports import MEDIA_TYPES
from vibelux.serve.hub import Hub
from vibelux.serve.metrics import ServeMetrics
from vibelux.serve.middleware import Outermost
from vibelux.serve.ports import ServeState
from vibelux.serve.repeats import Repeats
from vibelux.serve.routes import (
    access,
    alerts,
    audit,
    commodities,
    contract,
    decisions,
    dr,
    drill,
    facilities,
    fleet,
    health,
    history,
    keys,
    market,
    nodes,
    operations,
    outlook,
    overview,
    page,
    quality,
    repairs,
    returns,
    savings,
    site_outlook,
)
from vibelux.serve.shapes import with_examples
from vibelux.serve.websocket import Sockets

_WITHOUT_KEY = frozenset({("post", "/api/session"), ("delete", "/api/session")})
"""Of the routes below `/api`, those by which the page hands its key in and forgets its cookie."""
_WORTH_PACKING_BYTES = 2_048
_PACKED_TIGHT = 4
"""Of zlib's nine levels: most of the gain for a fraction of the time."""


def create_app(state: ServeState) -> FastAPI:
    """The server of one desk; it may be run by `serve.server.serve` or by any ASGI server."""
    app = FastAPI(
        title="Vibelux",
        version=state.version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        telemetry={
            "tracer_provider": state.tracer_provider,
            "tracing": state.tracer_provider is not None,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    metrics = ServeMetrics(state.registry)
    app.state.serve = state
    app.state.door = Door(state)
    errors.install(app)
    for subject in (
        decisions,
        fleet,
        market,
        overview,
        history,
        commodities,
        outlook,
        site_outlook,
        nodes,
        facilities,
        operations,
        savings,
        returns,
        dr,
        access,
        keys,
        alerts,
        audit,
        quality,
        repairs,
        drill,
        health,
        contract,
        page,
    ):
        app.include_router(subject.router)
    app.mount("/static", StaticFiles(directory=page.STATIC), name="static")
    sockets = Sockets(state, app.state.door, Hub(state.desk, state.queue_messages), metrics)
    app.add_api_websocket_route("/ws", sockets.endpoint)
    app.add_middleware(Deeds, state=state)
    app.add_middleware(Repeats, state=state, door=app.state.door)
    app.add_middleware(
        GZipMiddleware,
        minimum_size=_WORTH_PACKING_BYTES,
        compresslevel=_PACKED_TIGHT,
        exclude_content_types=(MEDIA_TYPES["parquet"], MEDIA_TYPES["arrow"]),
    )
    app.add_middleware(Outermost, metrics=metrics)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The contract as it is: refused parameters are 400 here, where FastAPI would document 422."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            openapi_version="3.1.0",
            summary=app.summary,
            description="Prices in USD, times in UTC. Lists answer `{rows, next}`, every error `{error, detail}`.",
            routes=app.routes,
        )
        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                if path.startswith("/api/") and (method, path) not in _WITHOUT_KEY:
                    operation["security"] = [{name: []} for name in KEY_SCHEMES]
                refused = operation["responses"].get("422", {})
                if "HTTPValidationError" in str(refused.get("content")):
                    del operation["responses"]["422"]
        schema["components"]["securitySchemes"] = KEY_SCHEMES
        for name in ("HTTPValidationError", "ValidationError"):
            schema["components"]["schemas"].pop(name, None)
        app.openapi_schema = with_examples(schema)
    return app.openapi_schema
