"""What lies ahead of a facility: the prices to expect at its node, and what it will need."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

from vibelux.dispatch.facility import Facility
from vibelux.outlook.demand import Demands
from vibelux.outlook.price import Outlook, Steps
from vibelux.outlook.weather_ahead import WeatherAhead
from vibelux.realtime.expect import Expectations
from vibelux.realtime.house_fit import Fitted, HouseFits
from vibelux.realtime.load_forecasts import LoadForecasts
from vibelux.realtime.weather import Weathers


class LookAhead:
    """Asked by the desk before each decision.

    Args:
        expectations: of prices.
        weathers: for greenhouses and solar panels.
        loads: what operators themselves expect; None: none does.
        fits: of greenhouses to their heat meters; None: their files count.
    """

    def __init__(
        self,
        expectations: Expectations,
        weathers: Weathers,
        loads: LoadForecasts | None = None,
        fits: HouseFits | None = None,
    ) -> None:
        self._expectations = expectations
        self._weathers = weathers
        self._loads = loads
        self._fits = fits

    async def __call__(self, facility: Facility, now: datetime) -> tuple[Outlook, Demands] | None:
        """As it was known at `now`; None where the demand is not known.

        Raises:
            StoreUnavailable: the database is away.
        """
        outlook = await self._expectations.outlook(facility, now)
        demands, _ = await self.demands(facility, outlook.steps, now)
        return None if demands is None else (outlook, demands)

    async def demands(
        self, facility: Facility, steps: Steps, now: datetime, *, always_weather: bool = False
    ) -> tuple[Demands | None, WeatherAhead | None]:
        """What it will need, and the weather where that counts, or where it is wanted anyway.

        Raises:
            StoreUnavailable: the database is away.
        """
        wanted = always_weather or facility.wants_weather
        weather = await self._weathers.ahead(facility, now) if wanted else None
        told = None if self._loads is None else await self._loads.told(facility, now)
        fitted = facility if self._fits is None else self._fits.applied(facility)
        return fitted.demands(steps, weather, told), weather

    async def run(self, facilities: Callable[[], Iterable[Facility]], came: Callable[[str], None]) -> None:
        """Asks for forecasts and fits greenhouses until cancelled.

        Args:
            facilities: all that there are.
            came: is told of each facility whose own forecast is another than before.
        """
        async with asyncio.TaskGroup() as both:
            if self._loads is not None:
                both.create_task(self._loads.run(facilities, came))
            if self._fits is not None:
                both.create_task(self._fits.run(facilities))

    def fit(self, facility: Facility) -> Fitted | None:
        """How its greenhouse was fitted to its heat meter; None where it was not."""
        return None if self._fits is None else self._fits.of(facility)
