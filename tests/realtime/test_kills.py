"""`kill -9` at any moment, again and again: no acknowledged row is lost, no number given twice, nothing told twice."""

import asyncio
import multiprocessing
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dispatch.plants import body
from realtime import victim
from realtime.victim import FACILITY, live, price_of, start_of, what_of
from store.samples import gas, parsed, receipt
from vibelux.store.database import Database
from vibelux.store.facilities import put_facility
from vibelux.store.writer import write_payload

KILLS = 200 if os.environ.get("VIBELUX_SOAK") else 20
LONGEST_LIFE_SECONDS = 0.6

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([victim.__name__])


@dataclass
class Witness:
    """Remembers every promise."""

    rows: set[int] = field(default_factory=set)
    told: dict[int, tuple[str, str]] = field(default_factory=dict)

    def hear(self, line: str) -> None:
        kind, *rest = line.split()
        if kind == "row":
            self.rows.add(int(rest[0]))
        elif kind == "told":
            seq, what = int(rest[0]), (rest[1], rest[2])
            assert self.told.get(seq, what) == what, f"number {seq} was given twice"
            self.told[seq] = what


async def life(url: str, folder: str, witness: Witness, *, seconds: float | None, last: int | None = None) -> None:
    """Kills a process so long after its first sign of life; without `seconds` it ends by itself."""
    ours, theirs = _forks.Pipe(duplex=False)
    process = _forks.Process(target=live, args=(url, folder, theirs, last), daemon=True)
    process.start()
    theirs.close()
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    reading = loop.run_in_executor(None, _read, ours, witness, lambda: loop.call_soon_threadsafe(ready.set))
    async with asyncio.timeout(60):
        await ready.wait()
        if seconds is not None:
            await asyncio.sleep(seconds)
            process.kill()
        assert await reading is (seconds is None)
    process.join()


def _read(pipe: Any, witness: Witness, lives: Any) -> bool:
    """Whether the process said its last word itself."""
    try:
        while (line := pipe.recv()) != "end":
            lives()
            witness.hear(line)
    except (EOFError, OSError):
        return False
    return True


@pytest.mark.timeout(3600)
async def test_no_row_is_lost_and_nothing_is_told_twice(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))  # so that all is imported once, before the forks
    await write_payload(database, receipt(start_of(0), "caiso/gas-price-index"), parsed(gas(3.8), kind="gas-price"))
    await put_facility(database, FACILITY, body(id=FACILITY, prices={"gas_hub": "PG&E Citygate"}), "file")
    witness, chance = Witness(), random.Random(7)
    for _ in range(KILLS):
        await life(database_url, str(tmp_path), witness, seconds=chance.uniform(0.0, LONGEST_LIFE_SECONDS))
    await life(database_url, str(tmp_path), witness, seconds=None, last=max(witness.rows) + 3)
    assert len(witness.rows) > KILLS

    rows = await _all(
        database, "SELECT market_interval_start, price_per_kwh::float8 FROM real_time_electricity_prices ORDER BY 1"
    )
    assert rows == [(start_of(n), price_of(n)) for n in range(len(rows))], "each once, none missing"
    assert max(witness.rows) < len(rows), "none that was acknowledged is lost"
    ((position,),) = await _all(database, "SELECT position FROM feed_positions WHERE feed = 'caiso/real-time-pricing'")
    assert position == start_of(len(rows)), "the feed is read as far as its rows go"

    outbox = await _all(database, "SELECT seq, type, body FROM outbox ORDER BY seq")
    assert [seq for seq, _, _ in outbox] == list(range(1, len(outbox) + 1)), "no number missing or given twice"
    stored = {seq: (kind, what_of(kind, content)) for seq, kind, content in outbox}
    assert witness.told.items() <= stored.items(), "what was heard is what is kept"
    assert len(witness.told) > KILLS
    prices = [what for kind, what in stored.values() if kind == "market-price-update"]
    assert len(prices) == len(set(prices)), "no price is told twice"

    decided = await _all(database, "SELECT seq, decision FROM chp_decisions ORDER BY seq")
    told = [(seq, content["decision"]) for seq, kind, content in outbox if kind == "chp-decision-update"]
    assert decided == told, "each decision is told, and none is told that is not kept"
    newest = "SELECT conditions -> 'marketConditions' ->> 'gridPrice' FROM chp_decisions ORDER BY seq DESC LIMIT 1"
    ((known,),) = await _all(database, newest)
    assert float(known) == price_of(len(rows) - 1), "the newest price is decided on"


async def _all(database: Database, statement: str) -> list[tuple[Any, ...]]:
    async with database.connection() as connection:
        return await (await connection.execute(statement)).fetchall()
