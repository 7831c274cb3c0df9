"""The weather and the CO2 of the grid as the store knew them at a moment."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from dispatch.plants import facility
from realtime.test_desk import receipt
from vibelux.ingest.events import MarketDataUpdated
from vibelux.market.quality import Quality
from vibelux.market.records import SERIES, Parsed
from vibelux.outlook.price import horizon
from vibelux.realtime.carbon_intensity import Intensities, read_intensity
from vibelux.realtime.weather import Weathers, read_weather
from vibelux.store.writer import Written, write_payload

NOW = datetime(2026, 1, 15, 2, 2, tzinfo=UTC)
CELL, MODEL = "36.6575,-121.6449", "36.6773,-121.6449"
HOUSE = facility(demand={}, greenhouse={"area_m2": 1000}, latitude=36.67, longitude=-121.65, weather_station="KSNS")


def series(variable, value, start, *, provider="nws", location=CELL, issued=None, category=None, hours=1):
    return dict.fromkeys(SERIES.names) | {
        "provider": provider, "variable": variable, "location": location, "unit": "x", "value": value,
        "category": category, "valid_start": start, "valid_end": start + timedelta(hours=hours), "issued_at": issued,
        "data_source": f"{provider} test",
    }  # fmt: skip


async def put(db, *rows, at=NOW, feed="nws/forecast"):
    await write_payload(db, receipt(feed, at), Parsed({"series": pl.DataFrame(rows, schema=SERIES.schema())}))


def forecast(issued, value, **more):
    begin = NOW.replace(minute=0) - timedelta(hours=20)
    return [series("temperature", value, begin + timedelta(hours=n), issued=issued, **more) for n in range(72)]


def temperature(known) -> float:
    need = HOUSE.demands(horizon(NOW), known)
    kelvin = need.heat_kw[0] / (6 * 1.3 + 0.33 * 0.75 * 5)
    return round(17 - kelvin, 6)


async def test_of_a_forecast_the_newest_issue_that_was_known_counts(database):
    old, new, future = (NOW + timedelta(hours=n) for n in (-7, -1, 1))
    await put(database, *forecast(old, 3.0), at=old)
    await put(database, *forecast(new, 5.0), at=new)
    await put(database, *forecast(future, 9.0), at=future)
    known = await read_weather(database, HOUSE, NOW)
    assert known.known.issued_at == new
    assert temperature(known) == 5.0
    assert temperature(await read_weather(database, HOUSE, NOW - timedelta(hours=2))) == 3.0


async def test_a_better_source_goes_first_a_far_one_never_and_the_station_before_all(database):
    issued = NOW - timedelta(hours=1)
    await put(database, *forecast(issued, 5.0), *forecast(issued, 30.0, location="34.1,-118.4"))
    assert temperature(await read_weather(database, HOUSE, NOW)) == 5.0
    await put(database, *forecast(issued, 6.0, provider="open-meteo", location=MODEL), feed="open-meteo/forecast")
    assert temperature(await read_weather(database, HOUSE, NOW)) == 6.0
    measured = series("temperature", 7.0, NOW - timedelta(minutes=20), location="KSNS", hours=0)
    await put(database, measured, feed="nws/observations")
    assert temperature(await read_weather(database, HOUSE, NOW)) == 7.0


async def test_a_facility_without_a_place_has_no_weather_and_one_without_a_forecast_the_sun_and_the_season(database):
    assert await read_weather(database, facility(), NOW) is None
    bare = await read_weather(database, HOUSE, NOW)
    assert bare.known.issued_at is None
    need = HOUSE.demands(horizon(NOW), bare)
    assert (need.quality, len(need.heat_kw)) == ("estimated", len(horizon(NOW).starts))
    assert any("No temperature is known: that of the season around Sacramento stands in." in one for one in need.notes)


async def test_weather_is_kept_until_new_weather_comes(database):
    weathers = Weathers(database)
    assert (await weathers.ahead(HOUSE, NOW)).known.issued_at is None
    await put(database, *forecast(NOW - timedelta(hours=1), 5.0))
    assert temperature(kept := await weathers.ahead(HOUSE, NOW)) == 5.0, "nothing is not kept"
    await put(database, *forecast(NOW, 8.0))
    assert await weathers.ahead(HOUSE, NOW + timedelta(minutes=5)) is kept
    weathers.on_market_data(
        MarketDataUpdated(
            provider="nws", data_type="forecast", region="United States", feed="nws/forecast", kind="series",
            names=frozenset({CELL}), newest_end=None, received_at=NOW, written=Written(), origin="live",
        )
    )  # fmt: skip
    assert temperature(await weathers.ahead(HOUSE, NOW + timedelta(minutes=5))) == 8.0


@pytest.mark.parametrize("grid", ["CAISO", "NYISO"])
async def test_the_grids_intensity_is_read_as_it_was_known(database, grid):
    def measured(variable, value, at, category=None):
        return series(variable, value, at, provider=grid.lower(), location=grid, category=category, hours=0)

    at = NOW - timedelta(minutes=7)
    rows = [measured("fuel-mix", 1.0, at, "Natural Gas"), measured("fuel-mix", 3.0, at, "Nuclear")]
    if grid == "CAISO":
        rows = [measured("co2-emissions", 5.0e6, at), measured("load", 20_000.0, at)]
    await put(database, *rows, at=at, feed=f"{grid.lower()}/fuel-mix")
    where = (grid,)
    assert (await read_intensity(database, where, at - timedelta(minutes=1))).average is None
    found = (await read_intensity(database, where, NOW)).average
    expected = (0.25, Quality.GOOD) if grid == "CAISO" else (0.437 / 4, Quality.ESTIMATED)
    assert (found.kg_per_kwh, found.quality) == expected
    site = facility(iso_region=grid, pricing_node="N.Y.C.")
    assert (await Intensities(database).at(site, NOW)).average == found
