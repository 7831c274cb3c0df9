"""Runs the app inside our own loop: no signals taken, gone within three seconds of being told to stop."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterator

import structlog
import uvicorn
from fastapi import FastAPI

from vibelux.market.errors import UsageError
from vibelux.serve.line import Line
from vibelux.serve.websocket import MOST_INBOUND_BYTES

_log = structlog.get_logger(__name__)

_GRACE_SECONDS = 2
_UNACKNOWLEDGED_MILLISECONDS = 30_000


async def serve(
    app: FastAPI,
    host: str,
    port: int,
    stop: asyncio.Event,
    *,
    on_listening: Callable[[str, int], None] | None = None,
) -> None:
    """Serves until `stop` is set.

    Args:
        app: of `create_app`.
        host: name or address to listen on.
        port: 0 takes a free one.
        stop: ends the server; sockets are closed with code 1012.
        on_listening: is told the page's URL and the real port once connections are taken.

    Raises:
        UsageError: the address cannot be had, most often because something listens there already.
    """
    listener = _listen(host, port)
    real_port: int = listener.getsockname()[1]
    config = uvicorn.Config(
        app,
        http="httptools",
        ws=Line,
        ws_max_size=MOST_INBOUND_BYTES,
        ws_per_message_deflate=False,  # messages are small; a window a socket is not
        lifespan="off",
        log_config=None,
        log_level="warning",  # at info it writes the URLs of sockets, tickets included
        access_log=False,
        proxy_headers=False,  # the peer is who the socket says, whatever a header claims
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)
    with contextlib.closing(listener):
        running = asyncio.create_task(server.serve(sockets=[listener]))
        stopping = asyncio.create_task(stop.wait())
        try:
            if on_listening is not None:
                on_listening(f"http://{_in_url(host)}:{real_port}/", real_port)
            _log.info("listening", host=host, port=real_port)
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            server.should_exit = True
            await running
            server.abort_the_rest()


class _Server(uvicorn.Server):
    """Uvicorn without its hold on signals: the service decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves them alone."""
        yield

    def abort_the_rest(self) -> None:
        """Cuts connections whose peers do not read: waiting for them would never end."""
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:
        raise UsageError(f"{port} is not a port: they go from 0 to 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"port {port} on {host} is in use; stop what listens there or give another port"
            ) from error
        raise UsageError(f"cannot listen on {host} port {port}: {error}") from error
    # Inherited too. asyncio sets it only on sockets that name their protocol; without it each answer that is written in
    # two pieces waits 40 ms for its reader's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Inherited by each connection: the kernel drops a peer that takes nothing for so long.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MILLISECONDS)
    return listener


def _in_url(host: str) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (what the page's URL cannot hold)
    return f"[{shown}]" if ":" in shown else shown
