"""What a facility needs on the steps of a horizon, by hand: constants, a file, a greenhouse and its weather."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dispatch.plants import body
from vibelux.dispatch.facility import Facility, load_facilities
from vibelux.outlook.price import Steps, horizon
from vibelux.outlook.weather import Sources, sources
from vibelux.outlook.weather_ahead import WeatherAhead

EVENING = datetime(2026, 1, 15, 2, 2, tzinfo=UTC)
"""18:02 of the 14th in California: dark until the morning of the 15th."""
PLACE = {"latitude": 36.67, "longitude": -121.65}
LOSS = 6.0 * 1.3 + 0.33 * 0.75 * 5.0
"""W/m²K of a house with all its defaults."""
TOMORROW, NEXT = date(2026, 1, 15), date(2026, 1, 16)


def row(variable: str, start: datetime, value: float, *, issued: datetime | None = EVENING) -> dict[str, Any]:
    return {
        "provider": "nws", "category": None, "variable": variable, "location": "36.66,-121.64", "unit": "",
        "value": value, "valid_start": start, "valid_end": start + timedelta(hours=1), "issued_at": issued,
        "data_source": "test",
    }  # fmt: skip


def weather(now: datetime = EVENING, hours: range = range(-24, 56), **values: float) -> WeatherAhead:
    """The same weather in each hour."""
    begin = now.replace(minute=0)
    given = {"temperature": 5.0, "wind-speed": 4.0, "cloud-cover": 100.0} | values
    rows = [
        row(variable.replace("_", "-"), begin + timedelta(hours=hour), value, issued=now)
        for hour in hours
        for variable, value in given.items()
    ]
    return WeatherAhead(now, 36.67, -121.65, sources(rows))


def greenhouse(house: dict[str, Any], **changes: Any) -> Facility:
    return Facility.from_dict(body(demand={}, greenhouse={"area_m2": 10_000} | house, **PLACE) | changes)


def test_constants_hold_on_each_step_and_lamps_have_their_own_target_each_local_day():
    lights = [{"id": "leds", "max_kw": 100, "energy_kwh_per_day": 900}]
    site = Facility.from_dict(body(lights=lights, co2={"demand_kg_per_h": 12}))
    steps = horizon(EVENING)
    need = site.demands(steps, None)
    assert need is not None
    assert need.power_kw.tolist() == [400] * len(steps.starts)
    assert set(need.heat_kw) == {800}
    assert set(need.co2_kg_per_h) == {12}
    assert need.light_kwh == {("leds", date(2026, 1, 14) + timedelta(days=n)): 900 for n in range(3)}
    assert (need.source, need.quality, need.notes) == ("constant", "constant", ())


def test_a_file_gives_the_mean_of_each_step_with_its_co2_and_ends_with_its_rows(tmp_path: Path):
    rows = ["2026-01-15T02:00:00Z,100,900,10", "2026-01-15T02:15:00Z,200,500,30", "2026-01-15T02:30:00Z,300,100,50"]
    (tmp_path / "loads.csv").write_text("\n".join(["time,power_kw,heat_kw,co2_kg_per_h", *rows]), "utf-8")
    (tmp_path / "site.toml").write_text(
        'id = "f"\niso_region = "CAISO"\npricing_node = "N"\nprices = { gas_hub = "h" }\n'
        'grid = { import_max_kw = 9 }\ndemand = { file = "loads.csv" }\n', "utf-8",
    )  # fmt: skip
    (site,) = load_facilities(tmp_path / "site.toml")
    two = int(EVENING.timestamp() // 60) - 2
    steps = Steps(two + np.array([0, 5, 30, 60]), np.array([5, 25, 30, 60]))
    need = site.demands(steps, None)
    assert need is not None
    assert need.power_kw == pytest.approx([100, (10 * 100 + 15 * 200) / 25])  # the file ends at 02:45
    assert need.heat_kw == pytest.approx([900, (10 * 900 + 15 * 500) / 25])
    assert need.co2_kg_per_h == pytest.approx([10, (10 * 10 + 15 * 30) / 25])
    assert (need.source, need.quality) == ("loads.csv", "file")
    late = Steps(two + np.array([45]), np.array([5]))
    assert site.demands(late, None) is None
    assert site.demands(Steps(two + np.array([-5]), np.array([5])), None) is None


def test_a_cold_dark_evening_needs_what_the_cover_and_the_air_lose():
    need = greenhouse({}).demands(horizon(EVENING), weather())
    assert need is not None
    assert need.heat_kw[:40] == pytest.approx(np.full(40, LOSS * (17 - 5) * 10))
    assert need.heat_kw.shape == horizon(EVENING).starts.shape
    assert need.quality == "model"
    assert need.source == "greenhouse model, weather forecast of 2026-01-15T02:02:00Z"
    assert set(need.power_kw) == {0.0}


def test_other_power_stands_beside_the_greenhouse_and_lamps_that_nobody_plans_are_in_it():
    house = {"target_dli": 12, "lamp_w_per_m2": 60, "photoperiod": {"start": "00:00", "end": "24:00"}}
    dark = weather(irradiance_global=0.0)
    need = greenhouse(house, demand={"power_kw": 120}).demands(horizon(EVENING), dark)
    assert need is not None
    lamps = 12e6 / 3.0 / 3.6e6 * 10_000 / 24  # kW over the whole day
    assert need.power_kw[-30:] == pytest.approx(np.full(30, 120 + lamps))
    assert need.heat_kw[-30:] == pytest.approx(np.full(30, LOSS * (20 - 5) * 10 - lamps))
    assert need.light_kwh == {}


def test_planned_lamps_get_the_light_that_a_whole_day_lacks_shared_by_power():
    lights = [
        {"id": "tops", "max_kw": 900, "photoperiod": {"start": "02:00", "end": "20:00"}},
        {"id": "inter", "max_kw": 300, "photoperiod": {"start": "02:00", "end": "20:00"}},
        {"id": "nursery", "max_kw": 50, "energy_kwh_per_day": 400},
    ]
    site = greenhouse({"target_dli": 14, "efficacy_umol_per_j": 3.2}, lights=lights)
    need = site.demands(horizon(EVENING), weather(irradiance_global=0.0))
    assert need is not None
    wanted = 14e6 / 3.2 / 3.6e6 * 10_000
    for day in (TOMORROW, NEXT):
        assert need.light_kwh["tops", day] == pytest.approx(0.75 * wanted)
        assert need.light_kwh["inter", day] == pytest.approx(0.25 * wanted)
        assert need.light_kwh["nursery", day] == 400
    assert set(need.power_kw) == {0.0}, "what is planned is no demand"
    night = need.heat_kw[horizon(EVENING).starts >= EVENING.timestamp() // 60 + 12 * 60]
    assert max(night) == pytest.approx(LOSS * (20 - 5) * 10), "before the heat of the lamps"


def test_the_suns_light_of_the_whole_day_is_taken_off_also_of_its_hours_before_now():
    """600 W/m² for an hour is 600 * 0.65 * 2.05 µmol/J * 3600 s = 2.878 mol/m²."""
    noon = datetime(2026, 1, 15, 20, tzinfo=UTC)
    begin = noon - timedelta(hours=12)
    rows = [row("temperature", begin + timedelta(hours=hour), 15.0) for hour in range(64)]
    hours = [begin + timedelta(hours=hour) for hour in range(64)]
    rows += [row("irradiance-global", hour, 600.0 * (hour == noon - timedelta(hours=2))) for hour in hours]
    site = greenhouse({"target_dli": 10}, lights=[{"id": "leds", "max_kw": 900}])
    need = site.demands(horizon(noon), WeatherAhead(noon, 36.67, -121.65, sources(rows)))
    assert need is not None
    kwh_of_a_mol = 1e6 / 3.0 / 3.6e6 * 10_000
    assert need.light_kwh["leds", TOMORROW] == pytest.approx((10 - 600 * 0.65 * 2.05 * 3600 / 1e6) * kwh_of_a_mol)
    assert need.light_kwh["leds", NEXT] == pytest.approx(10 * kwh_of_a_mol)


def test_a_day_that_the_lamps_cannot_fill_is_said_and_what_they_can_is_wanted():
    lights = [{"id": "leds", "max_kw": 200, "photoperiod": {"start": "02:00", "end": "12:00"}}]
    need = greenhouse({"target_dli": 20}, lights=lights).demands(horizon(EVENING), weather(irradiance_global=0.0))
    assert need is not None
    assert need.light_kwh["leds", TOMORROW] == pytest.approx(2000)
    assert "On 2026-01-14 the crop gets 2.2 of 20 mol/m² of light at most." in need.notes
    capped = [lights[0] | {"max_energy_kwh_per_day": 1500}]
    need = greenhouse({"target_dli": 20}, lights=capped).demands(horizon(EVENING), weather(irradiance_global=0.0))
    assert need is not None
    assert need.light_kwh["leds", TOMORROW] == 1500


def test_co2_is_dosed_by_light_or_is_the_constant_of_its_block():
    noon = datetime(2026, 7, 14, 19, 2, tzinfo=UTC)
    bright = weather(noon, irradiance_global=500.0)
    dosed = greenhouse({"co2_g_per_m2_h": 5}, co2={}).demands(horizon(noon), bright)
    constant = greenhouse({}, co2={"demand_kg_per_h": 33}).demands(horizon(noon), bright)
    assert dosed is not None
    assert constant is not None
    assert dosed.co2_kg_per_h[0] == 50.0
    assert set(constant.co2_kg_per_h) == {33.0}


def test_demands_end_with_the_temperature_and_nothing_is_told_without_one():
    steps = horizon(EVENING)
    short = greenhouse({}).demands(steps, weather(hours=range(-3, 6)))
    assert short is not None
    assert steps.lengths[: len(short.heat_kw)].sum() == pytest.approx(6 * 60, abs=30)
    assert len(short.power_kw) == len(short.heat_kw) == len(short.co2_kg_per_h)
    assert np.isfinite(short.heat_kw).all()
    assert greenhouse({}).demands(steps, None) is None
    assert greenhouse({}).demands(steps, WeatherAhead(EVENING, 36.67, -121.65, Sources())) is None
    assert greenhouse({}).load_at(EVENING) is None
    assert "No weather is known for 36.67,-121.65" in greenhouse({}).no_demand(EVENING)


def test_what_stands_in_for_irradiance_is_said():
    def notes(known: WeatherAhead) -> str:
        need = greenhouse({}).demands(horizon(EVENING), known)
        assert need is not None
        return " ".join(need.notes)

    assert notes(weather(irradiance_global=0.0)) == ""
    assert "clear sky under the forecast cloud cover" in notes(weather())
    no_clouds = WeatherAhead(
        EVENING, 36.67, -121.65,
        sources([row("temperature", EVENING.replace(minute=0) + timedelta(hours=n), 5.0) for n in range(56)]),
    )  # fmt: skip
    assert "a usual cloud cover is assumed" in notes(no_clouds)
    old = weather()
    assert "The weather forecast is 9 h old." in notes(
        WeatherAhead(EVENING + timedelta(hours=9), 36.67, -121.65, old.known)
    )


def test_a_day_of_25_hours_wants_its_light_once():
    autumn = datetime(2026, 11, 1, 5, 2, tzinfo=UTC)  # 22:02 of October 31; clocks go back that night
    site = greenhouse({"target_dli": 10}, lights=[{"id": "leds", "max_kw": 900}])
    need = site.demands(horizon(autumn), weather(autumn, irradiance_global=0.0))
    assert need is not None
    assert list(need.light_kwh) == [("leds", date(2026, 10, 31) + timedelta(days=n)) for n in range(3)]
    assert len(set(np.round(list(need.light_kwh.values()), 6))) == 1


def test_degree_days_of_a_sites_own_base_come_from_its_temperatures():
    begin = datetime(2026, 1, 14, 8, tzinfo=UTC)  # midnight in California
    rows = [row("temperature", begin + timedelta(hours=n), 2.0 if n % 24 < 12 else 10.0) for n in range(48)]
    known = WeatherAhead(EVENING, 36.67, -121.65, sources(rows))
    days = known.degree_days(begin, begin + timedelta(days=3), "America/Los_Angeles", base_c=16.0)
    assert [(one.day, one.heating, one.cooling) for one in days] == [
        (date(2026, 1, 14), 10.0, 0.0),
        (date(2026, 1, 15), 10.0, 0.0),
    ]


def test_the_example_is_a_facility_that_tells_its_demands():
    (site,) = load_facilities(Path(__file__).parents[2] / "examples" / "greenhouse.toml")
    need = site.demands(horizon(EVENING), weather(irradiance_global=0.0))
    assert need is not None
    assert need.heat_kw[0] == pytest.approx((7.8 * 0.55 * 0.8 + 0.33 * 0.75 * 5.5) * (18 - 5) * 20, rel=1e-6)
    assert need.light_kwh["leds", TOMORROW] == pytest.approx(1400 * 16), "20 mol/m² are more than the lamps can give"
    assert Facility.from_dict(site.as_dict()) == site
