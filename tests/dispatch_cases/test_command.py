"""`vibelux dispatch` as its user meets it."""

import json
import re

import pytest

from dispatch_cases.plants import GAS_AT_2_CENTS, boiler, engine, prices, site
from vibelux.cli.main import main

CASE = site(
    3,
    name="by hand",
    demand={"power_kw": 600, "heat_kw": 800},
    prices=prices([0.2, 0.04, 0.2], 0.0),
    chp=[engine()],
    boiler=[boiler()],
)


@pytest.fixture
def case(tmp_path):
    path = tmp_path / "case.json"
    path.write_text(json.dumps(CASE), "utf-8")
    return str(path)


def answered(capsys) -> dict:
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def test_case_is_answered_with_one_document(case, capsys):
    assert main(["dispatch", case]) == 0

    answer = answered(capsys)
    assert answer["schema"] == "vibelux.dispatch.result/1"
    assert answer["case"] == "by hand"
    assert answer["status"] == "optimal"
    # At 20 cents the engine makes the 600 kW and 600 of 800 kW heat; at 4 cents the grid and the boiler are cheaper:
    # 600 * 0.04 + 800 * 0.025 = 44 against 600 * 0.05 + 200 * 0.025 = 35. So it runs throughout.
    assert answer["objective_usd"] == pytest.approx(3 * 35)
    assert answer["first_step"]["chp"]["e"] == {"on": True, "power_kw": pytest.approx(600)}


def test_nothing_but_the_document_reaches_stdout(case, capfd):
    main(["dispatch", case])

    json.loads(capfd.readouterr().out)


def test_field_can_be_set(case, capsys):
    changes = ["--set", f"prices.gas_usd_per_mmbtu={2 * GAS_AT_2_CENTS}", "--set", "chp[0].min_load=0.7"]

    assert main(["dispatch", case, *changes, "--set", "penalties.heat_usd_per_kwh=3"]) == 0

    assert answered(capsys)["first_step"]["chp"]["e"]["power_kw"] != pytest.approx(600)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("prices.gas_usd_per_mbtu=6", "prices.gas_usd_per_mbtu: no such field; did you mean prices.gas_usd_per_mmbtu?"),
        (
            "prices.gas_usd_per_mmbtu=dear",
            'prices.gas_usd_per_mmbtu: should be a number or a list of 3 numbers, got "dear"',
        ),
        ("chp[4].rated_kw=1", "the case has no chp[4]"),
        ("prices", "should be PATH=VALUE"),
    ],
)
def test_wrong_change_is_refused(case, change, told, capsys):
    assert main(["dispatch", case, "--set", change]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert told in err


def test_plan_is_explained_by_shadow_prices_and_the_plan_without_chp(case, capsys):
    assert main(["dispatch", case, "--explain"]) == 0

    explanation = answered(capsys)["explanation"]
    # Without: 600 * (0.2 + 0.04 + 0.2) + 3 * 800 * 0.025 = 324; with: 105.
    assert explanation["without_chp"]["objective_usd"] == pytest.approx(324)
    assert explanation["without_chp"]["chp_is_worth_usd"] == pytest.approx(219)
    # A kWh of heat more comes from the boiler; a kWh of power more from the engine, whose heat spares the boiler.
    assert explanation["marginal_usd_per_kwh"]["heat"] == pytest.approx([0.025] * 3)
    assert explanation["marginal_usd_per_kwh"]["power"] == pytest.approx([0.025] * 3)


def test_binding_limit_has_the_price_that_solving_again_confirms(tmp_path, capsys):
    path = tmp_path / "tight.json"
    path.write_text(json.dumps(CASE | {"demand": {"power_kw": 1200, "heat_kw": 800}}), "utf-8")

    main(["dispatch", str(path), "--explain"])
    answer = answered(capsys)
    main(["dispatch", str(path), "--set", "chp[0].rated_kw=1001", "--set", f"chp[0].min_load={500 / 1001}"])
    bigger = answered(capsys)

    limit = next(one for one in answer["explanation"]["binding_limits"] if one["limit"].startswith("chp e rated_kw"))
    assert limit["steps"] == [0, 2]
    assert sum(limit["shadow_price"]) == pytest.approx(answer["objective_usd"] - bigger["objective_usd"], rel=1e-6)


def test_time_limit_gives_a_schedule_with_its_proven_gap(case, capsys):
    assert main(["dispatch", case, "--time-limit", "1e-6"]) == 0

    answer = answered(capsys)
    assert answer["status"] in {"feasible", "optimal"}
    assert answer["bound_usd"] <= 105 + 1e-6 <= answer["objective_usd"] + 2e-6
    assert answer["gap"] == pytest.approx(1 - answer["bound_usd"] / answer["objective_usd"], abs=1e-9)


def test_plot_is_one_page_that_fetches_nothing(case, tmp_path, capsys):
    page = tmp_path / "plan.html"

    assert main(["dispatch", case, "--plot", str(page)]) == 0

    text = page.read_text("utf-8")
    assert text.count("<svg") == 3
    assert not re.search(r"(src|href)=|https?://|url\(", text)


def test_case_whose_hard_rules_contradict_each_other_is_an_error_with_a_reason(tmp_path, capsys):
    path = tmp_path / "case.json"
    held = engine(min_up_h=2, initial={"on": True, "hours_in_state": 0, "power_kw": 500})
    path.write_text(json.dumps(site(chp=[held], heat={"dump_max_kw": 0})), "utf-8")

    assert main(["dispatch", str(path)]) == 1

    answer = answered(capsys)
    assert answer["status"] == "error"
    assert "no schedule keeps the hard rules" in answer["reasons"][0]


@pytest.mark.parametrize(
    ("text", "told"),
    [("{", "not JSON"), ("[]", "the case: should be an object"), ('{"schema": 1}', "schema: should be text, got 1")],
)
def test_malformed_file_is_refused_with_exit_code_2(tmp_path, text, told, capsys):
    path = tmp_path / "case.json"
    path.write_text(text, "utf-8")

    assert main(["dispatch", str(path)]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert told in err


def test_missing_file_is_refused_with_exit_code_2(tmp_path, capsys):
    assert main(["dispatch", str(tmp_path / "none.json")]) == 2
    assert "No such file" in capsys.readouterr().err
