"""What brokers and devices send one by one, put together into reports, site by site."""

from datetime import timedelta

from vibelux.market.clock import Clock
from vibelux.market.errors import UsageError
from vibelux.market.picture import Picture
from vibelux.market.targets import Target
from vibelux.realtime.telemetry import Telemetry


class Pictures:
    """The pictures of all sites, and the reports made of them.

    Args:
        telemetry: takes the reports.
        clock: the service's.
        report_seconds: how often a report is made of what came.
        hold_seconds: how long a value speaks.
    """

    def __init__(self, telemetry: Telemetry, clock: Clock, *, report_seconds: float, hold_seconds: float) -> None:
        self._telemetry = telemetry
        self._clock = clock
        self._seconds = report_seconds
        self._hold = timedelta(seconds=hold_seconds)
        self._pictures: dict[str, Picture] = {}

    def put(self, facility_id: str, target: Target, value: float, source: str) -> None:
        """A value came now.

        Raises:
            UsageError: there is no such facility, or it cannot be a value of it.
        """
        value = target.judged(value, self._telemetry.ratings(facility_id))
        picture = self._pictures.setdefault(facility_id, Picture(self._hold))
        picture.put(target, value, self._clock.now(), source)

    def report(self) -> None:
        """Makes reports of what came since the last time."""
        for facility_id, picture in self._pictures.items():
            report = picture.report()
            if report is not None:
                try:
                    self._telemetry.offer(facility_id, [report], picture.source)
                except UsageError as error:
                    self._telemetry.refuse(picture.source, facility_id, error)

    async def run(self) -> None:
        """Makes reports until cancelled."""
        while True:
            await self._clock.sleep(self._seconds)
            self.report()
