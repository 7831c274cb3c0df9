import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from vibelux.feeds import Ask, Payload, feed_named, read
from vibelux.market.clock import FrozenClock, VirtualClock
from vibelux.market.errors import Corrupt, NotYetPublished, Throttled, UpstreamError
from vibelux.market.intervals import Interval, local_day
from vibelux.replay.oasis import ZONE
from vibelux.replay.source import TapeSource, Wanted
from vibelux.replay.synth import FEEDS, synth_tape
from vibelux.replay.tape import Tape
from vibelux.replay.upstream import LoopbackUpstream

NODE = "TH_NP15_GEN-APND"
DAY = date(2026, 4, 14)
RTD = "caiso/real-time-pricing"
NOON = local_day(DAY, ZONE).start + timedelta(hours=12)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON)


@pytest.fixture
async def upstream(clock: FrozenClock) -> AsyncIterator[LoopbackUpstream]:
    async with LoopbackUpstream(TapeSource(nodes=(NODE,)), clock, oasis_rule=False) as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=5) as http:
        yield http


def _address(upstream: LoopbackUpstream, feed: str, moment: datetime, nodes: tuple[str, ...] = (NODE,)) -> str:
    window = feed_named(feed).publication.window(moment)
    (request,) = feed_named(feed).requests(Ask(window, nodes))
    return request.url.replace("https://oasis.caiso.com", upstream.url)


def _newest(reply: httpx2.Response, feed: str = RTD) -> datetime:
    frame = read(feed_named(feed), Payload(reply.content)).frames["electricity-price"]
    newest = frame["market_interval_start"].max()
    assert isinstance(newest, datetime)
    return newest


async def test_a_client_gets_the_newest_payload_of_the_moment(
    upstream: LoopbackUpstream, client: httpx2.AsyncClient, clock: FrozenClock
) -> None:
    before = await client.get(_address(upstream, RTD, clock.now()))
    assert before.status_code == 200
    assert before.headers["content-type"] == "application/x-zip-compressed"
    assert before.headers["content-disposition"].startswith("inline; filename=20260414_20260414_PRC_INTVL_LMP_RTM_")
    assert before.headers["x-vibelux-origin"] == "synthetic"
    assert _newest(before) == NOON - timedelta(minutes=5)
    clock.move(60)
    assert _newest(await client.get(_address(upstream, RTD, clock.now()))) == NOON


async def test_every_feed_has_an_answer_at_every_hour_day_after_day(
    upstream: LoopbackUpstream, client: httpx2.AsyncClient, clock: FrozenClock
) -> None:
    for _ in range(6):
        for feed in FEEDS:
            reply = await client.get(_address(upstream, feed, clock.now()))
            parsed = read(feed_named(feed), Payload(reply.content))
            assert parsed.rows > 0
            assert parsed.quarantined == []
        clock.move(7 * 3600)


async def test_the_second_request_within_five_virtual_seconds_gets_the_policy_page(
    client: httpx2.AsyncClient, clock: FrozenClock
) -> None:
    async with LoopbackUpstream(TapeSource(nodes=(NODE,)), clock) as upstream:
        address = _address(upstream, RTD, clock.now())
        assert (await client.get(address)).status_code == 200
        clock.move(4.9)
        refused = await client.get(address)
        assert refused.status_code == 429
        with pytest.raises(Throttled):
            read(feed_named(RTD), Payload(refused.content))
        clock.move(0.1)
        assert (await client.get(address)).status_code == 200


async def test_a_fast_clock_does_not_make_jitter_of_the_wall_a_breach_of_the_rule(client: httpx2.AsyncClient) -> None:
    clock = VirtualClock(NOON, speed=120)
    async with LoopbackUpstream(TapeSource(nodes=(NODE,)), clock) as upstream:
        statuses = []
        for _ in range(5):
            statuses.append((await client.get(_address(upstream, RTD, clock.now()))).status_code)
            await clock.sleep(4.5)
        assert statuses == [200] * 5


