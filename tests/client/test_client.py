"""The client against the real app: a real port, a real store, a line that breaks; the documents' code runs too."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from dispatch.plants import GAS_AT_3_CENTS, body
from dispatch.test_ledger import answer as decided
from serve.served import listening, until
from serve.stored import OutboxDesk, StoredWorld, stored_world
from store.samples import FIVE, NOON, at, carbon, gas, parsed, price, receipt
from vibelux.client import Client, ClientError, Message, NotFound, Refused, TooMany, Unauthorized, Unreachable
from vibelux.realtime.ledger import Ledger
from vibelux.serve import examples
from vibelux.store.database import Database
from vibelux.store.decisions import save_decision
from vibelux.store.facilities import put_facility
from vibelux.store.writer import write_payload

ROOT = Path(__file__).parents[2]
HOUR = timedelta(hours=1)
SITE = body(id="salinas-1", pricing_node="TH_NP15_GEN-APND") | {
    "prices": {"gas": {"kind": "fixed", "usd_per_mmbtu": GAS_AT_3_CENTS}, "import_adder_usd_per_kwh": 0.05}
}
T = TypeVar("T")


class Relay:
    """A line to a port that can be cut as a cable is."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: set[asyncio.StreamWriter] = set()
        self.calls = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._through, "127.0.0.1", 0)
        yield server.sockets[0].getsockname()[1]
        server.close()
        self.cut()

    def cut(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, back}
        await asyncio.gather(self._copy(reader, back), self._copy(there, writer))
        self._open -= {writer, back}

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                target.write(data)
        target.close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
async def world(database: Database) -> StoredWorld:
    """An hour of decisions, prices until now, a ledger and a plan."""
    world = await stored_world(database)
    await put_facility(database, "salinas-1", SITE, "cli")
    await write_payload(database, receipt(), parsed(*(price(0.06, NOON + n * FIVE) for n in range(12))))
    for n in range(12):
        told = decided(NOON + n * FIVE, 0.06)
        rest = {name: value for name, value in told.items() if name != "decision"}
        await save_decision(database, "salinas-1", NOON + n * FIVE, told["decision"], rest, [])
    world.state.ledger = Ledger(database, world.clock)

    async def schedule(_: str) -> dict[str, Any]:
        return examples.SCHEDULE

    world.desk.schedule = schedule  # type: ignore[method-assign]
    return world


@pytest.fixture
async def url(world: StoredWorld) -> AsyncIterator[str]:
    async with listening(world) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def client(world: StoredWorld, url: str) -> Iterator[Client]:
    with Client(url, world.key.key) as client:
        yield client


async def said(ask: Callable[[], T]) -> T:
    """What a question that waits is answered while the service goes on."""
    async with asyncio.timeout(60):
        return await asyncio.to_thread(ask)


def ask_once(url: str, key: str) -> None:
    with Client(url, key) as client:
        client.facilities()


async def test_a_decision_is_typed_and_has_the_service_s_reasons(world: StoredWorld, client: Client) -> None:
    answer = await said(lambda: client.decision("salinas-1"))
    there = world.desk.answers["salinas-1"]
    assert (answer.decision.action, answer.decision.units[0].power_kw) == ("run", 1000.0)
    assert list(answer.decision.reasons) == there["decision"]["reasons"]
    assert answer.decision.break_even_grid_price == 0.0437
    assert answer.market_conditions.co2_price == there["marketConditions"]["co2Price"] is not None
    assert answer.timestamp == datetime.fromisoformat(there["timestamp"])


async def test_prices_are_a_frame_and_as_of_a_moment_what_was_known_then(world: StoredWorld, client: Client) -> None:
    await write_payload(world.db, receipt(at(90)), parsed(price(0.09)))  # a correction of noon's price
    frame = await said(lambda: client.prices("CAISO", start=NOON, end=NOON + HOUR))
    assert frame["price_per_kwh"].to_list() == [0.09, *[0.06] * 11]
    assert frame["market_interval_start"][0] == NOON
    before = await said(lambda: client.prices("CAISO", start=NOON, end=NOON + HOUR, as_of=at(60)))
    assert before["price_per_kwh"].to_list() == [0.06] * 12
    assert (await said(lambda: client.latest_price("CAISO")))["price_per_kwh"] == 0.06


async def test_gas_and_carbon_are_frames_of_their_kinds(world: StoredWorld, client: Client) -> None:
    await write_payload(world.db, receipt(), parsed(gas(3.2), kind="gas-price"))
    await write_payload(world.db, receipt(), parsed(carbon(29.5), kind="carbon-price"))
    assert (await said(client.gas))["price_per_mmbtu"].to_list() == [3.2]
    assert (await said(client.carbon))["price_per_metric_ton"].to_list() == [29.5]


