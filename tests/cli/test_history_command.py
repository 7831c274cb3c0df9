"""`vibelux history add` and `vibelux export`: past prices into the database, and out of it again."""

import asyncio
import json
from pathlib import Path

import polars as pl
import pytest

from feeds.caiso.payloads import lmp_csv, lmp_row, quarter, zipped
from vibelux.cli import export_command
from vibelux.cli.main import main
from vibelux.store.database import Database

NODE = "TH_NP15_GEN-APND"
ROWS = ["2025-07-01T00:00:00Z,0.05", "2025-07-01T01:00:00Z,", "2025-07-01T02:00:00Z,0.07"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setenv("VIBELUX_DATA_DIR", str(tmp_path / "data"))
    table("tidy.csv", "time,price_per_kwh", *ROWS)


def table(name: str, *lines: str) -> None:
    Path(name).write_text("\n".join(lines) + "\n", "utf-8")


async def vibelux(*arguments: str) -> int:
    return await asyncio.to_thread(main, list(arguments))


async def add(*more: str) -> int:
    return await vibelux("history", "add", *more, "--grid", "CAISO", "--json")


async def test_a_table_is_added_once_and_its_row_without_a_price_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert await add("tidy.csv", "--node", NODE, "--market", "day-ahead-hourly") == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"new": 2, "corrected": 0, "unchanged": 0, "quarantined": 1}
    assert "tidy.csv: 1 rows quarantined, row 2: a price is missing" in err
    # Once more, as after an interruption; and then with another price.
    assert await add("tidy.csv", "--node", NODE, "--market", "day-ahead-hourly") == 0
    assert json.loads(capsys.readouterr().out)["unchanged"] == 2
    table("tidy.csv", "time,price_per_kwh", "2025-07-01T00:00:00Z,0.06", "2025-07-01T01:00:00Z,0.061")
    assert await add("tidy.csv", "--node", NODE, "--market", "day-ahead-hourly") == 0
    assert json.loads(capsys.readouterr().out) == {"new": 1, "corrected": 1, "unchanged": 0, "quarantined": 0}


async def test_hourly_means_of_real_time_prices_are_a_market_of_their_own() -> None:
    assert await add("tidy.csv", "--node", "NP15", "--kept-as", NODE) == 0
    assert await vibelux("export", "electricity-price", "-o", "out.parquet") == 0
    frame = pl.read_parquet("out.parquet")
    assert frame["market"].unique().to_list() == ["real-time-hourly"]
    assert frame["pricing_node"].unique().to_list() == [NODE]
    assert (frame["market_interval_end"] - frame["market_interval_start"]).dt.total_minutes().to_list() == [60, 60]


@pytest.fixture
def served(tmp_path: Path) -> str:
    rows = [lmp_row(*quarter(0), NODE, "LMP", "61.2"), lmp_row(*quarter(0), NODE, "MCE", "60.0")]
    path = tmp_path / "served.zip"
    path.write_bytes(zipped(PRC_INTVL_LMP__csv=lmp_csv(rows)))
    return str(path)


async def test_a_payload_of_the_grids_own_is_recognised_and_keeps_its_components(served: str) -> None:
    assert await add(served) == 0
    assert await vibelux("export", "real_time_electricity_prices", "-o", "out.csv") == 0
    row = pl.read_csv("out.csv").row(0, named=True)
    assert (row["market"], row["price_per_kwh"], row["energy_component"]) == ("real-time-5min", 0.0612, 0.06)


async def test_a_file_that_does_not_say_its_node_is_refused_and_the_others_are_added(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table("named.csv", "time,node,price_per_kwh", "2025-07-01T00:00:00Z,X,0.05")
    assert await add("tidy.csv", "named.csv") == 2
    out, err = capsys.readouterr()
    assert "tidy.csv: it does not say of which node its prices are" in err
    assert json.loads(out)["new"] == 1


@pytest.mark.parametrize("ending", ["parquet", "csv", "arrow"])
async def test_an_export_holds_all_pages_in_order(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_command, "_PAGE_ROWS", 2)
    lines = [f"2025-07-01T{hour:02d}:00:00Z,{node},{hour / 100}" for node in "XY" for hour in range(5)]
    table("two.csv", "time,node,price_per_kwh", *lines)
    assert await add("two.csv") == 0
    window = ["--from", "2025-07-01T01:00:00Z", "--to", "2025-07-01T04:00:00Z", "--where", "pricing_node=X"]
    assert await vibelux("export", "electricity-price", *window, "-o", f"out.{ending}") == 0
    read = {"parquet": pl.read_parquet, "csv": pl.read_csv, "arrow": pl.read_ipc}[ending]
    assert read(f"out.{ending}")["price_per_kwh"].to_list() == [0.01, 0.02, 0.03]
    assert not list(Path.cwd().glob("*.part"))


async def test_an_empty_table_is_a_file_without_rows() -> None:
    assert await vibelux("export", "gas-price", "--from", "2025-07-01", "-o", "gas.parquet") == 0
    assert pl.read_parquet("gas.parquet").height == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["prices", "-o", "out.csv"], "there are electricity-price (real_time_electricity_prices)"),
        (["gas-price", "-o", "out.xls"], "the ending says the format"),
        (["gas-price", "-o", "out.csv", "--where", "hub=x"], "can be chosen by hub_name"),
        (["gas-price", "-o", "out.csv", "--from", "2025-07-02", "--to", "2025-07-01"], "does not come after"),
    ],
)
async def test_what_cannot_be_exported_is_told_in_a_line(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await vibelux("export", *arguments) == 2
    assert told in capsys.readouterr().err
