"""CO2 of a kWh: the grid's own figures first, then the fuel mix, and a gas plant at the margin."""

import doctest
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vibelux.market.quality import Quality
from vibelux.outlook import carbon_intensity as module
from vibelux.outlook.carbon_intensity import GAS_AT_THE_MARGIN, carbon_intensity, places

NOON = datetime(2026, 7, 14, 19, tzinfo=UTC)
FIVE = timedelta(minutes=5)


def row(variable: str, value: float | None, at: datetime = NOON, **more: Any) -> dict[str, Any]:
    fixed = {"variable": variable, "category": None, "value": value, "valid_start": at, "valid_end": at,
             "issued_at": None, "data_source": "test"}  # fmt: skip
    return fixed | more


def mix(at: datetime = NOON, **fuels: float) -> list[dict[str, Any]]:
    return [row("fuel-mix", value, at, category=name.replace("_", " ")) for name, value in fuels.items()]


def test_the_worked_examples_hold():
    assert doctest.testmod(module).failed == 0


def test_californias_own_emission_is_divided_by_the_load_of_the_same_moment():
    rows = [
        row("co2-emissions", 4.2e6, NOON - FIVE),
        row("co2-emissions", 9.9e6),  # its load is not out yet
        row("co2-emissions", 3.0e6, NOON - FIVE, category="Natural Gas"),
        row("load", 28_000.0, NOON - FIVE),
        row("load", 99_000.0, NOON - FIVE, issued_at=NOON),
    ]
    found = carbon_intensity(rows, NOON).average
    assert found is not None
    assert (found.kg_per_kwh, found.quality, found.at) == (pytest.approx(0.15), Quality.GOOD, NOON - FIVE)


def test_a_mix_is_weighted_by_its_known_fuels_and_says_that_it_is_estimated():
    rows = [*mix(Coal_and_Lignite=10_000.0, Natural_Gas=30_000.0, Wind=20_000.0, Power_Storage=900.0, Other=50.0),
            *mix(NOON - FIVE, Natural_Gas=1.0)]  # fmt: skip
    found = carbon_intensity(rows, NOON).average
    assert found is not None
    assert found.kg_per_kwh == pytest.approx((10 * 1.05 + 30 * 0.437) / 60)
    assert found.quality is Quality.ESTIMATED
    assert "each fuel in the United States" in found.source


def test_an_unknown_mix_is_no_zero_and_the_margin_is_always_a_gas_plant():
    for rows in ([], mix(Storage=-20.0), [row("fuel-mix", None, category="Gas")]):
        found = carbon_intensity(rows, NOON)
        assert found.average is None
        assert found.marginal == GAS_AT_THE_MARGIN
        assert found.as_json()["average"] is None


def test_the_marginal_signal_counts_while_its_interval_lasts_and_grows_old():
    signal = row("carbon-intensity-marginal", 380.0, NOON - FIVE, valid_end=NOON, data_source="MIDAS")
    ahead = row("carbon-intensity-marginal", 900.0, NOON + FIVE, valid_end=NOON + 2 * FIVE)
    now = carbon_intensity([signal, ahead], NOON - timedelta(minutes=1)).marginal
    assert (now.kg_per_kwh, now.quality, now.source) == (0.38, Quality.GOOD, "MIDAS")
    assert carbon_intensity([signal], NOON + timedelta(hours=4)).marginal.quality is Quality.STALE


def test_old_figures_are_stale():
    later = NOON + timedelta(hours=4)
    assert carbon_intensity(mix(Gas=1.0), later).average.quality is Quality.STALE
    own = [row("co2-emissions", 4.2e6), row("load", 28_000.0)]
    assert carbon_intensity(own, later).average.quality is Quality.STALE


def test_a_node_of_california_has_its_utility():
    assert places("CAISO", "TH_NP15_GEN-APND") == ("CAISO", "PGE")
    assert places("CAISO", "DLAP_SDGE-APND") == ("CAISO", "SDGE")
    assert places("NYISO", "N.Y.C.") == ("NYISO",)
