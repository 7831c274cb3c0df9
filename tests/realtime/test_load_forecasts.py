"""An operator's own forecast of the demand: asked for in time, kept when it fails, never from where it must not be."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from structlog.testing import capture_logs

from dispatch.plants import body
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.loads import Told, loads_of
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import ConfigError
from vibelux.outlook.price import horizon
from vibelux.realtime.load_forecasts import LoadForecasts

NOW = datetime(2026, 7, 14, 20, 2, tzinfo=UTC)
HEADER = "time,power_kw,heat_kw"


def table(power_kw: float, hours: int = 60) -> bytes:
    start = NOW.replace(minute=0) - timedelta(hours=1)
    rows = (f"{start + timedelta(hours=at):%Y-%m-%dT%H:%M:%SZ},{power_kw},900" for at in range(hours))
    return "\n".join([HEADER, *rows]).encode()


class Operator:
    """Gives out what a test says."""

    def __init__(self) -> None:
        self.answer = b""
        self.status = "200 OK"
        self.asked: list[str] = []
        self.port = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        head = f"HTTP/1.1 {self.status}\r\nContent-Length: {len(self.answer)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + self.answer)
        await writer.drain()
        writer.close()

    def site(self, **demand: str) -> Facility:
        url = f"http://127.0.0.1:{self.port}/loads.csv?key=canary-secret"
        return Facility.from_dict(body(demand={"url": url} | demand))


@asynccontextmanager
async def operator():
    one = Operator()
    server = await asyncio.start_server(one.take, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    async with server:
        yield one


async def test_the_table_of_the_address_is_the_demand(database):
    loads = LoadForecasts(database, FrozenClock(NOW), allow_private=True)
    async with operator() as there:
        site, there.answer = there.site(), table(350.0)
        assert await loads.told(site, NOW) is None
        assert site.demands(horizon(NOW), None) is None
        assert "No forecast of its demand has come from 127.0.0.1" in site.no_demand(NOW)
        assert await loads.ask(site)
    need = site.demands(horizon(NOW), None, await loads.told(site, NOW))
    assert (set(need.power_kw), set(need.heat_kw)) == ({350.0}, {900.0})
    assert (need.quality, need.source, need.notes) == ("forecast", "127.0.0.1", ())
    assert site.load_at(NOW) is None


async def test_it_is_asked_each_quarter_of_an_hour_and_only_another_one_is_news(database):
    clock = FrozenClock(NOW)
    loads = LoadForecasts(database, clock, allow_private=True)
    async with operator() as there:
        site, there.answer = there.site(), table(350.0)
        assert await loads.ask(site)
        assert not await loads.ask(site)
        clock.move(15 * 60)
        assert not await loads.ask(site)
        assert len(there.asked) == 2
        clock.move(15 * 60)
        there.answer = table(500.0)
        assert await loads.ask(site)
    need = site.demands(horizon(clock.now()), None, await loads.told(site, clock.now()))
    assert need.power_kw[0] == 500.0


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        ("500 Internal Server Error", b"", "answered 500"),
        ("302 Found", b"", "answered 302"),
        ("200 OK", b"<html>please log in</html>", "unknown column"),
        ("200 OK", table(-5.0), "power_kw should be 0 or more"),
        ("200 OK", b"\xff\xfe\x00", "not UTF-8"),
    ],
)
async def test_the_last_good_one_stays_over_faults_and_restarts_and_its_age_is_told(database, status, answer, said):
    clock = FrozenClock(NOW)
    loads = LoadForecasts(database, clock, allow_private=True)
    async with operator() as there:
        site, there.answer = there.site(), table(350.0)
        await loads.ask(site)
        clock.move(2 * 3600)
        there.status, there.answer = status, answer
        with capture_logs() as logs:
            assert not await loads.ask(site)
    (told,) = logs
    assert said in told["error"]
    assert "canary-secret" not in str(logs)
    for process in (loads, LoadForecasts(database, clock, allow_private=True)):
        kept = await process.told(site, clock.now())
        assert kept.notes == ("The forecast of its demand is 2.0 h old.",)
        need = site.demands(horizon(clock.now()), None, kept)
        assert (need.power_kw[0], need.notes) == (350.0, kept.notes)


async def test_private_addresses_are_asked_only_where_that_is_allowed(database):
    async with operator() as there:
        there.answer = table(350.0)
        with capture_logs() as logs:
            assert not await LoadForecasts(database, FrozenClock(NOW), allow_private=False).ask(there.site())
        assert "https" in logs[0]["error"]

        async def inside(*_):
            return ["10.0.0.7"]

        closed = LoadForecasts(database, FrozenClock(NOW), allow_private=False, look_up=inside)
        with capture_logs() as logs:
            assert not await closed.ask(there.site(url="https://forecast.example/loads.csv"))
        assert "DEMAND_ALLOW_PRIVATE=true allows it" in logs[0]["error"]
        assert there.asked == []


async def test_while_it_runs_those_who_decide_are_told_of_each_new_forecast(database):
    loads, told = LoadForecasts(database, FrozenClock(NOW), allow_private=True), asyncio.Event()
    async with operator() as there:
        there.answer = table(350.0)
        site = there.site()
        task = asyncio.create_task(loads.run(lambda: [site], lambda _: told.set()))
        async with asyncio.timeout(30):
            await told.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await loads.told(site, NOW) is not None


async def test_a_new_address_is_asked_at_once_and_the_old_ones_answer_does_not_count(database):
    loads = LoadForecasts(database, FrozenClock(NOW), allow_private=True)
    async with operator() as there:
        there.answer = table(350.0)
        await loads.ask(there.site())
        moved = there.site(url=f"http://127.0.0.1:{there.port}/other.csv")
        assert await loads.told(moved, NOW) is None
        assert await loads.ask(moved)
        assert await loads.told(moved, NOW) is not None


@pytest.mark.parametrize(
    ("demand", "said"),
    [
        ({"url": "ftp://x/loads.csv"}, "demand.url: should be an address such as"),
        ({"url": "https://x/loads.csv", "power_kw": 1.0}, "give power_kw and heat_kw, or file, or url"),
    ],
)
def test_an_address_is_one_and_stands_alone(demand, said):
    with pytest.raises(ConfigError, match=said):
        Facility.from_dict(body(demand=demand))


def test_a_forecast_that_ends_early_shortens_the_horizon_and_co2_is_the_blocks():
    site = Facility.from_dict(body(demand={"url": "https://x/loads.csv"}, co2={"demand_kg_per_h": 12}))
    told = Told(loads_of(b"\xef\xbb\xbf" + table(10.0, hours=4), "x", "x"))
    need = site.demands(horizon(NOW), None, told)
    assert horizon(NOW).lengths[: len(need.power_kw)].sum() == pytest.approx(3 * 60, abs=15)
    assert np.unique(need.co2_kg_per_h).tolist() == [12.0]
