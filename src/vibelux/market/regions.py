"""The four grids: names, zones and markets; and how a user's `region=` is understood."""

from dataclasses import dataclass

from vibelux.market.errors import UsageError


@dataclass(frozen=True, slots=True)
class Region:
    """One grid operator's area."""

    iso_region: str
    """`CAISO`, `PJM`, `ERCOT` or `NYISO`."""
    region: str
    """The name in records: `California`, `PJM`, `Texas`, `New York`."""
    timezone: str
    """The market's own prevailing time."""
    real_time_market: str
    """The market whose price is 'the' real-time price there."""
    price_type: str
    """How the grid calls its prices at hubs and nodes."""


REGIONS: tuple[Region, ...] = (
    Region("CAISO", "California", "America/Los_Angeles", "real-time-5min", "LMP"),
    Region("PJM", "PJM", "America/New_York", "real-time-5min", "LMP"),
    Region("ERCOT", "Texas", "America/Chicago", "real-time-15min", "SPP"),
    Region("NYISO", "New York", "America/New_York", "real-time-5min", "zonal"),
)

_BY_NAME = {name.casefold(): region for region in REGIONS for name in (region.iso_region, region.region)}


def find_region(name: str) -> Region | None:
    """The grid that `name` (ISO or region, any case) means, or None: it may then be a hub."""
    return _BY_NAME.get(name.strip().casefold())


def region_of(name: str) -> Region:
    """The grid that `name` means.

    Raises:
        UsageError: no such grid.
    """
    found = find_region(name)
    if found is None:
        known = ", ".join(region.iso_region for region in REGIONS)
        raise UsageError(f"no grid is called {name!r}; known: {known}")
    return found