async def test_plan_and_savings_are_frames_with_times_and_figures(client: Client) -> None:
    plan = await said(lambda: client.schedule("salinas-1"))
    assert plan["start"].to_list() == [datetime.fromisoformat(row["start"]) for row in examples.SCHEDULE["rows"]]
    saved = await said(lambda: client.savings("salinas-1", by="hour", start=NOON, end=NOON + HOUR))
    assert saved["start"].to_list() == [NOON]
    assert saved["cost_usd"].to_list() == [74.0]  # 400 kW at 0.11 and a boiler of 1000 kW of gas at 0.03
    assert (await said(lambda: client.savings_totals("salinas-1")))["today"]["decided"]["costUsd"] == 74.0


async def test_no_plan_is_an_empty_frame(world: StoredWorld, client: Client) -> None:
    world.desk.schedule = OutboxDesk(world.db).schedule  # type: ignore[method-assign]
    assert (await said(lambda: client.schedule("salinas-1"))).is_empty()


async def test_errors_have_the_service_s_words(world: StoredWorld, url: str, client: Client) -> None:
    with pytest.raises(NotFound, match="Not found"):
        await said(lambda: client.decision("delta-2"))
    with pytest.raises(Refused, match="no grid and no hub with prices is called 'Atlantis'"):
        await said(lambda: client.prices("Atlantis"))
    with pytest.raises(Unauthorized, match="Unauthorized"):
        await said(lambda: ask_once(url, "vlx_wrong"))
    with pytest.raises(ClientError, match="has no time zone"):
        client.prices("CAISO", start=datetime(2026, 7, 14))
    with pytest.raises(Unreachable, match="no answer from"):
        await said(lambda: ask_once("http://127.0.0.1:1", "vlx_any"))


async def test_who_asks_too_much_is_told_when_to_come_back(database: Database) -> None:
    world = await stored_world(database, requests_per_minute=6)
    async with listening(world) as port:
        with Client(f"http://127.0.0.1:{port}", world.key.key) as client, pytest.raises(TooMany) as refusal:
            await said(lambda: [client.facilities() for _ in range(20)])
        assert refusal.value.retry_after_seconds is not None


@pytest.mark.parametrize(
    ("key", "facility", "error"), [("vlx_wrong", "salinas-1", Unauthorized), ("", "delta-2", NotFound)]
)
async def test_the_stream_ends_where_trying_again_is_of_no_use(
    world: StoredWorld, url: str, key: str, facility: str, error: type[Refused]
) -> None:
    client = Client(url, key or world.key.key)
    with pytest.raises(error):
        await said(lambda: next(client.listen(facility)))
    with pytest.raises(Unreachable):
        await said(lambda: next(Client("http://127.0.0.1:1", "vlx_any").listen(facility)))


async def test_a_cut_line_is_taken_up_again_without_hole_or_repetition(world: StoredWorld, url: str) -> None:
    relay, heard = Relay(int(url.rpartition(":")[2])), list[Message]()

    def hear(count: int) -> None:
        for message in Client(f"http://127.0.0.1:{port}", world.key.key).listen("salinas-1"):
            heard.append(message)
            if len(heard) == count:
                return

    async with relay.running() as port:
        listener = asyncio.create_task(said(lambda: hear(7)))
        await until(lambda: heard, 30)
        for n in range(3):
            await world.desk.commit({"data": {"n": n}})  # type: ignore[attr-defined]
        await until(lambda: len(heard) == 4, 30)
        relay.cut()
        for n in range(3, 6):
            await world.desk.commit({"data": {"n": n}})  # type: ignore[attr-defined]
        await listener
    first, *rest = heard
    assert first.type == "snapshot"
    assert [message.seq for message in rest] == list(range(first.seq + 1, first.seq + 7))
    assert [message.body["data"]["n"] for message in rest] == list(range(6))
    assert relay.calls == 2


async def test_a_program_that_starts_again_goes_on_after_its_last_message(world: StoredWorld, client: Client) -> None:
    seqs = [await world.desk.commit({"data": {"n": n}}) for n in range(3)]  # type: ignore[attr-defined]
    message = await said(lambda: next(client.listen("salinas-1", since=seqs[0])))
    assert (message.seq, message.body["data"]["n"]) == (seqs[1], 1)


def notebook() -> str:
    cells = json.loads((ROOT / "examples" / "client.ipynb").read_text())["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def page() -> str:
    return "\n".join(
        re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "client.md").read_text(), re.MULTILINE | re.DOTALL)
    )


@pytest.mark.parametrize("code", [page, notebook])
async def test_the_code_of_page_and_notebook_runs(
    world: StoredWorld,
    url: str,
    code: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("VIBELUX_KEY", world.key.key)
    text = code().replace("http://127.0.0.1:8080", url)
    names: dict[str, Any] = {}
    running = asyncio.create_task(said(lambda: exec(compile(text, code.__name__, "exec"), names)))  # noqa: S102 (our own)
    while not running.done():
        await world.desk.commit({"data": {}})  # type: ignore[attr-defined]
        await asyncio.sleep(0.05)
    await running
    names["client"].close()
    told = capsys.readouterr().out
    assert "run" in told
    assert "market-price-update" in told
