"""The pages of the reference against the code that they are written from."""

import re
from types import ModuleType

import pytest

from scripts import ROOT, script
from vibelux.store.database import Database

PAGES = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    return script("docs/make_reference.py")


async def test_the_pages_are_what_the_code_says(reference: ModuleType, database: Database) -> None:
    fresh = await reference.pages(database)
    assert {name: (PAGES / name).read_text() for name in fresh} == fresh, "write them again: make reference"
    assert {path.name for path in PAGES.iterdir()} == set(fresh)


def test_every_metric_that_a_dashboard_or_a_rule_asks_for_has_its_line() -> None:
    page = (PAGES / "metrics.md").read_text()
    told = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    files = [*ROOT.glob("ops/grafana/*.json"), ROOT / "ops" / "prometheus" / "vibelux.rules.yml"]
    asked = {name for path in files for name in re.findall(r"\bvibelux_\w+", path.read_text())}
    plain = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    assert len(plain) > 10
    assert plain <= told
