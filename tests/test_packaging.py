"""What is shipped beside the code: image, compose file, unit and package data, held against the code."""

import fnmatch
import re
import shlex
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import yaml

from vibelux.cli.main import parser
from vibelux.config import NAMES, Settings

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "vibelux"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yml").read_text())


def options(command: list[str]) -> Any:
    """A command as `vibelux` reads it; what it does not know ends the test."""
    return parser().parse_args(command)


def test_the_image_copies_what_exists_and_what_the_build_may_see() -> None:
    seen = {line.strip("!/") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copies = [
        line.split()[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY") and "--from" not in line
    ]
    copied = {name.strip("/") for names in copies for name in names}
    assert copied == seen
    assert all((ROOT / name).exists() for name in copied)
    assert set(re.findall(r"-r (\S+)", DOCKERFILE)) == {"requirements/runtime.txt", "requirements/uv.txt"}
    assert all("--require-hashes" in line for line in DOCKERFILE.splitlines() if " -r requirements/" in line)


def test_the_image_runs_the_service_without_root_where_its_health_is_asked() -> None:
    *_, last = DOCKERFILE.split("\nFROM ")
    command = shlex.split(re.sub(r"[\[\],]", " ", re.findall(r"^CMD (\[.*\])$", last, re.MULTILINE)[-1]))
    served = options(command)
    assert served.host == "0.0.0.0"  # noqa: S104 (of a container)
    assert f"EXPOSE {served.port}\n" in last
    assert f":{served.port}/healthz" in last
    assert re.search(r"^USER (?!root)\w+$", last, re.MULTILINE)
    assert "vibelux_data_dir" in NAMES
    assert "VIBELUX_DATA_DIR=/var/lib/vibelux" in last


def test_the_compose_file_names_what_exists() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"vibelux", "db", "redis", "prometheus", "grafana"}
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:")


def test_the_service_of_the_compose_file_is_one_that_starts() -> None:
    service = COMPOSE["services"]["vibelux"]
    served = options(service["command"])
    assert f"127.0.0.1:{served.port}:{served.port}" in service["ports"]
    assert any(mount.split(":")[1] == served.config for mount in service["volumes"])
    given = {name: text.replace("${POSTGRES_PASSWORD:?}", "p") for name, text in service["environment"].items()}
    assert {name.lower() for name in given} <= set(NAMES)
    settings = Settings.load(env=given)
    assert settings.database_url is not None
    assert settings.redis_url is not None


def test_prometheus_asks_the_service_from_its_own_machine_and_grafana_asks_prometheus() -> None:
    services = COMPOSE["services"]
    assert services["prometheus"]["network_mode"] == "service:vibelux"
    scraped = yaml.safe_load((ROOT / "ops" / "prometheus" / "prometheus.yml").read_text())
    (target,) = scraped["scrape_configs"][0]["static_configs"][0]["targets"]
    assert target == f"127.0.0.1:{options(services['vibelux']['command']).port}"
    given = ROOT / "ops" / "grafana" / "provisioning"
    source = yaml.safe_load((given / "datasources" / "prometheus.yml").read_text())["datasources"][0]
    assert source["url"] == "http://vibelux:9090"
    shown = yaml.safe_load((given / "dashboards" / "vibelux.yml").read_text())["providers"][0]["options"]["path"]
    assert f"./ops/grafana:{shown}:ro" in services["grafana"]["volumes"]
    assert list((ROOT / "ops" / "grafana").glob("*.json"))


def test_the_unit_starts_the_service_with_settings_that_exist_and_few_rights() -> None:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(ROOT / "ops" / "vibelux.service")
    service = unit["Service"]
    program, *command = shlex.split(service["ExecStart"])
    assert program.endswith("/bin/vibelux")
    assert options(command).command == "serve"
    name, _, folder = service["Environment"].partition("=")
    assert name.lower() in NAMES
    assert folder == f"/var/lib/{service['StateDirectory']}"
    assert service["User"] not in {"", "root"}
    wanted = {"NoNewPrivileges": "yes", "ProtectSystem": "strict", "PrivateTmp": "yes", "CapabilityBoundingSet": ""}
    assert {key: service[key] for key in wanted} == wanted


def test_the_wheel_takes_along_every_file_that_is_no_module() -> None:
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["vibelux"]
    files = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*") if path.is_file()]
    data = [path for path in files if path.suffix not in {".py", ".pyc"}]
    assert len(data) > 20
    taken = [path for path in data if any(_matches(path, pattern) for pattern in configured)]
    assert sorted(data) == sorted(taken)


def _matches(path: Path, pattern: str) -> bool:
    """As setuptools does: a star ends at a slash."""
    parts = pattern.split("/")
    return len(parts) == len(path.parts) and all(map(fnmatch.fnmatch, path.parts, parts))
