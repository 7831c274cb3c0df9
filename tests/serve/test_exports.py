"""Files of any length: sent while they are read, in a few pages of memory, broken off rather than cut short."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any

import httpx2
import polars as pl
import pytest

from serve.fakes import FakeStore, World, price
from serve.served import listening, until
from vibelux.market.errors import StoreUnavailable
from vibelux.market.records import ELECTRICITY_PRICE
from vibelux.serve import exports

BEGIN = datetime.fromisoformat("2025-01-01T00:00:00Z")
URL = "/api/market/prices?region=CAISO&from=2025-01-01&to=2026-01-01&format="
KEY = {"X-API-Key": "vlx_all", "Accept-Encoding": "identity"}
READ: dict[str, Callable[[io.BytesIO], pl.DataFrame]] = {
    "csv": pl.read_csv,
    "parquet": pl.read_parquet,
    "arrow": pl.read_ipc,
}


class LongStore(FakeStore):
    """As many records as a test wants, made as they are asked for."""

    rows = 1_000
    away_after: int | None = None
    pages = 0

    async def records(
        self, kind: str, *, limit: int, after: str | None, filters: Mapping[str, Any], **_: Any
    ) -> tuple[pl.DataFrame, str | None]:
        if self.away_after is not None and self.pages >= self.away_after:
            raise StoreUnavailable("gone")
        self.pages += 1
        first = int(after or 0)
        count = min(limit, self.rows - first)
        starts = pl.int_range(first, first + count, eager=True)
        frame = pl.select(
            pl.lit(BEGIN).dt.cast_time_unit("us").alias(name) + pl.duration(seconds=starts)
            if name == "market_interval_start"
            else pl.repeat(value, count, dtype=ELECTRICITY_PRICE.schema()[name]).alias(name)
            for name, value in price(BEGIN, 0.05).items()
            if name in ELECTRICITY_PRICE.names
        ).with_columns(price_per_kwh=starts.cast(pl.Float64))
        return frame, str(first + count) if first + count < self.rows else None


class LongWorld(World):
    store: LongStore

    def make_store(self) -> LongStore:
        return LongStore(self.desk)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> LongWorld:
    monkeypatch.setattr(exports, "PAGE_ROWS", 100)
    return LongWorld()


@pytest.fixture
def endless() -> LongWorld:
    world = LongWorld()
    world.store.rows = 100_000_000
    return world


@pytest.fixture
async def client(world: LongWorld) -> AsyncIterator[httpx2.AsyncClient]:
    async with world.client("vlx_all") as client:
        yield client


@pytest.mark.parametrize("form", READ)
@pytest.mark.parametrize("rows", [0, 1, 100, 1_050])
async def test_a_file_without_a_limit_holds_all_rows_in_order(
    world: LongWorld, client: httpx2.AsyncClient, form: str, rows: int
) -> None:
    world.store.rows = rows
    reply = await client.get(URL + form)
    assert reply.status_code == 200
    table = READ[form](io.BytesIO(reply.content))
    assert table["price_per_kwh"].to_list() == list(range(rows))
    assert table.columns == list(ELECTRICITY_PRICE.names)
    assert world.store.pages == max(1, -(-rows // 100))
    assert f'filename="electricity-price.{form}"' in reply.headers["content-disposition"]


@pytest.mark.parametrize("form", READ)
async def test_a_file_with_a_limit_is_a_page_that_says_where_it_goes_on(
    world: LongWorld, client: httpx2.AsyncClient, form: str
) -> None:
    reply = await client.get(f"{URL}{form}&limit=600")
    assert READ[form](io.BytesIO(reply.content)).height == 600
    following = reply.headers["link"].removeprefix("<").split(">")[0]
    rest = await client.get(following)
    assert READ[form](io.BytesIO(rest.content))["price_per_kwh"].to_list() == list(range(600, 1_000))
    assert "link" not in rest.headers


@pytest.mark.parametrize("form", READ)
async def test_its_first_rows_are_sent_before_its_last_are_read(endless: LongWorld, form: str) -> None:
    world = endless
    async with (
        listening(world) as port,
        httpx2.AsyncClient(headers={"X-API-Key": "vlx_all"}, trust_env=False) as client,
    ):
        async with client.stream("GET", f"http://127.0.0.1:{port}{URL}{form}") as reply:
            chunks = reply.aiter_raw()
            for _ in range(3):
                await anext(chunks)
            read = world.store.pages
        assert 0 < read < 1_000
        await until(lambda: not exports._at_work)
        left = world.store.pages
        await asyncio.sleep(0.05)
        assert world.store.pages == left, "nobody reads on for who has left"


async def test_a_reader_that_does_not_read_holds_up_its_own_file_alone(endless: LongWorld) -> None:
    async with listening(endless) as port, httpx2.AsyncClient(headers=KEY, trust_env=False) as client:
        deaf = socket.create_connection(("127.0.0.1", port))
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(f"GET {URL}csv HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: vlx_all\r\n\r\n".encode())
        await until(lambda: any(file._sent.full() for file in exports._at_work), 20.0)
        assert (await client.get(f"http://127.0.0.1:{port}/api/facilities")).status_code == 200
        assert (await client.get(f"http://127.0.0.1:{port}{URL}csv&limit=100")).status_code == 200
        deaf.close()
        await until(lambda: not exports._at_work)


async def test_a_store_that_goes_away_in_the_middle_breaks_the_file_off(world: LongWorld) -> None:
    world.store.rows, world.store.away_after = 100_000, 40
    async with (
        listening(world) as port,
        httpx2.AsyncClient(headers={"X-API-Key": "vlx_all"}, trust_env=False) as client,
    ):
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.get(f"http://127.0.0.1:{port}{URL}csv")
        assert not exports._at_work
        world.store.pages, world.store.away_after = 0, 0
        assert (await client.get(f"http://127.0.0.1:{port}{URL}csv")).status_code == 503


async def test_of_too_many_files_at_once_one_is_told_to_come_back(endless: LongWorld) -> None:
    world = endless
    async with (
        listening(world) as port,
        httpx2.AsyncClient(headers={"X-API-Key": "vlx_all"}, trust_env=False) as client,
    ):
        url = f"http://127.0.0.1:{port}{URL}csv"
        open_ones = [await client.send(client.build_request("GET", url), stream=True) for _ in range(4)]
        refused = await client.get(url)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
        for one in open_ones:
            await one.aclose()
        await until(lambda: not exports._at_work)
        world.store.rows = 10
        assert (await client.get(url)).status_code == 200