async def test_an_unknown_node_is_no_data_and_an_unknown_path_is_404(
    upstream: LoopbackUpstream, client: httpx2.AsyncClient, clock: FrozenClock
) -> None:
    reply = await client.get(_address(upstream, RTD, clock.now(), ("NOWHERE",)))
    with pytest.raises(NotYetPublished):
        read(feed_named(RTD), Payload(reply.content))
    reply = await client.get(f"{upstream.url}/public/csv/pal/20260414pal.csv")
    assert reply.status_code == 404
    assert reply.text == "The tape holds nothing for /public/csv/pal/20260414pal.csv by 2026-04-14T19:00:00Z.\n"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("html", Corrupt),
        ("error-document", UpstreamError),
        ("truncated", Corrupt),
        ("429", Throttled),
        ("empty", Corrupt),
    ],
)
async def test_a_broken_feed_is_read_as_the_error_it_is_and_the_others_go_on(
    upstream: LoopbackUpstream, client: httpx2.AsyncClient, clock: FrozenClock, kind: str, error: type[Exception]
) -> None:
    upstream.break_feed(RTD, kind)
    reply = await client.get(_address(upstream, RTD, clock.now()))
    with pytest.raises(error):
        read(feed_named(RTD), Payload(reply.content))
    assert (await client.get(_address(upstream, "caiso/day-ahead-pricing", clock.now()))).status_code == 200
    upstream.mend(RTD)
    assert _newest(await client.get(_address(upstream, RTD, clock.now()))) == NOON - timedelta(minutes=5)


async def test_a_feed_can_fail_go_stale_and_hang(
    upstream: LoopbackUpstream, client: httpx2.AsyncClient, clock: FrozenClock
) -> None:
    address = _address(upstream, RTD, clock.now())
    upstream.break_feed(RTD, "500")
    assert (await client.get(address)).status_code == 500
    upstream.break_feed(RTD, "stale")
    clock.move(3600)
    address = _address(upstream, RTD, clock.now())
    assert _newest(await client.get(address)) == NOON - timedelta(minutes=5)
    upstream.break_feed(RTD, "timeout")
    with pytest.raises(httpx2.ReadTimeout):
        await client.get(address, timeout=0.1)
    waiting = asyncio.create_task(client.get(address))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    upstream.mend(RTD)
    assert _newest(await waiting) == NOON + timedelta(minutes=55)


async def test_closing_ends_connections_that_hang(clock: FrozenClock, client: httpx2.AsyncClient) -> None:
    upstream = LoopbackUpstream(TapeSource(nodes=(NODE,)), clock)
    await upstream.start()
    upstream.break_feed(RTD, "timeout")
    waiting = asyncio.create_task(client.get(_address(upstream, RTD, clock.now())))
    await asyncio.sleep(0.05)
    await asyncio.wait_for(upstream.close(), timeout=2)
    with pytest.raises(httpx2.TransportError):
        await waiting


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"HEAD / HTTP/1.1\r\n\r\n", b"404"),
        (b"POST / HTTP/1.1\r\n\r\n", b"405"),
        (b"hello\r\n\r\n", b"400"),
        (b"GET / HTTP/1.0\r\n\r\n", b"404"),
    ],
)
async def test_whatever_is_sent_gets_a_clean_reply(upstream: LoopbackUpstream, sent: bytes, status: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(upstream.url.rpartition(":")[2]))
    writer.write(sent)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
    assert head.split(b" ")[1] == status
    writer.close()
    await writer.wait_closed()


async def test_garbage_and_endless_headers_end_the_connection_and_not_the_server(
    upstream: LoopbackUpstream, client: httpx2.AsyncClient, clock: FrozenClock
) -> None:
    for junk in (b"\x16\x03\x01\x00", b"GET / HTTP/1.1\r\nx: " + b"y" * 200_000):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(upstream.url.rpartition(":")[2]))
        writer.write(junk)
        writer.write_eof()
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 2) == b""
        writer.close()
    assert (await client.get(_address(upstream, RTD, clock.now()))).status_code == 200


