"""Price and gas files, checkpoints, the command and its report."""

import importlib.util
import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from backtest.recorded import recorded, stored, wave, window
from dispatch.plants import GAS_AT_3_CENTS
from shared_files import real
from vibelux.backtest import drive
from vibelux.backtest.gas import read_gas
from vibelux.backtest.price_files import Wanted, read_prices
from vibelux.backtest.strategies import HEAT_LED, PERFECT, STRATEGIES, VIBELUX
from vibelux.backtest.study import Run, Study, backtest
from vibelux.backtest.sweep import Sweep, changed
from vibelux.cli.main import main
from vibelux.market.errors import UsageError
from vibelux.outlook.learn import DAY_AHEAD
from vibelux.outlook.past import utc_minutes

JULY = utc_minutes(datetime(2025, 7, 1, tzinfo=UTC))
CAISO = Wanted("CAISO", "NODE")
SITE = f"""
id = "site-1"
iso_region = "CAISO"
pricing_node = "NODE"
[prices]
import_adder_usd_per_kwh = 0.05
export_adder_usd_per_kwh = -0.005
gas = {{ kind = "fixed", usd_per_mmbtu = {GAS_AT_3_CENTS} }}
[grid]
import_max_kw = 4000
export_max_kw = 2000
[[chp]]
id = "engine-1"
rated_kw = 1000
electric_efficiency = {{ full = 0.4, half = 0.4 }}
thermal_efficiency = {{ full = 0.4, half = 0.4 }}
om_usd_per_kwh = 0.01
[[boiler]]
id = "boiler-1"
rated_kw = 3000
efficiency = 0.8
[demand]
power_kw = 400
heat_kw = 800
"""


def tidy(path: Path, rows: list[str], header: str = "time,node,market,price_per_kwh") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def hours(prices: list[float], node: str = "NODE", market: str = "day-ahead-hourly") -> list[str]:
    return [f"2025-07-0{1 + at // 24}T{at % 24:02d}:00:00Z,{node},{market},{price}" for at, price in enumerate(prices)]


def test_a_tidy_file_with_one_market_is_settled_in_it(tmp_path: Path) -> None:
    found = read_prices([tidy(tmp_path / "p.csv", hours([0.05, 0.06, 0.07]))], CAISO)
    assert (found.node, found.market, found.day_ahead) == ("NODE", DAY_AHEAD, None)
    assert found.prices.starts[0] == utc_minutes(datetime(2025, 7, 1, tzinfo=UTC))
    assert (found.prices.step, found.prices.values.tolist()) == (60, [0.05, 0.06, 0.07])


def test_of_two_markets_real_time_is_settled_and_day_ahead_forecasts(tmp_path: Path) -> None:
    rows = [*hours([0.05, 0.06]), *hours([0.01, 0.02], market="RTM")]
    found = read_prices([tidy(tmp_path / "p.csv", rows)], CAISO)
    assert (found.market, found.prices.values.tolist()) == ("real-time-5min", [0.01, 0.02])
    assert found.day_ahead is not None
    assert found.day_ahead.values.tolist() == [0.05, 0.06]


def test_times_of_the_contracts_columns_are_utc_and_usd_per_mwh_is_converted(tmp_path: Path) -> None:
    naive = tidy(tmp_path / "n.csv", ["2025-07-01 00:00,0.05", "2025-07-01 00:15,0.06"], "time,price_per_kwh")
    assert read_prices([naive], CAISO).prices.starts.tolist() == [JULY, JULY + 15]
    mwh = tidy(tmp_path / "m.csv", ["2025-07-01T00:00:00-07:00,50", "2025-07-01T01:00:00-07:00,60"], "timestamp,lmp")
    found = read_prices([mwh], CAISO).prices
    assert (found.starts[0], found.values.tolist()) == (JULY + 420, [0.05, 0.06])


def test_another_price_column_can_be_named(tmp_path: Path) -> None:
    path = tidy(tmp_path / "p.csv", ["2025-07-01T00:00:00Z,50,1", "2025-07-01T01:00:00Z,60,2"], "time,usd,other")
    found = read_prices([path], Wanted("CAISO", "NODE", price_column="usd"))
    assert found.prices.values.tolist() == [0.05, 0.06]
    with pytest.raises(UsageError, match="no column 'usf'"):
        read_prices([path], Wanted("CAISO", "NODE", price_column="usf"))


def test_prices_by_the_clock_on_the_wall_are_put_on_utc(tmp_path: Path) -> None:
    # The hour from 1:00 occurs twice on 2 November; such a file has it once, and both passes get its price.
    stamps = [f"2025-11-02 {hour:02d}:00:00" for hour in range(24)]
    path = tidy(tmp_path / "rt.csv", [f"{stamp},{at}" for at, stamp in enumerate(stamps)], "timestamp,price_mwh")
    found = read_prices([path], CAISO).prices
    assert len(found.starts) == 25
    assert (found.values * 1000).tolist() == pytest.approx([0, 1, 1, *range(2, 24)])
    assert np.all(np.diff(found.starts) == 60)


