"""The page of measured figures against the figures themselves."""

import json
from types import ModuleType
from typing import Any

import pytest

from scripts import ROOT, script


@pytest.fixture(scope="module")
def performance_page() -> ModuleType:
    return script("bench/performance_page.py")


def kept(name: str, *lines: dict[str, Any]) -> dict[str, Any]:
    return {name: {"date": "2026-11-26", "machine": "2 cores", "lines": list(lines)}}


def test_the_page_is_what_the_kept_figures_say(performance_page: ModuleType) -> None:
    figures = json.loads((ROOT / "bench" / "figures.json").read_text())
    fresh = performance_page.page(figures)
    assert (ROOT / "docs" / "performance.md").read_text() == fresh, "write it again: bench/run.py --page"


@pytest.mark.parametrize(("ratio", "said"), [(2.9, "held"), (3.1, "**missed**")])
def test_a_target_that_is_missed_is_said_to_be(performance_page: ModuleType, ratio: float, said: str) -> None:
    line = {"clients": 2000, "vibelux": {"last_ms": 30.0}, "nchan": {"last_ms": 10.0}, "ratio": ratio}
    rows = [row for row in performance_page.page(kept("ws_fanout", line)).splitlines() if "2,000 clients" in row]
    assert [row.rsplit("|", 2)[1].strip() for row in rows] == [said]


def test_what_is_not_measured_is_said_to_be(performance_page: ModuleType) -> None:
    assert "`gaps` is not measured yet." in performance_page.page({})
