"""Which feeds run, what each is asked for, and what may be expected of it: from the settings and the facilities."""

from collections.abc import Sequence

from vibelux.config import Settings
from vibelux.dispatch.facility import Facility
from vibelux.feeds import Feed, all_feeds
from vibelux.ingest.lateness import lateness
from vibelux.ingest.nodes import with_hubs
from vibelux.market.clock import Clock
from vibelux.serve.expecting import Expectation

_WEATHER = frozenset({"nws", "open-meteo"})
_FIVE_MINUTES = 300


def enabled_feeds(settings: Settings) -> list[Feed]:
    """The feeds that run: keyless ones, and those whose key is there."""
    asked = (feed for feed in all_feeds() if feed.url)  # what has no address comes from the operator
    return [feed for feed in asked if settings.provider_enabled(feed.provider, feed.needs_key)]


def nodes_of(feed: Feed, facilities: Sequence[Facility], *, hubs: bool) -> Sequence[str]:
    """What a feed is asked for: pricing nodes, and the grid's hubs beside them where wanted; places; programmes."""
    if not feed.nodal:
        return ()
    if feed.provider == "openadr":
        return programs_asked_for(facilities)
    if feed.provider in _WEATHER:
        return weather_places(facilities, feed)
    own = own_nodes(feed, facilities)
    return with_hubs(feed, own) if hubs else own


def own_nodes(feed: Feed, facilities: Sequence[Facility]) -> Sequence[str]:
    """The facilities' own nodes of a feed's grid."""
    return sorted({one.pricing_node for one in facilities if one.iso_region.casefold() == feed.provider})


def programs_asked_for(facilities: Sequence[Facility]) -> Sequence[str]:
    """The programmes that facilities name; none, that is all, where one of them leaves it open."""
    if not all(one.dr.programs for one in facilities):
        return ()
    return sorted({program for one in facilities for program in one.dr.programs})


def weather_places(facilities: Sequence[Facility], feed: Feed) -> Sequence[str]:
    """Where the weather is asked for; measurements at the station of a facility, where it names one."""
    measured = feed.data_type == "observations"
    wanted = (one.weather_station if measured and one.weather_station else one.place for one in facilities)
    return sorted({place for place in wanted if place is not None})


def missing_keys(settings: Settings) -> dict[str, str]:
    """For each grid whose prices need a key that is not there, the settings to set."""
    missing = {}
    for feed in all_feeds():
        names = settings.missing_keys(feed.needs_key)
        if feed.is_price and names:
            missing[feed.provider.upper()] = ", ".join(names)
    return missing


def daily_limits() -> dict[tuple[str, str], float]:
    """The feeds' own limits for daily prices, seconds, by kind and provider."""
    kinds = {"gas-price", "carbon-price"}
    return {(feed.kind, feed.provider): float(feed.stale_after_seconds) for feed in all_feeds() if feed.kind in kinds}


def slower_limits() -> dict[str, float]:
    """The feeds' own limits for prices that come less often than each five minutes, seconds, by market."""
    slower = (feed for feed in all_feeds() if feed.is_price and feed.market and feed.cadence_seconds > _FIVE_MINUTES)
    return {feed.market: float(feed.stale_after_seconds) for feed in slower}


def expectations_of(feeds: Sequence[Feed], clock: Clock) -> dict[str, Expectation]:
    """For each feed that runs, what to say of its next publication."""

    def expectation(feed: Feed) -> Expectation:
        return lambda status: lateness(feed, clock.now(), status.get("position"), status.get("received_at")).as_json()

    return {feed.name: expectation(feed) for feed in feeds}


def declared(feed: Feed, enabled: bool) -> dict[str, object]:
    """What `/api/feeds` says of a feed beside its state."""
    return {
        "feed": feed.name,
        "provider": feed.provider,
        "data_type": feed.data_type,
        "region": feed.region,
        "cadence_seconds": feed.cadence_seconds,
        "stale_after_seconds": feed.stale_after_seconds,
        "enabled": enabled,
        "needs_key": list(feed.needs_key),
    }