def test_a_file_of_other_nodes_is_refused_with_their_names(tmp_path: Path) -> None:
    path = tidy(tmp_path / "p.csv", [*hours([0.05, 0.06], "A"), *hours([0.05, 0.06], "B")])
    with pytest.raises(UsageError, match=r"no prices of NODE, and --node names no other; there are A, B"):
        read_prices([path], CAISO)
    assert read_prices([path], Wanted("CAISO", "NODE", node="B")).node == "B"


@pytest.mark.parametrize(
    ("grid", "node", "file", "market"),
    [
        ("CAISO", "NODE", "caiso/PRC_LMP/20260714_PRC_LMP_DAM_SP15_excerpt.csv", DAY_AHEAD),
        ("ERCOT", "HB_NORTH", "ercot/history_tidy/NP4-180-ER_DAM_SPP_2025-01_08.csv.gz", DAY_AHEAD),
    ],
)
def test_files_of_the_grids_are_read_through_their_feeds(grid: str, node: str, file: str, market: str) -> None:
    found = read_prices([real(file)], Wanted(grid, node))
    assert found.market == market
    assert len(found.prices.starts) >= 5


def test_a_year_of_both_markets_in_one_wide_file() -> None:
    found = read_prices([real("ercot/history_tidy/hb_houston_2024_hourly_dam_rtm_as.csv.gz")], Wanted("ERCOT", "X"))
    assert found.market == "real-time-hourly"
    assert found.day_ahead is not None
    # 1 January 2024, hour ending 1, Central: 13.88 in real time, 15.84 the day before.
    first = utc_minutes(datetime(2024, 1, 1, 6, tzinfo=UTC))
    assert found.prices.at(np.array([first])) == pytest.approx(0.01388)
    assert found.day_ahead.at(np.array([first])) == pytest.approx(0.01584)


def test_gas_is_read_from_a_table_and_from_eia(tmp_path: Path) -> None:
    path = tidy(tmp_path / "gas.csv", ["2025-07-01,3.1", "2025-07-02,3.2"], "date,price_per_mmbtu")
    assert read_gas(path, "Henry Hub").days == (date(2025, 7, 1), date(2025, 7, 2))
    found = read_gas(real("gas/eia-henry-hub/natural-gas-daily.xls"), "Henry Hub")
    assert len(found.days) > 1000


def test_a_run_that_was_interrupted_ends_as_one_that_was_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drive, "_FRESH_DAYS", 1)
    study = Study.of(window(stored(), recorded(wave(60), ahead=wave(72))), learns=False, folder=tmp_path / "kept")
    plain = Study.of(study.window, learns=False)
    whole, _, _ = plain.carry_out(Run(VIBELUX))

    def stop(done: int) -> None:
        if done == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.carry_out(Run(VIBELUX), stop)
    steps: list[int] = []
    again, _, _ = study.carry_out(Run(VIBELUX), steps.append)
    assert steps[0] == 25
    assert np.array_equal(again.import_kw, whole.import_kw)
    assert again.heat_storage is not None
    assert whole.heat_storage is not None
    assert np.array_equal(again.heat_storage.level_kwh, whole.heat_storage.level_kwh)
    # Once more: it is all there already.
    steps.clear()
    study.carry_out(Run(VIBELUX), steps.append)
    assert steps == []


def test_processes_find_what_one_process_finds() -> None:
    study = Study.of(window(stored(), recorded(wave(12), ahead=wave(48))), learns=False)
    one = backtest(study, ["heat-led", VIBELUX], workers=1)
    two = backtest(study, ["heat-led", VIBELUX], workers=2)
    assert {name: found.usd for name, found in one.accounts.items()} == {
        name: found.usd for name, found in two.accounts.items()
    }


@pytest.mark.parametrize("text", ["rated_kw", "a=1..", "a=x..2", "a=1..2:1"])
def test_a_sweep_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--sweep"):
        Sweep.read(text)


def test_a_sweep_names_a_field_of_the_plant() -> None:
    sweep = Sweep.read("plant.chp.rated_kw=500..2000:4")
    assert (sweep.path, sweep.values) == ("chp.rated_kw", (500.0, 1000.0, 1500.0, 2000.0))
    assert changed(stored(), "chp.rated_kw", 700.0).chp[0].rated_kw == 700.0
    assert changed(stored(), "chp.engine-1.rated_kw", 700.0).chp[0].rated_kw == 700.0
    assert changed(stored(), "grid.export_max_kw", 10.0).grid.export_max_kw == 10.0
    with pytest.raises(UsageError, match="rated_kv"):
        changed(stored(), "chp.rated_kv", 1.0)


