from datetime import UTC, datetime
from pathlib import Path

import pytest

from vibelux.feeds import Ask, feed_named
from vibelux.ingest.client import Upstream
from vibelux.market.clock import FrozenClock
from vibelux.market.quality import Origin
from vibelux.replay.record import Recorder, without_secrets
from vibelux.replay.source import TapeSource
from vibelux.replay.synth import DEFAULT_NODES
from vibelux.replay.tape import Tape
from vibelux.replay.upstream import LoopbackUpstream

NOON = datetime(2026, 4, 14, 19, tzinfo=UTC)


def test_live_traffic_becomes_a_tape_without_secrets(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        recorder.record(
            feed="eia/henry-hub-spot",
            url="https://user:hush@api.eia.gov/v2/natural-gas?frequency=daily&api_key=hush&start=2026-04-01",
            status=200,
            headers={"Content-Type": "application/json", "ETag": '"1"', "Set-Cookie": "hush", "Authorization": "hush"},
            body=b"{}",
            received_at=NOON,
        )
        assert recorder.payloads == 1
    (entry,) = Tape.open(tmp_path)
    assert entry.url == "https://api.eia.gov/v2/natural-gas?frequency=daily&api_key=***&start=2026-04-01"
    assert entry.headers == {"content-type": "application/json", "etag": '"1"'}
    assert (entry.received_at, entry.status, entry.load(), entry.origin) == (NOON, 200, b"{}", Origin.RECORDED)
    assert all(b"hush" not in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_errors_are_recorded_and_not_modified_is_not(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        for status in (304, 429, 503):
            recorder.record(feed="caiso/load", url="https://a/b", status=status, headers={}, body=b"", received_at=NOON)
    assert [entry.status for entry in Tape.open(tmp_path)] == [429, 503]


def test_what_was_synthetic_stays_synthetic_and_a_recorder_goes_on_after_a_restart(tmp_path: Path) -> None:
    for origin in ("synthetic", "live"):
        with Recorder(tmp_path) as recorder:
            recorder.record(
                feed="caiso/load",
                url="https://a/b",
                status=200,
                headers={},
                body=origin.encode(),
                received_at=NOON,
                origin=origin,
            )
    assert [entry.origin for entry in Tape.open(tmp_path)] == [Origin.SYNTHETIC, Origin.RECORDED]


@pytest.mark.parametrize(
    "name",
    ["api_key", "apikey", "key", "token", "Ocp-Apim-Subscription-Key", "access_token", "password", "client_secret"],
)
def test_parameters_that_hold_keys_are_masked(name: str) -> None:
    assert without_secrets(f"https://a/b?x=1&{name}=hush") == f"https://a/b?x=1&{name}=***"


def test_an_address_without_secrets_stays_as_it_was() -> None:
    url = "https://oasis.caiso.com/oasisapi/SingleZip?queryname=PRC_LMP&startdatetime=20260414T07:00-0000&node=A,B"
    assert without_secrets(url) == url


async def test_the_traffic_of_the_real_client_with_a_loopback_upstream_is_taped(tmp_path: Path) -> None:
    feed = feed_named("caiso/day-ahead-pricing")
    clock = FrozenClock(NOON)
    with Recorder(tmp_path) as recorder:
        async with (
            LoopbackUpstream(TapeSource(), clock) as loopback,
            Upstream(clock, base_urls={"caiso": loopback.url}, tap=recorder.tap) as upstream,
        ):
            for request in feed.requests(Ask(feed.publication.window(NOON), DEFAULT_NODES)):
                reply = await upstream.fetch(feed, request)
    (entry,) = Tape.open(tmp_path)
    assert (entry.url, entry.load(), entry.origin) == (reply.request.url, reply.body, Origin.SYNTHETIC)
    assert Tape.open(tmp_path).nodes == DEFAULT_NODES
