"""The README: each block of its quickstart is run as it stands there, without network."""

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from feeds.caiso.payloads import zipped
from ingest.stand_in import Answer, StandIn
from store.samples import FIVE, gas, parsed, price, receipt
from vibelux.cli.main import main, parser
from vibelux.config import PROVIDERS
from vibelux.market.clock import LiveClock
from vibelux.market.intervals import floor_to
from vibelux.store.database import Database
from vibelux.store.writer import write_payload

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)\n```$", README, re.MULTILINE | re.DOTALL)
HOUR = timedelta(hours=1)


def commands(first_words: str) -> list[list[str]]:
    """The lines of the block that begins so, in words."""
    (body,) = [body for language, body in BLOCKS if language == "console" and body.startswith(f"$ {first_words}")]
    return [shlex.split(line.removeprefix("$ ")) for line in body.split("\n")]


def test_every_block_of_the_readme_is_known_here() -> None:
    begins = [" ".join(body.split()[:3]) if language == "console" else language for language, body in BLOCKS]
    assert begins == [
        "$ make demo",
        "$ make live",
        "$ curl -H",
        "json",
        "$ .venv/bin/vibelux facilities",
        "$ .venv/bin/vibelux parse",
    ]
    assert 2 * len(BLOCKS) == README.count("```")


@pytest.mark.parametrize("target", ["demo", "live"])
def test_make_starts_what_the_readme_says(target: str) -> None:
    (words,) = commands(f"make {target}")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # of the make above us
    asked = [*words, "--dry-run", "--no-print-directory"]
    told = subprocess.run(asked, cwd=ROOT, env=plain, capture_output=True, text=True, check=True).stdout
    program, *arguments = shlex.split(told.splitlines()[-1].removeprefix("exec "))
    assert program == ".venv/bin/vibelux"
    assert parser().parse_args(arguments).command == target


def test_saved_payloads_are_read_and_upstreams_asked_without_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parse, fetch = commands(".venv/bin/vibelux parse")
    monkeypatch.chdir(tmp_path)
    Path(parse[3]).write_bytes(good("day-ahead-pricing"))
    assert main(parse[1:]) == 0
    assert pl.read_parquet("prices.parquet")["market"].unique().to_list() == ["day-ahead-hourly"]
    capsys.readouterr()

    async def asked() -> int:
        async with StandIn(LiveClock(), lambda _: Answer(body=good("real-time-pricing"))) as there:
            monkeypatch.setenv("CAISO_BASE_URL", there.url)
            return await asyncio.to_thread(main, fetch[1:])

    assert asyncio.run(asked()) == 0
    assert fetch[-1] in capsys.readouterr().out


def good(data_type: str) -> bytes:
    """A payload of CAISO as it is served."""
    saved = min((ROOT / "tests" / "payloads" / "good" / "caiso" / data_type).glob("*.zip"))
    return zipped(**{member.name: member.read_bytes() for member in saved.iterdir()})


@contextmanager
def serving(words: list[str]) -> Iterator[str]:
    """`vibelux serve` in a process of its own on a free port; where it is."""
    command = [sys.executable, "-m", "vibelux", *words[1:], "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            for line in process.stdout or ():
                if at := re.search(r"Vibelux is at (\S+)/$", line.strip()):
                    yield at[1]
                    break
            else:
                raise AssertionError("it ended early")
        finally:
            process.terminate()


@pytest.mark.timeout(300)
async def test_the_plant_of_one_s_own_is_decided_for_as_the_readme_shows(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check, serve, create = commands(".venv/bin/vibelux facilities check")
    (ask,) = commands("curl")
    (shown,) = [json.loads(body) for language, body in BLOCKS if language == "json"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database.url)
    for name in PROVIDERS:
        monkeypatch.setenv(f"{name}_ENABLED".upper(), "false")
    shutil.copy(ROOT / "examples" / "caiso.toml", "vibelux.toml")
    assert main(check[1:]) == 0

    now = LiveClock().now()
    await write_market(database, now)
    capsys.readouterr()
    assert await asyncio.to_thread(main, create[1:]) == 0
    key = capsys.readouterr().out.strip()
    *_, header, url = (word.replace("$KEY", key) for word in ask)
    with serving(serve) as at:
        request = urllib.request.Request(url.replace("http://127.0.0.1:8080", at), headers=dict([header.split(": ")]))
        answer = await asyncio.to_thread(decided, request)
    if answer["decision"]["basis"]["state"] == "last decision":  # a second one: to stop an engine that runs takes less
        del shown["decision"]["breakEvenGridPrice"]
    assert differences(shown, answer) == []


async def write_market(db: Database, now: datetime) -> None:
    """What the README's decision rests on: the price of now, the same for the hours to come, and gas."""
    begins = floor_to(now, HOUR)
    hours = [
        price(0.05526, start, market="day-ahead-hourly", market_interval_end=start + HOUR)
        for start in (begins + at * HOUR for at in range(4))
    ]
    await write_payload(db, receipt(now), parsed(price(0.05526, floor_to(now, FIVE)), *hours))
    spot = gas(3.135, now - 8 * HOUR, hub_name="FRPGE1")
    await write_payload(db, receipt(now, "caiso/gas-price-index"), parsed(spot, kind="gas-price"))


def decided(request: urllib.request.Request) -> dict[str, Any]:
    """The answer, when there is a decision."""
    for _ in range(150):
        with urllib.request.urlopen(request, timeout=30) as reply:
            answer: dict[str, Any] = json.load(reply)
        if answer["decision"]["action"] != "unavailable":
            return answer
        time.sleep(0.2)
    raise AssertionError(answer)


def differences(shown: Any, found: Any, path: str = "") -> list[str]:
    """Where an abridged answer, its numbers rounded, says another thing than the whole one."""
    if isinstance(shown, dict):
        return [line for key, one in shown.items() for line in differences(one, found.get(key), f"{path}.{key}")]
    if isinstance(shown, list):
        pairs = zip_longest(shown, (found or [])[: len(shown)])
        return [line for at, (one, other) in enumerate(pairs) for line in differences(one, other, f"{path}[{at}]")]
    if isinstance(shown, float) and isinstance(found, float):
        found = round(found, len(str(shown).partition(".")[2]))
    return [] if shown == found else [f"{path}: {shown!r}, but {found!r}"]
