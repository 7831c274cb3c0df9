"""The line to one WebSocket client: it takes frames that are ready, and cuts off who floods it.

One message to thousands is encoded once. Through ASGI each socket's task wakes, asks for time, and has its own copy of
the frame made, some 150 µs a client. A frame that is ready is written where nothing else waits to be written;
everywhere else the ordinary way is taken.

A client that sends messages too fast is told so by the application. Who sends a hundred thousand frames a second, or
goes on after that, would keep the parser busy and all others waiting: here the connection itself ends.
"""

from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

TOO_MANY = 4429

_EXTENSION = "vibelux.line"
_SLICE_BYTES = 4096
"""Some 700 of the shortest frames, a few milliseconds of parsing; the socket hands over up to 64 times as much."""
_MOST_FRAMES_A_SECOND = 1000


class Line(WebSocketsSansIOProtocol):
    """Uvicorn's own protocol, known to the application by its scope."""

    _second = 0.0
    _frames = 0
    """That have come since `_second`."""

    def data_received(self, data: bytes) -> None:
        """Parses what has come bit by bit, and no more of it once the line has ended."""
        for start in range(0, len(data), _SLICE_BYTES):
            if self.transport.is_closing():
                return
            super().data_received(data[start : start + _SLICE_BYTES])

    def handle_events(self) -> None:
        """Counts frames of every kind before they are looked at."""
        now = self.loop.time()
        if now - self._second >= 1.0:
            self._second, self._frames = now, 0
        self._frames += len(self.conn.events)
        if self._frames <= _MOST_FRAMES_A_SECOND:
            super().handle_events()
            return
        self.conn.fail(TOO_MANY)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()

    async def run_asgi(self) -> None:
        """Runs the application with this line in its scope."""
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[_EXTENSION] = self
        await super().run_asgi()

    async def send(self, message: Any) -> None:
        """Sends, unless this line was closed here (a client that answers no ping): then its client has gone.

        Raises:
            ClientDisconnected: so.
        """
        if self.close_sent:
            raise ClientDisconnected
        await super().send(message)

    def write_ready(self, frame: bytes) -> bool:
        """Writes a whole frame; False, and nothing is written, where the line is not open or its reader is behind."""
        transport = self.transport
        if self.close_sent or self.disconnected or not self.handshake_complete or transport.is_closing():
            return False
        if transport.get_write_buffer_size():
            return False
        transport.write(frame)
        return True


def line_of(scope: Any) -> Line | None:
    """The line of a socket's scope; None under another server."""
    found = scope.get("extensions", {}).get(_EXTENSION)
    return found if isinstance(found, Line) else None


def ready_frame(text: str) -> bytes:
    """A text message as it goes over the line to a client."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