async def test_a_recorded_etag_is_honoured(client: httpx2.AsyncClient, clock: FrozenClock, tmp_path: Path) -> None:
    line = (
        '{"received_at":"2026-04-14T18:00:00Z","feed":"nyiso/load","url":"https://mis.nyiso.com/public/pal.csv",'
        '"status":200,"headers":{"etag":"\\"a1\\""},"file":"f.csv"}\n'
    )
    (tmp_path / "tape.jsonl").write_text(line)
    (tmp_path / "f.csv").write_bytes(b"x")
    async with LoopbackUpstream(TapeSource(Tape.open(tmp_path)), clock) as upstream:
        first = await client.get(f"{upstream.url}/public/pal.csv")
        again = await client.get(f"{upstream.url}/public/pal.csv", headers={"if-none-match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_a_request_is_known_by_its_report_and_not_by_its_window() -> None:
    def same(one: str, other: str) -> bool:
        return Wanted.by(f"http://a/{one}") == Wanted.by(f"https://b:1/{other}")

    assert same("x?queryname=P&startdatetime=20260414T07:00-0000&version=3", "x?version=1&queryname=P")
    assert same("x?node=A,B&queryname=P", "x?queryname=P&node=B,A")
    assert same("v2/d?frequency=daily&start=2026-01-01&api_key=k", "v2/d?frequency=daily&start=2026-02-01&api_key=***")
    assert same("d?deliveryDateFrom=2026-01-01&page=1", "d?deliveryDateFrom=2026-01-02&page=1")
    assert not same("x?queryname=P", "x?queryname=Q")
    assert not same("x?queryname=P&market_run_id=DAM", "x?queryname=P&market_run_id=RTM")
    assert not same("x?node=A", "x?node=B")
    assert not same("d?page=1", "d?page=2")
    assert not same("d?startRow=1", "d?startRow=50001")


async def test_a_synthetic_tape_goes_on_with_the_next_day_as_if_it_had_no_end(tmp_path: Path) -> None:
    tape = synth_tape(tmp_path / "tape", DAY, (NODE,))
    ending, endless = TapeSource(tape), TapeSource(nodes=(NODE,))
    (request,) = feed_named(RTD).requests(Ask(local_day(DAY, ZONE), (NODE,)))
    wanted = replace(Wanted.by(request.url), window=None)
    for moment in (
        tape.start + timedelta(hours=5),
        tape.end,
        tape.end + timedelta(minutes=8),
        tape.end + timedelta(days=3),
    ):
        one, other = (source.newest(wanted, moment) for source in (ending, endless))
        assert one is not None
        assert other is not None
        assert one.load() == other.load()


async def test_nothing_is_known_before_the_tape_begins(tmp_path: Path) -> None:
    tape = synth_tape(tmp_path / "tape", DAY, (NODE,))
    (request,) = feed_named(RTD).requests(Ask(local_day(DAY, ZONE), (NODE,)))
    assert TapeSource(tape).newest(Wanted.by(request.url), tape.start - timedelta(seconds=1)) is None


def test_history_is_answered_for_the_window_that_was_asked() -> None:
    feed = feed_named(RTD)
    source = TapeSource(nodes=(NODE,))
    yesterday = local_day(DAY - timedelta(days=1), ZONE)
    pause = Interval(NOON - timedelta(hours=5), NOON)
    for asked, count, first in ((yesterday, 288, yesterday.start), (pause, 60, pause.start)):
        (request,) = feed.requests(Ask(asked, (NODE,)))
        entry = source.newest(Wanted.by(request.url), NOON + timedelta(seconds=10))
        assert entry is not None
        starts = read(feed, Payload(entry.load())).frames["electricity-price"]["market_interval_start"]
        assert (starts.len(), starts.min()) == (count, first)
