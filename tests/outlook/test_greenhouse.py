"""What a greenhouse needs, by hand; limits and signs; a fleet; and the fit to telemetry."""

import doctest
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from vibelux.outlook import greenhouse as module
from vibelux.outlook import greenhouse_fit
from vibelux.outlook.daypart import DayPart
from vibelux.outlook.greenhouse import Cover, Greenhouse, Houses, Screen, Setpoints, demand, u_at_wind
from vibelux.outlook.greenhouse_fit import fit
from vibelux.outlook.weather import Sources, Steps, Weather, expected

ZONE = "America/Los_Angeles"
MIDNIGHT = datetime(2026, 1, 5, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEAKY_W = 0.33 * 0.75 * 5
"""W/m²K of the defaults: air, changes an hour, metres."""


def day_of(hours: int = 24, begin: datetime = MIDNIGHT) -> Steps:
    return Steps.between([begin + n * HOUR for n in range(hours + 1)], ZONE)


def weather(steps: Steps, temperature=5.0, wind=4.0, sun=0.0, daylight=0.0) -> Weather:
    def row(value) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype=float), (1, len(steps.day))).copy()

    none = np.zeros((1, len(steps.day)), dtype=np.int64)
    return Weather(row(temperature), row(80), row(wind), row(np.nan), row(sun), row(daylight), none)


def need(house: Greenhouse, outside: Weather, steps: Steps, **more):
    return demand(Houses.of([house]), outside, steps, **more)


def test_the_worked_numbers_are_right():
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(greenhouse_fit).failed == 0


def test_a_cold_night_needs_cover_and_air_times_the_difference():
    night = day_of(1)
    found = need(Greenhouse(area_m2=10_000), weather(night, temperature=-3), night)
    assert found.heat_kw[0, 0] == pytest.approx((6 * 1.3 + LEAKY_W) * (17 + 3) * 10)
    assert found.heat_before_lamps_kw[0, 0] == found.heat_kw[0, 0]


def test_by_day_the_setpoint_is_the_days_and_half_of_the_suns_heat_is_taken_off():
    noon = day_of(1, MIDNIGHT + 12 * HOUR)
    found = need(Greenhouse(area_m2=10_000), weather(noon, temperature=10, sun=100, daylight=1), noon)
    assert found.heat_kw[0, 0] == pytest.approx(((6 * 1.3 + LEAKY_W) * (20 - 10) - 0.5 * 0.65 * 100) * 10)


def test_heat_is_never_negative_and_unknown_where_the_temperature_is():
    noon = day_of(3, MIDNIGHT + 12 * HOUR)
    found = need(Greenhouse(area_m2=10_000), weather(noon, temperature=[35, 19, np.nan], sun=800, daylight=1), noon)
    assert found.heat_kw[0] == pytest.approx([0.0, 0.0, np.nan], nan_ok=True)


def test_screens_save_their_part_of_the_cover_while_it_is_dark_and_two_save_more():
    both = day_of(2, MIDNIGHT + 6 * HOUR)
    outside = weather(both, temperature=0, sun=[0, 40], daylight=[0, 1])
    one, two = Screen(saving=0.4), Screen(saving=0.5, closed_below_w_per_m2=50)
    same = Setpoints(day_c=18, night_c=18)

    def heat(*screens: Screen) -> list[float]:
        house = Greenhouse(area_m2=1000, screens=screens, setpoints=same, solar_gain=0, infiltration_ach=0)
        return need(house, outside, both).heat_kw[0].tolist()

    bare = 7.8 * 18
    assert heat() == pytest.approx([bare, bare])
    assert heat(one) == pytest.approx([0.6 * bare, bare])
    assert heat(one, two) == pytest.approx([0.3 * bare, 0.5 * bare])


def test_wind_raises_the_loss_and_an_unknown_wind_is_that_of_the_u_value():
    night = day_of(4)
    found = need(Greenhouse(area_m2=1000, infiltration_ach=0), weather(night, wind=[0, np.nan, 4, 12]), night).heat_kw[
        0
    ]
    assert found[0] < found[1] == found[2] < found[3]
    assert found[3] / found[2] == pytest.approx(float(u_at_wind(6.0, 12.0)) / 6.0)
    assert u_at_wind(6.0, 3.999) == pytest.approx(6.0, abs=0.01)  # both forms of the convection meet at 4 m/s


