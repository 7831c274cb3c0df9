"""Solar panels against pvlib 0.16.1 (values computed once, quoted here), and what they do to a site's demand."""

from datetime import UTC, datetime

import numpy as np
import pytest

from dispatch.ahead import outlook
from dispatch.plants import NOW, at_price, body
from outlook.test_demand import EVENING, weather
from vibelux.dispatch.facility import Facility
from vibelux.dispatch.horizon import build_case
from vibelux.dispatch.state import PlantState
from vibelux.market.errors import ConfigError
from vibelux.outlook.photovoltaics import Pv, on_plane
from vibelux.outlook.price import horizon
from vibelux.outlook.sun import sun
from vibelux.outlook.weather import Sources, Steps
from vibelux.outlook.weather_ahead import WeatherAhead

SALINAS = {"latitude": 36.67, "longitude": -121.65}
MOMENTS = [(2026, 6, 21, 19, 0), (2026, 1, 15, 21, 30), (2026, 3, 20, 15, 0), (2026, 6, 21, 14, 0)]
LEVEL = np.array([900.0, 300.0, 350.0, 120.0])
PVLIB = {
    (20, 180): [909.7, 325.3, 407.1, 102.4],
    (35, 225): [750.6, 328.4, 58.9, 88.4],
    (90, 90): [388.7, 149.4, 1854.8, 169.3],
    (0, 180): [900.0, 300.0, 350.0, 120.0],
}
"""`erbs`, then `get_total_irradiance(model="isotropic", albedo=0.2)`, at Salinas."""


@pytest.mark.parametrize(("plane", "expected"), PVLIB.items())
def test_the_irradiance_on_a_tilted_plane_is_pvlibs(plane, expected):
    there = sun(np.array([datetime(*one, tzinfo=UTC).timestamp() for one in MOMENTS]), *SALINAS.values())
    found = on_plane(LEVEL, there.cos_zenith, there.azimuth, there.extraterrestrial_w_m2, *plane)
    assert found == pytest.approx(expected, abs=1.0)


def test_the_inverter_bounds_the_power_and_the_night_gives_none():
    panels = Pv(kw_peak=100, kw_ac=50, losses=0)
    assert panels.at(np.array([0.0, 200.0, 900.0]), np.array([25.0, np.nan, 25.0])).tolist() == [0.0, 20.0, 50.0]


def test_power_of_the_panels_comes_off_the_demand_and_what_is_over_is_surplus():
    site = Facility.from_dict(body(pv={"kw_peak": 900, "tilt": 0, "losses": 0}, **SALINAS))
    need = site.demands(horizon(EVENING), weather(irradiance_global=500.0))
    assert need.pv_kw.max() == pytest.approx(450, rel=0.05)
    assert need.power_kw + need.pv_kw - need.surplus_kw == pytest.approx(np.full(len(need.power_kw), 400.0))
    assert need.power_kw.min() == 0.0
    assert need.surplus_kw.max() > 0


def test_of_a_day_the_panels_make_what_their_hours_of_sun_make():
    steps = Steps.over(
        np.arange(29_700_000 // 1440 * 1440, 29_700_000 // 1440 * 1440 + 1440, 60), np.full(24, 60), "UTC"
    )
    outside = WeatherAhead(EVENING, *SALINAS.values(), Sources()).over(steps)
    made = Pv(kw_peak=1000, tilt=0, losses=0).power_kw(outside, steps, *SALINAS.values())
    assert made.sum() == pytest.approx(outside.irradiance_w_m2.sum(), rel=0.02)
    assert (made[outside.irradiance_w_m2[0] == 0] == 0).all()


def test_without_any_weather_a_usual_sky_stands_in_and_is_told():
    site = Facility.from_dict(body(pv={"kw_peak": 100}, **SALINAS))
    need = site.demands(horizon(NOW), None)
    assert need.pv_kw.max() > 20
    assert any("usual cloud cover" in note for note in need.notes)


def test_a_plan_exports_no_more_than_the_surplus_leaves_room_for():
    site = Facility.from_dict(body(pv={"kw_peak": 3000, "tilt": 0}, **SALINAS))
    need = site.demands(horizon(NOW), weather(NOW, irradiance_global=800.0))
    case = build_case(site, at_price(site, 0.04), outlook(site, {}, 0.04), need, PlantState(), NOW)
    assert case.export_max_kw[0] == pytest.approx(2000 - need.surplus_kw[0])
    assert (case.power_kw >= 0).all()
    assert (case.export_max_kw >= 0).all()


def test_panels_stand_somewhere():
    with pytest.raises(ConfigError, match="pv: its sun needs latitude and longitude"):
        Facility.from_dict(body(pv={"kw_peak": 100}))
