"""What the service rests on: locked whole, under licences that allow it, without the holes named here."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "EPL-2.0", "LGPL-3.0-only", "MIT", "MIT-0",
    "PSF-2.0", "Zlib", "BSD License", "MIT License", "Apache Software License",
}  # fmt: skip
"""Licences that let Apache-2.0 code be shipped with a dependency. LGPL (psycopg) is imported, not built in."""
MENDED = {
    "cryptography": ("44.0.1", "CVE-2024-12797"),
    "h11": ("0.16.0", "CVE-2025-43859"),
    "idna": ("3.7", "CVE-2024-3651"),
    "lxml": ("4.9.1", "CVE-2022-2309"),
    "pydantic": ("2.4.0", "CVE-2024-3772"),
    "pyjwt": ("2.10.1", "CVE-2024-53861"),
    "pypdf": ("6.0.0", "CVE-2025-55197"),
    "redis": ("4.5.4", "CVE-2023-28859"),
    "starlette": ("0.49.1", "CVE-2025-62727"),
}
"""The version that closed a known hole. Written by hand: what is newer, only an audit with network finds."""


def locked(name: str) -> list[Requirement]:
    """What a lock asks for; some packages in one version for older Pythons, in another for newer ones."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    return [Requirement(line.rstrip("\\ ")) for line in lines if line[:1].isalnum()]


def version(one: Requirement) -> Version:
    """The only version that a lock allows."""
    (pin,) = one.specifier
    assert pin.operator == "=="
    return Version(pin.version)


def here(lock: str) -> dict[str, Version]:
    """What a lock installs on this machine's Python."""
    return {one.name: version(one) for one in locked(lock) if one.marker is None or one.marker.evaluate()}


RUNTIME = here("runtime")


@pytest.mark.parametrize("lock", ["runtime", "dev", "uv"])
def test_a_lock_allows_one_version_of_each_package_and_only_known_files(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    packages = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]
    assert [one.split()[0] for one in packages if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", one)] == []
    assert len(packages) == len([version(one) for one in locked(lock)])


def test_the_locks_hold_what_is_asked_for_and_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tools = here("dev")
    for lock, asked in ((RUNTIME, project["dependencies"]), (tools, project["optional-dependencies"]["dev"])):
        wanted = [Requirement(one) for one in asked]
        assert [one.name for one in wanted if lock[one.name] not in one.specifier] == []
    assert {name: tools[name] for name in RUNTIME} == RUNTIME


def test_what_is_installed_is_what_is_locked() -> None:
    assert {name: Version(metadata.version(name)) for name in RUNTIME} == RUNTIME


def test_no_dependency_is_older_than_the_version_that_closed_a_known_hole() -> None:
    pinned = {(one.name, version(one)) for one in locked("runtime")}
    assert set(MENDED) <= {name for name, _ in pinned}
    assert [name for name, pin in pinned if name in MENDED and pin < Version(MENDED[name][0])] == []


@pytest.mark.parametrize("name", RUNTIME)
def test_every_dependency_has_a_licence_that_is_allowed(name: str) -> None:
    found = licences(name)
    assert found, f"{name} tells no licence"
    assert found <= ALLOWED


def licences(name: str) -> set[str]:
    """The licences of an installed package, any of which may be chosen where it says `OR`."""
    told = metadata.metadata(name)
    classifiers = [one.rpartition(" :: ")[2] for one in told.get_all("Classifier", []) if one.startswith("License ::")]
    expression = told.get("License-Expression") or ("" if classifiers else told.get("License"))
    if expression:
        choices = [set(one.strip("() ").split(" AND ")) for one in expression.split(" OR ")]
        return next((one for one in choices if one <= ALLOWED), choices[0])
    return set(classifiers)