def test_lamps_add_what_the_sun_leaves_of_the_target_evenly_over_the_photoperiod():
    house = Greenhouse(
        area_m2=10_000, target_dli=20, lamp_w_per_m2=100, efficacy_umol_per_j=3.0,
        photoperiod=DayPart(start="02:00", end="18:00"),
    )  # fmt: skip
    whole = day_of()
    sun = np.where((whole.hour > 8) & (whole.hour < 16), 200.0, 0.0)
    found = need(house, weather(whole, sun=sun, daylight=sun > 0), whole)
    from_sun = 2.05 * 0.65 * 200 * 8 * 3600 / 1e6
    full_hours = (20 - from_sun) * 1e6 / 300 / 3600
    assert found.sun_mol_m2[0].tolist() == pytest.approx([from_sun])
    assert found.lamp_kwh[0].tolist() == pytest.approx([1000 * full_hours])
    assert set(np.flatnonzero(found.lamp_kw[0]).tolist()) == set(range(2, 18))
    assert found.lamp_kw[0, 2:18] == pytest.approx(np.full(16, 1000 * full_hours / 16))
    assert found.short_mol_m2[0].tolist() == pytest.approx([0.0])


def test_a_target_beyond_the_lamps_keeps_them_full_and_says_what_is_missing():
    whole = day_of()
    house = Greenhouse(area_m2=1000, target_dli=30, lamp_w_per_m2=50, photoperiod=DayPart(start="00:00", end="20:00"))
    found = need(house, weather(whole), whole)
    assert found.lamp_kw[0, :20].tolist() == pytest.approx([50.0] * 20)
    assert found.short_mol_m2[0].tolist() == pytest.approx([30 - 150 * 20 * 3600 / 1e6])
    unlit = need(Greenhouse(area_m2=1000, target_dli=30), weather(whole), whole)
    assert (unlit.lamp_kw.sum(), unlit.short_mol_m2[0, 0]) == (0.0, 30.0)


def test_a_sunny_day_needs_no_lamp():
    whole = day_of()
    house = Greenhouse(area_m2=1000, target_dli=15, lamp_w_per_m2=50)
    found = need(house, weather(whole, sun=np.where(abs(whole.hour - 12) < 5, 600, 0)), whole)
    assert found.lamp_kw.sum() == 0.0


def test_a_photoperiod_over_midnight_and_one_of_the_whole_day_are_lit():
    whole = day_of()
    dark = weather(whole)
    over = Greenhouse(area_m2=1, target_dli=90, lamp_w_per_m2=50, photoperiod=DayPart(start="20:00", end="04:00"))
    assert np.flatnonzero(need(over, dark, whole).lamp_kw[0]).tolist() == [0, 1, 2, 3, 20, 21, 22, 23]
    always = over.model_copy(update={"photoperiod": DayPart(start="00:00", end="24:00")})
    assert np.count_nonzero(need(always, dark, whole).lamp_kw[0]) == 24


def test_a_day_that_has_begun_wants_its_part_or_what_was_not_yet_received():
    evening = day_of(12, MIDNIGHT + 12 * HOUR)
    house = Greenhouse(area_m2=1000, target_dli=12, lamp_w_per_m2=100, photoperiod=DayPart(start="00:00", end="24:00"))
    dark = weather(evening)
    kwh_of_a_mol = 1e6 / 3.0 / 3.6e6 * 1000  # umol, umol/J, J/kWh, m²
    assert need(house, dark, evening).lamp_kwh[0, 0] == pytest.approx(6 * kwh_of_a_mol)
    assert need(house, dark, evening, received_mol_m2=10.0).lamp_kwh[0, 0] == pytest.approx(2 * kwh_of_a_mol)
    assert need(house, dark, evening, received_mol_m2=14.0).lamp_kwh[0, 0] == 0.0


