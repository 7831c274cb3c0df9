"""`vibelux nodes`, and what `vibelux facilities check` says of a node that nobody knows."""

import json
from pathlib import Path

import pytest

from vibelux.cli.main import main

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)


def found(capsys, *arguments: str) -> tuple[list[str], str]:
    assert main(["nodes", *arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    return [row["pricing_node"] for row in json.loads(out)], err


def test_without_a_database_the_catalogue_is_searched_and_it_is_said_so(tmp_path, capsys):
    names, err = found(capsys, "find", "np15")
    assert names == ["TH_NP15_GEN-APND"]
    assert "no database" in err
    assert list(tmp_path.iterdir()) == [], "a search makes no data folder"


def test_a_grid_narrows_the_search_and_a_misspelt_name_finds_the_nearest(capsys):
    assert found(capsys, "find", "north", "--grid", "nyiso")[0] == ["NORTH", "MILLWD"]
    names, err = found(capsys, "find", "HB_NROTH", "--grid", "ERCOT", "--limit", "1")
    assert names == ["HB_NORTH"]
    assert "look like it" in err
    assert found(capsys, "find", "xyzzy")[0] == []


async def test_with_a_database_nodes_seen_are_found_too(database, database_url, monkeypatch, capsys):
    import asyncio

    from store.samples import parsed, price, receipt
    from vibelux.store.writer import write_payload

    await write_payload(database, receipt(), parsed(price(0.05, node="SALINAS_1_N004")))
    monkeypatch.setenv("DATABASE_URL", database_url)
    names, err = await asyncio.to_thread(found, capsys, "find", "salinas")
    assert (names, err) == (["SALINAS_1_N004"], "")


def test_a_place_is_near_its_zone_and_that_is_called_approximate(capsys):
    names, err = found(capsys, "near", "36.67", "-121.65")
    assert names[:2] == ["TH_NP15_GEN-APND", "DLAP_PGAE-APND"]
    assert "approximate" in err


def test_an_unknown_grid_is_wrong_usage(capsys):
    assert main(["nodes", "find", "x", "--grid", "MISO"]) == 2
    assert "CAISO" in capsys.readouterr().err


def test_a_facility_at_an_unknown_node_is_valid_with_a_warning(tmp_path, capsys):
    file = tmp_path / "site.toml"
    file.write_text((EXAMPLES / "ercot.toml").read_text().replace('"HB_NORTH"', '"HB_NROTH"'))
    assert main(["facilities", "check", str(file), "--json"]) == 0
    out, err = capsys.readouterr()
    (row,) = json.loads(out)
    assert row["valid"]
    (warning,) = row["warnings"]
    assert "near that name: HB_NORTH" in warning
    assert "near its place (approximate): HB_NORTH" in warning
    assert warning in err


@pytest.mark.parametrize("grid", ["caiso", "pjm", "ercot", "nyiso"])
def test_the_examples_stand_at_nodes_that_are_known(grid, capsys):
    assert main(["facilities", "check", str(EXAMPLES / f"{grid}.toml")]) == 0
    assert capsys.readouterr().err == ""
