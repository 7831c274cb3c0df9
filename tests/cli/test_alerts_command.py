"""`vibelux alerts test`: each way is tried, and what came back is said."""

import asyncio
import json
from pathlib import Path

import pytest

from mosquitto import heard, mosquitto
from realtime.test_webhook import receiver
from vibelux.cli.main import main


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def ways(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, tuple[bool, str]]]:
    code = await asyncio.to_thread(main, ["alerts", "test", "--json"])
    return code, {row["way"]: (row["ok"], row["what"]) for row in json.loads(capsys.readouterr().out)}


async def test_a_webhook_that_takes_it_and_one_that_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with receiver() as there:
        there.answers = ["200 OK", "410 Gone"]
        monkeypatch.setenv("ALERT_WEBHOOK_URL", there.url().get_secret_value())
        assert (await ways(capsys))[0] == 1, "a private address has to be allowed"
        assert there.posts == []
        monkeypatch.setenv("ALERT_ALLOW_PRIVATE", "true")
        code, found = await ways(capsys)
        assert (code, found["webhook"]) == (0, (True, "taken; not signed: ALERT_WEBHOOK_SECRET is not set"))
        (body,) = there.bodies
        assert (body["kind"], body["text"]) == ("test", "This is a test of Vibelux's alerts: nothing is the matter.")
        assert (await ways(capsys)) == (1, {"webhook": (False, "the webhook answered 410")})


async def test_a_broker_that_has_it_and_one_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with mosquitto(tmp_path) as broker:
        monkeypatch.setenv("MQTT_URL", broker.url)
        async with broker.client() as person:
            await person.subscribe("vibelux/#")
            code, found = await ways(capsys)
            assert (code, found["mqtt"]) == (0, (True, "the broker has it, at vibelux/test/alert"))
            message = await heard(person, "vibelux/test/alert", 30)
            assert json.loads(bytes(message.payload))["kind"] == "test"
    code, found = await ways(capsys)
    assert (code, found["mqtt"][0]) == (1, False)


async def test_without_any_way_it_says_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert await asyncio.to_thread(main, ["alerts", "test"]) == 1
    assert "set ALERT_WEBHOOK_URL or MQTT_URL" in capsys.readouterr().err
