"""What-if: paths lead where they say, and a wrong one is told with what is near."""

import copy
import json

import pytest

from dispatch_cases.plants import boiler, engine, prices, site
from vibelux.cli.main import main
from vibelux.dispatch.case_reader import read_case
from vibelux.dispatch.changes import change
from vibelux.market.errors import ConfigError, UsageError

CASE = site(
    3,
    prices=prices([0.2, 0.04, 0.2], 0.0),
    demand={"power_kw": 600, "heat_kw": 800},
    chp=[engine(id="engine-1"), engine(id="b 2.x"), engine(id="0")],
    boiler=[boiler()],
)


def changed(*texts: str):
    document = copy.deepcopy(CASE)
    paths = [change(document, text) for text in texts]
    return document, read_case(document, must_read=paths), paths


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("chp[0].rated_kw", "chp[0].rated_kw"),
        ("chp.0.rated_kw", "chp[2].rated_kw"),
        ("chp.1.rated_kw", "chp[1].rated_kw"),
        ("chp.engine-1.rated_kw", "chp[0].rated_kw"),
        ("chp[engine-1].rated_kw", "chp[0].rated_kw"),
        ("chp[b 2.x].rated_kw", "chp[1].rated_kw"),
    ],
)
def test_an_engine_is_found_by_place_or_id(path, canonical):
    _, case, paths = changed(f"{path}=1234")
    assert paths == [canonical]
    assert [one.rated_kw for one in case.chp].index(1234) == int(canonical[4])


def test_one_number_stands_for_a_whole_list_and_a_place_for_one_step():
    _, case, _ = changed("prices.import_usd_per_kwh=0.3", "time.step_hours=0.5", "time.step_hours[2]=2")
    assert case.prices.import_usd_per_kwh.tolist() == [0.3, 0.3, 0.3]
    assert case.step_hours.tolist() == [0.5, 0.5, 2.0]
    _, case, _ = changed("prices.import_usd_per_kwh[1]=-0.1")
    assert case.prices.import_usd_per_kwh.tolist() == [0.2, -0.1, 0.2]


def test_a_block_that_is_absent_comes_to_be_and_lists_and_objects_can_be_set():
    _, case, _ = changed(
        "tariff.energy_adder_usd_per_kwh=[0, 0.1, 0]",
        'tariff.demand_charges=[{"id": "d", "usd_per_kw": 9, "steps": "all"}]',
        "tariff.demand_charges.d.usd_per_kw=12",
    )
    assert case.energy_adder_usd_per_kwh.tolist() == [0, 0.1, 0]
    assert [one.usd_per_kw for one in case.demand_charges] == [12]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prices.gas_usd_per_mmbtu", "should be PATH=VALUE"),
        ("=6", "should be PATH=VALUE"),
        ("prices..gas=6", "should be PATH=VALUE"),
        ("chp[0=6", "should be PATH=VALUE"),
        ("chp.engine-2.rated_kw=6", r"the case has no chp\[engine-2\]; did you mean engine-1\?"),
        ("chp[7].rated_kw=6", r"the case has no chp\[7\]: it has 3, from 0"),
        ("name.first=6", "name is no object and no list, so there is no first in it"),
    ],
)
def test_a_path_that_leads_nowhere_is_wrong_usage(text, told):
    with pytest.raises(UsageError, match=told):
        changed(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "prics.gas_usd_per_mmbtu=6",
            r"prics\.gas_usd_per_mmbtu: no such field; did you mean prices\.gas_usd_per_mmbtu",
        ),
        ("chp.engine-1.rated_kv=6", r"chp\[0\]\.rated_kv: no such field; did you mean chp\[0\]\.rated_kw"),
        ("chp.engine-1.rated_kw=-6", r"chp\[0\]\.rated_kw: should be above 0"),
        ("prices.import_usd_per_kwh[0]=dear", r"import_usd_per_kwh\[0\]: should be a number, got \"dear\""),
        ("battery.capacity_kwh=100", "battery.charge_max_kw: is missing"),
    ],
)
def test_a_changed_case_is_read_as_strictly_as_any(text, told):
    with pytest.raises(ConfigError, match=told):
        changed(text)


def test_the_command_answers_for_the_changed_plant_and_leaves_the_file_alone(tmp_path, capsys):
    path = tmp_path / "case.json"
    path.write_text(json.dumps(CASE), "utf-8")
    assert main(["dispatch", str(path), "--set", "chp.engine-1.rated_kw=800", "--set", "demand.power_kw=0"]) == 0
    assert json.loads(capsys.readouterr().out)["first_step"]["chp"].keys() == {"engine-1", "b 2.x", "0"}
    assert json.loads(path.read_text("utf-8")) == CASE
    assert main(["dispatch", str(path), "--set", "chp.engine-9.rated_kw=800"]) == 2
    assert "did you mean engine-1?" in capsys.readouterr().err
