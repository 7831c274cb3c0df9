"""What lies ahead of a facility: the prices to expect at its node, and what it will need."""

from datetime import datetime

from vibelux.dispatch.facility import Facility
from vibelux.outlook.demand import Demands
from vibelux.outlook.price import Outlook
from vibelux.realtime.expect import Expectations
from vibelux.realtime.weather import Weathers


class LookAhead:
    """Asked by the desk before each decision.

    Args:
        expectations: of prices.
        weathers: for greenhouses.
    """

    def __init__(self, expectations: Expectations, weathers: Weathers) -> None:
        self._expectations = expectations
        self._weathers = weathers

    async def __call__(self, facility: Facility, now: datetime) -> tuple[Outlook, Demands] | None:
        """As it was known at `now`; None where the demand is not known.

        Raises:
            StoreUnavailable: the database is away.
        """
        outlook = await self._expectations.outlook(facility, now)
        weather = await self._weathers.ahead(facility, now) if facility.greenhouse is not None else None
        demands = facility.demands(outlook.steps, weather)
        return None if demands is None else (outlook, demands)