def test_lamps_warm_the_house_and_make_it_day():
    night = day_of(2)
    house = Greenhouse(
        area_m2=1000,
        target_dli=90,
        lamp_w_per_m2=80,
        lamp_heat_fraction=0.9,
        photoperiod=DayPart(start="01:00", end="20:00"),
    )
    found = need(house, weather(night, temperature=0), night)
    a_kelvin = 6 * 1.3 + LEAKY_W
    assert found.heat_kw[0].tolist() == pytest.approx([a_kelvin * 17, a_kelvin * 20 - 72])
    assert found.heat_before_lamps_kw[0].tolist() == pytest.approx([a_kelvin * 17, a_kelvin * 20])


def test_co2_is_dosed_while_there_is_light_and_by_lamp_light_only_where_wanted():
    some = day_of(3, MIDNIGHT + 5 * HOUR)
    outside = weather(some, sun=[0, 20, 100], daylight=[0, 1, 1])  # 0, 27 and 133 µmol/m²/s inside
    house = Greenhouse(area_m2=20_000, co2_g_per_m2_h=5)
    assert need(house, outside, some).co2_kg_per_h[0].tolist() == [0.0, 0.0, 100.0]
    lit = house.model_copy(update={"target_dli": 30.0, "lamp_w_per_m2": 80.0})
    assert need(lit, outside, some).co2_kg_per_h[0].tolist() == [100.0, 100.0, 100.0]
    sun = lit.model_copy(update={"co2_when": "sun"})
    assert need(sun, outside, some).co2_kg_per_h[0].tolist() == [0.0, 0.0, 100.0]
    always = house.model_copy(update={"co2_from_umol_per_m2_s": 0.0})
    assert need(always, outside, some).co2_kg_per_h[0].tolist() == [0.0, 100.0, 100.0]


def test_a_fleet_needs_what_each_house_needs_alone():
    some = Steps.between(
        [MIDNIGHT + timedelta(minutes=5 * n) for n in range(12)] + [MIDNIGHT + n * HOUR for n in range(1, 49)], ZONE
    )
    rng = np.random.default_rng(3)
    houses = [
        Greenhouse(
            area_m2=float(rng.uniform(1e3, 1e5)),
            cover=Cover(u_w_per_m2_k=float(rng.uniform(3, 7))),
            screens=tuple(Screen(saving=0.3) for _ in range(number % 3)),
            target_dli=float(rng.uniform(0, 30)),
            lamp_w_per_m2=60.0,
            co2_g_per_m2_h=5.0,
        )
        for number in range(5)
    ]
    outside = expected([Sources()] * 5, some, [36.67, 40, 30, 42, 35], [-121.65, -75, -95, -74, -119])
    outside.temperature_c[:] = rng.normal(5, 5, outside.temperature_c.shape)
    together = demand(Houses.of(houses), outside, some)
    assert together.heat_kw.shape == (5, 59)
    for number, house in enumerate(houses):
        arrays = [item.name for item in fields(Weather) if item.name != "is_usual"]
        own = Weather(*(getattr(outside, name)[number : number + 1] for name in arrays))
        alone = need(house, own, some)
        for name in ("heat_kw", "heat_before_lamps_kw", "lamp_kw", "co2_kg_per_h", "lamp_kwh", "short_mol_m2"):
            assert getattr(together, name)[number] == pytest.approx(getattr(alone, name)[0])


@pytest.mark.parametrize(
    "body",
    [
        {"area_m2": 0},
        {"area_m2": -1.0},
        {},
        {"area_m2": float("nan")},
        {"area_m2": 100, "target_dly": 20},
        {"area_m2": 100, "cover": {"u_w_per_m2_k": 40}},
        {"area_m2": 100, "photoperiod": {"start": "25:00", "end": "20:00"}},
        {"area_m2": 100, "screens": [{}]},
        {"area_m2": 100, "setpoints": {"day_c": 200}},
        {"area_m2": "100"},
    ],
)
def test_a_block_that_makes_no_sense_is_refused(body):
    with pytest.raises(ValidationError):
        Greenhouse.model_validate(body)


