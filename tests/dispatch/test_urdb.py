"""URDB rates: each hour of the year costs what the rate says, what is left out is told, what is wrong is named."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from dispatch.plants import body
from dispatch.test_tariff import wall
from shared_files import real
from vibelux.dispatch.facility import Facility, load_facilities
from vibelux.dispatch.tariff import Tariff
from vibelux.dispatch.tariff_file import as_toml
from vibelux.dispatch.urdb import Imported, read_urdb
from vibelux.market.errors import ConfigError
from vibelux.outlook.past import kind_of_day

NIGHT_AND_DAY = [[0] * 7 + [1] * 13 + [0] * 4] * 12
ALWAYS = [[0] * 24] * 12
YEAR = np.arange(int(wall("2026-01-01 00:00")[0]), int(wall("2027-01-01 00:00")[0]), 60)
"""The hours of a year on the wall."""


def rate(**changes) -> dict:
    """A delivery rate of two periods, with the keys of the API."""
    return {
        "label": "0123456789abcdef01234567",
        "utility": "Valley Power",
        "name": "Large TOU",
        "startdate": 1735689600,
        "servicetype": "Delivery",
        "energyratestructure": [[{"rate": 0.05, "adj": 0.01, "unit": "kWh"}], [{"rate": 0.12, "unit": "kWh"}]],
        "energyweekdayschedule": NIGHT_AND_DAY,
        "energyweekendschedule": ALWAYS,
    } | changes


def read(**changes) -> Imported:
    return read_urdb(json.dumps({"items": [rate(**changes)]}).encode())


def test_a_weekday_schedule_becomes_windows_whose_price_is_rate_and_adjustment():
    found = read()
    assert found.notes == ()
    assert found.title == "Valley Power: Large TOU, label 0123456789abcdef01234567, from 2025-01-01"
    assert found.tariff == Tariff.model_validate(
        {
            "energy_adders": [
                {
                    "id": "energy-0",
                    "usd_per_kwh": 0.06,
                    "hours": {"start": "20:00", "end": "07:00"},
                    "weekend_hours": {"start": "00:00", "end": "24:00"},
                },
                {
                    "id": "energy-1",
                    "usd_per_kwh": 0.12,
                    "days": "weekdays",
                    "hours": {"start": "07:00", "end": "20:00"},
                },
            ],
            "demand_charges": [],
        }
    )


@pytest.mark.parametrize("seed", range(8))
def test_every_hour_of_the_year_costs_what_the_schedules_say(seed):
    rng = np.random.default_rng(seed)
    prices = np.round(rng.uniform(0.01, 0.3, 4), 5)
    days = rng.integers(0, 4, (12, 24)), rng.integers(0, 4, (12, 24))
    if seed % 2:  # as real ones are: long runs, months alike
        days = tuple(np.repeat(np.repeat(day[::4, ::6], 4, axis=0), 6, axis=1) for day in days)
    fuel = [0.0, 0.001, -0.002, 0.001] * 3
    found = read(
        energyratestructure=[[{"rate": price}] for price in prices.tolist()],
        energyweekdayschedule=days[0].tolist(),
        energyweekendschedule=days[1].tolist(),
        fueladjustmentsmonthly=fuel,
        demandratestructure=[[{"rate": price * 100}] for price in prices.tolist()],
        demandweekdayschedule=days[1].tolist(),
        demandweekendschedule=days[0].tolist(),
    )
    month = YEAR.astype("datetime64[m]").astype("datetime64[M]").astype(int) % 12
    hour, weekend = YEAR // 60 % 24, kind_of_day(YEAR // 1440) > 0
    period = np.where(weekend, days[1][month, hour], days[0][month, hour])
    assert found.tariff.energy_adder_over(YEAR) == pytest.approx(prices[period] + np.array(fuel)[month])
    demanded = sum(charge.usd_per_kw * charge.holds_over(YEAR) for charge in found.tariff.demand_charges)
    assert demanded == pytest.approx(prices[np.where(weekend, days[0][month, hour], days[1][month, hour])] * 100)


def test_a_single_period_without_a_schedule_is_a_constant():
    found = read(energyratestructure=[[{"rate": 0.07}]], energyweekdayschedule=None, energyweekendschedule=None)
    assert found.tariff.energy_adder_over(YEAR[:48]) == pytest.approx(np.full(48, 0.07))
    assert found.tariff.energy_adders == ()


def test_demand_by_month_and_by_time_become_charges_with_their_metering_interval():
    found = read(
        flatdemandstructure=[[{"rate": 10, "adj": 2.5}], [{"rate": 18}], [{"rate": 18}], [{"rate": 0}]],
        flatdemandmonths=[0, 0, 0, 0, 1, 1, 2, 2, 0, 0, 0, 3],
        demandratestructure=[[{"rate": 0}], [{"rate": 21.5}]],
        demandweekdayschedule=[[0] * 24] * 5 + [[0] * 16 + [1] * 5 + [0] * 3] * 4 + [[0] * 24] * 3,
        demandweekendschedule=ALWAYS,
        demandwindow=15,
    )
    flat, summer, peak = found.tariff.demand_charges
    assert (flat.id, flat.usd_per_kw, flat.months, flat.hours) == ("flat-demand", 12.5, (1, 2, 3, 4, 9, 10, 11), None)
    assert (summer.id, summer.usd_per_kw, summer.months) == ("flat-demand-1", 18.0, (5, 6, 7, 8))
    assert (peak.id, peak.usd_per_kw, peak.months, peak.days) == ("demand-1", 21.5, (6, 7, 8, 9), "weekdays")
    assert [(part.start, part.end) for part in peak.hours] == [("16:00", "21:00")]
    assert {charge.interval_h for charge in found.tariff.demand_charges} == {0.25}
    assert found.notes == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"energyratestructure": [[{"rate": 0.05, "max": 20000}, {"rate": 0.04}], [{"rate": 0.1}]]},
            "energyratestructure: the first tier alone is taken (period 0: 0.05 up to 20000 kWh, then 0.04 USD)",
        ),
        (
            {"energyratestructure": [[{"rate": 0.05, "sell": 0.03}], [{"sell": 0.03}]]},
            "export_adder_usd_per_kwh = 0.03",
        ),
        ({"energyratestructure": [[{"sell": 0.03}], [{"sell": 0.05}]]}, "pays for export, 0.03 to 0.05 USD/kWh"),
        ({"flatdemandstructure": [[{"rate": 5}]]}, "demandwindow is missing"),
        ({"flatdemandstructure": [[{"rate": 5}]], "flatdemandunit": "kW daily"}, "charges by kW daily are left out"),
        ({"flatdemandstructure": [[{"rate": 5}]], "flatDemandUnits": "kVA"}, "kVA are taken as by kW"),
        ({"flatdemandstructure": [[{"rate": -5}]]}, "flatdemandstructure: a credit of 5 USD/kW is left out"),
        ({"demandratchetpercentage": [0.0] * 11 + [0.8]}, "demandratchetpercentage [0.0"),
        ({"lookbackPercent": 0.5, "lookbackRange": 11}, "lookbackpercent 0.5: a ratchet depends on past peaks"),
        ({"coincidentratestructure": [[{"rate": 3}]]}, "coincidentratestructure: charges on the load at the system"),
        ({"demandReactPwrCharge": 0.25}, "demandreactpwrcharge: a charge on reactive power, 0.25 USD/kVAR"),
        (
            {"fixedchargefirstmeter": 447.44, "fixedchargeunits": "$/month"},
            "fixedchargefirstmeter 447.44 $/month: left",
        ),
        ({"dgrules": "Net Metering"}, "dgrules Net Metering: left out"),
        ({"energyattrs": [{"Voltage discount": "$-0.001/kWh"}]}, "energyattrs: conditions in words"),
        ({"servicetype": "Bundled"}, "servicetype Bundled: where its energy charges hold the utility's own energy"),
        ({"servicetype": None}, "servicetype is not given: where"),
    ],
)
def test_what_cannot_be_carried_over_is_told_in_one_sentence(changes, told):
    assert [told in note for note in read(**changes).notes].count(True) == 1


def test_a_charge_by_horsepower_is_turned_into_kilowatts():
    (charge,) = read(flatdemandstructure=[[{"rate": 7.45699872}]], flatdemandunit="hp").tariff.demand_charges
    assert charge.usd_per_kw == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"energyratestructure": [[{"rate": "0.05"}], [{"rate": 1}]]},
            r"items\[0\].energyratestructure\[0\]\[0\]\.rate",
        ),
        ({"energyratestructure": [[], [{"rate": 1}]]}, r"energyratestructure\[0\]: should hold at least one tier"),
        ({"energyratestructure": [[3]]}, r"energyratestructure\[0\]\[0\]: should be an object, got 3"),
        ({"energyratestructure": {"0": 1}}, "energyratestructure: should be a list"),
        ({"energyratestructure": None}, "holds neither energyratestructure nor a demand structure"),
        ({"energyweekdayschedule": NIGHT_AND_DAY[:11]}, "energyweekdayschedule: should have 12 entries, has 11"),
        ({"energyweekendschedule": [[0] * 23] * 12}, r"energyweekendschedule\[0\]: should have 24 entries, has 23"),
        ({"energyweekdayschedule": [[0] * 23 + [2]] * 12}, r"schedule\[0\]\[23\]: .* period, from 0 to 1, got 2"),
        ({"energyweekdayschedule": [[0] * 23 + [True]] * 12}, r"schedule\[0\]\[23\]: .* got true"),
        ({"energyweekendschedule": None}, "energyweekendschedule: is missing"),
        ({"flatdemandstructure": [[{"rate": 1}], [{"rate": 2}]]}, "flatdemandmonths: is missing"),
        (
            {"flatdemandstructure": [[{"rate": 1}]], "flatdemandmonths": [0] * 11 + [1]},
            r"flatdemandmonths\[11\]: .* from 0 to 0, got 1",
        ),
        ({"demandwindow": -15}, "demandwindow: should be at least 0"),
        ({"fueladjustmentsmonthly": [0.1, "x"]}, "fueladjustmentsmonthly: should have 12 entries"),
        ({"startdate": 1e14}, "startdate: should be from"),
    ],
)
def test_a_wrong_rate_is_named_by_path(changes, told):
    with pytest.raises(ConfigError, match=told):
        read(**changes)


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"label,eiaid\n", "not JSON"),
        (b"\xff", "not JSON"),
        (b"7", "the rate: should be an object, got 7"),
        (b"[]", "the list: holds 0 rates, should be one"),
        (b'{"items": []}', "items: holds 0 rates"),
        (b'{"errors": [{"error": "Invalid API key"}]}', "an error of the upstream: .*Invalid API key"),
        (json.dumps([rate(), rate(label="b")]).encode(), r"holds 2 rates, should be one of 0123.*\(Large TOU\), b \("),
    ],
)
def test_a_payload_without_exactly_one_rate_is_refused(payload, told):
    with pytest.raises(ConfigError, match=told):
        read_urdb(payload)


def test_a_label_chooses_one_of_several_rates_and_a_bare_rate_is_taken():
    both = json.dumps([rate(), rate(label="b", name="Other")]).encode()
    assert read_urdb(both, label="b").title.startswith("Valley Power: Other, label b")
    assert read_urdb(b"\xef\xbb\xbf" + json.dumps(rate()).encode()).tariff == read().tariff
    with pytest.raises(ConfigError, match="holds 0 rates of the label c, should be one of 0123"):
        read_urdb(both, label="c")


@pytest.mark.parametrize(
    ("name", "adder", "demand"),
    [
        # A Tuesday in July, 17:30: energy and the charges that hold, added up by hand from the recorded reply.
        ("SCE_TOU-8_Option-D_under-2kV_674e0b87201c6bd096007a5a", 0.15072 + 0.00114, 25.36 + 29.54),
        ("SDGE_AL-TOU_secondary_6772f0268322c2ebdc04e77e", 0.01874 + 0.20968, 30.63 + 30.8 + 14.81),
        ("peco_53ac8daa5257a3406ac32a35", 0.0015 + 0.0684, 3.55 + 1.71),
        ("pge_5cef0a415457a33576f60fe2_E20", 0.16484, 19.53 + 20.97),
    ],
)
def test_recorded_rates_cost_what_they_say_on_a_summer_afternoon(name, adder, demand):
    tariff = read_urdb(real(f"tariff/urdb/{name}.json").read_bytes()).tariff
    when = wall("2026-07-14 17:30" if "pge" not in name else "2026-07-14 14:30")
    assert tariff.energy_adder_over(when) == pytest.approx([adder])
    assert sum(one.usd_per_kw for one in tariff.demand_charges if one.holds_over(when)[0]) == pytest.approx(demand)


def test_the_written_toml_reads_back_as_the_same_tariff():
    found = read(flatdemandstructure=[[{"rate": 5}]], demandwindow=30)
    written = tomllib.loads(as_toml(found.tariff, 'Valley "Power"\n\x00: é'))
    assert Tariff.model_validate(written["facilities"]["tariff"]) == found.tariff


FILE = """
id = "f-1"
iso_region = "ERCOT"
pricing_node = "HB_NORTH"
grid = { import_max_kw = 100 }
demand = { power_kw = 50 }
[prices]
gas_hub = "Henry Hub"
urdb_tariff = "rate.json"
"""


def written(folder: Path, text: str = FILE, **changes) -> Path:
    (folder / "rate.json").write_text(json.dumps(rate(**changes)), "utf-8")
    (folder / "site.toml").write_text(text, "utf-8")
    return folder / "site.toml"


def test_a_facility_takes_its_tariff_from_the_file_it_names_and_no_longer_needs_it(tmp_path):
    notes: list[str] = []
    (found,) = load_facilities(written(tmp_path, servicetype="Bundled"), notes.append)
    assert found.tariff == read().tariff
    assert [note.rsplit(": where")[0] for note in notes] == ["rate.json: servicetype Bundled"]
    assert Facility.from_dict(found.as_dict()) == found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (FILE.replace("rate.json", "no.json"), r"line 9: prices.urdb_tariff: no\.json cannot be read: No such file"),
        (FILE.replace('"rate.json"', "3"), "line 9: prices.urdb_tariff: should be the name of a file, got 3"),
        (FILE + "[tariff]\nenergy_adder_usd_per_kwh = 0.1\n", "give urdb_tariff or a tariff, not both"),
        (FILE.replace("rate.json", "site.toml"), r"line 9: prices.urdb_tariff: site\.toml: not JSON"),
    ],
)
def test_a_tariff_file_that_cannot_be_taken_is_told_by_line(tmp_path, text, told):
    with pytest.raises(ConfigError, match=told):
        load_facilities(written(tmp_path, text))


def test_an_object_may_not_name_a_file():
    given = body()
    given["prices"] = given["prices"] | {"urdb_tariff": "rate.json"}
    with pytest.raises(ConfigError, match="files are read from facility files only"):
        Facility.from_dict(given)
