"""The documented cases: their optimum, and every first step that is unique."""

import json
from typing import Any

import pytest

from shared_files import SHARED
from vibelux.dispatch.case_reader import read_case
from vibelux.dispatch.result import result
from vibelux.dispatch.solve import solve

CASES = sorted((SHARED / "chp-cases").glob("*.json"))


def first_step(answer: dict[str, Any], name: str) -> float:
    step = answer["first_step"]
    kind, _, unit = name.partition(":")
    if kind == "chp":
        return step["chp"][unit]["power_kw"]
    return step[kind][unit] if unit else step[name]


@pytest.mark.skipif(not CASES, reason="the worked cases do not lie beside the checkout")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_worked_case_is_solved_to_its_documented_optimum(path):
    document = json.loads(path.read_text("utf-8"))
    expected = document["expected"]

    answer = result(solve(read_case(document)))

    assert answer["status"] == "optimal"
    assert answer["objective_usd"] == pytest.approx(expected["objective_usd"], rel=1e-6)
    assert answer["served"] == expected["served"]
    assert sum(answer["cost"].values()) == pytest.approx(answer["objective_usd"], rel=1e-9)
    for name, quantity in expected["unserved"].items():
        assert answer["unserved"][name] == pytest.approx(quantity, abs=1e-2)
    for name, known in expected["first_step"].items():
        if known["unique"]:
            assert first_step(answer, name) == pytest.approx(known["value"], abs=known["tol_kw"]), name
