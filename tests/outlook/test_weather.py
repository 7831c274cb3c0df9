"""From series records to the weather of each step: intervals, instants, issues, gaps, and what is assumed."""

import doctest
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from shared_files import real
from vibelux.feeds import Payload, feed_named, read
from vibelux.outlook import weather as module
from vibelux.outlook.sun import clear_steps, under_clouds
from vibelux.outlook.weather import (
    ASSUMED_CLOUD,
    BASE_65_F,
    Basis,
    Sources,
    Steps,
    degree_days,
    expected,
    nearest,
    sources,
)

HOUR = timedelta(hours=1)
SITE = ([36.67], [-121.65])


def utc(hour: float, day: int = 5) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC) + hour * HOUR


ISSUED = utc(8)


def row(value, start: datetime, hours: float = 1, variable="temperature", issued=ISSUED, provider="nws", **more):
    return {
        "provider": provider, "category": None, "variable": variable, "location": "36.65,-121.65", "unit": "",
        "value": value, "valid_start": start, "valid_end": start + hours * HOUR, "issued_at": issued, "data_source": "",
    } | more  # fmt: skip


def steps(*hours: float) -> Steps:
    return Steps.between([utc(hour) for hour in hours], "America/Los_Angeles")


def temperatures(rows, *hours: float, **more) -> list[float]:
    return expected([sources(rows, **more)], steps(*hours), *SITE).temperature_c[0].tolist()


def test_the_worked_numbers_are_right():
    assert doctest.testmod(module).failed == 0


def test_steps_of_any_length_take_the_mean_of_the_hours_that_they_cover():
    rows = [row(10, utc(10)), row(20, utc(11)), row(30, utc(12))]
    assert temperatures(rows, 10, 10.25, 11, 13) == [10.0, 10.0, 25.0]
    assert temperatures(rows, 10.5, 11.5) == [15.0]


def test_instants_are_joined_by_straight_lines_and_the_last_is_held_for_an_hour():
    rows = [row(value, utc(hour), 0) for hour, value in ((10, 10), (11, 20), (13, 40))]
    assert temperatures(rows, 10, 11, 12, 13, 14, 15) == pytest.approx([15, 25, 35, 40, np.nan], nan_ok=True)
    assert temperatures(rows, 10, 10.5) == [12.5]


def test_instants_too_far_apart_are_not_joined():
    rows = [row(10, utc(10), 0), row(20, utc(15), 0)]
    assert temperatures(rows, 10, 11, 12, 15, 16) == pytest.approx([10, np.nan, np.nan, 20], nan_ok=True)


def test_a_step_of_which_less_than_half_is_known_is_unknown():
    rows = [row(10, utc(10))]
    assert temperatures(rows, 9.5, 10.5, 12) == pytest.approx([10, np.nan], nan_ok=True)
    assert temperatures([], 9, 10) == pytest.approx([np.nan], nan_ok=True)


def test_the_newest_issue_counts_and_at_a_past_moment_the_newest_of_then():
    rows = [row(12, utc(10), issued=utc(9)), row(10, utc(10), issued=utc(6)), row(20, utc(11), issued=utc(6))]
    assert temperatures(rows, 10, 11, 12) == [12.0, 20.0]
    assert temperatures(rows, 10, 11, 12, as_of=utc(8)) == [10.0, 20.0]
    assert sources(rows).issued_at == utc(9)
    assert sources(rows, as_of=utc(8)).issued_at == utc(6)
    assert sources(rows, as_of=utc(5)).lines == {}


def test_a_measurement_goes_before_a_forecast_and_was_not_known_before_it_was_made():
    measured = row(5, utc(10), issued=None, location="KSNS")
    rows = [row(10, utc(10)), row(11, utc(11)), measured]
    assert temperatures(rows, 10, 11, 12) == [5.0, 11.0]
    assert temperatures(rows, 10, 11, as_of=utc(10.5)) == [10.0]


def test_a_better_source_goes_first_and_the_next_one_fills_its_gaps():
    rows = [row(1, utc(10)), row(2, utc(11)), row(9, utc(11), provider="open-meteo"), row(7, utc(12), provider="site")]
    assert temperatures(rows, 10, 11, 12, 13) == [1.0, 9.0, 7.0]
    assert temperatures(rows, 10, 11, 12, 13, prefer=("nws",)) == [1.0, 2.0, 7.0]


def test_wind_at_hub_height_and_other_variables_are_no_weather_of_a_greenhouse():
    rows = [
        row(20, utc(10), variable="wind-speed", category="80m"),
        row(30, utc(10), variable="load"),
        row(None, utc(10)),
    ]
    assert sources(rows) == Sources()
    found = sources([*rows, row(4, utc(10), variable="wind-speed", category="gfs_seamless")])
    assert expected([found], steps(10, 11), *SITE).wind_m_s[0].tolist() == [4.0]


