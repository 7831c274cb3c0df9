"""Fleets: the same set-points as one by one, over processes and over Dask, whatever happens to one plant."""

import importlib.util
import os

import numpy as np
import pytest

from dispatch_cases.fleet_plants import plant
from vibelux.dispatch.case_reader import read_case
from vibelux.dispatch.fleet import Fleet, Shard
from vibelux.dispatch.foresight import Slopes, at_price
from vibelux.dispatch.planner import replan
from vibelux.market.errors import UsageError

CASES = {f"plant-{seed}": read_case(plant(seed)) for seed in (0, 2, 3, 6)}


def impossible(name: str):
    """The storage is full, loses nothing it can use, and may not fall below what it cannot hold."""
    document = plant(2)
    document["name"] = name
    document["heat_storage"]["initial_kwh"] = document["heat_storage"]["capacity_kwh"]
    document["heat_storage"] |= {"charge_max_kw": 0, "discharge_max_kw": 0, "loss_per_h": 0.5, "min_kwh": 1000}
    return read_case(document)


def dearer(cases):
    return {name: at_price(case, 0.2, Slopes(sold=0.0)) for name, case in cases.items()}


def test_a_fleet_over_processes_decides_as_one_by_one_and_keeps_its_plans():
    told = []
    with Fleet(2) as fleet:
        first = fleet.decide(CASES, progress=lambda done, total: told.append((done, total)))
        again = fleet.decide(dearer(CASES), progress=lambda *_: None)
    alone = Shard()
    expected = alone.decide(CASES, 0.0, 0.0)
    expected_again = alone.decide(dearer(CASES), 0.0, 0.0)
    assert list(first) == list(CASES)
    assert told[-1] == (len(CASES), len(CASES))
    for name in CASES:
        assert first[name].objective_usd == pytest.approx(expected[name].objective_usd)
        assert again[name].objective_usd == pytest.approx(expected_again[name].objective_usd)
        assert again[name].on == expected_again[name].on
        assert first[name].error is None


def test_a_plant_that_fails_tells_why_and_stops_no_other():
    found = Shard().decide({"bad": impossible("bad"), "broken": None, "good": CASES["plant-2"]}, 0.0, 0.0)  # type: ignore[dict-item]
    assert "contradict" in found["bad"].error
    assert found["broken"].error.startswith("AttributeError")
    assert found["good"].error is None
    assert found["good"].objective_usd == pytest.approx(replan(CASES["plant-2"], seconds=0).solution.objective_usd)


def test_a_worker_that_dies_takes_only_its_own_plants_along():
    with Fleet(2) as fleet:
        fleet._workers._processes.submit(0, os._exit, 9)
        found = fleet.decide(CASES, progress=lambda *_: None)
    gone = [name for name, one in found.items() if one.error is not None]
    assert 0 < len(gone) < len(CASES)
    assert all("the worker is gone" in found[name].error for name in gone)


@pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="the extra dask is not installed")
def test_a_fleet_over_dask_decides_the_same():
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, processes=False) as cluster,
        Fleet(scheduler=cluster.scheduler_address) as fleet,
    ):
        found = fleet.decide(CASES, progress=lambda *_: None)
    expected = Shard().decide(CASES, 0.0, 0.0)
    assert np.allclose([found[name].objective_usd for name in CASES], [expected[name].objective_usd for name in CASES])


def test_a_scheduler_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr("vibelux.dispatch.fleet.REACH_SECONDS", 0.2)
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    with pytest.raises(UsageError, match="cannot be reached"):
        Fleet(scheduler="tcp://127.0.0.1:1")
