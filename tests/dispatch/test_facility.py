"""The facility file: round trip, defaults, and what a wrong one gets."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dispatch.plants import EXAMPLES, NOW, body, engine, facility
from vibelux.config import Settings
from vibelux.dispatch.decision import decide
from vibelux.dispatch.facility import MAX_ENGINES, Facility, load_facilities
from vibelux.dispatch.state import PlantState
from vibelux.market.errors import ConfigError
from vibelux.outlook.conditions import MarketRows, conditions


def written(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text, "utf-8")
    return path


def house(**changes):
    """The changes that make a facility a greenhouse, and some of them wrong."""
    return {"latitude": 36.67, "longitude": -121.65, "demand": {}, "greenhouse": {"area_m2": 1000}} | changes


ONE = """
id = "f-1"
iso_region = "ERCOT"
pricing_node = "HB_NORTH"
[prices]
gas_hub = "Henry Hub"
[grid]
import_max_kw = 100
[demand]
power_kw = 50
"""


def test_what_is_given_comes_back_with_the_same_keys_and_no_others():
    given = body(battery={"capacity_kwh": 10, "charge_max_kw": 5, "discharge_max_kw": 5}, heat={"dump_max_kw": 50})
    made = Facility.from_dict(given)
    assert made.as_dict() == given
    assert Facility.from_dict(made.as_dict()) == made


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("caiso", "TH_NP15_GEN-APND"),
        ("pjm", "WESTERN HUB"),
        ("ercot", "HB_NORTH"),
        ("nyiso", "N.Y.C."),
    ],
)
def test_the_examples_are_valid_facilities_and_configurations(name, node):
    path = EXAMPLES / f"{name}.toml"
    (found,) = load_facilities(path)
    assert (found.iso_region, found.pricing_node) == (name.upper(), node)
    assert found.unused() == []
    assert Settings.load(path, env={}).facilities[0]["id"] == found.id
    assert decide(found, conditions(found, NOW, MarketRows()), PlantState(), NOW).action == "unavailable"


def test_the_grids_zone_and_carbon_market_stand_in_for_what_is_not_given():
    assert facility().zone_name == "America/Los_Angeles"
    assert facility(timezone="America/Phoenix").zone_name == "America/Phoenix"
    assert facility().carbon_market == "California Cap-and-Trade"
    assert facility(iso_region="ERCOT").carbon_market is None
    assert facility(prices={"gas_hub": "h", "carbon_market": "m"}).carbon_market == "m"


def test_a_file_of_its_own_holds_one_facility(tmp_path):
    (found,) = load_facilities(written(tmp_path, ONE))
    assert (found.id, found.load_at(NOW).power_kw, found.load_at(NOW).heat_kw) == ("f-1", 50.0, 0.0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"pricing_nod": "X"}, "facility: pricing_nod: unknown key; did you mean pricing_node?"),
        ({"chp": [engine(), engine(id="b", rated_kv=3)]}, r"chp\[1\]\.rated_kv: unknown key; did you mean rated_kw?"),
        ({"chp": [engine(electric_efficiency={"full": 0.4, "hal": 0.3})]}, r"chp\[0\]\.electric_efficiency\.hal: unkn"),
        ({"chp": [engine(id=f"e{n}") for n in range(MAX_ENGINES + 1)]}, "chp: .* at most 6 items"),
        ({"chp": [engine(), engine()]}, "facility: the id engine-1 is given twice"),
        ({"id": "a b"}, "facility: id: .*, got 'a b'"),
        ({"iso_region": "MISO"}, "facility: iso_region: should be 'CAISO', 'PJM'"),
        ({"timezone": "Mars/Olympus"}, "facility: timezone: unknown time zone 'Mars/Olympus'"),
        ({"latitude": 91.0}, "facility: latitude: should be less than or equal to 90"),
        ({"prices": {}}, "facility: prices: give gas_hub, or a contract in gas"),
        ({"prices": {"gas_hub": "h", "gas": {"hub": "h"}}}, "facility: prices: give gas_hub, or a contract in gas"),
        ({"prices": {"gas": {"kind": "fixed"}}}, "facility: prices.gas: a contract of kind fixed needs usd_per_mmbtu"),
        ({"prices": {"gas_hub": "h", "carbon": "both"}}, "facility: prices.carbon: should be 'direct'"),
        ({"prices": {"gas_hub": "h", "urdb_tariff": "x.json"}}, "prices.urdb_tariff: files are read from facility f"),
        ({"demand": {}}, "facility: demand: give power_kw and heat_kw, or file, or url, or a .greenhouse."),
        ({"demand": {"file": "x.csv", "heat_kw": 3}}, "facility: demand: give power_kw"),
        (house(demand={"heat_kw": 3}), "facility: demand: a greenhouse tells the heat itself"),
        (house(demand={"file": "x.csv"}), "facility: demand: a greenhouse tells the heat itself"),
        (house(latitude=None), "facility: greenhouse: its weather needs latitude and longitude"),
        (
            house(greenhouse={"area_m2": 1, "target_dly": 5}),
            r"greenhouse\.target_dly: unknown key; did you mean target_dli",
        ),
        (house(greenhouse={"area_m2": 1, "target_dli": 5}), "facility: greenhouse: target_dli needs lamps"),
        (house(greenhouse={"area_m2": 1, "co2_g_per_m2_h": 5}), "greenhouse: co2_g_per_m2_h needs a .co2. block"),
        (
            house(lights=[{"id": "l", "max_kw": 5}], greenhouse={"area_m2": 1, "lamp_w_per_m2": 50}),
            r"greenhouse: its lamps stand in \[\[lights\]\]",
        ),
        ({"demand": {"file": "loads.csv"}}, "facility: demand.file: files are read from facility files only"),
        (
            {"heat_storage": {"capacity_kwh": 5, "charge_max_kw": 1, "discharge_max_kw": 1, "min_kwh": 6}},
            "min_kwh is ab",
        ),
        (
            {"lights": [{"id": "l", "max_kw": 5, "photoperiod": {"start": "6", "end": "22:00"}}]},
            "photoperiod.start: sh",
        ),
    ],
)
def test_a_wrong_facility_is_told_by_path_and_nearest_key(change, told):
    with pytest.raises(ConfigError, match=told):
        facility(**change)


def test_a_wrong_file_is_told_by_line(tmp_path):
    text = """stale_data_threshold = 900

