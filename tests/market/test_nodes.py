"""The catalogue of hubs and zones, and which of them a place is near."""

import doctest
import tomllib
from pathlib import Path

import pytest

from vibelux.feeds.nyiso import _lbmp
from vibelux.feeds.pjm import _nodes
from vibelux.ingest.nodes import HUBS
from vibelux.market import nodes
from vibelux.market.nodes import CATALOGUE, alike, catalogue, holding, nearest_to
from vibelux.market.regions import REGIONS

EXAMPLES = Path(__file__).parents[2] / "examples"
SOUTH, NORTH, WEST, EAST = 25.8, 49.0, -124.5, -71.8
PLACES = {
    "Salinas": ("CAISO", 36.67, -121.65, "hub", "TH_NP15_GEN-APND"),
    "Bakersfield": ("CAISO", 35.37, -119.02, "hub", "TH_ZP26_GEN-APND"),
    "Oxnard": ("CAISO", 34.2, -119.18, "hub", "TH_SP15_GEN-APND"),
    "Fresno": ("CAISO", 36.74, -119.79, "dlap", "DLAP_PGAE-APND"),
    "Carlsbad": ("CAISO", 33.16, -117.35, "dlap", "DLAP_SDGE-APND"),
    "Lancaster, Pennsylvania": ("PJM", 40.04, -76.31, "zone", "PPL"),
    "Chester County, Pennsylvania": ("PJM", 39.96, -75.6, "zone", "PECO"),
    "Richmond": ("PJM", 37.54, -77.44, "zone", "DOM"),
    "Aurora, Illinois": ("PJM", 41.76, -88.32, "zone", "COMED"),
    "Fort Worth": ("ERCOT", 32.75, -97.33, "zone", "LZ_NORTH"),
    "Canyon": ("ERCOT", 34.98, -101.92, "hub", "HB_PAN"),
    "Laredo": ("ERCOT", 27.51, -99.51, "zone", "LZ_SOUTH"),
    "Brooklyn": ("NYISO", 40.65, -73.95, "zone", "N.Y.C."),
    "Riverhead": ("NYISO", 40.92, -72.66, "zone", "LONGIL"),
    "Ithaca": ("NYISO", 42.44, -76.5, "zone", "CENTRL"),
}


def test_the_documentation_is_true():
    assert doctest.testmod(nodes).failed == 0


def test_names_are_unique_in_a_grid_and_places_lie_in_the_country():
    for region in REGIONS:
        names = [node.pricing_node for node in catalogue(region.iso_region)]
        assert names
        assert len(set(names)) == len(names)
    for node in CATALOGUE:
        assert all(SOUTH < latitude < NORTH and WEST < longitude < EAST for latitude, longitude in node.points)


def test_it_holds_all_that_the_feeds_know_by_name():
    names = {region.iso_region: {node.pricing_node for node in catalogue(region.iso_region)} for region in REGIONS}
    assert _nodes.HUBS.keys() | _nodes.ZONES.keys() == names["PJM"]
    assert names["NYISO"] == _lbmp.ZONES
    for provider, hubs in HUBS.items():
        assert names[provider.upper()] >= set(hubs)


@pytest.mark.parametrize("place", PLACES)
def test_a_place_is_nearest_to_its_own_zone_or_hub(place):
    grid, latitude, longitude, kind, expected = PLACES[place]
    ((found, km),) = nearest_to((latitude, longitude), grid, node_types=[kind], limit=1)
    assert found.pricing_node == expected
    assert 0 <= km < 400


@pytest.mark.parametrize("grid", ["caiso", "pjm", "ercot", "nyiso"])
def test_the_examples_are_in_the_grid_that_they_say(grid):
    (facility,) = tomllib.loads((EXAMPLES / f"{grid}.toml").read_text())["facilities"]
    (_, km), *_ = nearest_to((facility["latitude"], facility["longitude"]), facility["iso_region"])
    assert km < 150


def test_a_search_goes_through_names_and_places_and_names_that_begin_with_it_come_first():
    assert [node.pricing_node for node in holding("wEsT", "NYISO")] == ["WEST", "MILLWD"]
    assert {node.pricing_node for node in holding("dallas")} == {"HB_NORTH"}
    assert holding("nowhere at all") == []


def test_a_misspelt_name_is_like_the_right_one_whatever_its_case():
    names = [node.pricing_node for node in catalogue("PJM")]
    assert alike("westrn hub", names)[0] == "WESTERN HUB"
    assert alike("qqqq", names) == []
