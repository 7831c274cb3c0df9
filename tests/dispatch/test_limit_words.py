"""Every limit that binds a plan somewhere has words."""

import pytest

from dispatch_cases.fleet_plants import plant
from vibelux.dispatch.case_reader import read_case
from vibelux.dispatch.explain import explain
from vibelux.dispatch.limit_words import in_words
from vibelux.dispatch.planner import replan


@pytest.mark.parametrize("seed", [2, 20, 24, 40])
def test_limits_of_varied_plants_have_words(seed):
    told = explain(replan(read_case(plant(seed)), seconds=0.0).solution, time_limit=0.2, gap=1e-2)

    names = [limit["limit"] for limit in told["binding_limits"]]
    assert names
    own = ("demand charge ", "dr event ")
    assert [name for name in names if in_words(name) == name and not name.startswith(own)] == []
