"""Demand response: what counts where, and why."""

import pytest

from dispatch.plants import engine, facility
from vibelux.dispatch.dr_rules import may_count, resources
from vibelux.market.errors import ConfigError

MORE = {
    "battery": {"capacity_kwh": 100, "charge_max_kw": 50, "discharge_max_kw": 50},
    "lights": [{"id": "lamps", "max_kw": 300}],
}


def test_engines_lamps_battery_and_load_could_reduce_import_and_boilers_could_not():
    assert list(resources(facility(**MORE))) == ["engine-1", "lamps", "battery", "load"]
    assert list(resources(facility())) == ["engine-1", "load"]


@pytest.mark.parametrize(
    ("grid", "dr", "counting"),
    [
        ("CAISO", {}, set()),
        ("CAISO", {"prohibited_resources_attested": True}, {"lamps", "battery", "load"}),
        (
            "CAISO",
            {"prohibited_resources_attested": True, "permitted_engines": ["engine-1"]},
            {"lamps", "battery", "load"},
        ),
        ("PJM", {}, {"lamps", "battery", "load"}),
        ("PJM", {"permitted_engines": ["engine-1"]}, {"engine-1", "lamps", "battery", "load"}),
        ("ERCOT", {}, {"engine-1", "lamps", "battery", "load"}),
        ("NYISO", {}, {"lamps", "battery", "load"}),
        ("NYISO", {"permitted_engines": ["engine-1"]}, {"engine-1", "lamps", "battery", "load"}),
    ],
)
def test_what_counts_depends_on_the_place_and_on_what_the_operator_has_stated(grid, dr, counting):
    site = facility(iso_region=grid, dr=dr, **MORE)
    assert {one for one in resources(site) if may_count(site, one, "any").counts} == counting


@pytest.mark.parametrize(
    ("grid", "source"),
    [
        ("CAISO", "Resolution E-4906"),
        ("PJM", "Manual 11"),
        ("ERCOT", "16 TAC § 25.507"),
        ("NYISO", "section 5.12.11.1"),
    ],
)
def test_a_verdict_on_an_engine_names_its_source(grid, source):
    assert source in may_count(facility(iso_region=grid), "engine-1", "any").why


def test_a_californian_site_without_an_engine_has_nothing_to_attest():
    assert may_count(facility(chp=[]), "load", "CBP").counts


def test_a_small_engine_is_no_local_generator_in_new_york():
    site = facility(iso_region="NYISO", chp=[engine(rated_kw=99)], dr={"permitted_engines": ["engine-1"]})
    assert not may_count(site, "engine-1", "SCR").counts
    assert "it has 99 kW" in may_count(site, "engine-1", "SCR").why


def test_nothing_counts_in_a_programme_that_the_site_is_not_in():
    site = facility(iso_region="ERCOT", dr={"programs": ["ERS"]})
    assert may_count(site, "load", "ERS").counts
    assert may_count(site, "load", "4CP") == (False, "site-1 is not enrolled in 4CP ([dr] programs has ERS).")


def test_a_resource_that_the_site_does_not_have_is_told():
    with pytest.raises(ConfigError, match="site-1 has no resource 'battery'"):
        may_count(facility(), "battery", "any")


def test_a_level_is_worth_its_price():
    dr = facility(dr={"level_prices_usd_per_kwh": [0, 0.1, 0.5, 2]}).dr
    assert [dr.level_price(level) for level in (-1, 0, 1, 2, 3, 4)] == [0, 0, 0.1, 0.5, 2, 2]
    assert facility().dr.level_price(3) == 0


@pytest.mark.parametrize(
    ("dr", "told"),
    [
        ({"program": ["x"]}, "dr.program: unknown key; did you mean programs"),
        ({"level_prices_usd_per_kwh": [0, 1]}, "dr.level_prices_usd_per_kwh: .* at least 4"),
        ({"level_prices_usd_per_kwh": [0, 1, 0.5, 2]}, "should not fall from a level to the next"),
        ({"permitted_engines": ["boiler-1"]}, "dr.permitted_engines: there is no engine boiler-1"),
    ],
)
def test_a_wrong_block_is_told(dr, told):
    with pytest.raises(ConfigError, match=told):
        facility(dr=dr)
