"""`vibelux facilities import-tariff`, and what `check` says of a facility whose tariff is a URDB file."""

import json
import tomllib

import pytest

from vibelux.cli.main import main

RATE = {
    "label": "0123456789abcdef01234567",
    "name": "Large",
    "servicetype": "Delivery",
    "energyratestructure": [[{"rate": 0.05, "max": 1000}, {"rate": 0.04}]],
    "energyweekdayschedule": [[0] * 24] * 12,
    "energyweekendschedule": [[0] * 24] * 12,
}
SITE = """
id = "f-1"
iso_region = "ERCOT"
pricing_node = "HB_NORTH"
grid = { import_max_kw = 100 }
demand = { power_kw = 50 }
[prices]
gas_hub = "Henry Hub"
urdb_tariff = "rate.json"
"""


@pytest.fixture
def rate(tmp_path):
    path = tmp_path / "rate.json"
    path.write_text(json.dumps({"items": [RATE]}), "utf-8")
    return path


def test_the_tariff_is_printed_and_what_is_left_out_is_told_on_stderr(rate, capsys):
    assert main(["facilities", "import-tariff", str(rate)]) == 0
    out, err = capsys.readouterr()
    assert tomllib.loads(out)["facilities"]["tariff"] == {"energy_adder_usd_per_kwh": 0.05}
    assert "the first tier alone is taken (period 0: 0.05 up to 1000 kWh, then 0.04 USD)" in err


def test_the_tariff_is_written_where_asked(rate, tmp_path, capsys):
    assert main(["facilities", "import-tariff", str(rate), "-o", str(tmp_path / "tariff.toml")]) == 0
    assert capsys.readouterr().out == ""
    written = tomllib.loads((tmp_path / "tariff.toml").read_text("utf-8"))
    assert written["facilities"]["tariff"] == {"energy_adder_usd_per_kwh": 0.05}


@pytest.mark.parametrize(
    ("change", "arguments", "told"),
    [
        ({"energyweekdayschedule": [[1] * 24] * 12}, [], "rate.json: items[0].energyweekdayschedule[0][0]: should be"),
        ({}, ["--label", "x"], "rate.json: items: holds 0 rates of the label x"),
        ({}, ["-o", "no/such/folder.toml"], "no/such/folder.toml: No such file"),
    ],
)
def test_a_wrong_rate_is_wrong_usage_and_told_by_its_path(rate, capsys, change, arguments, told):
    rate.write_text(json.dumps({"items": [RATE | change]}), "utf-8")
    assert main(["facilities", "import-tariff", str(rate), *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err


def test_a_file_that_is_not_there_is_wrong_usage(capsys):
    assert main(["facilities", "import-tariff", "no.json"]) == 2
    assert "no.json: no such file" in capsys.readouterr().err


def test_check_tells_what_of_a_facilitys_rate_is_left_out(rate, tmp_path, capsys):
    (tmp_path / "site.toml").write_text(SITE, "utf-8")
    assert main(["facilities", "check", str(tmp_path / "site.toml")]) == 0
    assert "rate.json: energyratestructure: the first tier alone" in capsys.readouterr().err
