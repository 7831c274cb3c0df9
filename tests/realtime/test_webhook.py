"""Where posts may go and where not, whatever a name says; that each arrives, and what becomes of those that fail."""

import asyncio
import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from structlog.testing import capture_logs

from redis_server import until
from store.samples import NOON
from vibelux.ingest.named_address import is_public
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import ConfigError, Throttled, Unreachable
from vibelux.realtime import webhook as room
from vibelux.realtime.webhook import Poster, Webhook
from vibelux.store.alerts import Told, tell
from vibelux.store.database import Database

SECRET_PATH = "services/T0/canary-secret"


class Receiver:
    """Takes posts on loopback and answers what a test says."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.posts: list[tuple[str, dict[str, str], bytes]] = []
        self.port = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
        self.posts.append((line, headers, await reader.readexactly(int(headers["content-length"]))))
        answer = self.answers.pop(0) if self.answers else "200 OK"
        status, _, more = answer.partition("|")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n{more}\r\n".encode())
        await writer.drain()
        writer.close()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(body) for _, _, body in self.posts]

    def url(self, host: str = "127.0.0.1") -> SecretStr:
        return SecretStr(f"http://{host}:{self.port}/{SECRET_PATH}?q=1")


@asynccontextmanager
async def receiver():
    one = Receiver()
    server = await asyncio.start_server(one.take, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    async with server:
        yield one


def names(**known: Sequence[str]) -> Callable[[str, int], Any]:
    async def look_up(host: str, _: int) -> Sequence[str]:
        if host not in known:
            raise OSError("no such name")
        return known[host]

    return look_up


def webhook(url: SecretStr, *, allow_private: bool = True, **more: Any) -> Webhook:
    return Webhook(url, more.pop("secret", None), allow_private=allow_private, wall=FrozenClock(NOON), **more)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("0.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", False),  # teredo of 127.0.0.1
    ],
)
def test_only_addresses_that_are_everybodys_are_public(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"]
)
async def test_this_machine_is_refused_however_it_is_written_and_nothing_connects(host: str) -> None:
    async with receiver() as there:
        hook = webhook(SecretStr(f"https://{host}:{there.port}/{SECRET_PATH}"), allow_private=False)
        with pytest.raises(ConfigError, match="ALERT_ALLOW_PRIVATE") as refused:
            await hook.post({"text": "x"})
        assert not there.posts
    assert "canary" not in str(refused.value)


async def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    look_up = names(**{"mixed.test": ["93.184.215.14", "10.0.0.1"]})
    hook = webhook(SecretStr("https://mixed.test/x"), allow_private=False, look_up=look_up)
    with pytest.raises(ConfigError, match="private"):
        await hook.post({})


async def test_the_connection_goes_to_the_address_that_was_judged() -> None:
    """A name that points elsewhere at the second look gains nothing: there is no second look."""
    asked: list[str] = []

    async def rebinding(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    async with receiver() as there:
        await webhook(there.url("rebinding.test"), look_up=rebinding).post({"text": "x"})
        assert asked == ["rebinding.test"]
        line, headers, _ = there.posts[0]
    assert line == f"POST /{SECRET_PATH}?q=1 HTTP/1.1"
    assert headers["host"] == f"rebinding.test:{there.port}"


async def test_without_leave_only_https_is_used() -> None:
    with pytest.raises(ConfigError, match="https"):
        await webhook(SecretStr("http://public.test/"), allow_private=False, look_up=names()).post({})


async def test_of_several_addresses_one_that_answers_is_enough() -> None:
    async with receiver() as there:
        look_up = names(**{"two.test": ["127.0.0.2", "127.0.0.1"]})
        await webhook(there.url("two.test"), look_up=look_up).post({"text": "x"})
        assert there.bodies == [{"text": "x"}]


async def test_a_post_is_signed_with_its_time() -> None:
    async with receiver() as there:
        await webhook(there.url(), secret=SecretStr("s3")).post({"text": "x"})
        _, headers, body = there.posts[0]
    stamp = headers["x-vibelux-timestamp"]
    assert stamp == str(int(NOON.timestamp()))
    expected = hmac.new(b"s3", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["x-vibelux-signature"] == f"sha256={expected}"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("302 Found|Location: http://127.0.0.1:1/\r\n", ConfigError),
        ("404 Not Found", ConfigError),
        ("410 Gone", ConfigError),
        ("429 Too Many Requests|Retry-After: 7\r\n", Throttled),
        ("500 Oops", Throttled),
    ],
)
async def test_what_an_answer_means(answer: str, error: type[Exception]) -> None:
    async with receiver() as there:
        there.answers = [answer]
        with pytest.raises(error) as refused:
            await webhook(there.url()).post({})
        assert len(there.posts) == 1, "redirects are not followed"
    assert "canary" not in str(refused.value)
    if "Retry" in answer:
        assert refused.value.retry_after_seconds == 7.0


async def test_nobody_there_and_no_such_name_are_worth_another_try() -> None:
    async with receiver() as there:
        gone = there.url()
    with pytest.raises(Unreachable, match="cannot be reached"):
        await webhook(gone).post({})
    with pytest.raises(Unreachable, match="looked up"):
        await webhook(SecretStr("https://nowhere.test/"), look_up=names()).post({})


async def lay(db: Database, *texts: str) -> None:
    """Alerts with a post each."""
    for text in texts:
        told = Told(
            facility_id="f", kind="dr-event", subject=text, text=text, about={}, at=NOON, lasts=False, message={}
        )
        await tell(db, [told], [("f", {"text": text})])


@asynccontextmanager
async def posting(db: Database, hook: Webhook):
    registry = CollectorRegistry()
    task = asyncio.create_task(Poster(db, hook, registry).run())
    try:
        yield lambda outcome: registry.get_sample_value("vibelux_alert_posts_total", {"outcome": outcome})
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def waiting(db: Database) -> list[tuple[Any, ...]]:
    async with db.connection() as connection:
        cursor = await connection.execute(
            "SELECT body ->> 'text', attempts, error, done_at IS NOT NULL FROM alert_posts ORDER BY id"
        )
        return await cursor.fetchall()


async def test_posts_are_delivered_in_order_and_go_on_after_a_restart(database: Database, monkeypatch) -> None:
    monkeypatch.setattr(room, "_IDLE_SECONDS", 0.02)
    await lay(database, "one", "two")
    async with receiver() as there:
        async with posting(database, webhook(there.url())) as count:
            await until(lambda: count("delivered") == 2)
        await lay(database, "three")
        async with posting(database, webhook(there.url())) as count:
            await until(lambda: count("delivered") == 1)
        assert [body["text"] for body in there.bodies] == ["one", "two", "three"]
    assert await waiting(database) == [(text, 1, None, True) for text in ("one", "two", "three")]


async def test_a_failure_waits_and_never_holds_up_the_others(database: Database, monkeypatch) -> None:
    monkeypatch.setattr(room, "_IDLE_SECONDS", 0.02)
    monkeypatch.setattr(room, "_FIRST_WAIT_SECONDS", 600.0)
    await lay(database, "one", "two", "unwanted")
    async with receiver() as there:
        there.answers = ["503 Busy", "200 OK", "403 No"]
        with capture_logs() as logs:
            async with posting(database, webhook(there.url())) as count:
                await until(lambda: count("delivered") == 1)
                await until(lambda: count("given up") == 1)
                assert await waiting(database) == [
                    ("one", 1, "the webhook answered 503", False),
                    ("two", 1, None, True),
                    ("unwanted", 1, "the webhook answered 403", True),
                ]
                async with database.connection() as connection:
                    await connection.execute("UPDATE alert_posts SET next_at = now() WHERE done_at IS NULL")
                await until(lambda: count("delivered") == 2)
        assert [body["text"] for body in there.bodies] == ["one", "two", "unwanted", "one"]
    assert "canary" not in str(logs)


async def test_after_the_last_attempt_it_is_given_up(database: Database, monkeypatch) -> None:
    monkeypatch.setattr(room, "_IDLE_SECONDS", 0.02)
    await lay(database, "one")
    async with database.connection() as connection:
        await connection.execute("UPDATE alert_posts SET attempts = 9")
    async with receiver() as there:
        there.answers = ["500 Oops"]
        async with posting(database, webhook(there.url())) as count:
            await until(lambda: count("given up") == 1)
    assert await waiting(database) == [("one", 10, "the webhook answered 500", True)]
