"""Small documents from addresses and files."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from vibelux.ingest.documents import small_document
from vibelux.market.errors import ConfigError, TooLarge, Unreachable


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """A server on this machine that answers by the path it is asked for."""
    bodies = {"/keys": b'{"keys":[]}', "/huge": b"x" * 300_000}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readline()).split()[1].decode()
        body = bodies.get(path)
        status = b"200 OK" if body is not None else b"302 Found\r\nLocation: /keys"
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body or b"")))
        writer.write(body or b"")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_document_comes_from_its_address_or_file(address: str, tmp_path: Path) -> None:
    assert await small_document(f"{address}/keys") == b'{"keys":[]}'
    file = tmp_path / "keys.json"
    file.write_bytes(b"{}")
    assert await small_document(str(file)) == b"{}"


async def test_what_is_no_small_document_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        await small_document(f"{address}/huge")
    with pytest.raises(Unreachable, match="302"):
        await small_document(f"{address}/moved")
    with pytest.raises(ConfigError, match="No such file"):
        await small_document(str(tmp_path / "nothing"))
    with pytest.raises(Unreachable):
        await small_document("http://127.0.0.1:1/keys")


@pytest.mark.parametrize("place", ["http://id.example/keys", "ftp://id.example/keys", "file:///etc/passwd"])
async def test_keys_are_not_fetched_in_the_open(place: str) -> None:
    with pytest.raises(ConfigError, match="https"):
        await small_document(place)
