import asyncio
import socket as sockets
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
import websockets

from serve.fakes import KEYS, NOW, World, answer, price
from serve.served import close_code, dial, heard, listening, until
from vibelux.serve import websocket as module
from vibelux.serve.line import Line
from vibelux.serve.server import serve

F = "facilityId=salinas-1"


@pytest.fixture
def world() -> World:
    return World(auth_seconds=0.3)


@pytest.fixture
async def port(world: World) -> AsyncIterator[int]:
    async with listening(world) as port:
        yield port


def publish_price(world: World, usd_per_kwh: float = 0.05) -> int:
    return world.desk.publish("salinas-1", "market-price-update", {"data": price(NOW, usd_per_kwh)})


async def session_cookie(world: World) -> str:
    async with world.client() as client:
        return (await client.get("/")).headers["set-cookie"].split(";")[0]


async def test_a_key_in_the_header_gets_the_snapshot_and_then_both_kinds_of_update(world: World, port: int) -> None:
    publish_price(world)
    async with dial(port, F, "vlx_all") as socket:
        snapshot = await heard(socket)
        assert list(snapshot) == ["type", "seq", "data", "timestamp"]
        assert snapshot["type"] == "snapshot"
        assert snapshot["seq"] == 1
        assert snapshot["data"] == answer()
        publish_price(world, 0.0777)
        decision = answer(0.0777)["decision"]
        world.desk.publish("salinas-1", "chp-decision-update", {"decision": decision})
        update = await heard(socket)
        assert (update["type"], update["seq"], update["data"]["price_per_kwh"]) == ("market-price-update", 2, 0.0777)
        assert update["timestamp"].endswith("Z")
        decided = await heard(socket)
        assert (decided["type"], decided["seq"], decided["decision"]) == ("chp-decision-update", 3, decision)


async def test_the_key_may_come_in_the_first_message(port: int) -> None:
    async with dial(port, F) as socket:
        await socket.send('{"type":"auth","key":"vlx_salinas"}')
        assert (await heard(socket))["type"] == "snapshot"


@pytest.mark.parametrize(
    "header",
    [
        {"Authorization": "Bearer vlx_wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic vlx_all"},
        {"Authorization": "vlx_all"},
        {"X-API-Key": "vlx_wrong"},
    ],
)
async def test_a_wrong_key_in_the_header_is_closed_4401_without_data(port: int, header: dict[str, str]) -> None:
    async with dial(port, F, headers=header) as socket:
        assert await close_code(socket) == (4401, [])


@pytest.mark.parametrize(
    "first",
    [
        '{"type":"auth","key":"vlx_wrong"}',
        '{"type":"hello","key":"vlx_all"}',
        "no json",
        "[]",
        b"\xff",
        '{"type":"auth","key":"\\ud800"}',
    ],
)
async def test_a_wrong_first_message_is_closed_4401_without_data(port: int, first: str | bytes) -> None:
    async with dial(port, F) as socket:
        await socket.send(first)
        assert await close_code(socket) == (4401, [])


async def test_silence_is_closed_4401_after_the_time_given(port: int) -> None:
    async with dial(port, F) as socket:
        assert await close_code(socket) == (4401, [])


@pytest.mark.parametrize("query", ["facilityId=salinas-1", "facilityId=unknown", "facilityId=", "since=0"])
async def test_a_facility_that_is_not_the_keys_is_closed_4404_like_an_unknown_one(port: int, query: str) -> None:
    async with dial(port, query, "vlx_delta") as socket:
        assert await close_code(socket) == (4404, [])


async def test_a_key_without_the_scope_is_closed_4403(port: int) -> None:
    async with dial(port, F, "vlx_nothing") as socket:
        assert await close_code(socket) == (4403, [])


async def test_a_ticket_opens_one_socket_for_its_facility_within_a_minute(world: World, port: int) -> None:
    async with world.client("vlx_salinas") as client:

        async def ticket() -> str:
            return (await client.post("/api/ws-ticket", json={"facilityId": "salinas-1"})).json()["ticket"]

        good, late, elsewhere = await ticket(), await ticket(), await ticket()
    async with dial(port, f"{F}&ticket={good}") as socket:
        assert (await heard(socket))["type"] == "snapshot"
    async with dial(port, f"{F}&ticket={good}") as socket:
        assert await close_code(socket) == (4401, [])
    async with dial(port, f"facilityId=delta-2&ticket={elsewhere}") as socket:
        assert await close_code(socket) == (4401, [])
    world.wall.move(60)
    async with dial(port, f"{F}&ticket={late}") as socket:
        assert await close_code(socket) == (4401, [])


