"""The embedded server: who keeps it up, who ends it, and that no kill loses a row or leaves a process."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from vibelux.market.errors import StoreUnavailable
from vibelux.store.database import Database
from vibelux.store.embedded import Embedded, url_of_running
from vibelux.store.folder import DataFolder

USER = """
import asyncio, sys
from pathlib import Path
from vibelux.store.embedded import Embedded
async def main():
    embedded = await Embedded.open(Path(sys.argv[1]))
    print("ready", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
WRITER = """
import asyncio, sys
from pathlib import Path
import psycopg
from vibelux.store.embedded import Embedded
async def main():
    embedded = await Embedded.open(Path(sys.argv[1]))
    async with await psycopg.AsyncConnection.connect(embedded.url, autocommit=True) as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS counted (n BIGINT PRIMARY KEY, filler TEXT)")
        n = (await (await connection.execute("SELECT coalesce(max(n), 0) FROM counted")).fetchone())[0]
        while True:
            n += 1
            await connection.execute("INSERT INTO counted VALUES (%s, repeat('x', 2000))", (n,))
            print(n, flush=True)
asyncio.run(main())
"""


def alive(folder: Path) -> list[int]:
    """The processes of the folder's server: its supervisor, postgres and what that started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                ours = b"vibelux.store.supervisor" in words and os.fsencode(folder) in words
                if ours or (entry / "cwd").readlink() == folder / "pg":
                    found.append(int(entry.name))
    return found


def supervisor_of(folder: Path) -> int:
    return next(pid for pid in alive(folder) if b"supervisor" in Path(f"/proc/{pid}/cmdline").read_bytes())


def postmaster_of(folder: Path) -> int:
    return int((folder / "pg" / "postmaster.pid").read_text().split()[0])


def owner_and_mode(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_uid, found.st_mode & 0o777


async def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not after {seconds} s"
        await asyncio.sleep(0.05)


async def until_it_answers(folder: Path, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if await url_of_running(folder):
            return
        await asyncio.sleep(0.05)
    pytest.fail("the server did not come back")


@pytest.fixture
def empty_folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder that is not there yet; whatever runs in it is killed at the end."""
    yield tmp_path / "data"
    for pid in alive(tmp_path / "data"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose database was made and left in order."""
    made = tmp_path_factory.mktemp("made") / "data"

    async def make() -> None:
        await (await Embedded.open(made)).close()

    asyncio.run(make())
    return made


@pytest.fixture
def folder(empty_folder: Path, made_once: Path) -> Path:
    """A copy of it, owned by whoever runs the tests, as after moving a data folder."""
    shutil.copytree(made_once, empty_folder)
    return empty_folder


@contextlib.asynccontextmanager
async def user(folder: Path, code: str = USER) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process that uses the folder; killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(folder), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline()
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_the_last_user_takes_the_server_with_it(empty_folder: Path) -> None:
    first = await Embedded.open(empty_folder)
    second = await Embedded.open(empty_folder)
    assert first.url == second.url
    await first.close()
    assert await url_of_running(empty_folder) == second.url
    await second.close()
    assert await url_of_running(empty_folder) is None
    assert alive(empty_folder) == []


async def test_another_process_keeps_it_up_and_nothing_stays_when_that_is_killed(folder: Path) -> None:
    mine = await Embedded.open(folder)
    async with user(folder) as other:
        began = time.monotonic()
        await mine.close()
        assert time.monotonic() - began < 1.0, "who is not the last does not wait"
        assert await url_of_running(folder)
        other.kill()
        await until(lambda: not alive(folder), seconds=10)


async def test_a_killed_user_leaves_nothing_running(folder: Path) -> None:
    async with user(folder) as only:
        assert alive(folder)
        only.kill()
        await until(lambda: not alive(folder), seconds=10)
    assert not DataFolder(folder).socket.exists()


async def test_a_killed_supervisor_is_replaced(folder: Path) -> None:
    embedded = await Embedded.open(folder)
    killed = supervisor_of(folder)
    os.kill(killed, signal.SIGKILL)
    await until(lambda: killed not in alive(folder) and len(alive(folder)) > 1)
    await until_it_answers(folder)
    await embedded.close()
    assert alive(folder) == []


async def test_nothing_stays_when_user_and_supervisor_are_killed(folder: Path) -> None:
    async with user(folder) as only:
        only.kill()
        os.kill(supervisor_of(folder), signal.SIGKILL)
        await until(lambda: not alive(folder), seconds=10)


async def work_long(db: Database) -> None:
    async with db.connection() as connection:
        await connection.execute("SELECT pg_sleep(60)")


async def test_a_killed_postgres_comes_back_and_the_pool_finds_it(folder: Path) -> None:
    embedded = await Embedded.open(folder)
    db = await Database.open(embedded.url)
    killed = postmaster_of(folder)
    working = asyncio.create_task(work_long(db))
    await asyncio.sleep(0.2)
    os.kill(killed, signal.SIGKILL)
    with pytest.raises(StoreUnavailable):
        await working
    await until_it_answers(folder)
    await db.ping()
    assert postmaster_of(folder) != killed
    await db.close()
    await embedded.close()


async def test_a_socket_that_somebody_removed_is_made_again(folder: Path) -> None:
    embedded = await Embedded.open(folder)
    shutil.rmtree(DataFolder(folder).sockets)
    assert await url_of_running(folder) is None
    await until_it_answers(folder, seconds=30)
    await embedded.close()


async def test_a_pool_lives_through_an_outage(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedded = await Embedded.open(folder)
    db = await Database.open(embedded.url)
    await embedded.close()
    with monkeypatch.context() as impatient:
        impatient.setattr("vibelux.store.database._WAIT_SECONDS", 0.5)
        with pytest.raises(StoreUnavailable, match="not available"):
            await db.ping()
    again = await Embedded.open(folder)
    await db.ping()
    await db.close()
    await again.close()


@pytest.mark.parametrize("victims", ["user", "user and server"])
async def test_a_kill_in_the_middle_of_writing_loses_no_committed_row(folder: Path, victims: str) -> None:
    acknowledged = 0
    for _ in range(2):
        async with user(folder, WRITER) as writer:
            assert writer.stdout is not None
            for _ in range(50):
                acknowledged = int(await writer.stdout.readline())
            writer.kill()
            if victims == "user and server":
                os.kill(postmaster_of(folder), signal.SIGKILL)
            for line in (await writer.stdout.read()).splitlines():
                acknowledged = int(line)
    embedded = await Embedded.open(folder)
    async with await psycopg.AsyncConnection.connect(embedded.url) as connection:
        row = await (await connection.execute("SELECT count(*), max(n) FROM counted")).fetchone()
    await embedded.close()
    assert row is not None
    count, newest = row
    assert count == newest, "no hole"
    assert newest in {acknowledged, acknowledged + 1}, "the last one may have been committed without being told"


async def test_a_kill_while_the_folder_is_made_leaves_no_broken_one(empty_folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", USER, str(empty_folder))
    await until(lambda: list(empty_folder.glob("pg.unfinished-*/base")))
    os.kill(supervisor_of(empty_folder), signal.SIGKILL)
    process.kill()
    await process.wait()
    assert not (empty_folder / "pg").exists()
    embedded = await Embedded.open(empty_folder)
    assert await url_of_running(empty_folder) == embedded.url
    await embedded.close()


async def test_a_pid_file_whose_number_another_program_has_now_is_no_obstacle(folder: Path) -> None:
    await (await Embedded.open(folder)).close()
    owner = (folder / "pg").stat()
    pid_file = folder / "pg" / "postmaster.pid"
    sleeper = await asyncio.create_subprocess_exec("sleep", "60")
    pid_file.write_text(f"{sleeper.pid}\n{folder / 'pg'}\n1\n5432\n\n\n")
    os.chown(pid_file, owner.st_uid, owner.st_gid)
    embedded = await Embedded.open(folder)
    assert sleeper.returncode is None, "the other program is left alone"
    await embedded.close()
    sleeper.kill()
    await sleeper.wait()


async def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    await (await Embedded.open(folder)).close()
    (folder / "pg" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(StoreUnavailable, match=r"did not start.*(?s:.*)incompatible"):
        await Embedded.open(folder)
    assert alive(folder) == []


async def test_a_data_folder_that_cannot_be_made_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="file/data cannot be used"):
        await Embedded.open(tmp_path / "file" / "data")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root meets a folder that the server's account may not enter")
async def test_root_can_keep_its_data_below_a_folder_of_its_own(tmp_path: Path) -> None:
    embedded = await Embedded.open(tmp_path / "checkout" / ".demo")
    assert owner_and_mode(tmp_path / "checkout" / ".demo" / "pg")[0] != 0
    assert owner_and_mode(tmp_path) == (0, 0o700), "nothing outside the data folder is opened up"
    await embedded.close()


async def test_a_folder_without_a_server_has_no_address(tmp_path: Path) -> None:
    assert await url_of_running(tmp_path) is None
