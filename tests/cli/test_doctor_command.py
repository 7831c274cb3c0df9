"""`vibelux doctor` of a service whose prices disagree."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from vibelux.cli.main import main
from vibelux.store.disagreements import Disagreement, add

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