def files(tmp_path: Path) -> list[str]:
    (tmp_path / "site.toml").write_text(SITE, "utf-8")
    prices = tidy(tmp_path / "p.csv", hours([0.06] * 12 + [-0.02] * 12))
    return ["backtest", "--facility", str(tmp_path / "site.toml"), "--prices", str(prices)]


def test_the_command_answers_with_the_contracts_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--html", str(tmp_path / "r.html"), "--steps", str(tmp_path / "s.parquet"), "--workers", "1"]
    assert main([*files(tmp_path), *out, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["from"], told["to"], told["steps"]) == ("2025-07-01T00:00:00Z", "2025-07-02T00:00:00Z", 24)
    assert list(told["strategies"]) == list(STRATEGIES)
    for one in told["strategies"].values():
        assert {"total_cost_usd", "cost", "energy_kwh", "starts", "peak_kw", "co2_kg"} <= set(one)
        assert one["total_cost_usd"] == pytest.approx(sum(one["cost"].values()))
        # The grid's own months: the evening before is in June.
        assert set(one["peak_kw"]) == {"2025-06", "2025-07"}
    # Half the day the engine, which makes the heat and sells 400 kW; half the day grid and boiler.
    assert told["strategies"][VIBELUX]["total_cost_usd"] == pytest.approx(12 * (60 + 8 - 22) + 12 * (12 + 30))
    assert set(told["savings_usd"]) == set(STRATEGIES) - {VIBELUX}
    assert told["regret_usd"] == pytest.approx(0.0, abs=1e-6)
    assert sum(told["regret_parts_usd"].values()) == pytest.approx(0.0, abs=1e-6)
    page = (tmp_path / "r.html").read_text("utf-8")
    assert page.count("<svg") >= 8
    assert "http" not in page
    assert (tmp_path / "s.parquet").is_file()


def test_the_command_prints_a_row_a_strategy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*files(tmp_path), "--strategy", "grid-only", VIBELUX, "--workers", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["strategy", "USD"]
    assert [line.split()[0] for line in lines[1:3]] == ["grid-only", VIBELUX]


def test_the_command_sweeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    swept = ["--sweep", "plant.chp.rated_kw=800..1000:2", "--strategy", "always-on", "--workers", "1", "--json"]
    assert main([*files(tmp_path), *swept]) == 0
    told = json.loads(capsys.readouterr().out)
    costs = {row["value"]: row["strategies"]["always-on"]["total_cost_usd"] for row in told["values"]}
    # 800 kW: 60 of gas, 8 of upkeep, 400 kW sold at 0.055 and then at -0.025.
    assert costs[800.0] == pytest.approx(24 * 68 - 12 * 22 + 12 * 10)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--strategy", "vibelox"], "no strategy is called 'vibelox'"),
        (["--from", "2025-07-02", "--to", "2025-07-01"], "does not come after"),
        (["--from", "2026-07-02"], "there are some from 2025-07-01T00:00:00Z to 2025-07-02T00:00:00Z"),
        (["--gas", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--market", "real-time-15min"], "no prices of market"),
    ],
)
def test_wrong_usage_is_told_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], says: str
) -> None:
    assert main([*files(tmp_path), *more]) == 2
    assert says in capsys.readouterr().err


def test_foresight_is_as_cheap_as_the_cheapest_run() -> None:
    study = Study.of(window(stored(), recorded(wave(16))), learns=False, perfect_seconds=0.0)
    outcome = backtest(study, [VIBELUX, PERFECT], workers=1)
    assert outcome.accounts[PERFECT].usd <= min([outcome.accounts[VIBELUX].usd, *outcome.without.values()]) + 1e-9


@pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="the extra dask is not installed")
def test_dask_finds_what_one_process_finds() -> None:
    from distributed import LocalCluster

    study = Study.of(window(stored(), recorded(wave(6), ahead=wave(48))), learns=False)
    told: list[int] = []
    one = backtest(study, [HEAT_LED, VIBELUX], workers=1)
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, processes=False) as cluster:
        scheduler = cluster.scheduler_address
        over = backtest(study, [HEAT_LED, VIBELUX], scheduler=scheduler, progress=lambda done, *_: told.append(done))
    assert [(name, found.usd) for name, found in over.accounts.items()] == [
        (name, found.usd) for name, found in one.accounts.items()
    ]
    assert told == [0, 6, 12]


def test_a_dask_scheduler_that_is_not_there_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    monkeypatch.setattr("vibelux.dispatch.fleet.REACH_SECONDS", 0.2)
    monkeypatch.setenv("DASK_SCHEDULER", "tcp://127.0.0.1:1")
    assert main(files(tmp_path)) == 2
    assert "the Dask scheduler tcp://127.0.0.1:1 cannot be reached" in capsys.readouterr().err
