"""The weather at the places of facilities, from what is stored: the newest issue of each source that was known."""

from datetime import datetime, timedelta

from vibelux.dispatch.facility import Facility
from vibelux.ingest.events import MarketDataUpdated
from vibelux.market.intervals import local_date, local_day
from vibelux.outlook.weather import VARIABLES, nearest, sources
from vibelux.outlook.weather_ahead import WeatherAhead
from vibelux.store.database import Database
from vibelux.store.newest import locations_of, newest_issues

_PROVIDERS = ("open-meteo", "nws")
"""Best first: the first has irradiance."""
_AHEAD = timedelta(hours=50)
_BACK = timedelta(days=1)
"""Before today: yesterday's degree days, and what the sun has already given today."""
_ISSUED_WITHIN = timedelta(days=2)
_KEPT_FOR = timedelta(minutes=10)


class Weathers:
    """Reads it, and keeps it a while for each place: forecasts come each hour.

    Args:
        db: the store.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._kept: dict[tuple[str, str | None], WeatherAhead] = {}

    def on_market_data(self, event: MarketDataUpdated) -> None:
        """New weather: what is kept is read again."""
        if event.provider in _PROVIDERS:
            self._kept.clear()

    async def ahead(self, facility: Facility, now: datetime) -> WeatherAhead | None:
        """What is known of the weather at a facility; None where it has no place.

        Raises:
            StoreUnavailable: the database is away.
        """
        if facility.place is None:
            return None
        key = (facility.place, facility.weather_station)
        kept = self._kept.get(key)
        if kept is not None and kept.at <= now < kept.at + _KEPT_FOR:
            return kept
        found = await read_weather(self._db, facility, now)
        if found is not None and found.known.issued_at is not None:
            self._kept[key] = found
        return found


async def read_weather(db: Database, facility: Facility, now: datetime) -> WeatherAhead | None:
    """What was known at a moment of the weather at a facility, from yesterday to two days ahead; None without a place.

    Where nothing is known the sun is still there, and the season.

    Raises:
        StoreUnavailable: the database is away.
    """
    start = local_day(local_date(now, facility.zone_name), facility.zone_name).start - _BACK
    return await weather_between(db, facility, start, now + _AHEAD, as_of=now)


async def weather_between(
    db: Database, facility: Facility, start: datetime, end: datetime, *, as_of: datetime
) -> WeatherAhead | None:
    """The same of [start, end): of what is over, what was measured or last forecast; None without a place.

    Raises:
        StoreUnavailable: the database is away.
    """
    latitude, longitude = facility.latitude, facility.longitude
    if latitude is None or longitude is None:
        return None
    found = [] if facility.weather_station is None else [facility.weather_station]
    for provider in _PROVIDERS:
        known = await locations_of(db, "temperature", [provider], start=as_of, end=as_of + timedelta(hours=6))
        near = nearest(known, latitude, longitude)
        found += [near] if near is not None else []
    rows = await newest_issues(
        db, VARIABLES, found, start=start, end=end, as_of=as_of, issued_after=start - _ISSUED_WITHIN
    )
    return WeatherAhead(as_of, latitude, longitude, sources(rows, as_of=as_of, prefer=_PROVIDERS), facility.iso_region)
