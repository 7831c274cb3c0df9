"""Malformed cases: the error names the path of the wrong field."""

import copy
from typing import Any

import pytest

from dispatch_cases.plants import boiler, engine, site
from vibelux.dispatch.case_reader import read_case
from vibelux.market.errors import ConfigError

STORAGE = {"capacity_kwh": 100, "charge_max_kw": 10, "discharge_max_kw": 10}
WHOLE = site(
    3,
    demand={"power_kw": [1, 2, 3], "heat_kw": 0},
    chp=[engine(availability=1.0, initial={"on": True})],
    boiler=[boiler()],
    heat_storage=dict(STORAGE),
    battery=dict(STORAGE),
    lights=[{"id": "l", "max_kw": 1, "targets": [{"from_step": 0, "to_step": 3, "energy_kwh": 1}]}],
    co2={"demand_kg": 1},
    tariff={"demand_charges": [{"id": "d", "usd_per_kw": 1, "steps": "all"}]},
    dr_events=[{"id": "r", "steps": [0, 2]}],
)
GONE = object()


def changed(path: str, value: Any) -> Any:
    document = copy.deepcopy(WHOLE)
    holder: Any = document
    *way, last = [
        int(name) if name.isdecimal() else name for name in path.replace("[", ".").replace("]", "").split(".")
    ]
    for name in way:
        holder = holder[name] if isinstance(holder, list) else holder.setdefault(name, {})
    if value is GONE:
        del holder[last]
    elif isinstance(holder, list):
        holder[last:] = [value]
    else:
        holder[last] = value
    return document


def test_whole_case_is_read():
    assert read_case(WHOLE).steps == 3


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema", "vibelux.dispatch.case/2"),
        ("schema", GONE),
        ("time", GONE),
        ("time.step_hours", []),
        ("time.step_hours", 1),
        ("time.step_hours[1]", 0),
        ("time.step_hours[2]", "1"),
        ("prices", [1]),
        ("prices.import_usd_per_kwh", GONE),
        ("prices.import_usd_per_kwh", [0.1, 0.2]),
        ("prices.gas_usd_per_mmbtu", None),
        ("prices.gas_usd_per_mmbtu", float("nan")),
        ("prices.export_usd_per_kwh", True),
        ("prices.carbon_usd_per_t", 10**400),
        ("carbon.obligated_fraction", 1.5),
        ("demand.heat_kw", -1),
        ("demand.power_kw[2]", None),
        ("grid", GONE),
        ("grid.import_max_kw", GONE),
        ("heat.dump_max_kw", "none"),
        ("chp", {}),
        ("chp[0]", 3),
        ("chp[0].id", 7),
        ("chp[0].id", GONE),
        ("chp[0].rated_kw", 0),
        ("chp[0].min_load", 1.1),
        ("chp[0].electric_efficiency", GONE),
        ("chp[0].electric_efficiency.full", 0),
        ("chp[0].electric_efficiency.half", 2),
        ("chp[0].thermal_efficiency.full", -0.1),
        ("chp[0].max_starts", 1.5),
        ("chp[0].ramp_up_kw_per_h", "fast"),
        ("chp[0].availability", [1, 1]),
        ("chp[0].initial.on", 1),
        ("chp[0].initial.hours_in_state", -1),
        ("boiler[0].efficiency", 0),
        ("boiler[0].rated_kw", GONE),
        ("heat_storage", []),
        ("heat_storage.capacity_kwh", GONE),
        ("heat_storage.initial_kwh", 101),
        ("battery.loss_per_h", 2),
        ("battery.charge_efficiency", 0),
        ("lights[0].dimmable", "no"),
        ("lights[0].targets[0].to_step", 4),
        ("lights[0].targets[0].from_step", 0.5),
        ("lights[0].targets[0].energy_kwh", GONE),
        ("co2.demand_kg", GONE),
        ("tariff.demand_charges[0].steps", "some"),
        ("tariff.demand_charges[0].steps", GONE),
        ("tariff.demand_charges[0].interval_h", 0),
        ("dr_events[0].steps", [3]),
        ("dr_events[0].baseline_kw", [1, 2, 3]),
        ("dr_events[0].reward_usd_per_kwh", -1),
        ("penalties.light_usd_per_kwh", -5),
    ],
)
def test_wrong_field_is_named_by_its_path(path, value):
    with pytest.raises(ConfigError) as told:
        read_case(changed(path, value))

    assert str(told.value).startswith(path)


@pytest.mark.parametrize("document", [None, [], "case", 3])
def test_document_that_is_no_object_is_refused(document):
    with pytest.raises(ConfigError):
        read_case(document)


def test_two_engines_of_one_name_are_refused():
    with pytest.raises(ConfigError, match=r"^chp\[1\]\.id: "):
        read_case(WHOLE | {"chp": [engine(), engine()]})


def test_step_that_is_named_twice_is_refused():
    with pytest.raises(ConfigError, match=r"^dr_events\[0\]\.steps\[1\]: "):
        read_case(WHOLE | {"dr_events": [{"id": "r", "steps": [1, 1]}]})


def test_efficiencies_that_would_make_fuel_are_refused():
    with pytest.raises(ConfigError, match=r"^chp\[0\]\.electric_efficiency: "):
        read_case(WHOLE | {"chp": [engine(min_load=0, electric_efficiency={"full": 0.3, "half": 0.4})]})


def test_unknown_keys_and_expected_are_ignored():
    assert read_case(WHOLE | {"expected": "whatever", "colour": 1}).steps == 3
