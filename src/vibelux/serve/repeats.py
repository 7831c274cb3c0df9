"""`Idempotency-Key` on writes: a request that comes twice is carried out once and answered alike both times."""

import hashlib

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vibelux.market.errors import StoreUnavailable
from vibelux.serve.answers import json_response
from vibelux.serve.auth import SAFE_METHODS, Door
from vibelux.serve.bodies import MOST_BYTES
from vibelux.serve.errors import error_response, report
from vibelux.serve.ports import ServeState
from vibelux.store.keys import Principal
from vibelux.store.replies import Claim, Reply

_LONGEST_KEY = 255
_WITH_SECRETS = frozenset({"/api/session", "/api/ws-ticket", "/api/keys"})
"""What they answer is secret and must not be kept."""
_KEPT_HEADERS = ("content-type", "location", "etag")


class Repeats:
    """Around the routes. Only what was done is kept (answers below 400): who was refused may mend and try again."""

    def __init__(self, app: ASGIApp, state: ServeState, door: Door) -> None:
        self._app = app
        self._state = state
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers it as before."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS or scope["path"] in _WITH_SECRETS:
            await self._app(scope, receive, send)
            return
        key = Headers(scope=scope).get("idempotency-key")
        caller = None if key is None else await self._caller(scope)
        if key is None or caller is None:  # who is not let in gets the route's own word for it
            await self._app(scope, receive, send)
        elif not (0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
            refused = error_response(
                400, "Bad request", f"Idempotency-Key: at most {_LONGEST_KEY} printable characters"
            )
            await refused(scope, receive, send)
        else:
            await self._once(scope, receive, send, caller, key)

    async def _caller(self, scope: Scope) -> Principal | None:
        try:
            return await self._door.caller(HTTPConnection(scope))
        except (HTTPException, StoreUnavailable):
            return None

    async def _once(self, scope: Scope, receive: Receive, send: Send, caller: Principal, key: str) -> None:
        body = await _whole(receive)
        if body is None:
            await error_response(413, "Body too large", "at most 1 MiB")(scope, receive, send)
            return
        store = self._state.store
        try:
            found = await store.claim(caller.id, key, _fingerprint(scope, body), self._state.wall.now())
        except StoreUnavailable:
            await error_response(503, "Database unavailable", headers={"Retry-After": "5"})(scope, receive, send)
            return
        if found is not Claim.OURS:
            await self._before(found, caller)(scope, receive, send)
            return
        answer = _Answer()
        try:
            await self._app(scope, _again(body, receive), answer.take)
        finally:
            await self._settle(caller.id, key, answer)
        for message in answer.messages:
            await send(message)

    def _before(self, found: Claim | Reply, caller: Principal) -> ASGIApp:
        """What to answer without asking the route."""
        try:
            self._door.pace(caller)
        except HTTPException as refusal:
            return json_response(refusal.detail, status=refusal.status_code, headers=refusal.headers)
        if found is Claim.ANOTHER:
            return error_response(422, "Idempotency-Key used before", "it came with another request; take a new one")
        if isinstance(found, Reply):
            return _Kept(found)
        at_work = "the first request of that Idempotency-Key is still at work"
        return error_response(409, "Conflict", at_work, {"Retry-After": "1"})

    async def _settle(self, caller_id: str, key: str, answer: "_Answer") -> None:
        """Keeps what was done, before anybody is told of it. A store that is away does not undo it."""
        try:
            if answer.whole and answer.status < 400:
                await self._state.store.keep_reply(caller_id, key, answer.reply())
            else:
                await self._state.store.give_up(caller_id, key)
        except StoreUnavailable as error:
            report("a reply could not be kept", error)


class _Answer:
    """An answer held back until it is whole."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def take(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def whole(self) -> bool:
        return bool(self.messages) and not self.messages[-1].get("more_body", False)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    def reply(self) -> Reply:
        headers = Headers(raw=self.messages[0]["headers"])
        kept = {name: headers[name] for name in _KEPT_HEADERS if name in headers}
        return Reply(self.status, b"".join(message.get("body", b"") for message in self.messages[1:]), kept)


class _Kept:
    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message = {"type": "http.response.start", "status": self._reply.status, "headers": []}
        kept = {"content-length": str(len(self._reply.body)), "cache-control": "no-store"}
        MutableHeaders(scope=start).update(kept | dict(self._reply.headers) | {"idempotent-replayed": "true"})
        await send(start)
        await send({"type": "http.response.body", "body": self._reply.body})


async def _whole(receive: Receive) -> bytes | None:
    """The body; None when it is over the limit or breaks off."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MOST_BYTES or message["type"] == "http.disconnect":
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read already once more, then whatever comes."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message


def _fingerprint(scope: Scope, body: bytes) -> bytes:
    asked = hashlib.sha256(f"{scope['method']} {scope['path']}?".encode())
    asked.update(scope["query_string"] + b"\n" + body)
    return asked.digest()
