"""A greenhouse that is fitted to its own heat meter, and what its outlook then says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from dispatch.plants import body
from realtime.test_weather import put, series
from vibelux.dispatch.facility import Facility, load_facilities
from vibelux.market.clock import FrozenClock
from vibelux.market.operations import Report
from vibelux.outlook.price import horizon
from vibelux.realtime.ahead import LookAhead
from vibelux.realtime.expect import Expectations
from vibelux.realtime.house_fit import HouseFits
from vibelux.realtime.site_outlook import SiteOutlooks
from vibelux.realtime.weather import Weathers
from vibelux.store.operations import write_operations

NOW = datetime(2026, 1, 15, 8, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
BEGIN = NOW.replace(minute=0) - timedelta(days=6)
PLACE = "36.67,-121.65"
LOSS = 6 * 1.3 + 0.33 * 0.75 * 5
"""W/m²K of a house with all its defaults."""


def house(**changes: object) -> Facility:
    block = {"area_m2": 1000, "setpoints": {"day_c": 18, "night_c": 18}, "cover": {"light_transmission": 0.65}}
    return Facility.from_dict(body(demand={}, greenhouse=block | changes, latitude=36.67, longitude=-121.65))


async def six_days(db, factor: float, gain: float, *, noise_kw: float = 0.0) -> None:
    """Cold days, some sun, and a heat meter of a house that loses and gains other than its file says."""
    rng = np.random.default_rng(3)
    outside = 4 + 5 * np.sin(np.arange(200) / 24 * 2 * np.pi) + rng.normal(0, 1, 200)
    sun = np.maximum(250 * np.sin((np.arange(200) - 6) / 24 * 2 * np.pi), 0)
    values = {"temperature": outside, "wind-speed": np.full(200, 4.0), "irradiance-global": sun}
    for issued, hours in ((BEGIN - HOUR, range(144)), (NOW - HOUR, range(96, 200))):
        rows = [
            series(name, float(column[at]), BEGIN + at * HOUR, issued=issued, provider="open-meteo", location=PLACE)
            for name, column in values.items()
            for at in hours
        ]
        await put(db, *rows, at=issued, feed="open-meteo/forecast")
    heat = np.maximum(factor * LOSS * (18 - outside) - gain * 0.65 * sun, 0) + rng.normal(0, noise_kw or 1e-9, 200)
    reports = [
        Report(timestamp=BEGIN + at * HOUR + timedelta(minutes=minute), heat_demand_kw=float(heat[at]))
        for at in range(144)
        for minute in (0, 30)
    ]
    await write_operations(db, "site-1", reports, received_at=NOW, source="test")


async def test_a_heat_meter_tells_the_house_and_how_well(database):
    await six_days(database, 1.3, 0.35)
    fits, site = HouseFits(database, FrozenClock(NOW)), house()
    found = await fits.fit_due(site)
    assert found.fit.loss_factor == pytest.approx(1.3, abs=0.01)
    assert found.fit.solar_gain == pytest.approx(0.35, abs=0.02)
    assert found.fit.r2 > 0.99
    assert found.is_used
    assert found.as_json()["hours"] == 144
    assert await fits.fit_due(site) is None, "once a day"
    fitted = fits.applied(site)
    assert (fitted.greenhouse.loss_factor, fitted.greenhouse.solar_gain) == (
        found.fit.loss_factor,
        found.fit.solar_gain,
    )
    other = house(area_m2=2000)
    assert fits.applied(other) is other, "the fit was of another house"


async def test_a_fit_that_explains_little_is_told_and_not_used(database):
    await six_days(database, 1.3, 0.35, noise_kw=300.0)
    fits, site = HouseFits(database, FrozenClock(NOW)), house()
    found = await fits.fit_due(site)
    assert found.fit.r2 < 0.5
    assert not found.as_json()["used"]
    assert fits.applied(site) is site


async def test_without_a_heat_meter_there_is_no_fit(database):
    fits = HouseFits(database, FrozenClock(NOW))
    assert await fits.fit_due(house()) is None
    assert fits.of(house()) is None


async def test_the_outlook_of_a_site_tells_demands_degree_days_and_the_fit(database):
    await six_days(database, 1.3, 0.35)
    clock, site = FrozenClock(NOW), house()
    fits = HouseFits(database, clock)
    ahead = LookAhead(Expectations(database, clock), Weathers(database), None, fits)
    outlooks = SiteOutlooks(ahead, {"site-1": site}.get, clock)
    plain = await outlooks.of("site-1")
    await fits.fit_due(site)
    told = await outlooks.of("site-1")
    assert await outlooks.of("nobody") is None
    assert (plain["fit"], told["fit"]["used"]) == (None, True)
    assert told["rows"][0]["heatKw"] == pytest.approx(1.3 * plain["rows"][0]["heatKw"], rel=0.02)
    assert (told["quality"], told["timestamp"]) == ("model", "2026-01-15T08:02:00Z")
    assert len(told["rows"]) == len(horizon(NOW).starts)
    assert set(told["rows"][0]) == {
        "start", "end", "powerKw", "heatKw", "co2KgPerH", "pvKw", "temperatureC", "irradianceWPerM2",
    }  # fmt: skip
    days = told["degreeDays"]
    assert days["baseC"] == pytest.approx(18.3333)
    assert [row["kind"] for row in days["rows"]] == ["observed", "forecast", "forecast"]
    colder = (await outlooks.of("site-1", 10.0))["degreeDays"]
    assert colder["baseC"] == 10.0
    assert all(one["heating"] < other["heating"] for one, other in zip(colder["rows"], days["rows"], strict=True))


async def test_a_sites_own_base_counts_its_degree_days(database):
    await six_days(database, 1.0, 0.5)
    site = house().model_copy(update={"degree_day_base_c": 12.0})
    clock = FrozenClock(NOW)
    ahead = LookAhead(Expectations(database, clock), Weathers(database))
    assert (await SiteOutlooks(ahead, {"site-1": site}.get, clock).of("site-1"))["degreeDays"]["baseC"] == 12.0


async def test_a_site_without_any_weather_is_told_that_the_season_stands_in_whatever_its_demands_rest_on(database):
    (constant,) = load_facilities(Path(__file__).parents[2] / "examples" / "caiso.toml")
    clock = FrozenClock(NOW)
    ahead = LookAhead(Expectations(database, clock), Weathers(database))
    told = await SiteOutlooks(ahead, {"site-1": constant}.get, clock).of("site-1")
    assert told["quality"] == "constant"
    assert told["rows"][0]["temperatureC"] is not None
    assert any("that of the season" in note for note in told["notes"])
    assert {row["kind"] for row in told["degreeDays"]["rows"]} == {"usual"}