async def test_a_ticket_dies_with_its_key(world: World, port: int) -> None:
    async with world.client("vlx_salinas") as client:
        ticket = (await client.post("/api/ws-ticket", json={"facilityId": "salinas-1"})).json()["ticket"]
    del world.store.keys["vlx_salinas"]
    async with dial(port, f"{F}&ticket={ticket}") as socket:
        assert await close_code(socket) == (4401, [])


async def test_the_pages_cookie_opens_a_socket_from_the_pages_own_origin_only(world: World, port: int) -> None:
    cookie = {"Cookie": await session_cookie(world)}
    async with dial(port, F, headers=cookie, origin=f"http://127.0.0.1:{port}") as socket:
        assert (await heard(socket))["type"] == "snapshot"
    async with dial(port, F, headers=cookie) as socket:
        assert await close_code(socket) == (4401, [])


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1",
        "http://127.0.0.1:{port}.evil.example",
        "http://evil@127.0.0.1:{port}",
        "http://127.0.0.1:{port}/",
        "http://127.0.0.2:{port}",
        "file://127.0.0.1:{port}",
        "",
    ],
)
async def test_a_foreign_origin_is_refused_at_the_handshake_even_with_a_good_key(port: int, origin: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with dial(port, F, "vlx_all", headers={"Origin": origin.replace("{port}", str(port))}):
            pass
    assert refused.value.response.status_code == 403
    assert b"Forbidden" in (refused.value.response.body or b"")


async def test_an_origin_that_the_operator_allows_is_let_in() -> None:
    async with (
        listening(World(allowed_origins=frozenset({"https://desk.example"}))) as port,
        dial(port, F, "vlx_all", origin="https://desk.example") as socket,
    ):
        assert (await heard(socket))["type"] == "snapshot"


async def test_who_comes_back_gets_what_was_missed_and_no_snapshot(world: World, port: int) -> None:
    for _ in range(4):
        publish_price(world)
    async with dial(port, f"{F}&since=1", "vlx_all") as socket:
        assert [(await heard(socket))["seq"] for _ in range(3)] == [2, 3, 4]
        publish_price(world)
        assert (await heard(socket))["seq"] == 5


async def test_who_missed_nothing_gets_only_what_comes(world: World, port: int) -> None:
    publish_price(world)
    async with dial(port, f"{F}&since=1", "vlx_all") as socket:
        await until(lambda: world.desk.subscriptions.get("salinas-1"))
        publish_price(world)
        assert (await heard(socket))["seq"] == 2


@pytest.mark.parametrize("since", ["0", "99", "-1", "x", "", "9" * 30])
async def test_a_number_too_old_or_not_ours_gets_a_fresh_snapshot(world: World, port: int, since: str) -> None:
    for _ in range(3):
        publish_price(world)
    world.desk.kept_from = 2
    async with dial(port, f"{F}&since={since}", "vlx_all") as socket:
        first = await heard(socket)
        assert (first["type"], first["seq"]) == ("snapshot", 3)


async def test_what_is_committed_while_the_snapshot_is_made_comes_once(world: World, port: int) -> None:
    plain = world.desk.latest

    async def slow_latest(facility_id: str) -> dict[str, object] | None:
        publish_price(world)
        await asyncio.sleep(0.05)
        return await plain(facility_id)

    world.desk.latest = slow_latest  # type: ignore[method-assign]
    publish_price(world)
    async with dial(port, F, "vlx_all") as socket:
        assert (await heard(socket))["seq"] == 1
        assert (await heard(socket))["seq"] == 2
        publish_price(world)
        assert (await heard(socket))["seq"] == 3


async def test_the_snapshot_has_its_answers_own_number_and_what_was_committed_since_follows(
    world: World, port: int
) -> None:
    for _ in range(3):
        publish_price(world)
    world.desk.answers["salinas-1"]["seq"] = 2  # message 3 is committed, the desk has not yet taken it up
    async with dial(port, F, "vlx_all") as socket:
        assert [(await heard(socket))["seq"] for _ in range(2)] == [2, 3]


async def test_a_snapshot_whose_successors_are_gone_counts_as_the_newest(world: World, port: int) -> None:
    for _ in range(3):
        publish_price(world)
    world.desk.answers["salinas-1"]["seq"] = 1
    world.desk.kept_from = 2
    async with dial(port, F, "vlx_all") as socket:
        await heard(socket)
        publish_price(world)
        assert (await heard(socket))["seq"] == 4


async def test_a_message_that_was_not_delivered_is_fetched_when_the_next_shows_the_gap(world: World, port: int) -> None:
    async with dial(port, F, "vlx_all") as socket:
        await heard(socket)
        world.desk.publish("salinas-1", "alert", {"kind": "stale"}, deliver=False)
        publish_price(world)
        assert [(await heard(socket))["type"] for _ in range(2)] == ["alert", "market-price-update"]


async def test_a_heartbeat_repeats_the_last_number(world: World) -> None:
    world.state.heartbeat_seconds = 0.05
    async with listening(world) as port, dial(port, F, "vlx_all") as socket:
        publish_price(world)
        messages = [await heard(socket) for _ in range(4)]
    assert [message["seq"] for message in messages if message["type"] == "heartbeat"][-1] == 1
    assert len([message for message in messages if message["type"] == "market-price-update"]) <= 1


async def test_a_slow_reader_is_brought_to_the_newest_state_and_told_while_others_get_everything(
    world: World, port: int
) -> None:
    many = 400
    fat = {"data": price(NOW, 0.05) | {"padding": "x" * 100_000}}
    async with dial(port, F, "vlx_all") as quick, dial(port, F, "vlx_all", max_queue=1) as slow:
        await heard(quick)
        await heard(slow)
        for seq in range(1, many + 1):
            world.desk.publish("salinas-1", "market-price-update", fat)
            assert (await heard(quick))["seq"] == seq
        messages = [await heard(slow)]
        while messages[-1]["type"] != "resync":
            messages.append(await heard(slow))
        told = messages.pop()
        assert [message["seq"] for message in messages] == list(range(1, len(messages) + 1))
        assert len(messages) < many
        assert told["seq"] == len(messages)
        assert "too slow" in told["reason"]
        snapshot = await heard(slow)
        assert (snapshot["type"], snapshot["seq"]) == ("snapshot", many)
        publish_price(world)
        assert (await heard(slow))["seq"] == many + 1


async def test_a_key_that_is_revoked_loses_its_open_socket(world: World) -> None:
    world.state.heartbeat_seconds = world.state.recheck_seconds = 0.05
    async with listening(world) as port, dial(port, F, "vlx_salinas") as socket:
        await heard(socket)
        del world.store.keys["vlx_salinas"]
        code, _ = await close_code(socket)
    assert code == 4401


async def test_a_key_that_loses_the_facility_loses_its_open_socket(world: World) -> None:
    world.state.heartbeat_seconds = world.state.recheck_seconds = 0.05
    async with listening(world) as port, dial(port, F, "vlx_salinas") as socket:
        await heard(socket)
        world.store.keys["vlx_salinas"] = replace(KEYS["vlx_salinas"], facilities=frozenset({"delta-2"}))
        code, _ = await close_code(socket)
    assert code == 4404


async def test_a_message_over_32_kib_is_closed_1009_and_a_flood_4429(port: int) -> None:
    async with dial(port, F, "vlx_all") as socket:
        await heard(socket)
        await socket.send("x" * (32 * 1024 + 1))
        assert (await close_code(socket))[0] == 1009
    async with dial(port, F, "vlx_all") as socket:
        await heard(socket)
        for _ in range(40):
            await socket.send("x")
        assert (await close_code(socket))[0] == 4429


@pytest.mark.parametrize(
    ("first", "kind"),
    [(0x81, "handle_text"), (0x89, "handle_ping"), (0x00, "handle_cont")],
    ids=["text", "ping", "piece"],
)
async def test_of_a_hundred_thousand_frames_a_second_a_thousand_are_looked_at(
    port: int, monkeypatch: pytest.MonkeyPatch, first: int, kind: str
) -> None:
    looked, handle = 0, getattr(Line, kind)

    def counted(*arguments: Any) -> None:
        nonlocal looked
        looked += 1
        handle(*arguments)

    monkeypatch.setattr(Line, kind, counted)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"GET /ws?{F} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-API-Key: vlx_all\r\nConnection: Upgrade\r\n"
    upgrade = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    writer.write(f"{head}{upgrade}".encode())
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    rest = bytes([0x80, 0, 0, 0, 0])  # no content, masked
    writer.write(b"\x01" + rest if kind == "handle_cont" else b"")  # a piece must have a beginning
    with suppress(ConnectionError):
        writer.write((bytes([first]) + rest) * 100_000)
        await asyncio.wait_for(reader.read(), 30)
    writer.transport.abort()
    assert 0 < looked <= 1000
    async with dial(port, F, "vlx_all") as another:
        assert (await heard(another))["type"] == "snapshot"


async def test_a_client_that_answers_no_ping_is_gone_and_that_is_no_fault(
    world: World, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[Line] = []
    ended: list[Line] = []
    run, faults = Line.run_asgi, []

    async def noted(line: Line) -> None:
        lines.append(line)
        await run(line)
        ended.append(line)

    monkeypatch.setattr(Line, "run_asgi", noted)
    monkeypatch.setattr(module, "report", lambda *told, **_: faults.append(told))
    async with dial(port, F, "vlx_all") as socket:
        await heard(socket)
        (line,) = lines
        monkeypatch.setattr(line.transport, "close", lambda: None)  # as while it waits for its buffer to empty
        line.keepalive_timeout()
        world.desk.publish("salinas-1", "market-price-update", {"data": {}})
        await until(lambda: ended)
        line.transport.abort()
    assert faults == []


async def test_before_the_first_decision_the_snapshot_says_unavailable_and_why(world: World, port: int) -> None:
    world.desk.answers.clear()
    async with dial(port, F, "vlx_all") as socket:
        decision = (await heard(socket))["data"]["decision"]
    assert decision["action"] == "unavailable"
    assert decision["reasons"]


async def test_a_database_that_is_away_closes_1013_try_again_later(world: World, port: int) -> None:
    world.store.away = True
    async with dial(port, F, "vlx_all") as socket:
        assert await close_code(socket) == (1013, [])


async def test_a_fault_of_ours_closes_1011_and_tells_nothing(world: World, port: int) -> None:
    async def broken(facility_id: str) -> None:
        raise RuntimeError("secret detail")

    world.desk.latest = broken  # type: ignore[method-assign, assignment]
    async with dial(port, F, "vlx_all") as socket:
        assert await close_code(socket) == (1011, [])
        assert socket.close_reason == ""


async def test_the_gauge_counts_open_sockets_and_nothing_stays_behind(world: World, port: int) -> None:
    def clients() -> float | None:
        return world.state.registry.get_sample_value("vibelux_ws_clients")

    async with dial(port, F, "vlx_all") as one, dial(port, F, "vlx_all") as two:
        await heard(one)
        await heard(two)
        assert clients() == 2
        assert len(world.desk.subscriptions["salinas-1"]) == 1
    await until(lambda: not clients() and not world.desk.subscriptions["salinas-1"])


async def test_when_the_desk_stops_sockets_are_told_that_it_restarts(world: World, port: int) -> None:
    async with dial(port, F, "vlx_all") as socket:
        await heard(socket)
        world.desk.stop()
        assert (await close_code(socket))[0] == 1012


async def test_the_server_stops_within_three_seconds_with_sockets_open_and_one_that_does_not_read(world: World) -> None:
    stop = asyncio.Event()
    ports: list[int] = []
    running = asyncio.create_task(
        serve(world.app, "127.0.0.1", 0, stop, on_listening=lambda _, port: ports.append(port))
    )
    await until(lambda: ports)
    async with dial(ports[0], F, "vlx_all") as reader, dial(ports[0], F, "vlx_all", max_queue=1) as deaf:
        await heard(reader)
        reading = asyncio.create_task(close_code(reader))
        deaf.transport.pause_reading()
        deaf.transport.get_extra_info("socket").setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        for _ in range(200):
            world.desk.publish("salinas-1", "alert", {"text": "x" * 100_000})
            await asyncio.sleep(0)
        await asyncio.sleep(0.2)
        began = time.perf_counter()
        stop.set()
        async with asyncio.timeout(5):
            await running
        assert time.perf_counter() - began < 3.0
        assert (await reading)[0] == 1012
        deaf.transport.abort()


async def test_a_subscription_that_fell_behind_is_given_back(world: World, port: int) -> None:
    async with dial(port, F, "vlx_all") as socket:
        await heard(socket)
        (queue,) = world.desk.subscriptions["salinas-1"]
        queue.put_nowait(None)  # as a real one ends when its listener is too slow
        assert (await close_code(socket))[0] == 1012
        await until(lambda: not world.desk.subscriptions["salinas-1"])
    async with dial(port, F, "vlx_all") as socket:
        assert (await heard(socket))["type"] == "snapshot"


@pytest.mark.parametrize("ready", [True, False])
async def test_messages_come_in_their_order_whether_they_are_written_at_once_or_wait(
    world: World, port: int, ready: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third time the line is not free, so that both ways follow one another."""
    real, turns, taken = Line.write_ready, count(), []

    def sometimes(line: Line, frame: bytes) -> bool:
        if not ready or next(turns) % 3 == 2:
            return False
        taken.append(frame)
        return real(line, frame)

    monkeypatch.setattr(Line, "write_ready", sometimes)
    async with dial(port, F, "vlx_all") as socket:
        first = (await heard(socket))["seq"]
        for n in range(40):
            publish_price(world, 0.05 + n / 1000)
            if n % 7 == 0:
                await asyncio.sleep(0)
        messages = [await heard(socket) for _ in range(40)]
    assert [message["seq"] for message in messages] == list(range(first + 1, first + 41))
    assert [message["data"]["price_per_kwh"] for message in messages] == [0.05 + n / 1000 for n in range(40)]
    assert bool(taken) is ready
