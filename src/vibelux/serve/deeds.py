"""A line in the audit log for every write of a caller who is known, whatever came of it.

Reports of sites come every few seconds: of those the log has a caller's first of a day, for each outcome.
"""

from datetime import date

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
_EACH_DAY = "POST /api/facilities/{facility_id}/operations"
_LONGEST_TARGET = 500


class Deeds:
    """Around the routes. Who is not known leaves no line, else a stranger could fill the log."""

    def __init__(self, app: ASGIApp, state: ServeState) -> None:
        self._app = app
        self._state = state
        self._told_on = date.min
        self._told: set[tuple[str, str, int]] = set()
        """Caller, path and status of the reports that the log has of that day."""

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
        now = self._state.wall.now()
        action = f"{scope['method']} {getattr(scope.get('route'), 'path', 'unmatched')}"
        what = "" if status == 404 else scope["path"]  # of names that do not exist there is no end
        if action == _EACH_DAY and not self._is_first(now.date(), (caller.id, what, status)):
            return
        about = scope["state"].get("about") or scope.get("path_params", {}).get("facility_id")
        deed = Deed(
            at=now,
            caller_id=caller.id,
            caller=caller.name,
            origin=address(HTTPConnection(scope)),
            action=action,
            target=scope["path"][:_LONGEST_TARGET].replace("\0", ""),
            facility_id=about if about and caller.owns(about) else None,  # others need not know who tried
            outcome=str(status),
        )
        try:
            await self._state.store.note_deed(deed)
        except StoreUnavailable as error:
            report("a deed could not be noted", error, action=deed.action, caller=caller.id)

    def _is_first(self, day: date, report: tuple[str, str, int]) -> bool:
        if day != self._told_on:
            self._told_on, self._told = day, set()
        is_first = report not in self._told
        self._told.add(report)
        return is_first