def test_irradiance_is_the_given_one_else_that_of_the_clouds_else_of_an_assumed_cover():
    noon = [20.0, 21.0, 22.0, 23.0]
    rows = [
        row(321, utc(20), variable="irradiance-global"),
        row(50, utc(20), variable="cloud-cover"),
        row(50, utc(21), variable="cloud-cover"),
    ]
    found = expected([sources(rows)], steps(*noon), *SITE)
    clear = clear_steps(steps(*noon).edges, 36.67, -121.65).total_w_m2
    assert found.irradiance_w_m2[0] == pytest.approx(
        [321, float(under_clouds(clear[1], 0.5)), float(under_clouds(clear[2], ASSUMED_CLOUD))]
    )
    assert found.basis[0].tolist() == [Basis.GIVEN, Basis.CLOUD_MODEL, Basis.ASSUMED_CLOUD]
    assert found.cloud_fraction[0] == pytest.approx([0.5, 0.5, np.nan], nan_ok=True)
    assert found.daylight[0].tolist() == [1.0, 1.0, 1.0]


def test_the_small_negative_number_of_a_pyranometer_by_night_is_no_irradiance():
    rows = [row(-3, utc(8), variable="irradiance-global", issued=None)]
    assert expected([sources(rows)], steps(8, 9), *SITE).irradiance_w_m2[0].tolist() == [0.0]


def test_many_sites_have_the_weather_that_each_has_alone():
    rng = np.random.default_rng(7)
    many = []
    for site in range(4):
        begin = utc(9 + site % 2)
        rows = [row(value, begin + n * HOUR) for n, value in enumerate(rng.normal(8, 3, 12))]
        rows += [row(value, begin + n * HOUR, 0, provider="open-meteo") for n, value in enumerate(rng.normal(8, 3, 3))]
        rows += [
            row(value, begin + n * HOUR, variable="cloud-cover") for n, value in enumerate(rng.uniform(0, 100, 12))
        ]
        many.append(sources(rows))
    some = steps(9, 9.25, 10, 12, 16, 22, 26)
    latitude, longitude = [36.67, 40.0, 29.0, 42.0], [-121.65, -75.0, -95.0, -74.0]
    together = expected(many, some, latitude, longitude)
    for site in range(4):
        alone = expected(many[site : site + 1], some, latitude[site : site + 1], longitude[site : site + 1])
        for name in ("temperature_c", "cloud_fraction", "irradiance_w_m2", "daylight", "basis"):
            assert getattr(together, name)[site] == pytest.approx(getattr(alone, name)[0], nan_ok=True)


def test_the_recorded_forecast_of_the_weather_service_gives_the_weather_of_its_first_two_days():
    body = real("weather/nws/gridpoints_TAE_58_65_raw.json").read_bytes()
    rows = read(feed_named("nws/forecast"), Payload(body)).frames["series"].to_dicts()
    begin = datetime(2022, 2, 4, 1, tzinfo=UTC)
    two_days = Steps.between([begin + n * HOUR for n in range(49)], "America/New_York")
    found = expected([sources(rows)], two_days, [30.0194], [-84.9803])
    assert found.temperature_c[0, :10] == pytest.approx([18.8889] * 10, abs=1e-4)
    assert not np.isnan(found.temperature_c).any()
    assert not np.isnan(found.wind_m_s).any()
    assert set(found.basis[0].tolist()) == {Basis.CLOUD_MODEL}
    assert 0 < found.irradiance_w_m2.max() < 800


def test_steps_know_the_local_day_and_hour_also_when_clocks_change():
    spring = Steps.between([datetime(2026, 3, 8, 8, tzinfo=UTC) + n * HOUR for n in range(25)], "America/Los_Angeles")
    assert spring.hour[:4].tolist() == [0.5, 1.5, 3.5, 4.5]
    assert spring.day_starts.tolist() == [0, 23]
    assert np.bincount(spring.day_index).tolist() == [23, 1]
    assert date.fromordinal(int(spring.day[0])) == date(2026, 3, 8)


def test_degree_days_are_of_whole_local_days_by_highest_and_lowest_and_any_base():
    some = Steps.between([utc(8) + n * HOUR for n in range(49)], "America/Los_Angeles")
    cold_then_hot = np.concatenate((np.linspace(0, 10, 24), np.linspace(15, 35, 24)))
    first, second = degree_days(cold_then_hot, some)
    assert (first.day, second.day) == (date(2026, 1, 5), date(2026, 1, 6))
    assert (first.heating, first.cooling) == (pytest.approx(65 / 1.8 - 32 / 1.8 - 5), 0.0)
    assert (second.heating, second.cooling) == (0.0, pytest.approx(25 - BASE_65_F))
    assert [day.heating for day in degree_days(cold_then_hot, some, base_c=16.0)] == [11.0, 0.0]
    cold_then_hot[3:6] = np.nan
    assert [day.day for day in degree_days(cold_then_hot, some)] == [date(2026, 1, 6)]


def test_the_nearest_cell_is_a_sites_and_a_far_one_is_nobodys():
    cells = ["36.65,-121.65", "36.67,-121.62", "52.52,13.42", "KSNS", "CA", "1"]
    assert nearest(cells, 36.66, -121.64) == "36.65,-121.65"
    assert nearest(cells, 40.0, -75.0) is None
    assert nearest(cells, 40.0, -75.0, within_km=10_000) is not None
