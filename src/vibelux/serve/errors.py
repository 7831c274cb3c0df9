"""One envelope for everything that is not a good answer: `{"error": short, "detail": more}`."""

import traceback
from typing import Any

import structlog
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as RoutingError
from starlette.responses import Response

from vibelux.market.errors import StoreUnavailable, TimeRefused, UsageError
from vibelux.serve.answers import json_response

_log = structlog.get_logger(__name__)

_WORDS = {404: "Not found", 405: "Method not allowed"}


def unauthorized() -> HTTPException:
    """No key, or one that is unknown, expired or revoked: always the same body."""
    return HTTPException(401, {"error": "Unauthorized"}, headers={"WWW-Authenticate": "Bearer"})


def forbidden(detail: str) -> HTTPException:
    """The caller is known and the thing is theirs, but this may not be done."""
    return HTTPException(403, {"error": "Forbidden", "detail": detail})


def not_found() -> HTTPException:
    """Unknown and others' things alike."""
    return HTTPException(404, {"error": "Not found"})


def bad_request(detail: object) -> HTTPException:
    """The request makes no sense as it stands."""
    return HTTPException(400, {"error": "Bad request", "detail": detail})


def too_large() -> HTTPException:
    """A body over the limit, left unread."""
    return HTTPException(413, {"error": "Body too large", "detail": "at most 1 MiB"})


def too_many(seconds: int, what: str = "attempts") -> HTTPException:
    """An address that tries wrong keys too fast, or a key that asks too much."""
    return HTTPException(429, {"error": f"Too many {what}"}, headers={"Retry-After": str(seconds)})


def conflict(detail: str) -> HTTPException:
    """What is asked for does not fit what there is."""
    return HTTPException(409, {"error": "Conflict", "detail": detail})


def report(event: str, error: BaseException, **where: object) -> None:
    """Logs a fault of ours with its traceback as text: never with local variables, which may hold keys."""
    _log.error(event, **where, traceback="".join(traceback.format_exception(error)))


def error_response(status: int, error: str, detail: object = None, headers: dict[str, str] | None = None) -> Response:
    """The envelope as a response."""
    body: dict[str, Any] = {"error": error}
    if detail is not None:
        body["detail"] = detail
    return json_response(body, status=status, headers=headers)


def install(app: FastAPI) -> None:
    """Makes the app answer every error in the envelope."""

    @app.exception_handler(RoutingError)
    async def _http(_: Request, error: RoutingError) -> Response:
        body: object = error.detail
        if not isinstance(body, dict):
            body = {"error": _WORDS.get(error.status_code, error.detail)}
        return json_response(body, status=error.status_code, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        detail = [{"where": ".".join(map(str, fault["loc"])), "what": fault["msg"]} for fault in error.errors()]
        return error_response(400, "Bad request", detail)

    @app.exception_handler(UsageError)
    @app.exception_handler(TimeRefused)
    async def _usage(_: Request, error: Exception) -> Response:
        return error_response(400, "Bad request", str(error))

    @app.exception_handler(StoreUnavailable)
    async def _away(_: Request, error: StoreUnavailable) -> Response:
        _log.warning("database away", error=str(error))
        return error_response(503, "Database unavailable", headers={"Retry-After": "5"})
