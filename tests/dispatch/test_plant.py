"""Equipment: the part-load lines, and numbers that cannot be a plant."""

import doctest
import json

import pytest

from dispatch.plants import engine, facility
from shared_files import case
from vibelux.dispatch import plant
from vibelux.dispatch.plant import Engine
from vibelux.market.errors import ConfigError


def test_the_worked_numbers_in_the_module_are_true():
    assert doctest.testmod(plant).failed == 0


@pytest.mark.parametrize("load", [0.5, 0.75, 1.0])
def test_constant_efficiencies_give_lines_through_the_origin(load):
    made = Engine.model_validate(engine())
    assert made.fuel.at(1000 * load) == pytest.approx(1000 * load / 0.4)
    assert made.heat.at(1000 * load) == pytest.approx(1000 * load)


def test_half_defaults_to_full():
    made = Engine.model_validate(engine(electric_efficiency={"full": 0.4}, thermal_efficiency={"full": 0.4}))
    assert made.fuel == Engine.model_validate(engine()).fuel


@pytest.mark.parametrize("name", ["s02_engine_day.json", "s03_demand_dr_short_heat.json", "s04_mixed_48h.json"])
def test_the_equipment_of_the_documented_cases_is_taken_by_their_names(name):
    given = json.loads(case(name).read_text())
    for one in given["chp"]:
        series_free = {key: value for key, value in one.items() if key != "initial" and not isinstance(value, list)}
        assert Engine.model_validate(series_free).rated_kw == one["rated_kw"]
    blocks = {name: given[name] for name in ("boiler", "heat_storage", "battery") if name in given}
    blocks["boiler"] = [{k: v for k, v in one.items() if not isinstance(v, list)} for one in blocks["boiler"]]
    assert facility(chp=[], **blocks).boiler[0].id == given["boiler"][0]["id"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"rated_kw": 0}, r"chp\[0\]\.rated_kw: should be greater than 0, got 0"),
        ({"rated_kw": float("inf")}, r"chp\[0\]\.rated_kw: should be a finite number"),
        ({"rated_kw": "1000"}, r"chp\[0\]\.rated_kw: should be a valid number, got '1000'"),
        ({"rated_kw": True}, r"chp\[0\]\.rated_kw: should be a valid number"),
        ({"min_load": 1.5}, r"chp\[0\]\.min_load: should be less than or equal to 1, got 1.5"),
        ({"electric_efficiency": {"full": 38.5}}, r"chp\[0\]\.electric_efficiency\.full: should be less than 1"),
        ({"electric_efficiency": {"half": 0.3}}, r"chp\[0\]\.electric_efficiency\.full: is missing"),
        ({"thermal_efficiency": {"full": 0.7}}, r"chp\[0\]: .* at full load add up to more than 1"),
        ({"thermal_efficiency": {"full": 0.5, "half": 0.7}}, r"chp\[0\]: .* at half load add up to more than 1"),
        ({"electric_efficiency": {"full": 0.1, "half": 0.5}, "min_load": 0.0}, r"chp\[0\]: .* give no fuel"),
        ({"om_usd_per_kwh": -1}, r"chp\[0\]\.om_usd_per_kwh: should be greater than or equal to 0"),
    ],
)
def test_what_cannot_be_an_engine_is_refused_with_its_path(changes, told):
    with pytest.raises(ConfigError, match=told):
        facility(chp=[engine(**changes)])
