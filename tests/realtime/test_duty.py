"""Of several processes one works; the others serve, and one of them goes on when it ends."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from redis_server import until
from vibelux.realtime import duty as room
from vibelux.realtime.duty import Duty
from vibelux.store.database import Database
from vibelux.store.seat import Seat


class Process:
    """One process on the database."""

    def __init__(self, url: str) -> None:
        self.seat, self.registry = Seat(url, "desk"), CollectorRegistry()
        self.happened: list[str] = []
        self.fault: Exception | None = None
        self.duty = Duty(self.seat, begin=self._begin, work=self._work, end=self._end, registry=self.registry)

    async def _begin(self) -> None:
        self.happened.append("begin")

    def _work(self):
        return {"one": self._run()}

    async def _run(self) -> None:
        self.happened.append("work")
        while self.fault is None:
            await asyncio.sleep(0.005)
        raise self.fault

    def _end(self) -> None:
        self.happened.append("end")

    @property
    def metric(self) -> float | None:
        return self.registry.get_sample_value("vibelux_on_duty")


@asynccontextmanager
async def started(*processes: Process):
    tasks = [asyncio.create_task(one.duty.run()) for one in processes]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in processes:
            await one.seat.leave()


@pytest.fixture(autouse=True)
def _quickly(monkeypatch) -> None:
    monkeypatch.setattr(room, "_LOOK_SECONDS", 0.02)


async def test_one_works_and_when_it_ends_the_other_goes_on(database: Database, database_url: str) -> None:
    first, second = Process(database_url), Process(database_url)
    await first.duty.look()
    async with started(first, second) as (task, _):
        await until(lambda: first.happened == ["begin", "work"])
        assert (first.metric, second.metric) == (1, 0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await first.seat.leave()
        await until(lambda: second.happened == ["begin", "work"])
        assert second.duty.is_ours
    assert first.happened == ["begin", "work", "end"]


async def test_who_is_cut_off_from_its_seat_stops_when_another_has_it(database: Database, database_url: str) -> None:
    first, second = Process(database_url), Process(database_url)
    await first.duty.look()
    async with started(first, second):
        await until(lambda: first.happened == ["begin", "work"])
        for _ in range(20):  # whoever is quicker takes the free seat
            async with database.connection() as connection:
                await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
            await asyncio.sleep(0.1)
            if second.duty.is_ours:
                break
        await until(lambda: [first.duty.is_ours, second.duty.is_ours].count(True) == 1)
        sits, serves = (first, second) if first.duty.is_ours else (second, first)
        assert sits.happened[-1] == "work"
        assert serves.happened[-1:] in ([], ["end"])


async def test_a_part_that_fails_is_a_fault_of_the_whole(database: Database, database_url: str) -> None:
    process = Process(database_url)
    async with started(process) as (task,):
        await until(lambda: process.happened == ["begin", "work"])
        process.fault = ZeroDivisionError("a fault of ours")
        with pytest.raises(ZeroDivisionError):
            await task
    assert process.happened == ["begin", "work", "end"]


async def test_while_the_database_is_away_the_one_that_works_goes_on(database: Database, database_url: str) -> None:
    process = Process(database_url)
    async with started(process):
        await until(lambda: process.happened == ["begin", "work"])
        away = asyncio.Event()

        async def nowhere():
            away.set()
            raise room.StoreUnavailable("away")

        with capture_logs() as logs:
            process.seat.take = nowhere  # type: ignore[method-assign]
            await asyncio.wait_for(away.wait(), 10)
            await asyncio.sleep(0.05)
            assert process.happened == ["begin", "work"]
            del process.seat.take
        assert any(entry["event"] == "the store is away; the seat is not sure" for entry in logs)
