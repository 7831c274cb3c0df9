"""Single values of a site, put together into reports.

A value speaks for its site as long as it is not older than `hold`; after that it is not known, and an engine of which
it is not known whether it runs is left out.
"""

from datetime import datetime, timedelta

from vibelux.market.operations import READINGS, UNIT_READINGS, Report, UnitReport
from vibelux.market.targets import Target


class Picture:
    """The newest values of one site."""

    def __init__(self, hold: timedelta) -> None:
        self._hold = hold
        self._values: dict[Target, tuple[float, datetime]] = {}
        self._sources: set[str] = set()
        self._changed = False

    @property
    def source(self) -> str:
        """Who has brought its values."""
        return ", ".join(sorted(self._sources))

    def put(self, target: Target, value: float, at: datetime, source: str) -> None:
        """A value was measured; of `on`, anything but 0 is true. An older one than is known changes nothing."""
        known = self._values.get(target)
        if known is None or known[1] <= at:
            self._values[target] = (value, at)
            self._sources.add(source)
            self._changed = True

    def report(self) -> Report | None:
        """All that is known at the moment of the newest value; None where nothing came since the last report."""
        if not self._changed:
            return None
        self._changed = False
        newest = max(at for _, at in self._values.values())
        self._values = {target: one for target, one in self._values.items() if newest - one[1] <= self._hold}
        values = {target: value for target, (value, _) in self._values.items()}
        units = {target.unit_id: None for target in values if target.unit_id is not None}
        told = [unit for name in units if (unit := _unit(name, values)) is not None]
        readings = {name: values.get(Target(None, member)) for member, (name, _) in READINGS.items()}
        if not told and all(value is None for value in readings.values()):
            return None
        return Report(timestamp=newest, units=tuple(told), **readings)


def _unit(name: str, values: dict[Target, float]) -> UnitReport | None:
    found = {ours: values.get(Target(name, member)) for member, (ours, _) in UNIT_READINGS.items()}
    on = found.pop("on")
    return None if on is None else UnitReport(id=name, on=bool(on), **found)