def test_the_block_of_a_facility_file_is_read_and_printed_alike():
    body = {
        "area_m2": 12000, "cover": {"u_w_per_m2_k": 4.0}, "screens": [{"saving": 0.45}], "target_dli": 18,
        "setpoints": {"day_c": 21, "night_c": 18}, "photoperiod": {"start": "03:30", "end": "21:00"},
    }  # fmt: skip
    house = Greenhouse.model_validate(body)
    assert Greenhouse.model_validate(house.model_dump(mode="json", exclude_unset=True)) == house
    assert house.model_dump(mode="json", exclude_unset=True) == body


def measured(noise: float, steps: Steps, factor=1.3, gain=0.35):
    rng = np.random.default_rng(5)
    hours = np.arange(len(steps.day))
    outside = weather(
        steps,
        temperature=8 - 6 * np.cos(2 * np.pi * (steps.hour - 3) / 24) + rng.normal(0, 1.5, len(hours)),
        wind=rng.uniform(0, 9, len(hours)),
        sun=np.maximum(0, 500 * np.sin(np.pi * (steps.hour - 7) / 10)) * rng.uniform(0.2, 1, len(hours)),
    )
    house = Greenhouse(area_m2=20_000, loss_factor=factor, solar_gain=gain, setpoints=Setpoints(day_c=18, night_c=18))
    heat = need(house, outside, steps).heat_kw[0]
    return house, outside, np.where(heat > 0, np.maximum(heat + rng.normal(0, noise, len(hours)), 0), 0)


def test_telemetry_gives_loss_and_gain_back_with_many_hours_without_heat():
    month = day_of(24 * 30)
    house, outside, heat = measured(0.0, month)
    assert 0.05 < np.mean(heat == 0) < 0.6
    found = fit(Greenhouse(area_m2=20_000), outside, heat, 18.0)
    assert (found.loss_factor, found.solar_gain) == (pytest.approx(1.3, rel=1e-6), pytest.approx(0.35, rel=1e-6))
    assert (found.r2, found.rmse_kw) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-6))
    applied = found.applied(Greenhouse(area_m2=20_000, setpoints=house.setpoints))
    assert need(applied, outside, month).heat_kw[0] == pytest.approx(heat)


def test_noisy_telemetry_is_fitted_and_the_error_is_that_of_the_noise():
    month = day_of(24 * 30)
    _, outside, heat = measured(200.0, month)
    heat[::17] = np.nan
    found = fit(Greenhouse(area_m2=20_000), outside, heat, 18.0)
    assert found.loss_factor == pytest.approx(1.3, rel=0.03)
    assert found.solar_gain == pytest.approx(0.35, abs=0.05)
    assert 100 < found.rmse_kw < 250
    assert 0.9 < found.r2 < 1
    assert found.samples == np.count_nonzero(~np.isnan(heat))


def test_lamp_heat_counts_as_heat_that_the_house_needed():
    month = day_of(24 * 30)
    _, outside, heat = measured(0.0, month)
    lamps = np.where(month.hour < 6, 800.0, 0.0)
    found = fit(Greenhouse(area_m2=20_000), outside, np.maximum(heat - lamps, 0), 18.0, lamps)
    assert found.loss_factor == pytest.approx(1.3, rel=1e-6)


def test_telemetry_that_tells_nothing_is_no_fit():
    month = day_of(24 * 30)
    _, outside, heat = measured(0.0, month)
    house = Greenhouse(area_m2=20_000)
    assert fit(house, outside, np.zeros_like(heat), 18.0) is None
    assert fit(house, outside, np.full_like(heat, np.nan), 18.0) is None
    assert fit(house, outside, np.abs(heat) + 1.0, outside.temperature_c[0]) is None
    nights = fit(house, weather(month, temperature=outside.temperature_c), heat + 500.0, 18.0)
    assert nights.solar_gain == 0.5


def test_a_gain_beyond_nature_is_kept_within_it():
    month = day_of(24 * 30)
    _, outside, heat = measured(0.0, month)
    odd = heat + 0.4 * 0.65 * outside.irradiance_w_m2[0] * 20  # the more sun, the more heat
    assert fit(Greenhouse(area_m2=20_000), outside, odd, 18.0).solar_gain == 0.0
