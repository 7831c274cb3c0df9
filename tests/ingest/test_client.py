"""The client against an upstream that misbehaves: each fault ends in its own error and within the budget."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from ingest.fakes import NOON, PRICES, PatientClock, metrics, upstream_to
from ingest.stand_in import Answer, Asked, StandIn, redirect
from vibelux.feeds import Feed, Request
from vibelux.ingest.client import Reply, Upstream
from vibelux.market.clock import FrozenClock
from vibelux.market.errors import (
    AccessDenied,
    CircuitOpen,
    Corrupt,
    FeedError,
    NotYetPublished,
    Throttled,
    TooLarge,
    Unreachable,
    UpstreamError,
)

REQUEST = Request("https://prices.test/data?x=1")
THROTTLE_PAGE = (
    b"<html><body><p>CAISO Acceptable Use Policy Violation. "
    b"Please retry your request after 5 seconds.</p></body></html>"
)


def in_turn(*answers: Answer) -> Callable[[Asked], Answer]:
    """One answer after the other, the last one for ever."""
    left: Iterator[Answer] = iter(answers)
    last = answers[-1]
    return lambda _: next(left, last)


async def fetched(answer: Callable[[Asked], Answer], feed: Feed = PRICES) -> tuple[Reply | FeedError, StandIn]:
    clock = FrozenClock(NOON)
    async with StandIn(clock, answer) as there, upstream_to(there.url, clock) as upstream:
        try:
            return await upstream.fetch(feed, REQUEST), there
        except FeedError as error:
            return error, there


async def test_a_reply_comes_with_headers_body_and_the_clocks_time() -> None:
    headers = {"Content-Disposition": "inline; filename=a/b/20260714_PRC.zip;", "X-Vibelux-Received-At": "1999"}
    reply, there = await fetched(lambda _: Answer(body=b"bytes", headers=headers))
    assert isinstance(reply, Reply)
    assert (reply.status, reply.body, reply.name, reply.received_at) == (200, b"bytes", "20260714_PRC.zip", NOON)
    assert there.asked[0].path == "/data?x=1"


async def test_a_base_url_keeps_its_own_path_in_front() -> None:
    clock = FrozenClock(NOON)
    async with StandIn(clock, lambda _: Answer()) as there, upstream_to(there.url + "/below/", clock) as upstream:
        await upstream.fetch(PRICES, REQUEST)
    assert there.asked[0].path == "/below/data?x=1"


@pytest.mark.parametrize(("claim", "origin"), [("synthetic", "synthetic"), ("recorded", "recorded"), ("gold", "live")])
async def test_a_tape_on_loopback_says_where_its_bytes_come_from(claim: str, origin: str) -> None:
    reply, _ = await fetched(lambda _: Answer(headers={"X-Vibelux-Origin": claim}))
    assert isinstance(reply, Reply)
    assert reply.origin == origin


async def test_without_a_stand_in_nobody_may_say_that_its_bytes_are_not_live() -> None:
    clock = FrozenClock(NOON)
    tape = Answer(headers={"X-Vibelux-Origin": "synthetic"})
    async with StandIn(clock, lambda _: tape) as there, Upstream(clock) as upstream:
        reply = await upstream.fetch(PRICES, Request(there.url + "/data"))
    assert reply.origin == "live"


async def test_429_is_asked_again_after_the_seconds_that_it_names() -> None:
    reply, there = await fetched(in_turn(Answer(429, headers={"Retry-After": "7"}), Answer(body=b"ok")))
    assert isinstance(reply, Reply)
    assert (there.asked[1].at - there.asked[0].at).total_seconds() >= 7


async def test_429_is_asked_again_at_the_date_that_it_names() -> None:
    until = format_datetime(NOON + timedelta(seconds=20), usegmt=True)
    reply, there = await fetched(in_turn(Answer(429, headers={"Retry-After": until}), Answer(body=b"ok")))
    assert isinstance(reply, Reply)
    assert there.asked[1].at >= NOON + timedelta(seconds=20)


async def test_429_without_a_word_is_throttled_after_a_few_attempts() -> None:
    error, there = await fetched(lambda _: Answer(429))
    assert isinstance(error, Throttled)
    assert len(there.asked) == 3
    gaps = [(b.at - a.at).total_seconds() for a, b in pairwise(there.asked)]
    assert all(gap >= 5 for gap in gaps)


async def test_the_seconds_in_caisos_throttle_page_are_honoured() -> None:
    error, _ = await fetched(lambda _: Answer(429, THROTTLE_PAGE, {"Content-Type": "text/html"}))
    assert isinstance(error, Throttled)
    assert error.retry_after_seconds == 5
    assert "Acceptable Use Policy" in str(error)


async def test_an_absurd_retry_after_is_cut_to_an_hour_and_asked_once() -> None:
    clock = FrozenClock(NOON)
    async with (
        StandIn(clock, lambda _: Answer(429, headers={"Retry-After": "999999999"})) as there,
        upstream_to(there.url, clock) as upstream,
    ):
        with pytest.raises(Throttled):
            await upstream.fetch(PRICES, REQUEST)
        with pytest.raises(CircuitOpen) as caught:
            await upstream.fetch(PRICES, REQUEST)
        assert caught.value.retry_at - NOON <= timedelta(hours=1, seconds=1)
        assert len(there.asked) == 1
        clock.move(3_601)
        there.answer = lambda _: Answer()
        assert (await upstream.fetch(PRICES, REQUEST)).status == 200


async def test_503_with_retry_after_is_left_alone_that_long() -> None:
    reply, there = await fetched(in_turn(Answer(503, headers={"Retry-After": "12"}), Answer(body=b"ok")))
    assert isinstance(reply, Reply)
    assert (there.asked[1].at - there.asked[0].at).total_seconds() >= 12


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
async def test_a_fault_of_the_other_side_is_asked_again(status: int) -> None:
    reply, there = await fetched(in_turn(Answer(status), Answer(body=b"ok")))
    assert isinstance(reply, Reply)
    assert len(there.asked) == 2


@pytest.mark.parametrize(
    ("status", "path", "kind", "asked"),
    [
        (500, "/data", Unreachable, 3),
        (401, "/data", AccessDenied, 1),
        (403, "/data", AccessDenied, 1),
        (404, "/data", Unreachable, 1),
        (404, "/20260714.csv", NotYetPublished, 1),
        (404, "/v2/natural-gas/renamed/data", Unreachable, 1),
        (400, "/data", UpstreamError, 1),
        (304, "/data", Unreachable, 1),
    ],
)
async def test_each_status_is_its_own_error(status: int, path: str, kind: type[FeedError], asked: int) -> None:
    clock = FrozenClock(NOON)
    async with (
        StandIn(clock, lambda _: Answer(status, b"" if status == 304 else b"<p>why</p>")) as there,
        upstream_to(there.url, clock) as upstream,
    ):
        with pytest.raises(kind) as caught:
            await upstream.fetch(PRICES, Request("https://prices.test" + path))
    assert len(there.asked) == asked
    assert f"HTTP {status}" in str(caught.value)
    assert status == 304 or "why" in str(caught.value)


async def test_a_place_outside_the_weather_service_is_named_and_not_waited_for() -> None:
    problem = {
        "title": "Data Unavailable For Requested Point",
        "type": "https://api.weather.gov/problems/InvalidPoint",
        "status": 404,
        "detail": "Unable to provide data for requested point 51.5,-0.12",
    }
    weather = replace(PRICES, provider="nws", url="https://prices.test/gridpoints")
    clock = FrozenClock(NOON)
    async with (
        StandIn(clock, lambda _: Answer(404, json.dumps(problem).encode())) as there,
        Upstream(clock, base_urls={"nws": there.url}) as upstream,
    ):
        with pytest.raises(UpstreamError) as caught:
            await upstream.fetch(weather, Request("https://prices.test/points/51.5,-0.12"))
    assert caught.value.code == "InvalidPoint"
    assert "51.5,-0.12" in str(caught.value)
    assert "OPEN_METEO_ENABLED=true" in str(caught.value)


async def test_a_refusal_names_the_settings_that_are_wanted() -> None:
    feed = replace(PRICES, needs_key=("PJM_API_KEY|PJM_USERNAME",))
    error, _ = await fetched(lambda _: Answer(401), feed)
    assert "PJM_API_KEY or PJM_USERNAME" in str(error)


async def test_hanging_up_is_unreachable() -> None:
    error, there = await fetched(lambda _: Answer(hang_up=True))
    assert isinstance(error, Unreachable)
    assert len(there.asked) == 3


async def test_nobody_listening_is_unreachable() -> None:
    clock = FrozenClock(NOON)
    async with upstream_to("http://127.0.0.1:9", clock) as upstream:
        with pytest.raises(Unreachable):
            await upstream.fetch(PRICES, REQUEST)


async def test_a_reply_that_takes_too_long_is_given_up_in_real_seconds() -> None:
    hasty = replace(PRICES, service=replace(PRICES.service, timeout_seconds=0.05))
    error, there = await fetched(lambda _: Answer(pause=0.3), hasty)
    assert isinstance(error, Unreachable)
    assert len(there.asked) == 3


async def test_a_body_that_never_ends_is_refused_at_the_bound() -> None:
    error, _ = await fetched(lambda _: Answer(body=b"x" * 10_000, pieces=100_000))
    assert isinstance(error, TooLarge)


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    error, there = await fetched(lambda _: Answer(promised_length=10_000_000_000))
    assert isinstance(error, TooLarge)
    assert len(there.asked) == 1


async def test_a_body_shorter_than_promised_is_unreachable() -> None:
    error, _ = await fetched(lambda _: Answer(body=b"half", promised_length=8))
    assert isinstance(error, Unreachable)


async def test_gzip_is_unpacked() -> None:
    reply, there = await fetched(lambda _: Answer(body=gzip.compress(b"rows"), headers={"Content-Encoding": "gzip"}))
    assert isinstance(reply, Reply)
    assert reply.body == b"rows"
    assert there.asked[0].headers["accept-encoding"] == "gzip, identity"


async def test_a_gzip_bomb_is_refused_at_the_bound() -> None:
    bomb = gzip.compress(b"\0" * 20_000_000)
    assert len(bomb) < PRICES.service.max_body_bytes
    error, _ = await fetched(lambda _: Answer(body=bomb, headers={"Content-Encoding": "gzip"}))
    assert isinstance(error, TooLarge)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"start,node,price\n"),
        ("gzip", gzip.compress(b"rows" * 99)[:-9]),
        ("br", b"x"),
        ("deflate", zlib.compress(b"x")),
    ],
    ids=["no gzip", "cut off", "brotli", "deflate"],
)
async def test_an_encoding_that_lies_or_was_not_asked_for_is_corrupt(encoding: str, body: bytes) -> None:
    error, there = await fetched(lambda _: Answer(body=body, headers={"Content-Encoding": encoding}))
    assert isinstance(error, Corrupt)
    assert len(there.asked) == 1


async def test_an_unchanged_file_is_asked_for_with_its_validators_once_it_was_stored() -> None:
    clock = FrozenClock(NOON)

    def answer(asked: Asked) -> Answer:
        if asked.headers.get("if-none-match") == '"1"':
            return Answer(304)
        return Answer(body=b"rows", headers={"ETag": '"1"', "Last-Modified": "Tue, 14 Jul 2026 19:00:00 GMT"})

    async with StandIn(clock, answer) as there, upstream_to(there.url, clock) as upstream:
        first = await upstream.fetch(PRICES, REQUEST)
        again = await upstream.fetch(PRICES, REQUEST)
        assert again.body == b"rows"  # what was not stored is asked for whole
        upstream.stored(first)
        third = await upstream.fetch(PRICES, REQUEST)
    assert third.not_modified
    assert third.body == b""
    assert there.asked[2].headers["if-modified-since"] == "Tue, 14 Jul 2026 19:00:00 GMT"


async def test_a_redirect_on_the_same_host_is_followed_in_its_own_turn() -> None:
    reply, there = await fetched(in_turn(redirect("/elsewhere?y=2"), Answer(body=b"moved")))
    assert isinstance(reply, Reply)
    assert reply.body == b"moved"
    assert there.asked[1].path == "/elsewhere?y=2"
    assert (there.asked[1].at - there.asked[0].at).total_seconds() >= 1


async def test_a_redirect_never_leads_past_a_stand_in() -> None:
    reply, there = await fetched(in_turn(redirect("https://prices.test/elsewhere"), Answer(body=b"here")))
    assert isinstance(reply, Reply)
    assert there.asked[1].path == "/elsewhere"


async def test_a_redirect_loop_ends() -> None:
    error, there = await fetched(lambda _: redirect("/data?x=1"))
    assert isinstance(error, Unreachable)
    assert len(there.asked) == 4


async def test_a_redirect_to_another_host_without_tls_is_not_followed() -> None:
    clock = FrozenClock(NOON)
    async with StandIn(clock, lambda _: redirect("http://127.0.0.1:9/x")) as there, Upstream(clock) as upstream:
        with pytest.raises(Unreachable, match="not followed"):
            await upstream.fetch(PRICES, Request(there.url + "/data"))


async def test_requests_keep_the_distance_of_the_budget_and_prices_go_first() -> None:
    clock = PatientClock(NOON)
    slow = replace(PRICES, service=replace(PRICES.service, seconds_between=5.0))
    load = replace(slow, kind="series", data_type="load")
    async with StandIn(clock, lambda _: Answer()) as there, upstream_to(there.url, clock) as upstream:
        asks = [(slow, "history", True), (load, "load-1", False), (load, "load-2", False), (slow, "price", False)]
        await asyncio.gather(
            *(
                upstream.fetch(feed, Request(f"https://prices.test/{name}"), background=background)
                for feed, name, background in asks
            )
        )
    assert [asked.path for asked in there.asked] == ["/price", "/load-1", "/load-2", "/history"]
    moments = [asked.at for asked in there.asked]
    assert all(later - earlier >= timedelta(seconds=5) for earlier, later in pairwise(moments))


async def test_the_breaker_opens_after_failures_in_a_row_and_closes_after_a_good_probe() -> None:
    clock = FrozenClock(NOON)
    async with StandIn(clock, lambda _: Answer(500)) as there, upstream_to(there.url, clock) as upstream:
        for _ in range(2):
            with pytest.raises(Unreachable):
                await upstream.fetch(PRICES, REQUEST)
        asked = len(there.asked)
        with pytest.raises(CircuitOpen) as caught:
            await upstream.fetch(PRICES, REQUEST)
        assert asked == len(there.asked) == 5
        assert caught.value.retry_at - clock.now() <= timedelta(seconds=30)
        clock.move((caught.value.retry_at - clock.now()).total_seconds())
        there.answer = lambda _: Answer()
        assert (await upstream.fetch(PRICES, REQUEST)).status == 200
        there.answer = lambda _: Answer(500)
        with pytest.raises(Unreachable):
            await upstream.fetch(PRICES, REQUEST)
        assert len(there.asked) == 9  # three attempts again: it was closed


async def test_a_service_that_fails_does_not_touch_another() -> None:
    clock = FrozenClock(NOON)
    other = replace(PRICES, service=replace(PRICES.service, name="other.test"))
    answer = lambda asked: Answer(500 if asked.path == "/data" else 200)  # noqa: E731
    async with StandIn(clock, answer) as there, upstream_to(there.url, clock) as upstream:
        for _ in range(2):
            with pytest.raises(Unreachable):
                await upstream.fetch(PRICES, Request("https://prices.test/data"))
        assert (await upstream.fetch(other, Request("https://other.test/fine"))).status == 200


async def test_a_request_given_up_in_line_does_not_hold_up_the_others() -> None:
    clock = FrozenClock(datetime(2026, 7, 14, tzinfo=UTC))
    async with StandIn(clock, lambda _: Answer(pause=0.05)) as there, upstream_to(there.url, clock) as upstream:
        first = asyncio.create_task(upstream.fetch(PRICES, REQUEST))
        second = asyncio.create_task(upstream.fetch(PRICES, REQUEST))
        third = asyncio.create_task(upstream.fetch(PRICES, REQUEST))
        await asyncio.sleep(0)
        second.cancel()
        assert [(await task).status for task in (first, third)] == [200, 200]
        assert len(there.asked) == 2


async def test_requests_and_errors_are_counted_by_provider_and_status() -> None:
    clock = FrozenClock(NOON)
    counted = metrics(clock)
    async with (
        StandIn(clock, in_turn(Answer(500), Answer(body=b"12345"), Answer(404))) as there,
        upstream_to(there.url, clock, metrics=counted) as upstream,
    ):
        await upstream.fetch(PRICES, REQUEST)
        with pytest.raises(Unreachable):
            await upstream.fetch(PRICES, REQUEST)
    sample = counted.registry.get_sample_value
    labels = {"provider": "caiso", "data_type": "real-time-pricing"}
    for status in ("500", "200", "404"):
        assert sample("api_requests_total", {**labels, "status": status}) == 1
    assert sample("api_errors_total", {**labels, "error": "unreachable"}) == 1
    assert sample("api_response_time_seconds_count", {"provider": "caiso"}) == 3
    assert sample("vibelux_payload_bytes_total", {"feed": "caiso/real-time-pricing"}) == 5
