"""`vibelux doctor`: prices that disagree, lines to sites, and the faults that the page shows too."""

import asyncio
import json
import socket
from datetime import UTC, datetime, timedelta

import pytest

from vibelux.cli.main import main
from vibelux.market.errors import UsageError
from vibelux.store.disagreements import Disagreement, add
from vibelux.store.journal import Receipt
from vibelux.store.writer import write_failure

HOUR = datetime(2026, 7, 14, 17, tzinfo=UTC)
DOUBTED = Disagreement(
    feed="pjm/real-time-hourly-lmp",
    iso_region="PJM",
    pricing_node="WESTERN HUB",
    comparison="mean of real-time-5min and real-time-hourly",
    interval_start=HOUR,
    interval_end=HOUR + timedelta(hours=1),
    one=31.2,
    other=33.1,
    tolerance=0.01,
    why="PJM's hour is the mean of its twelve",
)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, database_url):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)


async def agreement(capsys) -> dict[str, object]:
    await asyncio.to_thread(main, ["doctor", "--offline", "--json"])
    (check,) = [check for check in json.loads(capsys.readouterr().out) if check["check"] == "prices that disagree"]
    return check


async def test_it_says_how_many_prices_disagree_and_shows_the_newest(database, capsys):
    assert (await agreement(capsys))["ok"] is True
    await add(database, [DOUBTED], HOUR + timedelta(days=1))
    check = await agreement(capsys)
    assert check["ok"] is None, "it is for the operator to judge, and no fault of the service"
    assert check["what"] == (
        "1 said otherwise by another route, the newest WESTERN HUB 2026-07-14 17:00 UTC,"
        " mean of real-time-5min and real-time-hourly: 31.20 and 33.10 USD/MWh"
    )
    assert "vibelux backfill" in check["do"]


async def lines(capsys) -> dict[str, tuple[object, str]]:
    await asyncio.to_thread(main, ["doctor", "--offline", "--json"])
    checks = json.loads(capsys.readouterr().out)
    return {check["check"]: (check["ok"], check["what"]) for check in checks}


async def test_broker_devices_and_webhook_are_tried_and_the_webhooks_address_is_not_shown(
    tmp_path, monkeypatch, capsys
):
    with socket.create_server(("127.0.0.1", 0)) as server:  # the kernel takes the connections
        port = server.getsockname()[1]
        (tmp_path / "registers.toml").write_text("")
        (tmp_path / "vibelux.toml").write_text(
            f'[[telemetry.modbus]]\nname = "boiler-room"\nfacility = "a"\nhost = "127.0.0.1"\nport = {port}\n'
            'map = "registers.toml"\n'
        )
        monkeypatch.setenv("MQTT_URL", f"mqtt://user:canary@127.0.0.1:{port}")
        monkeypatch.setenv("ALERT_WEBHOOK_URL", f"https://127.0.0.1:{port}/canary")
        found = await lines(capsys)
        assert found["broker"] == found["modbus boiler-room"] == (True, f"127.0.0.1:{port} answers")
        assert found["webhook"] == (True, "its address answers")
    found = await lines(capsys)
    for name in ("broker", "modbus boiler-room", "webhook"):
        assert found[name][0] is False
        assert "cannot be reached" in found[name][1]
        assert "canary" not in found[name][1]


async def test_the_faults_of_the_repair_cards_are_told_with_what_mends_them(database, capsys):
    receipt = Receipt(
        feed="caiso/load", provider="caiso", data_type="load", region="California", url="x", status=503,
        origin="live", received_at=HOUR, sha256="", bytes=0,
    )  # fmt: skip
    await write_failure(database, receipt, UsageError("out of service"))
    await asyncio.to_thread(main, ["doctor", "--offline", "--json"])
    (check,) = [one for one in json.loads(capsys.readouterr().out) if one["check"].startswith("feed-failing")]
    assert check == {
        "check": "feed-failing: caiso/load",
        "ok": None,
        "what": "caiso/load fails, last at 2026-07-14T17:00:00Z: out of service",
        "do": "`vibelux feeds check caiso/load`",
    }
