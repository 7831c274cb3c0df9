"""`vibelux outlook score` on a database: its prices forecast again, and what the service had expected."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from store.samples import parsed, price, receipt
from vibelux.cli.main import main
from vibelux.market.clock import FrozenClock
from vibelux.store.forecast_scores import Scored, Sums, add_scores
from vibelux.store.writer import write_payload

NODE, MARKET = "TH_NP15_GEN-APND", "day-ahead-hourly"
NOW = datetime(2026, 7, 14, 19, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _here(monkeypatch, database_url):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setattr("vibelux.market.clock.LiveClock", lambda: FrozenClock(NOW))


async def command(*words: str) -> int:
    return await asyncio.to_thread(main, ["outlook", "score", *words])


async def put_prices(database, days: int) -> None:
    rng = np.random.default_rng(1)
    rows = []
    for at in range(days * 24):
        start = NOW - timedelta(days=days) + at * HOUR
        value = 0.04 + 0.02 * np.sin(start.hour / 24 * 2 * np.pi) + rng.normal(0, 0.003)
        rows.append(price(float(value), start, market=MARKET, market_interval_end=start + HOUR))
    await write_payload(database, receipt(NOW - HOUR), parsed(*rows))


async def test_prices_of_the_database_are_forecast_again(database, capsys):
    await put_prices(database, 25)
    asked = ("--region", "California", "--market", MARKET)
    assert await command(*asked, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["grid"], document["node"], document["market"]) == ("CAISO", NODE, MARKET)
    assert document["leads"][-1]["lead"] == "all"
    assert document["leads"][-1]["mae"] < document["leads"][-1]["mae_yesterday"]
    assert await command(*asked, "--node", NODE, "--from", "2026-07-10") == 0
    assert "p10-p90 holds" in capsys.readouterr().out


async def test_what_the_service_expected_is_shown_as_it_came(database, capsys):
    subject = ("CAISO", NODE, "real-time-5min")
    await add_scores(database, [Scored(subject, date(2026, 7, 14), "0-2 h", Sums(10, 0.1, 0.2, 0.3, 8))], {})
    assert await command("--region", "CAISO", "--given-out", "--json") == 0
    leads = json.loads(capsys.readouterr().out)["leads"]
    assert [(row["lead"], row["steps"], row["mae"]) for row in leads] == [("0-2 h", 10, 10.0), ("all", 10, 10.0)]
    assert await command("--region", "CAISO", "--given-out") == 0
    assert "0-2 h" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--region", "CAISO"), "no prices of CAISO in real-time-5min"),
        (("--region", "CAISO", "--node", "X"), "no prices of X in real-time-5min"),
        (("--region", "CAISO", "--node", "X", "--market", "hasp-15min"), "no outlook of 'hasp-15min'"),
        (("--region", "Atlantis"), "no grid is called 'Atlantis'"),
        (("--region", "CAISO", "--given-out"), "nothing that was expected in CAISO"),
        (("--prices", "x.csv", "--given-out"), "--given-out needs --region"),
    ],
)
async def test_what_cannot_be_scored_says_why(capsys, words, said):
    assert await command(*words) == 2
    assert said in capsys.readouterr().err
