"""Around every HTTP answer: security headers, its id in the logs, the count, and no traceback outside."""

import re
import secrets
import time

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vibelux.serve.errors import error_response, report
from vibelux.serve.metrics import ServeMetrics

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_REQUEST_ID = "x-request-id"
_RAW = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_PLAIN = re.compile(r"[\w.:-]{1,64}", re.ASCII)


class Outermost:
    """Pure ASGI, so that it costs little and sees what the framework raises."""

    def __init__(self, app: ASGIApp, metrics: ServeMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on; WebSockets and the life of the app are not touched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0
        began = time.perf_counter()
        request_id = _given(scope) or secrets.token_hex(8)
        structlog.contextvars.bind_contextvars(request_id=request_id)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = (_REQUEST_ID.encode(), request_id.encode())
                message = {**message, "headers": [*message["headers"], *_RAW, own]}
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            report("request failed", error, method=scope["method"], path=scope["path"])
            if status:  # the answer has begun: only breaking it off tells the truth
                raise
            await error_response(500, "Internal error")(scope, receive, send_with_headers)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - began)
            structlog.contextvars.unbind_contextvars("request_id")


def _given(scope: Scope) -> str | None:
    """The id that a proxy or client has given the request, where it is one that may stand in a log."""
    given = Headers(scope=scope).get(_REQUEST_ID, "")
    return given if _PLAIN.fullmatch(given) else None
