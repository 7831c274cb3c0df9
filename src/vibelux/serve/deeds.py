"""A line in the audit log for every write of a caller who is known, whatever came of it."""

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vibelux.market.errors import StoreUnavailable
from vibelux.serve.auth import SAFE_METHODS
from vibelux.serve.errors import report
from vibelux.serve.peers import address
from vibelux.serve.ports import ServeState
from vibelux.store.audit import Deed
from vibelux.store.keys import Principal

_NO_DEEDS = frozenset({"/api/ws-ticket", "/api/chp/what-if"})
"""They change nothing, and are asked for often."""
_LONGEST_TARGET = 500


class Deeds:
    """Around the routes. Who is not known leaves no line, else a stranger could fill the log."""

    def __init__(self, app: ASGIApp, state: ServeState) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on; the line is written before its answer goes out."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS or scope["path"] in _NO_DEEDS:
            await self._app(scope, receive, send)
            return

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._note(scope, message["status"])
            await send(message)

        await self._app(scope, receive, noting)

    async def _note(self, scope: Scope, status: int) -> None:
        caller = scope.get("state", {}).get("caller")
        if not isinstance(caller, Principal):
            return
        about = scope["state"].get("about") or scope.get("path_params", {}).get("facility_id")
        deed = Deed(
            at=self._state.wall.now(),
            caller_id=caller.id,
            caller=caller.name,
            origin=address(HTTPConnection(scope)),
            action=f"{scope['method']} {getattr(scope.get('route'), 'path', 'unmatched')}",
            target=scope["path"][:_LONGEST_TARGET].replace("\0", ""),
            facility_id=about if about and caller.owns(about) else None,  # others need not know who tried
            outcome=str(status),
        )
        try:
            await self._state.store.note_deed(deed)
        except StoreUnavailable as error:
            report("a deed could not be noted", error, action=deed.action, caller=caller.id)
