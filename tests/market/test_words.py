import asyncio
import doctest
from datetime import UTC, datetime

import pytest

from vibelux.market import errors, units
from vibelux.market.clock import FrozenClock, VirtualClock
from vibelux.market.quality import Quality, age_seconds, quality_of_age
from vibelux.market.records import ELECTRICITY_PRICE, KINDS
from vibelux.market.regions import REGIONS, find_region, region_of

NOON = datetime(2026, 7, 14, 19, tzinfo=UTC)


def test_every_error_tells_the_command_line_its_exit_code():
    tree = errors.closed_tree()
    usage = {name for name, error in tree.items() if error.exit_code == 2}
    assert usage == {"UsageError", "ConfigError"}
    assert all(error.exit_code in (1, 2) for error in tree.values())
    outcomes = [error.outcome for error in tree.values() if issubclass(error, errors.FeedError)]
    assert len(outcomes) == len(set(outcomes)), "each feed error has its own metric label"


def test_worked_numbers_of_the_units_hold():
    assert doctest.testmod(units).failed == 0


@pytest.mark.parametrize("name", ["CAISO", "California", "caiso", " california "])
def test_a_region_is_found_by_either_name(name):
    assert region_of(name).iso_region == "CAISO"


def test_a_hub_is_no_region_and_an_unknown_grid_is_named():
    assert find_region("TH_NP15_GEN-APND") is None
    with pytest.raises(errors.UsageError, match="'MISO'"):
        region_of("MISO")
    assert [region.iso_region for region in REGIONS] == ["CAISO", "PJM", "ERCOT", "NYISO"]


def test_the_contracts_names_of_a_price_are_all_there():
    assert ELECTRICITY_PRICE.names == (
        "iso_region", "region", "pricing_node", "market", "price_type", "node_type", "price_per_kwh",
        "energy_component", "congestion_component", "loss_component", "ghg_component", "currency",
        "market_interval_start", "market_interval_end", "data_source", "confidence_level",
    )  # fmt: skip
    assert set(KINDS) == {
        "electricity-price", "gas-price", "carbon-price", "ancillary-price", "capacity-price", "constraint", "series",
        "dr-event", "operations",
    }  # fmt: skip
    assert all(kind.key and kind.values for kind in KINDS.values())


def test_age_decides_quality_and_an_interval_that_runs_has_no_age():
    assert age_seconds(NOON, NOON.replace(minute=5)) == 0
    assert quality_of_age(None, 900) is Quality.MISSING
    assert quality_of_age(900, 900) is Quality.GOOD
    assert quality_of_age(901, 900) is Quality.STALE


async def test_a_virtual_clock_runs_as_fast_as_it_is_told():
    clock = VirtualClock(NOON, speed=3_600)
    await clock.sleep(180)
    passed = (clock.now() - NOON).total_seconds()
    assert 180 <= passed < 1_800
    assert clock.real_seconds(3_600) == 1
    with pytest.raises(ValueError, match="forwards"):
        VirtualClock(NOON, speed=0)


async def test_a_frozen_clock_moves_only_when_slept_on():
    clock = FrozenClock(NOON)
    await asyncio.sleep(0)
    assert clock.now() == NOON
    await clock.sleep(60)
    assert (clock.now() - NOON).total_seconds() == 60
