"""`/ws?facilityId=F`: who is there, what they missed, and then everything as it happens, in order, once."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine
from typing import Any

import msgspec
import structlog
from fastapi import HTTPException
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from vibelux.market.errors import StoreUnavailable
from vibelux.serve.answers import frame, outbox_frame, unavailable
from vibelux.serve.auth import Door, key_in_headers
from vibelux.serve.errors import error_response, report, unauthorized
from vibelux.serve.hub import Hub, Mailbox
from vibelux.serve.line import TOO_MANY, line_of
from vibelux.serve.metrics import ServeMetrics
from vibelux.serve.ports import ServeState
from vibelux.store.database import wait_patiently
from vibelux.store.keys import Principal

_log = structlog.get_logger(__name__)

MOST_INBOUND_BYTES = 32 * 1024
_MOST_INBOUND_PER_SECOND = 20
_PAGE = 500
_FAILED = 1011
_RESTARTING = 1012
_TRY_LATER = 1013


class Sockets:
    """The endpoint. HTTP's refusals become close codes: 401 is 4401, 404 is 4404, and so on."""

    def __init__(self, state: ServeState, door: Door, hub: Hub, metrics: ServeMetrics) -> None:
        self._state = state
        self._door = door
        self._hub = hub
        self._metrics = metrics

    async def endpoint(self, socket: WebSocket) -> None:
        """Serves one socket from the handshake to its end."""
        if self._door.is_foreign(socket):
            await socket.send_denial_response(error_response(403, "Forbidden", "a page of another origin"))
            return
        wait_patiently()
        try:
            code = await self._serve(socket)
        except HTTPException as refusal:
            code = 4000 + refusal.status_code
        except StoreUnavailable as error:
            _log.warning("database away", error=str(error))
            code = _TRY_LATER
        except (WebSocketDisconnect, TimeoutError):
            return
        except Exception as error:
            report("socket failed", error)
            code = _FAILED
        await _close(socket, code)

    async def _serve(self, socket: WebSocket) -> int:
        facility_id = socket.query_params.get("facilityId", "")
        caller = await self._caller_before_data(socket, facility_id)
        await self._door.facility(caller, facility_id, "read")
        if socket.application_state is WebSocketState.CONNECTING:
            await socket.accept()
        stream = _Stream(self._state, self._door, self._hub, self._metrics, socket, facility_id, caller)
        with self._metrics.sockets.track_inprogress():
            return await _first_to_end(stream.run(), _listen(socket))

    async def _caller_before_data(self, socket: WebSocket, facility_id: str) -> Principal:
        """From the header, the ticket or the cookie, before the upgrade; else from the first message after it."""
        key = key_in_headers(socket)
        if key is not None:
            return await self._door.caller_with_key(socket, key)
        ticket = socket.query_params.get("ticket")
        if ticket is not None:
            return await self._door.caller_with_ticket(ticket, facility_id)
        if self._door.is_own(socket):
            caller = await self._door.caller_with_cookie(socket)
            if caller is not None:
                return caller
        await socket.accept()
        return await self._door.caller_with_key(socket, await self._key_in_first_message(socket))

    async def _key_in_first_message(self, socket: WebSocket) -> str:
        try:
            async with asyncio.timeout(self._state.auth_seconds):
                message = await socket.receive()
        except TimeoutError:
            raise unauthorized() from None
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006))
        try:
            return msgspec.json.decode(message.get("text") or b"", type=_FirstMessage).key
        except msgspec.MsgspecError:
            raise unauthorized() from None


class _FirstMessage(msgspec.Struct, tag_field="type", tag="auth"):
    key: str


