"""Each answer has an id, and so has every line that is logged on its way; JSON on demand."""

import json

import pytest

from serve.fakes import World
from vibelux.cli._running import set_up_logs
from vibelux.market.errors import UsageError


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-1.2:3", True), ("two words", False), ("x" * 65, False), (None, False)]
)
async def test_an_id_that_may_stand_in_a_log_is_kept_and_else_one_is_made(given: str | None, kept: bool) -> None:
    async with World().client() as client:
        reply = await client.get("/healthz", headers={} if given is None else {"X-Request-Id": given})
    found = reply.headers["x-request-id"]
    assert (found == given) is kept
    assert 0 < len(found) <= 64


async def test_a_fault_is_logged_as_json_with_the_id_of_its_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOG_FORMAT", "json")
    set_up_logs("warning")
    world = World()
    world.store.feed_status = None
    async with world.client("vlx_all") as client:
        reply = await client.get("/api/feeds", headers={"X-Request-Id": "mine"})
    assert (reply.status_code, reply.headers["x-request-id"]) == (500, "mine")
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    assert (line["request_id"], line["path"]) == ("mine", "/api/feeds")
    monkeypatch.setenv("LOG_FORMAT", "xml")
    with pytest.raises(UsageError, match="LOG_FORMAT"):
        set_up_logs()