[[facilities]]
id = "a"
iso_region = "CAISO"
pricing_node = "N"
prices = { gas_hub = "h" }
grid = { import_max_kw = 1 }
demand = { power_kw = 1 }

[[facilities]] # the second
id = "b"
iso_region = "CAISO"
pricing_node = "N"
prices.gas_hub = "h"
grid = { import_max_kw = 1 }
demand = { power_kw = 1 }
[[facilities.chp]]
id = "e"
rated_kw = 1000
electric_efficiency = { full = 0.4 }
thermal_efficiency = { full = 0.4, halb = 0.3 }
"""
    with pytest.raises(ConfigError) as error:
        load_facilities(written(tmp_path, text))
    path = tmp_path / "site.toml"
    assert str(error.value) == (
        f"{path} line 22: facilities[1].chp[0].thermal_efficiency.halb: unknown key; did you mean half?"
    )
    with pytest.raises(ConfigError, match=r"line 20: facilities\[1\]\.chp\[0\]\.rated_kw: should be greater than 0"):
        load_facilities(written(tmp_path, text.replace("rated_kw = 1000", "rated_kw = -5").replace(", halb = 0.3", "")))
    with pytest.raises(ConfigError, match=r"line 18: facilities\[1\]\.chp\[0\]\.rated_kw: is missing"):
        load_facilities(written(tmp_path, text.replace("rated_kw = 1000", "").replace(", halb = 0.3", "")))
    with pytest.raises(ConfigError, match=r"line 12: facilities\[1\]\.id: a is given twice"):
        load_facilities(written(tmp_path, text.replace('"b"', '"a"').replace(", halb = 0.3", "")))


@pytest.mark.parametrize("text", ["", "stale_data_threshold = 900\n"])
def test_a_file_without_a_facility_is_told(tmp_path, text):
    with pytest.raises(ConfigError, match="holds no facility"):
        load_facilities(written(tmp_path, text))


def test_facilities_that_are_no_tables_are_told(tmp_path):
    with pytest.raises(ConfigError, match="line 1: facilities: should be tables"):
        load_facilities(written(tmp_path, "facilities = 3\n"))


CSV = (
    "time,power_kw,heat_kw\n2026-07-14T19:00:00Z,100,900\n2026-07-14T20:00:00Z,200,800\n2026-07-14T20:15:00Z,300,700\n"
)


def with_csv(folder: Path, text: str) -> Facility:
    (folder / "loads.csv").write_text(text, "utf-8")
    (found,) = load_facilities(written(folder, ONE.replace("power_kw = 50", 'file = "loads.csv"')))
    return found


def test_demands_come_from_a_csv_beside_the_file_and_end_with_it(tmp_path):
    found = with_csv(tmp_path, CSV)
    assert found.load_at(NOW).power_kw == 200
    assert found.load_at(NOW).source == "loads.csv"
    assert found.load_at(datetime(2026, 7, 14, 20, 29, 59, tzinfo=UTC)).heat_kw == 700
    assert found.load_at(datetime(2026, 7, 14, 20, 30, tzinfo=UTC)) is None
    assert found.load_at(datetime(2026, 7, 14, 18, 59, tzinfo=UTC)) is None
    kept = found.as_dict()
    assert kept["demand"] == {"file": str((tmp_path / "loads.csv").resolve())}
    assert Facility.from_dict(kept, folder=tmp_path.parent).load_at(NOW) == found.load_at(NOW)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CSV.replace("heat_kw", "heat_kv"), "line 1: unknown column 'heat_kv'; did you mean heat_kw?"),
        ("time,power_kw\n", "line 1: the column heat_kw is missing"),
        ("", "line 1: the column time is missing"),
        (CSV.replace("200", "many"), "line 3: power_kw is not a number: 'many'"),
        (CSV.replace("200", "-2"), "line 3: power_kw should be 0 or more, got -2"),
        (CSV.replace("200", "nan"), "line 3: power_kw should be 0 or more, got nan"),
        (CSV.replace("20:00:00Z", "20:00:00"), "line 3: .* write times as"),
        (CSV.replace("T20:15", "T20:00"), "line 4: .* does not come after"),
        (CSV.replace(",200,", ",200,1,"), "line 3: 4 cells under 3 columns"),
        (CSV[:51], "at least two rows"),
    ],
)
def test_a_wrong_csv_is_told_by_line(tmp_path, text, told):
    with pytest.raises(ConfigError, match=told):
        with_csv(tmp_path, text)


def test_a_csv_that_is_away_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"loads\.csv cannot be read"):
        load_facilities(written(tmp_path, ONE.replace("power_kw = 50", 'file = "loads.csv"')))
