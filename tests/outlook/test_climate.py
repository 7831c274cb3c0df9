"""What stands in for the weather where none is known."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from outlook.test_demand import EVENING, greenhouse, weather
from vibelux.outlook.climate import usual_temperature
from vibelux.outlook.price import horizon
from vibelux.outlook.weather import Sources, Steps
from vibelux.outlook.weather_ahead import WeatherAhead


def mean_of(day: datetime, iso_region: str) -> float:
    edges = np.arange(25) * 3600.0 + day.timestamp()
    return float(usual_temperature(iso_region, edges, -100.0).mean())


@pytest.mark.parametrize(
    ("iso_region", "january", "july"), [("CAISO", 9, 24), ("PJM", 0, 25), ("ERCOT", 8, 30), ("NYISO", -4, 23)]
)
def test_the_middle_of_a_month_has_its_mean(iso_region, january, july):
    assert mean_of(datetime(2026, 1, 16, tzinfo=UTC), iso_region) == pytest.approx(january, abs=0.3)
    assert mean_of(datetime(2026, 7, 16, tzinfo=UTC), iso_region) == pytest.approx(july, abs=0.3)
    assert mean_of(datetime(2027, 1, 16, tzinfo=UTC), iso_region) == pytest.approx(january, abs=0.3)


def test_a_greenhouse_without_any_weather_is_heated_as_the_season_wants_and_says_so():
    unknown = WeatherAhead(EVENING, 36.67, -121.65, Sources(), "CAISO")
    need = greenhouse({}).demands(horizon(EVENING), unknown)
    assert need.quality == "estimated"
    assert len(need.heat_kw) == len(horizon(EVENING).starts)
    assert need.heat_kw.max() > 0
    assert need.notes[0] == "No temperature is known: that of the season around Sacramento stands in."


def test_where_this_moment_is_known_the_season_does_not_lengthen_the_forecast():
    short = weather(hours=range(-3, 6))
    known = WeatherAhead(EVENING, 36.67, -121.65, short.known, "CAISO")
    need = greenhouse({}).demands(horizon(EVENING), known)
    assert need.quality == "model"
    assert (
        len(need.heat_kw) == len(greenhouse({}).demands(horizon(EVENING), short).heat_kw) < len(horizon(EVENING).starts)
    )


def test_days_that_are_over_are_never_made_up():
    unknown = WeatherAhead(EVENING, 36.67, -121.65, Sources(), "CAISO")
    hours = [EVENING - timedelta(days=2) + timedelta(hours=at) for at in range(25)]
    assert np.isnan(unknown.over(Steps.between(hours, "UTC")).temperature_c).all()
    assert unknown.degree_days(hours[0], hours[-1], "UTC") == []
