"""What watches the service, held against the service itself: each dashboard and rule asks for numbers that exist."""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from test_service import service
from vibelux._toml import nearest

OPS = Path(__file__).parents[1] / "ops"
RULES = OPS / "prometheus" / "vibelux.rules.yml"
OF_PROMETHEUS = {"up", "vibelux:good_requests_total"}
"""A series that Prometheus makes itself, and one that our rules record."""
_LABELS = re.compile(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"|\b(by|without|on|ignoring)\s*\([^)]*\)")
_NAME = re.compile(r"(?<![\w.:])[a-zA-Z_:][\w:]*(?!\s*\(|[\w:])")
_WORDS = {"by", "without", "on", "ignoring", "and", "or", "unless", "bool", "offset", "group_left", "group_right"}


def names_of(expression: str) -> set[str]:
    """The metrics that an expression names."""
    return {name for name in _NAME.findall(_LABELS.sub(" ", expression)) if name not in _WORDS}


def queries() -> Iterator[tuple[str, str]]:
    """Every query of a dashboard, with the panel that asks it."""
    for path in sorted((OPS / "grafana").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]


def rules() -> Iterator[tuple[str, str]]:
    """Every rule's expression, with its name."""
    found = re.findall(
        r"- (?:alert|record): (\S+)\n\s+expr: (?:>-\n)?((?:.|\n)+?)\n\s+(?:for|labels|annotations):", _text()
    )
    found += re.findall(r"- record: (\S+)\n\s+expr: ([^\n]+)", _text())
    return iter(found)


def _text() -> str:
    return RULES.read_text()


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is not installed: apt-get install prometheus")
    return found


def test_the_names_in_an_expression_are_found_and_nothing_else_is() -> None:
    expression = 'histogram_quantile(0.95, sum by (le, stage) (rate(a_bucket{x=~"b|c"}[5m]))) > 5 unless on (d) e:f'
    assert names_of(expression) == {"a_bucket", "e:f"}
    assert len(list(rules())) >= 15
    assert {place.partition(":")[0] for place, _ in queries()} == {"data-quality", "performance", "fleet", "cost"}


def test_the_rules_are_valid_fire_and_clear() -> None:
    promtool = _program("promtool")
    for arguments in (["check", "config", "prometheus.yml"], ["test", "rules", "vibelux.rules.test.yml"]):
        ran = subprocess.run(
            [promtool, *arguments], cwd=OPS / "prometheus", capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


@asynccontextmanager
async def prometheus(folder: Path, scraped: str, key: str) -> AsyncIterator[str]:
    """A real Prometheus with our rules that scrapes a service, and its address."""
    program = _program("prometheus")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    shipped = (OPS / "prometheus" / "prometheus.yml").read_text()
    asked = shipped.replace("127.0.0.1:8080", scraped.removeprefix("http://").rstrip("/")).replace("15s", "1s")
    (folder / "prometheus.yml").write_text(f"{asked}    authorization: {{credentials: {key}}}\n")
    shutil.copy(RULES, folder)
    process = _spawn(program, folder, address)
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


def _spawn(program: str, folder: Path, address: str) -> subprocess.Popen[bytes]:
    own = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    return subprocess.Popen([program, *own, f"--web.listen-address={address}", "--log.level=error"])


async def asked(client: httpx2.AsyncClient, expression: str) -> list[dict[str, Any]]:
    """What Prometheus answers."""
    plain = expression.replace("$__rate_interval", "5m").replace("$provider", ".*").replace("$facility", ".*")
    reply = await client.get("/api/v1/query", params={"query": plain})
    assert reply.status_code == 200, f"{expression}: {reply.text}"
    return reply.json()["data"]["result"]


@pytest.mark.xdist_group("service")
async def test_every_query_and_rule_asks_for_what_the_service_says(database_url: str, tmp_path: Path) -> None:
    """Also whether it is ready, and on which way the price came that its decision rests on."""
    webhook = {"ALERT_WEBHOOK_URL": "https://127.0.0.1:9/"}  # posts to this machine are refused; they are counted
    async with service(database_url, tmp_path / "vibelux", speed=240, **webhook) as running:
        (tmp_path / "prometheus").mkdir()
        async with (
            prometheus(tmp_path / "prometheus", running.url, running.key) as address,
            httpx2.AsyncClient(base_url=address, timeout=10) as client,
        ):
            answer = await running.until(lambda a: a["decision"].get("latency"))
            stages = answer["decision"]["latency"]["seconds"]
            assert set(stages) == {"publishedToFetched", "fetchedToStored", "storedToDecided"}
            checks = dict.fromkeys(("database", "schema", "seat", "feeds", "decisions"), "ok")
            async with asyncio.timeout(60):
                while (await running.http.get("/readyz")).json() != {"ready": True, "checks": checks}:
                    await asyncio.sleep(0.2)
            exposed = set(re.findall(r"^# TYPE (\S+) ", (await running.http.get("/metrics")).text, re.MULTILINE))
            for place, expression in (*queries(), *rules()):
                for name in names_of(expression) - OF_PROMETHEUS:
                    known = {name, re.sub(r"_(bucket|count|sum)$", "", name)} & exposed
                    assert known, f"{place} asks for {name}, which nobody says{nearest(name, exposed)}"
            async with asyncio.timeout(60):
                while True:
                    with suppress(httpx2.TransportError, AssertionError):
                        if await asked(client, "vibelux_facility_power_kw"):
                            break
                    await asyncio.sleep(0.2)
            for _, expression in (*queries(), *rules()):
                await asked(client, expression)
            assert [one["value"][1] for one in await asked(client, "up")] == ["1"]
