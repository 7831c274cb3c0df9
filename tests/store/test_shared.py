"""A real Redis: hints and copies between processes, and life without it."""

from pathlib import Path

from structlog.testing import capture_logs

from redis_server import RedisServer, redis_server, sharing, until
from vibelux.store.shared import Shared


async def test_hints_reach_all_processes_of_the_installation_and_nobody_else(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as redis:
        here, there, stranger = Shared(redis.url, "a"), Shared(redis.url, "a"), Shared(redis.url, "b")
        heard: list[tuple[str, str]] = []
        there.hear("outbox", lambda text: heard.append(("outbox", text)))
        there.hear("prices", lambda text: heard.append(("prices", text)))
        stranger.hear("outbox", lambda text: heard.append(("stranger", text)))
        async with sharing(here, there, stranger):
            here.hint("outbox", "salinas-1")
            here.hint("prices", "CAISO")
            await until(lambda: len(heard) == 2)
            stranger.hint("outbox", "end")
            await until(lambda: len(heard) == 3)
    assert heard == [("outbox", "salinas-1"), ("prices", "CAISO"), ("stranger", "end")]


async def test_copies_lie_for_their_time_under_the_installations_name(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as redis:
        here, stranger = Shared(redis.url, "a"), Shared(redis.url, "b")
        async with sharing(here, stranger):
            await here.lay("price", b"42", 60.0)
            await here.lay("gone", b"1", 0.001)
            await here.raise_version("version")
            await here.raise_version("version")
            assert await stranger.read(["price"]) == [None]
            assert (await here.read(["price", "version", "nothing"])) == [b"42", b"2", None]
            found: list[bytes | None] = [b"1"]
            while found != [None]:
                found = await here.read(["gone"])


async def test_without_redis_nothing_is_found_nothing_raises_and_it_is_said_once(tmp_path: Path) -> None:
    redis, shown = RedisServer(tmp_path), [True]
    shared, returns = Shared(redis.url, "a", shows=shown.append), []
    shared.on_return(lambda: returns.append(1))
    redis.start()
    async with sharing(shared):
        await shared.lay("price", b"42", 60.0)
        with capture_logs() as logs:
            redis.kill()
            await until(lambda: not shared.is_there)
            shared.hint("outbox", "lost")
            await shared.lay("price", b"43", 60.0)
            assert await shared.read(["price", "other"]) == [None, None]
            redis.start()
            await until(lambda: shared.is_there)
        assert await shared.read(["price"]) == [None], "what a Redis forgets is only a copy"
    redis.kill()
    assert [entry["event"] for entry in logs] == ["redis is away; the service goes on without it", "redis is there"]
    assert len(returns) == 2
    assert {True, False} == set(shown)