class _Stream:
    """What one authenticated socket is sent. `_last` is the number up to which it knows everything."""

    def __init__(
        self,
        state: ServeState,
        door: Door,
        hub: Hub,
        metrics: ServeMetrics,
        socket: WebSocket,
        facility_id: str,
        caller: Principal,
    ) -> None:
        self._state = state
        self._door = door
        self._hub = hub
        self._metrics = metrics
        self._socket = socket
        self._facility_id = facility_id
        self._caller = caller
        self._store = door.store_of(caller)
        self._line = line_of(socket.scope)
        self._last = 0

    async def run(self) -> int:
        """Sends until the desk stops or the caller may no longer listen; the close code."""
        mailbox = await self._hub.join(self._facility_id)  # first of all, so that nothing falls between
        try:
            await self._begin()
            return await self._follow(mailbox)
        finally:
            await self._hub.leave(self._facility_id, mailbox)

    async def _begin(self) -> None:
        since = self._socket.query_params.get("since", "")
        if since.isascii() and since.isdigit() and len(since) < 19:
            self._last = int(since)
            await self._catch_up()
        else:
            await self._snapshot()

    async def _follow(self, mailbox: Mailbox) -> int:
        mailbox.at_once = self._send_at_once
        now = asyncio.get_running_loop().time
        beat, recheck = now() + self._state.heartbeat_seconds, now() + self._state.recheck_seconds
        while not mailbox.closed:
            await mailbox.wait(beat - now())
            for seq, text in mailbox.take():
                if seq > self._last + 1:
                    await self._catch_up()
                if seq > self._last and not mailbox.overflowed:
                    await self._send(text)
                    self._last = seq
            if mailbox.overflowed:
                await self._resync(mailbox)
            if now() >= beat:
                await self._send(frame("heartbeat", self._last, self._state.clock.now(), {}))
                beat = now() + self._state.heartbeat_seconds
            if now() >= recheck:
                await self._recheck()
                recheck = now() + self._state.recheck_seconds
        return _RESTARTING

    def _send_at_once(self, seq: int, frame: bytes) -> bool:
        """Sends the next message without waiting, where the client knows everything before it and reads as it comes."""
        if seq <= self._last:
            return True
        if seq > self._last + 1 or self._line is None or not self._line.write_ready(frame):
            return False
        self._last = seq
        return True

    async def _catch_up(self) -> None:
        """Sends what was missed, or the newest state when the store does not reach so far back."""
        if not await self._send_missed():
            await self._snapshot()

    async def _send_missed(self) -> bool:
        """Sends what the store has after `_last`; False when there would be a hole."""
        while True:
            messages = await self._store.messages_since(self._facility_id, self._last, _PAGE)
            if messages is None:
                return False
            for message in messages:
                await self._send(outbox_frame(message))
                self._last = message["seq"]
            if len(messages) < _PAGE:
                return True

    async def _snapshot(self) -> None:
        """Sends the newest state, and what was committed since the state was made."""
        newest = await self._store.last_seq(self._facility_id)
        answer = await self._state.desk.latest(self._facility_id)
        now = self._state.clock.now()
        self._last = newest if answer is None else answer.get("seq", newest)
        await self._send(frame("snapshot", self._last, now, {"data": answer or unavailable(now)}))
        if not await self._send_missed():
            self._last = newest

    async def _resync(self, mailbox: Mailbox) -> None:
        mailbox.begin_anew()
        self._metrics.resyncs.inc()
        told = {"reason": "this connection was too slow: messages were dropped, the newest state follows"}
        await self._send(frame("resync", self._last, self._state.clock.now(), told))
        await self._snapshot()

    async def _recheck(self) -> None:
        caller = await self._door.still(self._caller)
        await self._door.facility(caller, self._facility_id, "read")

    async def _send(self, text: str) -> None:
        async with asyncio.timeout(self._state.send_seconds):
            await self._socket.send_text(text)


async def _listen(socket: WebSocket) -> int:
    """Reads on, so that an end is noticed; nothing that a client says is needed. The close code."""
    arrivals: deque[float] = deque(maxlen=_MOST_INBOUND_PER_SECOND)
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006))
        now = asyncio.get_running_loop().time()
        if len(arrivals) == _MOST_INBOUND_PER_SECOND and now - arrivals[0] < 1.0:
            return TOO_MANY
        arrivals.append(now)


async def _first_to_end(*jobs: Coroutine[Any, Any, int]) -> int:
    """Runs jobs side by side; when one ends the others are stopped and its result (or error) is the outcome."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _close(socket: WebSocket, code: int) -> None:
    if socket.client_state is WebSocketState.DISCONNECTED:
        return
    with contextlib.suppress(WebSocketDisconnect):
        if socket.application_state is WebSocketState.CONNECTING:
            await socket.accept()  # only an open socket can be told why it is closed
        await socket.close(code)
