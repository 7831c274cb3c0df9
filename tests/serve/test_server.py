import asyncio
import signal
import socket

import httpx2
import pytest

from serve.fakes import World
from serve.served import listening
from vibelux.market.errors import UsageError
from vibelux.serve.server import _listen, serve


async def test_port_0_takes_a_free_one_and_says_which() -> None:
    async with listening(World()) as port, httpx2.AsyncClient(trust_env=False) as client:
        reply = await client.get(f"http://127.0.0.1:{port}/healthz")
        assert reply.status_code == 200
        assert "server" not in reply.headers


async def test_the_url_that_is_told_opens_the_page_also_when_all_addresses_are_listened_on() -> None:
    stop = asyncio.Event()
    urls: list[str] = []
    running = asyncio.create_task(
        serve(World().app, "::", 0, stop, on_listening=lambda url, _: (urls.append(url), stop.set()))
    )
    async with asyncio.timeout(5):
        await running
    assert urls[0].startswith("http://[::1]:")


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [
        ("127.0.0.1", None, "in use"),
        ("no.such.host.invalid", 0, "cannot listen"),
        ("127.0.0.1", 99_999, "not a port"),
    ],
)
async def test_an_address_that_cannot_be_had_is_a_usage_error_that_names_it(
    host: str, port: int | None, text: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = taken.getsockname()[1] if port is None else port
        with pytest.raises(UsageError, match=text) as refused:
            await serve(World().app, host, wanted, asyncio.Event())
    assert str(wanted) in str(refused.value)


async def test_a_body_over_the_limit_is_refused_and_the_next_request_is_answered() -> None:
    async with listening(World()) as port:
        base = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(base_url=base, headers={"X-API-Key": "vlx_all"}, trust_env=False) as client:
            for _ in range(2):
                reply = await client.post("/api/ws-ticket", content=b" " * 3_000_000)
                assert (reply.status_code, reply.json()["error"]) == (413, "Body too large")
                assert (await client.get("/api/facilities")).status_code == 200


async def test_signals_stay_the_services_own() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    async with listening(World()):
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


async def test_a_forwarded_header_does_not_change_who_the_peer_is() -> None:
    async with listening(World()) as port, httpx2.AsyncClient(trust_env=False) as client:
        reply = await client.get(f"http://127.0.0.1:{port}/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
    assert reply.json() == {"error": "Unauthorized"}


def test_what_is_written_is_sent_at_once():
    with _listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
